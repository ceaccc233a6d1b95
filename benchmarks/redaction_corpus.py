"""Secrets and harmless texts for ``benchmarks.redaction``, made anew from a seed.

The formats are written down here once more, not read from the package: a mistake in its table
shows. ``HELD_OUT`` are vendors that the package's table did not have. Five sets of them were
written down one after the other, each before it was measured: 79.5 %, 77.8 %, 69.9 %, 61 % and
70 % were found at the first look. The fourth was sought to be hard: parts without any prefix,
digests behind words. The fifth is what the rules of Betterleaks (July 2026) have and neither the
table nor the sets before had. Rules were improved on what was missed, so that no set is unseen any
more, and vendors without a separator went into the table. ``made_up`` are none at all.

The sixth and ``TUNING`` are one list, made of TruffleHog's and Kingfisher's rules and of what
vendors document, of keys with at least sixteen random characters, and halved by a hash of the
names before anything was run. At the first look 83.3 % of the sixth and 64.6 % of the other were
found. Its total was looked at several times while rules changed: it is not unseen any more either.

Since the table took what four public scanners recognize (November 2026), some formats of every set
are in it, so that none of the sets tells of vendors on no list.
"""

import base64
import json
import string
import uuid
import zlib
from urllib.parse import quote, urlencode

BASE62 = string.ascii_letters + string.digits
CLASSES = {
    "A": BASE62,
    "H": "0123456789abcdef",
    "L": string.ascii_lowercase + string.digits,
    "U": string.ascii_uppercase + string.digits,
    "W": BASE62 + "_-",
    "B": BASE62 + "+/",
    "D": string.digits,
}

# `{A36}`: 36 letters and digits; `{G}`: a UUID.
KNOWN = """
aws AKIA{U16}
github ghp_{A36}
github-app ghs_{A36}
github-fine github_pat_{A22}_{A59}
gitlab glpat-{W20}
gitlab-feature glffct-{W20}
gitlab-runner GR1348941{W20}
slack-bot xoxb-{D12}-{D12}-{A24}
slack-user xoxp-{D12}-{D12}-{D12}-{H32}
slack-app xapp-1-{U11}-{D13}-{H64}
slack-hook https://hooks.slack.com/services/T{U8}/B{U10}/{A24}
stripe sk_live_{A24}
stripe-restricted rk_test_{A24}
stripe-webhook whsec_{A32}
google AIza{W35}
google-oauth ya29.{W60}
google-refresh 1//0{W60}
google-client GOCSPX-{W28}
npm npm_{A36}
pypi pypi-AgEIcHlwaS5vcmc{W60}
rubygems rubygems_{H48}
docker dckr_pat_{W27}
openai sk-proj-{W74}T3BlbkFJ{W74}
anthropic sk-ant-api03-{W93}AA
groq gsk_{A52}
xai xai-{A80}
perplexity pplx-{A48}
huggingface hf_{A34}
replicate r8_{A37}
nvidia nvapi-{W64}
langsmith lsv2_pt_{H32}_{H10}
pinecone pcsk_{A6}_{A63}
sendgrid SG.{W22}.{W43}
brevo xkeysib-{H64}-{A16}
mailgun key-{H32}
resend re_{A8}_{A24}
twilio SK{H32}
telegram {D9}:AA{W33}
digitalocean dop_v1_{H64}
cloudflare cfut_{A40}{H8}
heroku HRKU-AA{W58}
netlify nfp_{A40}
render rnd_{A28}
databricks dapi{H32}
planetscale pscale_tkn_{A43}
supabase sbp_{H40}
neon napi_{L64}
aiven AVNS_{W20}
azure-client {W3}8Q~{A34}
azure-devops {A76}AZDO{A4}
alibaba LTAI{A20}
yandex t1.9euelZ{W60}.{W86}
shopify shpat_{H32}
square sq0atp-{W22}
paypal access_token$production${L16}${H32}
razorpay rzp_live_{A14}
flutterwave FLWSECK_TEST-{H32}-X
easypost EZAK{A54}
shippo shippo_live_{H40}
duffel duffel_test_{W43}
plaid access-sandbox-{G}
meta EAAC{A120}
airtable pat{A14}.{H64}
apify apify_api_{A36}
artifactory AKCp{A69}
atlassian ATATT3xFfGF0{W170}={U8}
bitbucket ATBB{A24}{U8}
buildkite bkua_{H40}
circleci CCIPAT_{A22}_{H40}
contentful CFPAT-{W43}
datadog ddp_{A36}
doppler dp.pt.{A43}
dropbox sl.{W130}
dynatrace dt0c01.{U24}.{U64}
figma figd_{W40}
fly fm2_{B100}
grafana glsa_{A32}_{H8}
hubspot pat-na1-{G}
linear lin_api_{A40}
logfire pylf_v1_us_{A43}
newrelic NRAK-{U27}
notion ntn_{D11}{A35}
1password ops_eyJ{A250}
openshift sha256~{W43}
postman PMAK-{H24}-{H34}
posthog phx_{A43}
prefect pnu_{A36}
pulumi pul-{H40}
readme rdme_{L70}
sentry sntryu_{H64}
sonar squ_{H40}
sourcegraph sgp_{H16}_{H40}
tailscale tskey-auth-{A17}-{A32}
terraform {A14}.atlasv1.{W67}
typeform tfp_{A59}
vault hvs.{W90}
zoho 1000.{H32}.{H32}
"""

HELD_OUT = """
browserbase bb_live_{W26}
cal.com cal_live_{H32}
cerebras csk-{L48}
checkly cu_{H32}
chroma ck-{A44}
courier pk_prod_{U28}
depot depot_project_{H64}
deno ddo_{A36}
dub dub_{A24}
growthbook secret_admin_{A32}
healthchecks hcw_{A28}
inngest signkey-prod-{H64}
liveblocks sk_prod_{W60}
modal as-{A22}
nomic nk-{W43}
persona persona_production_{G}
polar polar_oat_{A43}
runpod rpa_{U46}
scale live_{H32}
stytch secret-live-{W36}
svix testsk_{A32}
trigger.dev tr_prod_{A20}
unkey unkey_{A22}
workos wos_sk_test_{A40}
wandb wandb_v1_{A43}
zuplo zpka_{H32}_{H8}
"""

