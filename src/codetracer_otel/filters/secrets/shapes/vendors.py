"""The formats of secrets that vendors give a recognisable beginning, one row each, as data.

``source`` says where the format is documented: a page of the vendor's documentation, or the rule
of a public secret scanner (gitleaks, TruffleHog) or the list of GitHub's secret scanning partners.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Format(NamedTuple):
    """The secrets of one vendor that look alike.

    Attributes:
        vendor: who gives them out.
        prefixes: what they begin with, literally, separated by blanks; one of them is in each.
        body: the class of characters behind the prefix, of `ALPHABETS`.
        length: how many of them at least; the real ones are often longer.
        source: where the format is documented.
        before: expression of what stands before the prefix and belongs to the secret.
        rest: expression of what belongs to it behind the body.
        free: whether it may stand inside a word, because nothing else has such a prefix.
        has_run: whether each has a run of `RUN_LENGTH` token characters.
        key: parts of the prefixes, one in each, where that spares several searches.
        sample: what an example has in the places of ``before`` and ``rest``.
    """

    vendor: str
    prefixes: str
    body: str
    length: int
    source: str
    before: str = ""
    rest: str = ""
    free: bool = True
    has_run: bool = True
    key: str = ""
    sample: tuple[str, str] = ("", "")


ALPHABETS: Final = {
    "word": "[A-Za-z0-9_-]",
    "alnum": "[A-Za-z0-9]",
    "alnum_": "[A-Za-z0-9_]",
    "hex": "[A-Fa-f0-9]",
    "lower": "[a-z0-9]",
    "upper": "[A-Z0-9]",
    "base64": "[A-Za-z0-9+/=_-]",
    "dotted": "[A-Za-z0-9_.=~-]",
    "query": "[A-Za-z0-9%+/_~=-]",
    "uuid": "[A-Fa-f0-9-]",
    "path": "[A-Za-z0-9/_@%-]",
}

# One row per format reads best as one line.
# fmt: off
FORMATS: Final = (
    # clouds
    Format("Amazon Web Services", "AKIA ASIA ABIA ACCA", "upper", 16, "IAM User Guide, IAM identifiers", before="(?<![A-Z0-9])"),
    Format("Amazon Web Services, first keys", "A3T", "upper", 17, "gitleaks, aws-access-token", free=False),
    Format("Amazon Bedrock", "ABSK", "base64", 60, "gitleaks, aws-amazon-bedrock-api-key-long-lived", free=False),
    Format("Amazon Bedrock, short-lived", "bedrock-api-key-", "base64", 20, "gitleaks, aws-amazon-bedrock-api-key-short-lived"),
    Format("Amazon, Login with Amazon", "amzn1.oa2-cs.v1.", "hex", 64, "Login with Amazon, Client secret rotation"),
    Format("Amazon, Marketplace Web Service", "amzn.mws.", "uuid", 36, "TruffleHog, amazonmws; Amazon MWS Developer Guide"),
    Format("Azure, shared access signature", "?sig= &sig=", "query", 18, "Azure Storage, Create a service SAS", has_run=False, key="sig="),
    Format("Azure, client secret", "Q~", "dotted", 30, "gitleaks, azure-ad-client-secret", free=False, before="[A-Za-z0-9_~.-]{3}[0-9]", has_run=False, sample=("aB38", "")),
    Format("Azure, keys with a checksum", "AZDO JQQJ99 +ACR +AMC +AIo +ASt +ABa", "base64", 4, "Azure DevOps, Use personal access tokens; TruffleHog, azure keys", free=False, before="[A-Za-z0-9+/]{32,76}", sample=("aB3" * 14, "")),
    Format("Google, API key", "AIza", "word", 30, "Google Cloud, Manage API keys"),
    Format("Google, OAuth access token", "ya29.", "word", 18, "Google Cloud, Token types", rest="[A-Za-z0-9_.-]*+"),
    Format("Google, OAuth refresh token", "1//0", "word", 30, "Google Identity, Using OAuth 2.0", free=False),
    Format("Google, OAuth client secret", "GOCSPX-", "word", 18, "Google Identity, Using OAuth 2.0"),
    Format("Google, reCAPTCHA", "6Le 6Ld 6Lc 6Lf", "word", 37, "reCAPTCHA, Developer's Guide", free=False),
    Format("Alibaba Cloud", "LTAI", "alnum", 16, "gitleaks, alibaba-access-key-id", free=False),
    Format("Tencent Cloud", "AKID", "alnum", 28, "GitHub secret scanning, Tencent Cloud", free=False),
    Format("Alibaba Cloud, temporary credentials", "CAIS", "base64", 60, "Alibaba Cloud, Security Token Service", free=False),
    Format("Yandex Cloud", "t1.9euelZ AQVN YCAJE", "word", 20, "Yandex Cloud, IAM token format; TruffleHog, yandex", free=False, rest="[A-Za-z0-9_.=-]*+"),
    Format("DigitalOcean", "dop_v1_ doo_v1_ dor_v1_", "hex", 30, "DigitalOcean API, Token prefixes", key="_v1_"),
    Format("Cloudflare", "cfut_ cfat_ cfk_", "alnum_", 30, "TruffleHog, cloudflareapitoken"),
    Format("Cloudflare, origin CA key", "v1.0-", "hex", 20, "gitleaks, cloudflare-origin-ca-key", free=False, rest="-[A-Fa-f0-9]{60,}+", sample=("", "-" + "3f" * 73)),
    Format("Heroku", "HRKU-", "word", 30, "Heroku Dev Center, Platform API authentication"),
    Format("Fly.io", "fo1_ fm1r_ fm1a_ fm2_", "base64", 30, "Fly.io, Access tokens", free=False, rest="(?:,fm[0-9][a-z]?_[A-Za-z0-9+/=_-]+)*+"),
    Format("Vercel", "vcp_ vci_ vca_ vcr_ vck_ vercel_blob_rw_", "alnum_", 20, "Vercel changelog, token formats", free=False),
    Format("Netlify", "nfp_ nfc_ nfo_ nfu_ nfb_", "alnum_", 30, "Netlify, API access tokens", free=False),
    Format("Render", "rnd_", "alnum", 20, "Render API, Authentication", free=False),
    Format("Exoscale", "EXO", "hex", 24, "Exoscale, IAM API keys", free=False),
    Format("Scalingo", "tk-us-", "word", 40, "gitleaks, scalingo-api-token", free=False),
    Format("OpenShift", "sha256~", "word", 40, "gitleaks, openshift-user-token"),
    Format("Aiven", "AVNS_ aivenv1", "word", 14, "Aiven, Service passwords", free=False),
    Format("Neon", "napi_", "alnum", 20, "Neon, API keys", free=False),
    Format("PlanetScale", "pscale_tkn_ pscale_oauth_ pscale_pw_", "dotted", 30, "PlanetScale API, Service tokens", key="pscale_"),
    Format("Supabase", "sbp_ sb_secret_ sb_publishable_", "alnum_", 20, "Supabase, Understanding API keys", free=False),
    Format("Databricks", "dapi dkea dose", "hex", 32, "Databricks, Personal access token authentication", rest="(?:-[0-9])?+"),
    Format("MongoDB Atlas", "mdb_sa_sk_", "word", 30, "MongoDB Atlas, Service accounts"),
    Format("Confluent", "cflt", "base64", 50, "Confluent Cloud, API key secrets", free=False),
    Format("DataStax Astra", "AstraCS:", "alnum", 20, "DataStax Astra, Application tokens", rest="(?::[A-Fa-f0-9]{32,}+)?+"),
    Format("ClickHouse Cloud", "4b1d", "alnum", 38, "gitleaks, clickhouse-cloud-api-secret-key", free=False),
    # code, packages, builds
    Format("GitHub", "ghp_ gho_ ghu_ ghs_ ghr_", "alnum_", 20, "GitHub Docs, About authentication to GitHub", key="gh"),
    Format("GitHub, fine-grained", "github_pat_", "alnum_", 20, "GitHub Docs, About authentication to GitHub"),
    Format("GitLab", "glpat- gldt- glrt- glcbt- glptt- glft- glsoat- glagent- glimt- gloas- glffct- glwt- glrtr-", "word", 18, "GitLab, Token overview", key="gl", rest="[A-Za-z0-9_.=-]*+"),
    Format("GitLab, runner registration", "GR1348941", "word", 18, "GitLab, Token overview"),
    Format("Bitbucket", "ATBB BBDC- BBFF-", "word", 24, "Atlassian, App passwords; TruffleHog, bitbucketdatacenter", free=False, rest="[A-Za-z0-9_=@+/-]*+"),
    Format("Atlassian", "ATATT3 ATCTT3 ATSTT3", "word", 30, "Atlassian, Manage API tokens", rest="[A-Za-z0-9_=-]*+", key="TT3"),
    Format("npm", "npm_", "alnum", 30, "npm Docs, About access tokens", free=False),
    Format("PyPI", "pypi-", "word", 16, "PyPI, API tokens"),
    Format("RubyGems", "rubygems_", "hex", 30, "RubyGems Guides, API key scopes"),
    Format("crates.io", "cio", "alnum", 32, "GitHub secret scanning, crates.io", free=False),
    Format("Clojars", "CLOJARS_", "alnum", 40, "gitleaks, clojars-api-token"),
    Format("NuGet", "oy2", "lower", 43, "GitHub secret scanning, NuGet", free=False),
    Format("Docker", "dckr_pat_ dckr_oat_", "word", 20, "Docker Docs, Personal access tokens", key="dckr_"),
    Format("JFrog Artifactory", "AKCp cmVmdGtu cmVmdG", "alnum", 50, "JFrog, Access tokens", free=False),
    Format("Buildkite", "bkua_ bkct_ bkaj_", "lower", 30, "Buildkite, Managing API access tokens", free=False),
    Format("CircleCI", "CCIPAT_ CCIPRJ_", "alnum", 18, "CircleCI, Managing API tokens", rest="_[A-Fa-f0-9]{30,}+", sample=("", "_" + "a3" * 20)),
    Format("Harness", "pat. sat.", "word", 20, "gitleaks, harness-api-key", free=False, rest="[.][A-Za-z0-9]{20,}+[.][A-Za-z0-9]{16,}+", sample=("", "." + "aB3" * 8 + "." + "aB3d" * 5)),
    Format("Octopus Deploy", "API-", "upper", 25, "gitleaks, octopus-deploy-api-key", free=False),
    Format("Sourcegraph", "sgp_ slk_", "alnum_", 30, "Sourcegraph, Creating an access token", free=False),
    Format("SonarQube", "squ_ sqp_ sqa_ sqco_", "alnum", 32, "SonarQube, Generating and using tokens", free=False),
    Format("Endor Labs", "endr+", "alnum", 16, "Endor Labs, Configure API keys", has_run=False),
    Format("Snyk", "snyk_uat. snyk_sat.", "word", 8, "Snyk, OAuth2 and service accounts", rest="[A-Za-z0-9_.-]{20,}+", key="snyk_", sample=("", "." + "aB3d" * 8)),
    Format("Infracost", "ico-", "alnum", 30, "gitleaks, infracost-api-token", free=False),
    Format("Pulumi", "pul-", "hex", 30, "Pulumi Cloud, Access tokens", free=False),
    Format("HashiCorp Terraform", ".atlasv1.", "word", 50, "gitleaks, hashicorp-tf-api-token", free=False, before="[A-Za-z0-9]{14}", sample=("aB3dE5gH7jK9mN", "")),
    Format("HashiCorp Vault", "hvs. hvb. hvr.", "word", 20, "Vault, Tokens", key="hv"),
    Format("Prefect", "pnu_ pnb_", "alnum", 30, "Prefect Cloud, API keys", free=False),
    Format("Doppler", "dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit.", "alnum", 30, "Doppler, Auth token formats", key="dp.", free=False),
    Format("Doppler, with its environment", "dp.st.", "word", 2, "Doppler, Auth token formats", rest="[.][A-Za-z0-9]{30,}+", free=False, sample=("", "." + "aB3d" * 10)),
    Format("1Password, secret key", "A3-", "upper", 6, "1Password, About your Secret Key", rest="(?:-[A-Z0-9]{5,11}){4,6}+", free=False, has_run=False, sample=("", "-ASWWYB-798JR-LJVD4-23DC2-86TVM")),
    Format("1Password, service account", "ops_eyJ", "base64", 30, "1Password, Service accounts"),
    Format("PASETO", "v1.local. v2.local. v3.local. v4.local. v1.public. v2.public. v3.public. v4.public.", "word", 40, "PASETO, specification", key=".local. .public.", rest="(?:[.][A-Za-z0-9_-]+)?+"),
    Format("age", "AGE-SECRET-KEY-1", "upper", 20, "age, man page"),
    Format("Infisical", "st.", "hex", 24, "Infisical, Service tokens", free=False, rest="[.][A-Fa-f0-9]{24,}+[.][A-Fa-f0-9]{24,}+", sample=("", ("." + "a3" * 16) * 2)),
    Format("Tailscale", "tskey-", "word", 18, "Tailscale, Key and secret management"),
    Format("LaunchDarkly", "api- sdk- mob-", "uuid", 36, "LaunchDarkly, API access tokens", free=False),
    Format("ConfigCat", "configcat-sdk-1/", "word", 20, "ConfigCat, SDK keys", rest="(?:/[A-Za-z0-9_-]{20,}+)?+"),
    Format("Ngrok", "ak_2 cr_2", "alnum_", 27, "ngrok API, API keys", free=False),
    Format("Rootly", "rootly_", "hex", 40, "TruffleHog, rootly", free=False),
    # messages
    Format("Slack", "xoxa- xoxb- xoxc- xoxd- xoxe- xoxo- xoxp- xoxr- xoxs-", "word", 14, "Slack API, Token types", key="xox", rest="[A-Za-z0-9_%.=-]*+"),
    Format("Slack, configuration", "xoxe.xoxp- xoxe.xoxb-", "word", 14, "Slack API, Configuration tokens", key="xoxe."),
    Format("Slack, app level", "xapp-", "word", 18, "Slack API, Token types"),
    Format("Slack, webhook", "hooks.slack.com/", "path", 30, "Slack API, Incoming webhooks"),
    Format("Brave Search", "BSA", "word", 28, "Brave Search API, Authentication", free=False),
    Format("Canva", "cnvca", "word", 40, "Canva Connect, client secrets", free=False),
    Format("Scaleway, access key", "SCW", "upper", 17, "Scaleway, API keys", free=False),
    Format("Discord, webhook", "/api/webhooks/", "path", 40, "Discord, Webhook resource"),
    Format("Microsoft Teams, webhook", ".webhook.office.com/webhookb2/ .logic.azure.com", "path", 36, "Microsoft Teams, Create incoming webhooks", rest="[A-Za-z0-9/_@%?&=.-]*+"),
    Format("Zapier, webhook", "hooks.zapier.com/hooks/", "path", 8, "Zapier, Trigger from webhooks", has_run=False),
    Format("IFTTT, webhook", "maker.ifttt.com/trigger/", "path", 30, "IFTTT, Webhooks service"),
    Format("X, bearer token", "AAAAAAAAAAAAAAAAAAAAA", "query", 60, "X Developer Platform, Bearer tokens"),
    Format("Telegram, bot", ":AA", "word", 30, "Telegram Bot API, Authorizing your bot", before="(?<![0-9])[0-9]{8,10}", sample=("123456789", "")),
    Format("Twilio", "SK AC", "hex", 32, "Twilio, API keys", free=False),
    Format("SendGrid", "SG.", "word", 16, "SendGrid, API keys", free=False, rest="[.][A-Za-z0-9_-]{16,}+", sample=("", "." + "aB3dE5gH" * 5)),
    Format("Brevo", "xkeysib- xsmtpsib-", "word", 60, "Brevo, API keys"),
    Format("Mailgun", "key-", "lower", 32, "Mailgun, Authentication", free=False),
    Format("Mailchimp", "-us", "hex", 1, "Mailchimp, Marketing API authentication", free=False, before="[0-9a-f]{32}", rest="(?![A-Za-z0-9])", sample=("0a1b2c3d" * 4, "")),
    Format("Mandrill", "md-", "word", 22, "Mailchimp Transactional, API keys", free=False),
    Format("Resend", "re_", "alnum", 6, "Resend, API keys", free=False, rest="_[A-Za-z0-9]{16,}+", sample=("", "_" + "aB3d" * 6)),
    Format("MessageBird", "live_", "alnum", 25, "MessageBird, API access keys", free=False),
    Format("Intercom", "dG9r", "base64", 40, "Intercom, Authentication", free=False),
    # money
    Format("Stripe", "sk_live_ sk_test_ rk_live_ rk_test_ pk_live_ pk_test_ sk_org_", "alnum_", 10, "Stripe, API keys", key="_live_ _test_ sk_org_"),
    Format("Stripe, webhook", "whsec_", "base64", 18, "Stripe, Webhook signatures"),
    Format("Stripe, client secret", "_secret_", "alnum", 16, "Stripe, PaymentIntents", free=False, before="(?:pi|seti|cs|src|vs)_[A-Za-z0-9_]{10,80}?", sample=("pi_3MtwBwLkdIwHu7ix28a3tqPa", "")),
    Format("Square", "sq0atp- sq0csp- sq0idp- sq0acp- sq0csa-", "word", 20, "Square, Access tokens and other credentials", key="sq0"),
    Format("Meta and Square", "EAAA EAAC EAAD EAAG EAAM EAAB EAAH EAAI EAAJ EAAL", "word", 40, "Meta, Access tokens; gitleaks, square-access-token", key="EAA", free=False),
    Format("PayPal and Braintree", "access_token$production$ access_token$sandbox$", "lower", 8, "Braintree, Access tokens", rest="[$][0-9a-f]{32}+", key="access_token$", sample=("", "$" + "0a1b2c3d" * 4)),
    Format("Plaid", "access-sandbox- access-development- access-production- public-sandbox- public-production-", "uuid", 36, "Plaid, Tokens", key="-production- -sandbox- -development-"),
    Format("Razorpay", "rzp_live_ rzp_test_", "alnum", 14, "Razorpay, API keys", key="rzp_"),
    Format("Midtrans", "Mid-server- Mid-client-", "alnum_", 10, "Midtrans, Authentication"),
    Format("Flutterwave", "FLWSECK- FLWSECK_TEST- FLWPUBK- FLWPUBK_TEST- FLWSECK_TEST", "lower", 12, "Flutterwave, Authentication", rest="(?:-X)?+", key="FLW"),
    Format("Paddle", "pdl_live_ pdl_sdbx_ pdl_ntfset_ apikey_01", "word", 20, "Paddle, API keys", free=False),
    Format("eBay", "PRD- SBX-", "uuid", 32, "eBay Developers Program, Application keysets", free=False),
    Format("EasyPost", "EZAK EZTK", "alnum", 40, "EasyPost, Authentication"),
    Format("Shippo", "shippo_live_ shippo_test_", "hex", 30, "Shippo, Authentication", key="shippo_"),
    Format("Duffel", "duffel_live_ duffel_test_", "word", 30, "Duffel, Making requests", key="duffel_"),
    Format("Adyen", "AQE", "base64", 60, "Adyen, API credentials", free=False, rest=""),
    Format("Shopify", "shpat_ shpca_ shppa_ shpss_ shptka_ shpltm_ shltm_ shpua_ shprt_", "hex", 30, "Shopify, Access tokens"),
    Format("Ramp", "ramp_sec_ ramp_id_ ramp_tok_", "alnum", 30, "TruffleHog, ramp", key="ramp_"),
    Format("Klaviyo", "pk_", "hex", 30, "Klaviyo, API keys", free=False),
    Format("Lob", "live_ test_", "hex", 31, "Lob, API keys", free=False),
    # machines that talk
    Format("OpenAI, Anthropic and compatible", "sk-", "word", 18, "OpenAI, API keys; Anthropic, API keys", free=False),
    Format("Groq", "gsk_", "alnum", 20, "Groq, API keys", free=False),
    Format("xAI", "xai-", "alnum_", 20, "xAI, API keys", free=False),
    Format("Perplexity", "pplx-", "alnum", 20, "Perplexity, API keys"),
    Format("Hugging Face", "hf_ api_org_", "alnum", 20, "Hugging Face, User access tokens", free=False),
    Format("Replicate", "r8_", "word", 30, "Replicate, API tokens", free=False),
    Format("NVIDIA", "nvapi-", "word", 40, "TruffleHog, nvapi"),
    Format("LangSmith", "lsv2_pt_ lsv2_sk_ ls__", "hex", 30, "LangSmith, API keys", rest="(?:_[A-Fa-f0-9]+)?+"),
    Format("Langfuse", "sk-lf- pk-lf-", "uuid", 36, "Langfuse, API keys", key="-lf-"),
    Format("Pinecone", "pcsk_", "alnum_", 40, "Pinecone, API keys"),
    Format("E2B", "e2b_", "hex", 30, "E2B, API key", free=False),
    Format("Fireworks and Together", "fw_ tgp_v1_", "word", 20, "Fireworks, API keys; Together, API keys", free=False),
    Format("Tavily and Firecrawl", "tvly- fc-", "word", 28, "Tavily, API keys; Firecrawl, API keys", free=False),
    Format("ElevenLabs", "sk_", "hex", 40, "TruffleHog, elevenlabs", free=False),
    Format("Jina", "jina_", "word", 30, "Jina, API keys", free=False),
    Format("Voyage", "pa-", "word", 40, "Voyage AI, API keys", free=False),
    # watching
    Format("Grafana", "glsa_ glc_", "word", 20, "Grafana, Service account tokens", key="gl", rest="[A-Za-z0-9_+/=-]*+"),
    Format("Grafana, API key", "eyJrIjoi", "base64", 40, "gitleaks, grafana-api-key"),
    Format("Datadog", "ddp_ ddw_ ddapp_", "alnum", 30, "TruffleHog, datadogtoken", free=False),
    Format("Datadog, client token", "pub", "hex", 32, "Datadog, API and application keys", free=False),
    Format("New Relic", "NRAK- NRII- NRJS- NRIQ- NRBR- NRRA- NRSP-", "word", 18, "New Relic, API keys"),
    Format("New Relic, license", "FFFFNRAL -NRMA", "hex", 0, "New Relic, License key", free=False, before="[a-z0-9]{26,42}", sample=("eu01xx" + "3f" * 10, "")),
    Format("Dynatrace", "dt0c01. dt0s01. dt0s02. dt0s08. dt0s16.", "upper", 20, "Dynatrace, Token format", rest="(?:[.][A-Z0-9]{40,}+)?+", key="dt0"),
    Format("Sentry", "sntrys_ sntryu_ sntrya_ sntryi_", "word", 20, "Sentry, Auth tokens", key="sntry", rest="[A-Za-z0-9_=+/-]*+"),
    Format("PostHog", "phx_ phc_ phs_", "alnum_", 30, "PostHog, Personal API keys", free=False),
    Format("Logfire", "pylf_v", "word", 30, "Logfire, Write tokens"),
    Format("Honeycomb", "hcaik_ hcbik_ hcamk_ hcxik_ hcalk_", "lower", 26, "Honeycomb, API key types", free=False),
    Format("Axiom", "xaat- xapt-", "uuid", 36, "Axiom, API tokens", free=False),
    Format("Statsig", "secret- console-", "alnum", 30, "Statsig, API keys", free=False),
    Format("Mapbox", "sk.eyJ pk.eyJ tk.eyJ", "word", 30, "Mapbox, Access tokens", rest="[.][A-Za-z0-9_-]+", key=".eyJ", sample=("", ".aB3dE5gH7jK9mN1pQ3sT5v")),
    # work
    Format("Airtable", "pat", "alnum", 14, "gitleaks, airtable-personnal-access-token", rest="[.][a-f0-9]{50,}+", free=False, sample=("", "." + "0a1b2c3d" * 8)),
    Format("Apify", "apify_api_ apify_proxy_", "alnum", 30, "TruffleHog, apify", key="apify_"),
    Format("Contentful", "CFPAT-", "word", 30, "Contentful, Personal access tokens"),
    Format("Dropbox", "sl.", "word", 60, "Dropbox, OAuth guide", free=False, rest="[A-Za-z0-9_.-]*+"),
    Format("Sanity", "sk", "alnum", 80, "Sanity, HTTP authentication", free=False),
    Format("Figma", "figd_ figp_ figo_ figor_ figoh_", "word", 30, "Figma REST API, Authentication"),
    Format("Frame.io", "fio-u-", "word", 40, "gitleaks, frameio-api-token"),
    Format("HubSpot", "pat-na1- pat-na2- pat-na3- pat-eu1- pat-ap1-", "uuid", 36, "HubSpot, Private apps", key="pat-"),
    Format("Linear", "lin_api_ lin_oauth_ lin_wh_", "alnum", 20, "Linear, API authentication", key="lin_"),
    Format("Notion", "ntn_ secret_", "alnum", 40, "Notion, Changelog: new token format", free=False),
    Format("Postman", "PMAK- PMAT-", "word", 20, "Postman, API authentication"),
    Format("ReadMe", "rdme_", "lower", 60, "gitleaks, readme-api-token"),
    Format("Typeform", "tfp_", "alnum_", 40, "Typeform, Personal access token"),
    Format("Zoho", "1000.", "hex", 32, "Zoho, Access token", free=False, rest="[.][A-Fa-f0-9]{32}+", sample=("", "." + "0a1b2c3d" * 4)),
    Format("Salesforce", "!", "dotted", 60, "Salesforce, Session ID", free=False, before="00D[A-Za-z0-9]{12,15}", sample=("00D5g000004ABCD", "")),
    Format("Salesforce, consumer key", "3MVG9", "dotted", 70, "TruffleHog, salesforceoauth2"),
    Format("Trello", "ATTA", "hex", 60, "Trello, API introduction", free=False),
    Format("ClickUp", "pk_", "lower", 5, "ClickUp, Personal API token", free=False, rest="_[A-Z0-9]{32}+", sample=("", "_" + "A1B2C3D4" * 4)),
    Format("Adobe", "p8e-", "alnum", 30, "gitleaks, adobe-client-secret", free=False),
    Format("Adafruit", "aio_", "alnum", 28, "Adafruit IO, API authentication", free=False),
    Format("MaxMind", "_mmk", "alnum", 0, "MaxMind, License keys", free=False, before="[A-Za-z0-9]{6}_[A-Za-z0-9]{29}", sample=("aB3dE5_" + "aB3d" * 7 + "x", "")),
    Format("Beamer", "b_", "base64", 44, "gitleaks, beamer-api-token", free=False),
    Format("Wix", "IST.eyJ", "word", 30, "Wix, API keys", rest="[A-Za-z0-9_.-]*+"),
    Format("Intra 42", "s-s4t2ud- s-s4t2af- u-s4t2ud- u-s4t2af-", "hex", 40, "gitleaks, intra42-client-secret", key="-s4t2"),
    Format("SettleMint", "sm_aat_ sm_pat_ sm_sat_", "alnum", 16, "gitleaks, settlemint-personal-access-token", key="sm_"),
    Format("Voiceflow", "VF.", "dotted", 36, "TruffleHog, voiceflow", free=False),
    Format("CoinGecko", "CG-", "alnum", 22, "CoinGecko, Setting up your API key", free=False),
    Format("AWS AppSync", "da2-", "lower", 26, "AWS AppSync API Reference, ApiKey", free=False),
    Format("Open VSX", "ovsxat_", "uuid", 36, "Eclipse Open VSX, server sources: prefix of access tokens"),
    Format("ScrapeGraphAI", "sgai-", "uuid", 36, "ScrapeGraphAI, command line: API key"),
    Format("Keap", "KeapAK-", "hex", 30, "Keap, public code that calls its API"),
    Format("Up", "up:yeah:", "alnum", 40, "Up, issue 1 of its API's repository"),
    Format("Roblox, cookie", "_|WARNING:-DO-NOT-SHARE-THIS.", "word", 18, "noblox.js, cookies of users' reports", rest="[A-Za-z0-9_.|-]*+"),
    Format("Authress", "sc_ ext_ scauth_ authress_", "lower", 5, "gitleaks, authress-service-client-access-key", free=False, rest="[.][a-z0-9]{4,6}[.]acc[_-][a-z0-9-]{10,32}[.][A-Za-z0-9+/_=-]{30,}+", sample=("", ".a1b2.acc-0a1b2c3d4e5f." + "aB3d" * 10)),
)
# fmt: on