HELD_OUT_SECOND = """
arcjet ajkey_{L26}
brex bxt_{A36}
builder.io bpk-{H32}
chromatic chpt_{H12}
close api_{A22}.{A22}
cockroachdb CCDB1_{A22}_{A40}
crunchy-bridge cbkey_{A40}
dbt dbtc_{W43}
firecrawl fc-{H32}
gitbook gb_api_{A40}
hyperbrowser hb_{H32}
keygen prod-{H64}v3
kit kit_{H32}
lightdash ldpat_{H32}
mailersend mlsn.{H64}
mem0 m0-{A40}
metabase mb_{B43}=
mollie live_{A30}
n8n n8n_api_{H40}
onesignal os_v2_app_{L103}
ory ory_pat_{A32}
pangea pts_{L32}
percy web_{H64}
permit permit_key_{A80}
scaleway SCW{U17}
scrapfly scp-live-{H32}
socket sktsec_{W43}_api
telnyx KEY0{D1}{H30}_{A22}
tigris tsec_{W58}
together tgp_v1_{W43}
upcloud ucat_{U26}
val-town vtwn_{A28}
xata xau_{A32}
"""

HELD_OUT_THIRD = """
brave BSA{W28}
canva cnvca{W47}
cartesia sk_car_{A22}
census secret-token:{W24}
checkout.com sk_{G}
cursor crsr_{H64}
daytona dtn_{H64}
deepseek sk-{H32}
flagsmith ser.{A22}
friendli flp_{A46}
gocardless live_{W40}
helicone sk-helicone-{L7}-{L7}-{L7}-{L7}
jsr jsrp_{A40}
knock sk_test_{W43}
letta sk-let-{A100}
lichess lip_{A20}
luma luma-{G}-{G}
mercury secret-token:mercury_production_rma_{A40}_yrucrem
meshy msy_{A40}
mintlify mint_dsc_{A24}
openpipe opk_{H40}
postgrid live_sk_{A22}
predibase pb_{W22}
retool retool_01{L26}
steel ste-{A64}
tripo tsk_{W43}
upstage up_{A28}
uploadthing sk_live_{H64}
wakatime waka_{G}
woocommerce cs_{H40}
xendit xnd_production_{A60}
"""

HELD_OUT_FOURTH = """
aikido AIK_CI_{A64}
akamai akab-{L16}-{L16}
amazon-lwa amzn1.oa2-cs.v1.{H64}
amazon-mws amzn.mws.{G}
anyscale esecret_{A40}
anyscale-cli aph0_{A80}
apollo service:shop-graph:{A22}
appwrite standard_{H256}
arcade arc_{A45}
arize ak-{G}-{A32}
asana 1/{D16}:{H32}
baseten {A8}.{A32}
bitwarden 0.{G}.{A30}:{B22}==
bland org_{H100}
botpress bp_pat_{A36}
chargebee test_{A34}
circle LIVE_API_KEY:{H32}:{H32}
codefresh {H24}.{H32}
coder {A10}-{A22}
coderabbit cr-{H58}
column test_{A27}
composio ak_{W20}
convex prod:quick-otter-123|eyJ{A60}==
coralogix cxtp_{A30}
creem creem_{A22}
crossmint sk_production_{A100}
dash0 auth_{A32}
definednetworking dnkey-{U26}-{U52}
devcycle dvc_server_{H32}_{H7}
dify app-{A24}
documenso api_{L16}
dynamic dyn_{A56}
easyship prod_{B43}=
ebay PRD-{H12}-{H4}-{H4}-{H4}-{H4}
ecwid secret_{A32}
endor endr+{A16}
exoscale EXO{H26}
fal {G}:{H32}
firehydrant fhb-{H32}
formbricks fbk_{W43}
ghost {H24}:{H64}
gitpod gitpod_pat_{W43}.{W43}
hex hxtp_{H96}
hoppscotch pat-{G}
humanloop hl_sk_{H48}
imgix ak_{H64}
incident.io inc_{H64}
infobip {H32}-{G}
kaggle KGAT_{H32}
lambda secret_shop_{H32}.{A32}
linkedin WPL_AP1.{A16}.{A8}==
netbird nbp_{A36}
nightfall NF-{A32}
omni omni_osk_{A40}
onfido api_live_us.{A11}.{W32}
pinterest pina_{U60}
plain plainApiKey_{A55}
portainer ptr_{B43}=
promptlayer pl_{H32}
pubnub sec-c-{A48}
pylon pylon_api_{H64}
qovery qov_{A60}_{D10}
quicknode QN_{H32}
radar prj_live_sk_{H40}
restate key_{A22}.{W43}
retell key_{H28}
revenuecat sk_{A28}
rill rill_usr_{A49}
salad salad_cloud_user_{A40}
sanity sk{A178}
seam seam_{A8}_{A24}
shipengine TEST_{B43}
stackhawk hawk.{W20}.{W20}
stedi {A7}.{A39}
stellate stl8_{H64}
sumsub prd:{A24}.{A32}
tableau {B22}==:{A32}
tally tly-{A32}
tatum t-{H24}-{H24}
tinybird p.eyJ{A40}.{W27}
turbopuffer tpuf_{A32}
unleash default:production.{H56}
uptimerobot u{D7}-{H24}
vanta vat_{A40}
vectara zwt_{W40}
wokwi wok_{A40}
zep z_{A70}.{W40}
"""

HELD_OUT_FIFTH = """
alibaba-sts STS.{A40}
alibaba-sts-token CAIS{B72}
aws-legacy A3T{U17}
buildkite-service bkaa_{W75}
cloudsmith csa_{H30}{A6}
databento db-{A29}
datastax AstraCS:{A24}:{H64}
devin-personal apk_user_{B150}=
devin-service apk_{B90}=
devin-user cog_{L52}
docker-swarm-join SWMTKN-1-{L55}-{L27}
docker-swarm-unlock SWMKEY-1-{B45}
elastic essu_{W100}=
gemini AQ.Ab8RN6{W44}
jwt-in-base64 ZXlKaGJHY2lPaU{B40}=
mergify mergify_application_key_{W80}
midtrans Mid-server-{W15}
proof prf_{W50}
samsara samsara_api_{A29}
scalr eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJ1c2VyIiwianRpIjoiYXQt{W30}.{W43}
thunderstore tss_{W50}
twitter AAAAAAAAAAAAAAAAAAAAAA{A90}
workato wrka-eyJ{W8}.{W16}.{W64}
"""

HELD_OUT_SIXTH = """
adapty secret_live_{A8}.{A32}
apideck sk_live_{W93}
besttime pri_{H32}
boundary at_{A10}_s1{A60}
branch key_live_{L32}
censys censys_{A8}_{A24}
chapa CHASECK-{A32}
checkio pk_{L45}
chief-tools ctp_{A36}
cloudflare-global cfk_{A40}{H8}
convertapi secret_{A16}
dependency-track odt_{A32}
fauna fnAE{W36}
finage API_KEY{U32}
iyzico sandbox-{A32}
jumpcloud jca_{A36}
matrix-auth mat_{A30}_{A6}
mezmo sts_{H32}
nostr nsec1{L58}
ntfy tk_{L29}
nylas nyk_v0_{A64}
okta 00{W40}
omise skey_live_{L19}
openvsx ovsxat_{G}
pagarme ak_live_{A30}
pushbullet o.{A32}
rancher token-{L5}:{L54}
revolut sand_{W43}
signalwire PT{H48}
sindri sindri_{A32}
smtp2go api-{U32}
spotify BQ{W150}
storyblok {A22}tt-{D6}-{W20}
teamwork tkn.v1_{A71}=
tickettailor sk_{D4}_{D6}_{H32}
tiktok act.{A60}!{D4}.va
toss live_gsk_{A28}
twelvelabs tlk_{U28}
twitch oauth:{L30}
vercel-personal vcp_{A56}
webex {A64}_PF84_{G}
webflow ws-{H64}
"""

# Of the same origin as the sixth; what was changed after its first look was tried on these first.
TUNING = """
ably {A6}.{A6}:{W43}
alchemy alcht_{A30}
amazon-lwa-token Atza|IwEB{W200}
azure-api-management git&{D12}&{B85}A==
backblaze K00{D1}{B27}
bannerbear bb_pr_{H30}
bitcoin-hd xprv9s21ZrQH143K{A95}
braintrust bt-st-{A48}
cashfree cfsk_ma_prod_{H32}_{H8}
clarifai-pat pat_{H32}
clickhouse 4b1d{A38}
convoy CO.{A16}.{A64}
coveo xx{G}
dbt-user dbtu_{W43}
dnsimple dnsimple_u_{A32}
factory fk-{A40}
fleetbase flb_live_{A20}
gcore {D4}${H60}
gemini-exchange master-{A20}
gretel grtu{H60}
harvest {D7}.pt.{W86}
headscale hskey-api-{A12}-{W64}
honeybadger hbp_{A36}
instagram IGQVJ{W120}
ionic ion_{L42}
iterative isat_{A50}
k3s K10{H64}::server:{H32}
larksuite cli_{A16}
logicmonitor lmb_{A40}
medusa sk_{H64}
mercado-pago APP_USR-{D16}-{D6}-{H32}-{D9}
mongodb mdb_sa_sk_{W40}
pay.jp sk_live_{H60}
paystack sk_live_{L40}
photoroom sk_pr_default_{H40}
plunk sk_{H48}
porkbun pk1_{H64}
rapidapi {A10}msh{A15}p{H6}jsn{A12}
riot RGAPI-{G}
robinhood rh-api-{G}
salesblink key-{A64}
salesforce-refresh 5Aep861{W80}
shopify-partner prtapi_{H32}
smooch act_{L24}
synapse syt_{A16}_{A20}_{A6}
tines https://quiet-sea-1234.tines.com/webhook/{L32}/{L32}
trufflehog thog-secret-{H32}
unit v2.public.{W200}
volcengine AKLT{A44}
"""

# As vendors' pages and their users' examples show them, of keys with a prefix or parts; lengths are
# approximate. Neither the table nor a set before has the vendor.
HELD_OUT_SEVENTH = """
aftership asat_{H32}
alpaca PK{U18}
argos argos_{H40}
asaas $aact_prod_{B160}
bitrise bitpat_{W86}
blaxel bl_{L40}
block-protocol b10ck5.{H32}.{G}
blockfrost mainnet{A32}
blynk oa2-client-id_{W32}
browser-use bu_{W43}
cfx cfxk_{A20}_{A6}
chutes cpk_{H32}.{H32}.{A32}
conekta key_{A22}
continue con-{H64}
deepsource dsp_{H40}
ecostruxure AK1{A52}
featherless rc_{H64}
gcntfy gcntfy-key-name-{G}-{G}
hop ptk_{W43}
iexcloud sk_{H32}
jdcloud JDC_{U28}
laravel-sanctum {D2}|{A48}
lightspeed lsxs_pt_{A32}
llamacloud llx-{A48}
locationiq pk.{H32}
mixedbread mxb_{A32}
mono live_sk_{A20}
murf ap2_{G}
nebius v1.Cm{W200}
neptune eyJhcGlfYWRkcmVzcyI6{B150}
nextcloud {A5}-{A5}-{A5}-{A5}-{A5}
nocodb nc_pat_{A40}
novita sk_{W43}
observe ds1{A17}:{A32}
oculus OC|{D15}|{H32}
orbit obu_{W40}
outline ol_api_{A38}
packagist packagist_uut_{H68}
pagerduty u+{W18}
palo-alto LUFRPT1{B100}==
pirsch pa_{A32}
plane plane_api_{H32}
proxmox PVEAPIToken=root@pam!ci={G}
ragie tnt_{A11}_{A48}
runway key_{H128}
short.io sk_{A16}
simple-analytics sa_api_key_{A36}
sourcery user_{H64}
supadata sd_{H32}
teamcity eyJ0eXAiOiAiVENWMiJ9.{W36}.{B48}
teller test_tkn_{L26}
tolgee tgpat_{L52}
transifex 1/{H40}
truenas {D1}-{A64}
ubidots BBUS-{A30}
umami api_{A32}
warrant api_prod_{A50}
weblate wlu_{A36}
wompi prv_prod_{A32}
you ydc-sk-{A16}-{W48}
"""

# One list of vendors of which neither the table nor a set before has one, of keys with a beginning
# of their own, as vendors document them and open-source services make them; halved by a hash of the
# names before anything was run. Rules were improved on what the eighth showed, of which 75.4 % were
# found at the first look; the ninth was looked at once that was done: 75.9 %. Then rules were
# improved once more, and six vendors of whose formats their documentation tells (AppSync,
# ScrapeGraphAI, Keap, Up, Roblox, and Open VSX of the sixth) went into the table.
HELD_OUT_EIGHTH = """
africastalking atsk_{H64}
anaconda jo-{G}
apidog APS-{A32}
appveyor v2.{L20}
autumn am_sk_live_{W43}
avian avian-{W43}
baidu bce-v3/ALTAK-{A21}/{H40}
clerk-m2m mt_{A44}
codesandbox csb_v1_{W43}
context7 ctx7sk-{G}
covalent cqt_rQ{A26}
dagger dag_acme_{A24}
dagster agent:acme-prod:{H32}
dashlane dls_{U16}_{H64}
ebanx live_ik_{W22}
fastgpt fastgpt-{A44}
feishu-hook https://open.feishu.cn/open-apis/bot/v2/hook/{G}
gradium gd_{H64}
heygen sk_V2_hgu_{A11}_{A22}
honeyhive hh_{A36}
ilovepdf secret_key_{H32}_{W27}
klarna klarna_live_api_{B79}=
lambdatest LT_{A46}
lancedb ldb_{U32}
literalai lsk_{W43}
mapillary MLY|{D16}|{H32}
mattermost-hook https://chat.example.com/hooks/{L26}
maxim sk_mx_{A16}_{A32}
nia nk_{A32}
openmeter om_{A32}
parasail psk-parasail-{W24}
parea pai-{G}
personio papi-{G}
pipedrive-oauth v1u:AQI{W80}
placid placid-{L16}-{L16}
prefix.dev pfx_{A43}
relace rlc-{W26}
requesty rqsty-sk-{W76}
riza riza_{A26}_{A52}
roblox-cookie _|WARNING:-DO-NOT-SHARE-THIS.--Sharing-will-allow-to-steal-your-items.|_{U200}
roboflow rf_{A28}
rocketchat-hook https://chat.example.com/hooks/{H24}/{A64}
safetyculture scapi_{A32}
savvycal pt_secret_{A32}
serverchan SCT{D6}T{A26}
supermemory sm_{A22}_{A43}
tinkoff t.{W86}
toolhouse th-{W43}
traceloop tl_{H64}
trieve tr-{A32}
up-bank up:yeah:{A64}
userfront uf_live_admin_{L8}_{H32}
valyu val_{H64}
venice VENICE-INFERENCE-KEY-{W43}
vk vk1.a.{W200}
wxpusher AT_{A32}
yandex-oauth y0_{W55}
youtrack perm-{A10}=.{A8}.{A30}
zenml ZENPROKEY_{A64}
zerion zk_prod_{H32}
"""

HELD_OUT_NINTH = """
ahasend aha-sk-{W64}
authzed sdbst_h256_{H64}
aws-appsync da2-{L26}
basistheory key_prod_us_pvt_{A22}
confident-ai confident_us_proj_{W43}
corbado corbado1_{A30}
coze pat_{A64}
curseforge $2a$10${B53}
descope K3{A80}
durianpay dp_live_{A24}
efi Client_Secret_{H40}
emailoctopus eo_{H64}
esri AAPK{H32}{W64}
evervault ev:key:1:{W43}:{A6}:{A6}
freepik FPSX{H32}
frisbii priv_{H32}
glama glama_{A40}
guilded gapi_{B86}==
hookdeck hkdk_{A48}
imagekit private_{B27}=
inference.net inference-{H32}
influxdb3 apiv3_{W86}
keap KeapAK-{H64}
keycdn sk_prod_{B20}
kong kpat_{A49}
logto pat_{A32}
materialize mzp_{H64}
maxkb application-{H32}
memberjunction mj_sk_{H64}
mindee md_{A32}
modrinth mrp_{A60}
morphcloud morph_{A22}
ncloud ncp_iam_BPK{A32}
oso-cloud e_{A22}_{A5}_{A22}
planet PLAK{H32}
polymarket-relayer pm_{G}
questdb qt1{A43}
ragflow ragflow-{A48}
rapyd rsk_{H96}
reflag sec_prod_{A22}
remote.com ra_live_{W43}
roam roam-graph-token-{W40}
schematic sch_prod_{A32}
scrapegraph sgai-{G}
scrapybara scrapy-{G}
segmind SG_{H16}
sevalla svl_{A43}
shutterstock v2/{B100}
signatureapi key_live_{A32}
stancer sprod_{A24}
sumup sup_sk_{A32}
targon sn4_{L28}
termii TL{A58}
tesla qts-{H64}
updown ro-{A20}
upstash-signing sig_{A28}
v0 v1:{A24}:{A24}
warp wk-1.{H64}
yookassa live_{W43}
zeptomail wSsVR6{B100}==
"""

# One list as the two before, of vendors that no set had and no row of the table finds, some of them
# chosen for having no beginning that tells; halved by a hash of the names. The rules that added up
# bits were tried on the tenth, of which the rules before had found 66.7 %; the eleventh was looked
# at once, when they were done: 72.7 %, of which the rules before find 67.3 %.
HELD_OUT_TENTH = """
8x8 eght_{A40}
addy.io addy_io_{A40}{H8}
amazon-pay SANDBOX-{U24}
anythingllm {U7}-{U7}-{U7}-{U7}
artillery a9_{A32}
aws-session IQoJb3JpZ2luX2Vj{B300}
azure-storage {B86}==
baselinker {D7}-{D7}-{U64}
blizzard US{A32}
bluesky-app {L4}-{L4}-{L4}-{L4}
bookstack {A32}:{A32}
centraldogma appToken-{G}
contentstack cs{H24}
deepl {G}:fx
dodopayments {A16}.{W48}
dotenv-vault vlt_{H64}
facebook-app {D15}|{W27}
fastmail fmu1-{H8}-{H32}-0-{H32}
fullstory na1.{B60}
gelato {G}-{G}:{G}
godaddy {A12}_{A22}
grain grain_pat_{A8}_{A43}
hyperswitch snd_{A64}
inngest-event inngest_{W86}
ionos-dns {H32}.{W86}
keboola {D4}-{D6}-{A40}
keeper US:{W43}
keyshield ak_v1-{H16}-{A64}
krea {G}:{W32}
livechat dal:{W32}
localazy a{D19}-{H40}
manychat {D15}:{H32}
mycompany-seam shopkeep_{A8}_{A24}
nutrient pdf_live_{A43}
objectiveai apk{H32}
overleaf olp_{A36}
packagist-org packagist_ort_{H68}
paypal-client A{W79}
pimlico pim_{A22}
pocket {D5}-{H24}
pollinations plln_sk_{A32}
recharge sk_1x1_{H64}
rows rows-{A43}
runloop ak_{A22}
scrapingbee {U80}
soundcloud 2-{D6}-{D9}-{A14}
stackone v1.eu1.{W60}
suprsend SS.{W43}
tandoor tda_{H8}_{H4}_{H4}_{H4}_{H12}
temporal tmprl_{A32}_{A64}
threads THAA{A150}
tremendous PROD_{W43}
uber JA.VUNmGAAAAAAA{W100}
vikunja tk_{H40}
vital sk_us_{A36}
whylabs {A10}.{A64}:org-{A6}
woovi Q2xpZW50X0lkX{B100}==
wordpress-oauth {B10}&{B12}%{A8}@{A30}
worldpay T_S_{G}
xagent xag_personal_{A6}_{A32}
"""

HELD_OUT_ELEVENTH = """
adobe-sign 3AAABL{W120}
agility defaultlive.{H64}
bitgo v2x{H64}
braintree sandbox_{L8}_{L16}
chainstack {A8}.{A32}
coolify {D1}|{A40}{H8}
dingtalk SEC{H64}
duo DI{U18}
elasticemail {U96}
evernote S=s1:U=8f219:E=154308dc976:C=14cd8dc9cd8:P=1cd:A=en-devtoken:V=2:H={H32}
fern fern_{A32}
firebase-server AAAA{W7}:{W140}
fortifyroot fr_sk_{A43}
foursquare fsq3{B43}=
friendlycaptcha A1{A60}
gel nbwt1_eyJ{W60}.{W100}.{W43}
greenhouse {H32}-3
hcaptcha ES_{H32}
healthie gh_live_{A64}
hedra sk_hedra_{W60}
kakaopay PRD{U40}
karakeep ak1_{H20}_{H32}
keywords-ai {A8}.{A32}
kubeadm {L6}.{L16}
leantime lt_{A32}_{A32}
lighthouse {H8}.{H32}
linkedin-access AQX{W300}
logrocket lr:{A6}:app:{A20}
nats-nkey SUA{U55}
netatmo {H24}|{H32}
netbox nbt_{A12}.{A40}
omnisend {H24}-{A50}
optimizely 2:{W43}
ory-access ory_at_{W43}.{W43}
phabricator api-{L28}
phoenix-token SFMyNTY.{W80}.{W43}
photoprism {A6}-{A6}-{A6}-{A6}
pixabay {D8}-{H25}
purelymail pm-live-{G}
qdrant {G}|{W54}
quickbooks AB1{D10}{A37}
quip {A15}=|{D10}|{B43}=
reddit {D12}-{W30}
redocly orgsk_{A40}
semaphore smph_{A40}
spectral spu-{H32}
squad sandbox_sk_{H40}
stackexchange {A24}((
stigg server-{G}:{G}
turnstile 0x4AAAAAAA{W26}
twitter-oauth1 {D10}-{A40}
ubicloud pat-{L26}-{A32}
uptime-kuma uk1_{W40}
v7 {A7}.{A32}
vantage vntg_tkn_{H40}
veracode vera01es-{H128}
vespa vespa_cloud_{A44}
warpstream aks_{H64}
wasmer wap_{H64}
zhipu {H32}.{A16}
"""

# Keys as projects make them that publish their sources (found by what such code is written like),
# and keys without any prefix, halved by a hash of the names before anything was run. The rules were
# tried on the second tuning set, of which those before had found 80.3 %; the twelfth was looked at
# once, when they were done: 81.4 %, of which the rules before find 79.8 %. Most that is missed is
# hexadecimal digits or a UUID behind a word.
HELD_OUT_TWELFTH = """
af af_{H64}
brap brap1_{G}_{H64}_{W43}
breakglass BREAK_GLASS_{H32}
browserless {A16}{G}
bst bst_{W43}
cohere {A40}
deepinfra {A32}
eed EED-{H64}
friday friday_pat_{W43}
gandi {A24}
gmak gmak_{W43}
gpm gpm_sk__{A36}
greptile {A48}
hng hng_live_{W32}
hub hub_{H32}
ir ir-{G}
jgr jgr_{W32}
jm jm_{H64}
kagi {W11}.{W43}
klingai {A32}
kolo kolo_{W43}
livekit-id API{A15}
lmar lmar_{W43}
mercury-rma mercury_production_rma_{A45}_yrucrem
mi mi_{W43}
mistral {A32}
mrg mrg_{W43}
nbl nbl_code_{W32}
nf nf-{H36}
nxcms nxcms_{H64}
nxs nxs_{W43}
o8pw o8pw_{W43}
obsk obsk_{H64}
ollama {H32}.{W24}
omnipus omnipus_{H64}
onus onus-key-{W43}
onyx dn_{W256}
papra ppapi_{A64}
pyn pyn_{W43}
raft raft_share_{H64}
rg rg_{H64}
ro ro_live_{H28}
sea sea_refresh_{W43}
senqo sk_senqo_{W32}
sg sg_{W43}
speechify {B43}=
storj 1{A199}
vlr vlr_{W43}
void void_{W43}
wundergraph cosmo_{H32}
wvr wvr_{W32}
"""

TUNING_SECOND = """
agentpassport axiom_pt_{W43}
ai-sk ai_sk_{W43}
aics aics_{H64}
amliq amliq_sk_{H32}
applitools {A40}110
apv apv-{W43}
aurora aurora_{H64}
bair bair1_{W32}
bcn bcn_cf_{W43}
binance {A64}
bnk bnk_live_{W32}
bos bos_{H48}
cm cm_{W43}
coleo co_{H64}
daemon tok_{W32}
dgc dgc_{W43}
eap eap_{W43}
engram engram_at_{W32}
fk fk_{W32}
gb gb_token_{H32}
helmr hlmr_sk_{W43}
hetzner {A64}
iln iln_{W43}
instantly {B66}==
lgk lgk_{H64}
livekit {A44}
lp-scim lp_scim_{W43}
ludash ludash_{H64}
mastodon-app {W43}
mc mc_{H64}
mcpgroups mcp_key_{W43}
mem mem_{H32}
ms ms_{W43}
mtr mtr_{W43}
mux {B74}=
naa naa-{W43}
ng ng_{H48}
nib nib_{A32}
nizam nzm_live_{A24}
nxk nxk_{H64}
omk omk_{H64}
owlrelay owrl_{A42}
patents tok_{L32}
polygon {A32}
portus portus_{H64}
prp prp_{H32}
pulse pulse_sk_{H64}
pump pd_{W43}
pv pv_prod_{H48}
rag rk_{H64}
rainforest apikey_{H64}
rsh rsh_{H64}
rt rt_{H64}
rudderstack {A27}
rw rw_{A40}
segment {A32}
sf sf_{H64}
shn shn_{W32}
smb smb_{W32}
spgr spgr_ws_{W43}
vtk vtk_{W43}
wasabi {A40}
xivcred xivcred_{W43}
xs xs_{W43}
z4k z4k_{W43}
"""

# Keys that projects with public sources make in their code, and some of another scanner's rules
# (Titus) that no list had; halved by a hash of the names before anything was run, and 32 more were
# sought once the rules were done that had been tried on the third tuning set, of which those before
# had found 81.6 %. The thirteenth was looked at once: 83.1 %, of those 54 with letters of their own
# or two parts 87.0 %; the rules before find 78.0 and 81.5 %. Two rules were made on what it missed.
HELD_OUT_THIRTEENTH = """
af-sk af_sk_{H48}
appnix appnix_live_sk_{H24}
arpc arpc_{H48}
ask ask_{H40}
aura aura_sk_{H48}
aws-s aws_s_{H64}
bb-sk bb_sk_{H40}
browserstack {A20}
cg cg-{W32}
codacy {A20}
ctx ctx_{H40}
demo demo_{W32}
domi domi_acc_{W43}
e2e e2e-{W32}
ec-pat ec_pat_{W32}
env env_{W32}
eruq eruq_pat_{W32}
ferry ferry-gw-{W43}
gf-pat gf_pat_{W43}
holomesh holomesh_sk_{W32}
honeycomb {A22}
hvfeed hvfeed_HV_VERIFY_{H40}
ins ins_lk_{W32}
jn1 Jn1_{H24}
kidbot kidbot-provider-smoke-{W43}
la la_{W43}
lb lb_live_{W32}
maisb maisb_live_{W43}
mcp-live mcp_live_{W43}
mcp-sk mcp_sk_{H64}
mobtok mobtok-{W32}
mon mon_sk_{H64}
myai myai_unl_{W32}
nexlog admin-nexlog-{W32}
nt nt_live_{H40}
op-pat op_pat_{W43}
opus opus_live_sk_{H64}
pos pos_{H48}
pp pp_whsec_{W32}
ps ps_{W32}
regent regent_mcp_sk_{H96}
ri ri_live_{H48}
sari sari_sk_{H48}
sel sel_{W43}
sess sess_{H48}
siwa SIWA_AUTH_{W32}
skynet skynet_pat_{H64}
snsr snsr_{H48}
sslmate {A36}
svk svk_{H40}
tsk-live tsk_live_{W43}
tvn tvn_pat_{H48}
uex uex_{H40}
vk-human vk-human-{W32}
vt vt_live_sk_{H64}
wave4 wave4-{W32}
wemux wemux-session-{W43}
yelp {W128}
zc zc_{W43}
"""


# Collected by somebody who had not seen the rules, in the order found, from documentation and code
# of 2023 to 2026; what each format is recognized by was written down with it. Looked at once: 75 %
# alone, of the 42 (of 55) with letters of their own before the token 88.2 %. The app key of Firefly
# III, with signs among its letters, has no class here. One rule was made on what was missed, for
# `hlh_ag_`.
HELD_OUT_FOURTEENTH = """
aczen-ai-studio aczen_sk_live_{A49}
aol-session-token aol_{H64}
base32-dot-base64-key {U8}.{B40}
basilic bask_{W8}_{W43}
bihin-kanri bk_live_{A32}
bloqr-backend blq_{H64}
cgai-token CGAI-{A26}
clf-token clf_{W43}
couch-key ck_{A64}
cove cove_{W32}
cpa-key cpa_{H64}
donetick dt_{H64}
drop-api-key {A64}
durudex-refresh-token {A27}.{A27}.{A33}
edge-registration-token edge_{W43}
elasticpay-sandbox-key sk_sandbox_{A32}
epmpulse epmpulse_key_{H32}
follr-api-secret {U8}-{U4}-{U4}-{U4}-{U12}
fourthwall-webhook-secret {G}
frk-key frk_{G}
gb-live-key gb_live_{H64}
hexpm-v2-key hex_{H40}
himan-dev-key himan-dev-{L22}
homelab-agent hlh_ag_{H8}_{H64}
homelab-registration hlh_rt_{H64}
ical-feed-token feed_{A32}
lk-pub-key lk_pub_{H64}
londontheatredirect-webhook-secret {B22}==
mem9 mem9_{A32}
merge-freeze-branch-token mfb_{A24}
merge-freeze-old-token {A4}-{A4}-{A4}-{A4}-{A4}
mimir-api-key mimir_{W43}
mljboard mljboard_{A8}_{A24}
oka-live-key oka_live_{A43}
onairos ona_{H40}
open-short-url osu_{H64}
oxf-key oxf_{W43}
prefix-dot-secret {W12}.{W43}
preparr {H32}
pulsetap pulsetap_{A32}
qiflow-merchant-key qf_live_{W43}
qmd-token qmd_sk_{H32}
retro3-runner-registration ptrrt-{G}
ring-base64-key {B43}=
saw-platform-key saw_{H32}
scx-better-auth-key scx_{A64}
swquery {A32}
talos-server {B86}==
upper-hex-key {U32}
workers.do-key wdo_{A64}
worldmonitor wm_{H40}
yeti-user-api-key {H64}
zenith-personal-token zenith_pat_{H64}
zenith-webhook-secret zth_whk_{H64}
"""

TUNING_THIRD = """
anon anon_{W32}
apex apex_{W32}
astrid astrid_mcp_{H64}
athirai athirai_authcode_{H32}
bee bee_{W43}
cik cik_live_{H64}
cmos cmos_{H64}
dz dz_sec_{H32}
eaa EAA_{H48}
ec ec_{H64}
fileio {A20}.{A20}
firebase-device {W22}:APA91b{W134}
fit fit_live_{H32}
fk-live fk_live_{H48}
guest guest_{H64}
hb-oat hb_oat_{H48}
htk htk_live_{H48}
kat kat_{H64}
line {B171}=
mach mach_{W32}
mailjet-mail {A87}=
mcr MCR-{W43}
or3 or3-{W43}
paid paid_pat_{W43}
pdat pdat_{W43}
qf qf_{W43}
rt-inv rt_inv_{W43}
safetypass SafetyPass-bootstrap-v2-{W43}
sbt sbt_live_{H48}
shms shms_{H64}
sig-api sig_api_{H48}
skw skw_{H64}
sma sma_{W43}
snap snap_{W32}
swt swt_{W43}
vhk vhk_live_{W32}
vr vr_live_{H48}
zh zh-{W43}
"""

SYLLABLES = "ba co du fe gi ho ju ka lo mi nu po ra se ti vu wa xo ye zi".split()
TELLING = ["live_", "test_", "sk_", "pat_", "key_", "secret_", "token_", "api_", ""]


def fill(template, pick):
    """Return a secret of a template."""
    parts = template.split("{")
    text = parts[0]
    for part in parts[1:]:
        code, _, rest = part.partition("}")
        if code == "G":
            text += str(uuid.UUID(int=pick.getrandbits(128), version=4))
        else:
            text += "".join(pick.choices(CLASSES[code[0]], k=int(code[1:])))
        text += rest
    return text


def templates(table):
    return dict(line.split(" ", 1) for line in table.split("\n") if line)


def made_up(count, pick):
    """Return templates of vendors that do not exist, as tokens are made today."""
    found = {}
    while len(found) < count:
        name = "".join(pick.choices(SYLLABLES, k=pick.randrange(1, 4)))
        telling = pick.choice(TELLING)
        separator = pick.choice("__-")
        body = pick.choice(["{A%d}", "{W%d}"]) % pick.choice([32, 36, 40, 43, 48, 64])
        found[f"{name}-{len(found)}"] = f"{name}{separator}{telling}{body}"
    return found


def _word(secret):
    """Return a word that is always the same for a secret."""
    return WORDS[zlib.crc32(secret.encode()) % len(WORDS)]


POSITIONS = {
    "argument": lambda s: s,
    "dict value": lambda s: {"item": s},
    "nested": lambda s: {"items": [{"a": 1, "b": ["x", s]}]},
    "attribute": lambda s: {"app.item": s},
    "exception message": lambda s: f"ValueError: cannot use '{s}' here",
    "log line": lambda s: f"2026-01-17 10:20:30,123 INFO shop got {s} from upstream",
    "URL query": lambda s: f"https://example.com/a?q={s.replace('&', '')}&page=2",
    "URL query, percent-encoded": lambda s: "https://example.com/a?" + urlencode({"q": s, "n": 2}),
    "twice percent-encoded": lambda s: "/go?to=" + quote("/a?q=" + quote(s, safe=""), safe=""),
    "JSON text": lambda s: json.dumps({"n": 1, "item": s, "z": [True]}),
    "JSON in JSON": lambda s: json.dumps({"body": json.dumps({"item": s})}),
    "repr of a list": lambda s: repr(["a\n" + s, "b"]),
    "header": lambda s: f"X-Item: {s}\r\nAccept: */*",
    "in quotes": lambda s: f'say "{s}".',
    "before punctuation": lambda s: f"got {s}, {s}; {s}: {s}! Now it is {s}.",
    "in brackets": lambda s: f"item[{s}]({s})<{s}>",
    "after =": lambda s: f"item={s};b=2",
    "after :": lambda s: f"item:{s},b:2",
    "in a path": lambda s: f"/hooks/{s.replace('/', '')}/send",
    "glued to a word": lambda s: f"{_word(s)}{s}",
    "glued to a capitalized word": lambda s: f"{_word(s).title()}{s}",
    "glued to a number": lambda s: f"{len(s) * 7 + 11}{s}",
    "glued with _": lambda s: f"{_word(s)}_{s}",
    "glued with -": lambda s: f"{_word(s)}-{s}",
    "glued with .": lambda s: f"{_word(s)}.{s}",
    "glued to a word behind": lambda s: f"{s}_{_word(s)}",
    "glued to Chinese": lambda s: f"令牌{s}结束",
    "between punctuation": lambda s: f"got|{s}|,~{s}~,${{{s}}}…",
    "YAML": lambda s: f"a: 1\nitem: {s}\nz: 2",
    "own line": lambda s: f"login done\n{s}\nfinished\n",
    "list of tokens": lambda s: f"{s}\n{s[:5]}{s[:4:-1]}\n{s}\n",
    "form": lambda s: f"note=please+keep+{s}+private",
    "root path": lambda s: f"/{s.replace('/', '')}",
    "upper-case path": lambda s: f"https://example.com/API/{s.replace('/', '')}/send",
    "file of a calendar": lambda s: f"https://example.com/cal/{s.replace('/', '')}.ics",
    "file of JSON": lambda s: f"https://example.com/feed/{s.replace('/', '')}.json",
    "UTF-16 bytes": lambda s: f"item {s}".encode("utf-16"),
}


def harmless(pick):
    """Return one harmless text."""
    number = pick.randrange(10**6)
    word = pick.choice(WORDS)
    other = pick.choice(WORDS)
    kinds = (
        lambda: f"{word} {other} {pick.choice(WORDS)}",
        lambda: f"order-{number}",
        lambda: f"{word}_{other}_{number}",
        lambda: f"{word}.{other}.{word.title()}{other.title()}",
        lambda: f"/srv/{word}/{other}/file-{number}.txt",
        lambda: f"https://example.com/{word}/{number}?page={number % 90}&sort={other}",
        lambda: f"{word}{number}@example.com",
        lambda: str(uuid.UUID(int=pick.getrandbits(128), version=4)),
        lambda: f"{pick.getrandbits(160):040x}",
        lambda: f"sha256:{pick.getrandbits(256):064x}",
        lambda: f"2026-{number % 12 + 1:02d}-17T10:{number % 60:02d}:30.{number:06d}Z",
        lambda: str(1_600_000_000_000 + pick.randrange(10**11)),
        lambda: repr(pick.random()),
        lambda: repr(pick.uniform(-1e9, 1e9)),
        lambda: str(pick.randrange(10 ** pick.randrange(3, 13))),
        lambda: f"+{pick.randrange(1, 99)} {pick.randrange(100, 999)} {pick.randrange(10**7)}",
        lambda: " ".join(str(pick.randrange(1980, 2040)) for _ in range(6)),
        lambda: str([pick.randrange(10**4) for _ in range(6)]),
        lambda: f"{word}={number}, {other}: {number % 7}",
        lambda: json.dumps({word: number, other: [word, None]}),
        lambda: f"{word}-{pick.getrandbits(40):010x}-{other[:5]}",
        lambda: f"cus_{''.join(pick.choices(BASE62, k=14))}",
        lambda: f"v{number % 9}.{number % 31}.{number % 7}-rc{number % 3}",
        lambda: f"10.{number % 255}.{number % 99}.{number % 201}:{number % 65535}",
        lambda: f"SELECT {word}, {other} FROM {word}s WHERE id = {number}",
        lambda: f"{word.title()}{other.title()}Error: no {word} at line {number % 999}",
        lambda: f"max_tokens={number % 4096}, token_count: {number % 99}, cookie_name=sid",
        lambda: f"{number % 24:02d}:{number % 60:02d} {word} took {number / 1000:.3f} s",
        lambda: base64.b64encode(f"{word} {other}".encode()).decode(),
        lambda: f"arn:aws:s3:::{word}-{other}/{number}",
        lambda: f"{word}_{pick.getrandbits(128):032x}",
        lambda: f"/static/{word}-{pick.getrandbits(128):032x}.js",
        lambda: f"{pick.choice(SHORT)}-{pick.getrandbits(256):064x}",
        lambda: f"{word}@sha256:{pick.getrandbits(256):064x}",
        lambda: f"00-{pick.getrandbits(128):032x}-{pick.getrandbits(64):016x}-01",
        lambda: f"/nix/store/{''.join(pick.choices(NIX, k=32))}-{word}-{number % 9}.{number % 31}",
        lambda: f"sha512-{base64.b64encode(pick.randbytes(64)).decode()}",
        lambda: f"{word.title()}_{other}__{''.join(pick.choices(BASE62, k=5))}",
        lambda: f"{word}-{pick.getrandbits(36):09x}-{''.join(pick.choices(NIX, k=5))}",
        lambda: f"{word}-{number % 9}.{number % 31}-cp312-manylinux_2_17_x86_64.whl",
        lambda: f"{word}{other.title()}Of{pick.choice(WORDS).title()}To{other.title()}{number % 9}",
    )
    return pick.choice(kinds)()


NIX = "0123456789abcdfghijklmnpqrsvwxyz"
SHORT = "req trace build file img layer task job user blob node run cache commit msg page".split()
WORDS = """
account address amount article basket booking branch budget button calendar camera carrier
category channel chapter chart checkout city client column comment company contact contract
country course customer delivery device discount document driver editor event factory feature
folder garden handler holiday invoice journey language ledger library manager market message
method minute module network number object office option order package parcel partner payment
picture planet player policy portal price printer process product profile project question
quarter receipt record region report request response result review schedule screen season
section server service shipment signal station status store stream street student subject
summary supplier survey table ticket timer topic transfer user vehicle vendor version village
visitor warehouse window worker
""".split()
