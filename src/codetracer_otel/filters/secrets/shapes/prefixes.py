"""What stands before a secret: words that tell of one, words that do not, and abbreviations."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from codetracer_otel.filters.patterns.lazy_regex import lazy_regex
from codetracer_otel.filters.secrets.known.ordinary_words import ORDINARY_WORDS
from codetracer_otel.filters.secrets.shapes.common_words import common_words
from codetracer_otel.filters.secrets.shapes.randomness import gains

if TYPE_CHECKING:
    from collections.abc import Callable

NAME: Final = lazy_regex(
    r"[A-Z]?[a-z]{1,20}[0-9]{0,2}|[a-z]{1,4}[0-9][a-z]{1,4}|[A-Z]{2,10}[0-9]?|[a-z][A-Za-z0-9]{1,4}|[a-z]{2,12}(?:[A-Z][a-z]{1,9}){1,3}"
)

# What makes of a prefix that of a secret, and what is one only with another word before it.
TELLING: Final = frozenset(
    """
    sk rk sec secret secrets pat sat api token tok tkn apikey apitoken live prod production bearer
    auth authcode oauth refresh whsec webhook priv private passwd password pw pwd cred credential
    access pk service svc sdk personal admin bot deploy wh rt at atk srv
    """.split()
)
# Before digests they say as often what was deployed, or who.
_NOT_BEFORE_DIGESTS: Final = frozenset(
    "api service svc srv admin personal bot deploy access production rt at wh".split()
)
# Beside them a word is a vendor's, though programs have it.
_SAY_SECRET: Final = frozenset("apikey api tok token secret auth".split())
_SECRETS: Final = frozenset("sk rk pk pat sat secret token tok apikey".split())
_SURE_SECRETS: Final = frozenset(
    "sk rk pat apikey".split()
)  # of what else is called so, most is shown
_TELLING_ENDINGS: Final = ("key", "secret", "token")  # behind the vendor's name
_API: Final = "api"  # behind the vendor's abbreviation
_PUBLIC: Final = ("key", "pubkey", "publickey", "hotkey")
_TELLING_BEHIND: Final = frozenset(
    """
    test dev development sandbox stage staging key api client app user ci server mobile usr
    """.split()
)
NO_SECRETS: Final = frozenset(
    """
    sha md5 sha1 sha256 sha384 sha512 sri blake2b commit rev etag digest hash checksum crc
    request req trace span id uuid index chunk public
    """.split()
)
# Identifiers that services show: as random as secrets, and nobody's secret.
IDENTIFIERS: Final = frozenset(
    """
    acc acct asst batch bkt call card cfg ch chat chatcmpl cmpl cmt cnt cs ctr cus dp ep evt file
    gen grp id in inv msg obj org ord pay payout pi plan pm po price prod proj product pvc py re
    ref req resp rs run sbx session seti si source src step sts sub svc tax thread tnt toolu tr trx
    txn txr upload usr user vs wf wks
    """.split()
)
# Services, and `hook`: no words of programs, although programs have them.
VENDORS: Final = frozenset(
    """
    acme airtable apify asana axiom clerk clickup convex deno fauna figma fly groq heroku hook jira
    kinde lin loom neon netlify ngrok notion okta plaid pulumi ramp render sentry shopify slack
    snyk stripe stytch supabase trello turso twilio vercel zapier
    """.split()
)
# Words that stand before digests, most of them short.
_SHORT_WORDS: Final = frozenset(
    """
    a acl actor adler admin agent alb album ami app area argon art asset audit award b badge
    band bank base batch bay bill bin blake blob block body bonus book bool box brand brick
    build buyer byte bytes c cache cafe call camp car cards case cell cells cert chain chart
    chat cid city claim class clip clock cloud cls club coach code coin col color cols comic
    conf conn copy cost craft crc crew crypt css curve data date day db deal dec demo dep depth
    desc dict diff dim dims dir dish disk doc dock docs door draft drive drop east edge elb
    email eni entry env err essay etag event exam exec exp f face fact false farm fee feed fig
    film fleet float flow fn font food form frame from fruit fuel func fund game gate gift git
    glass goal good grade graph green grid group guest h hand hash head heads heap heat help
    hero hex hit hkdf hmac home horse host hotel hour house html http https hub icon idea idx
    igw image img index info init inode input int iso issue item items iv jar job join joint js
    json judge key keys kind kv lab label land lane lang last law layer lead leaf leg level lib
    life light limit line link list load loc local lock log logo lot love lunch lyric made mail
    main map march mark match meal mean media mem menu meta metal meter mod mode model money
    month mount mouse movie music myth n name nat nav net new news next night nlb node nodes
    nonce none north note null num nurse obj ocean oct odds offer oid old onion op opt order out
    ova owner pack page paint panel paper park part parts party path paths pbkdf pdf peer pet
    phase phone photo piano pic pick pilot pip pipe pixel pizza pkg place plan plane plant plate
    play plot png pod poem point poll pool pop port post pound power press prev price print
    prize proc promo proof props pub pull push queen query quest queue quiz quote r rack radio
    rain range rank rate raw read realm rec ref refs reg rel reply repo ride right ring river
    road robot rock role room root roots round route row rows rpc rule s salad sale salt scale
    scan scene scope score sea seat seed seg self set sg shape share sheet shelf shift ship
    shirt shop show side sig sign site size skill sku sky slide slot smart snack snap sock song
    sound south space spec speed sport spot sql squad stack staff stage star start stat state
    steel stock stone stop store storm story str stuff style subn sugar sum super sym sync tab
    table tag tail tails tale tar task tax taxi team temp term test text tgw than that theme
    then thing this thumb tile time tmp toast today tool tooth topic total touch tour tower town
    toxic track trade trail train tree trend trip truck true trust try tuple turn tweak two tx
    txt type uid uncle union unit url users util v val value var vdi vec venue ver vhd video
    view visit vm voice vol vote vpc wall waste watch water wave way web week west wheel when
    wiki win wire wish with woman wood word work world write x xml xxh yacht year yes young
    youth zip zone
    a11y b2b e2e i18n k8s l10n p2p
    """.split()
)
# Those that stand there where nothing tells of a secret.
_NOUNS: Final = frozenset(
    """
    ads ae affiliate al ale alley am antenna apartment ape ar ark army ash au auction axe ba
    basil bd beard bet bf bg bib bid blade blaze boa boast bog boil bow bowl boy brake brass
    brush bs bud bulb bun bury bz campaign campus canoe carol cdn ce chalk champ chaos chef
    chief choir church ci cigar civic cl cliff climb clinic cm coal coast cob cobra cod cog cop
    cot coupon coy cruel crush crust cry ct cub cue curry dairy dam deaf debt deductible derby
    dew diet din dip dispute dizzy dodge dub dug dungeon duo dusk duty dwarf dye ea eagle eb ebs
    ecs ee eel efs ego eks el elbow elk em enemy enjoy ep epic episode et ev eve fen fg fi fifty
    fir flu fluid foam foe fog foggy fowl fr fraud fry fur gag gala gallery gas gel gem genome
    gi gin girl glad globe god golf gown grasp grief groan gs gulf gum gut guy gym hadoop hawk
    hay he helm hem hen hh hike hip hob hobby hog hospital hr hug humid humor hurry hut icy ii
    im incident ingredient injury ink inn irony itinerary ivy jab jail jaw jazz jeans jelly jet
    jewel jig jog joy jug juice juicy jury kafka kayak kb keg ki kin kiosk kiss kms knife koala
    lad lady landlord lap lawsuit lay lc ledger lesson li lid lilac lip ln lo loaf lodge loki
    lotus loyal luck lucky luggage luigi lunar lung lv mad mandate marsh mb mc medal merchant
    mercy mi midst milestone milk ml mo mood mop mp mud muddy mug mural museum mv nap nasal nc
    nib nip nod np nr nun nut oar oasis oat ob oh oil ollama orb ore organ outage owl oxide
    ozone pal pallet pansy parcel passenger patient pave paw payout pea pedal penny perch
    perfume pharmacy pinch pit pl playlist podcast podman poet portfolio pouch pp pr
    prescription presto prism prospect pulp pulse pun punk pup pupil puppy quay rag ranch razor
    rds referral refund reservation restaurant rib rifle rig rim riot rip risky roast rob robe
    roof rub rug rugby ruin rum rumor rural rv rw rye sag sandy sap sauce sauna sc scarf scrapy
    sd seize sew sf shark shipment shrub shy silk sir sixty skate skirt skull sly smell sns sob
    sod soil son sow soy sp specimen spray sprint steer sunny survey sv swamp swim syrup tap td
    tenant terraform tf thief tin tl toe toy tub tug tulip tumor tuna ty ui uk urban vague vapor
    vat vehicle vein vet veto vinyl viola viral virus vllm vodka vogue voucher vow vt waf wag
    wagon warehouse wax wet wield wife wig wit woe wolf wr yak yam yawn yoga yolk
    """.split()
)
# Those of systems, protocols and languages other than Python, which `common_words` does not have.
_TECHNICAL: Final = frozenset(
    """
    aof apk apparmor arena arp artisan asan authorized autoconf autoload automake avro axioms bi
    bn bounce bpf bpm calloc carbon cassandra caveat cbor cdi cgroup cgroups changelog cjs cmac
    cmake cni consul cpio cri crossover csp csr csrf dbus degrade dhcp dnf doh drbg druid dsl
    dtor ebpf ech eloquent erb errorf esbuild eslint esm evp facade firmware fk flatpak flink
    foreach fprintf fps fsck futex gatsby gauge gnutls gradle gssapi hamcrest hbase hdd hive hmr
    hsm hsts hugo icmp ifndef infof inhibit instanceof irb jaas jackson javax jdk jekyll jest
    jmh jmx journald jre jsx kdf kerberos kpi kprobe krb laravel ld lease lemmas leveldb libgcc
    libressl libtool lld lldb lz mariadb maven mbedtls memcached memcmp memcpy minify mjs mocha
    mockito monochrome mpsc mqtt msan mt mtx nghttp ngtcp ninja npm nptl nss ntlm nvme ocsp oidc
    oneof openjdk paxos pci pdo pg pki playground pnpm println prng provenance psr quic quorum
    raft raid rails rake rarp rbac rdb realloc reflexive replica replicas replication revoke ri
    risc rm ro rocksdb rollup rom rspec rtsp rustls rwlock rx saml sasl sbt scp scram scss
    seccomp selinux sensor serde sftp shard sinatra sine sla slab slo slug smb sockfd spark
    sphere spinlock sprintf ssd sso standby stdint sti strchr strcmp strlen strncpy subsidiary
    symfony synopsis sz taxonomy technologies tftp thrift throttle throwable timeline timeval
    tombstone topology tpm transit tsan tsx tunable turbo tv ubsan udev uintptr ul umd unistd
    uprobe urgent valgrind vite vitest vue watermark webpack wolfssl xhr xss yarn zookeeper zu
    """.split()
)
# Letters that stand for no product: small words, units, commands, parts of systems and what files
# are called by their contents, of which programs take digests.
_NO_INITIALS: Final = frozenset(
    """
    apk ast bmp cfg css csv dll dst elf exe gif ico iso jar jpeg jpg mov mpeg ogg pem pkl png psd
    rar src svg tar tiff toml ttf wav webp whl xls xlsx xsd yaml yml zip
    aa an as be by ci cp dd de do ef en eq et ex fd ff fs gb gi go gs gt hi if io ip is it kb ld le
    ln ls mb md me mm ms my na nd ne no ns nt of ok on or os pc pg ps rb rd rm so ss st tb th tm to
    tt tv ui un up us ve vt we xx
    """.split()
)
# Kinds of identifiers and systems: no vendors where as many digits as SHA-256 has follow.
_BEFORE_LONG_DIGESTS: Final = frozenset(
    """
    argo cart ceph cilium corr corrid cust docid fulfil invc jaeger kube mimir minio
    nomad otel podid reqid rook stripe tekton vect velero veth zipkin
    """.split()
)
_LONGEST_ABBREVIATION: Final = 5
# What its letters gain, by their number: three in four of English words gain less.
_LEAST_OF_ABBREVIATION: Final = (0, 0, -99, -99, 20, 17)
# The same of a name of up to twelve letters: one in two of vendors' gains as much, and one in 30 of
# the words that programs in C, Go, Java, PHP and TypeScript have and ours in Python have not. No
# more letters than vendors' names mostly have need not gain so much before 64 digits.
_LEAST_OF_NAME: Final = -10
_LONGEST_LIKE_WORDS: Final = 7
_LONGEST_UNSAYABLE: Final = 8
_LONGEST_NAME: Final = 12
_ENDINGS: Final = ("s", "r", "d", "y", "er", "ed", "es", "ly", "ing")
_CONSONANTS: Final = "bcdfghjklmnpqrstvwxz"
# A digit within letters, which are not hexadecimal digits as well: what no word is but a few
# (`p2p`), and vendors call themselves.
_MIXED: Final = lazy_regex("(?![0-9a-f]+$)[a-z]{1,4}[0-9][a-z]{1,4}")
_UNSAYABLE: Final = lazy_regex(f"[{_CONSONANTS}]{{3,5}}")
# What no word begins with: two or three consonants that cannot be said.
_ONSET: Final = (
    f"(?!bl|br|c[hlr]|dr|f[flr]|g[hlnr]|kn|p[hlrst]|qu|rh|s[chklmnpqtw]|t[hrtw]|w[hr])[{_CONSONANTS}]{{2}}[a-z]"
    f"|(?!chr|phr|sc[hr]|shr|sp[lr]|str|thr)[{_CONSONANTS}]{{3}}"
)
_CANNOT_BE_SAID: Final = lazy_regex(f"{_ONSET}|[a-z]*[{_CONSONANTS}]{{4}}")
_TELLING_GLUED: Final = frozenset(
    "sk rk pk pat sat tok live test prod sandbox secret token key oauth".split()
)
_GLUED: Final = _TELLING_GLUED.union(("api", "priv"))
_SHORT_TELLING: Final = tuple(word for word in _TELLING_GLUED if len(word) == 2)  # noqa: PLR2004
_LONG_TELLING: Final = tuple(_TELLING_GLUED.difference(_SHORT_TELLING))
_LEAST_OF_WORD: Final = 3
_LEAST_OF_GLUED_WORD: Final = 4
_LEAST_OF_LONG_WORD: Final = 5  # an abbreviation behind it, however it is spelled, is no ending
_LONGEST_GLUED: Final = 5
_VOWELS: Final = frozenset("aeiouy")
_NUMBERED: Final = lazy_regex("[A-Za-z]?[0-9]+|(?=[A-Z]*[0-9])[A-Z0-9]{8,}|[0-9a-f]{20,}")
_MAX_PREFIX: Final = 4  # parts
_MOST_WORDS: Final = 2_048  # that are remembered: programs use few


def telling_parts(parts: list[str]) -> int:
    """Return how many parts belong to a prefix that tells of a secret, or 0."""
    words = [part.lower().rstrip("0123456789") for part in parts[:_MAX_PREFIX]]
    found = 0
    for index, word in enumerate(words[: len(parts) - 1]):
        telling = word in TELLING or _ends_telling(word)
        if telling or (index and word in _TELLING_BEHIND):
            found = index + 1
        elif parts[index] and not NAME.fullmatch(parts[index]):
            break
    return found


def tells_before_digest(prefix: str) -> bool:
    """Return whether a telling prefix is one of a secret even before hexadecimal digits."""
    words = prefix.lower().split("-")
    return prefix not in _NOT_BEFORE_DIGESTS and not (
        words[0] not in TELLING
        and (is_ordinary if _API in words else is_word)(words[0])
        and not is_rare_pair(words[0])
        and all(word in _TELLING_BEHIND for word in words[1:])
    )


def _ends_telling(word: str) -> bool:
    vendor = word.removesuffix(_API)
    if vendor != word and (is_abbreviation(vendor) or is_rare_pair(vendor)):
        return True
    return word.endswith(_TELLING_ENDINGS) and word not in _PUBLIC


def is_abbreviation(part: str) -> bool:
    """Return whether only a vendor would call itself that.

    Two to five letters that are no word, or up to eight that cannot be said.
    """
    name = _name_of(part)
    if not is_vendor(name):
        return False
    if len(name) <= _LONGEST_UNSAYABLE and _CANNOT_BE_SAID.match(name) is not None:
        return True
    return len(name) <= _LONGEST_ABBREVIATION and (
        name in VENDORS or sum(gains(name)) >= _LEAST_OF_ABBREVIATION[len(name)]
    )


def may_be_abbreviation(part: str) -> bool:
    """Return whether a vendor may call itself that beside what tells of a secret.

    There words of programs are as often a vendor's: `td`, `clerk`.
    """
    name = _name_of(part)
    return is_abbreviation(part) or (
        len(name) <= _LONGEST_ABBREVIATION and _is_name(name) and not is_ordinary(name)
    )


def may_name_vendor(part: str) -> bool:
    """Return whether a part is no word, and not spelled as one where it is long."""
    name = _long_name_of(part)
    return (
        name not in _BEFORE_LONG_DIGESTS
        and (name in VENDORS or is_vendor(name))
        and (len(name) <= _LONGEST_LIKE_WORDS or not is_spelled_as_english(name))
    )


def is_spelled_as_english(part: str) -> bool:
    """Return whether a part, maybe in no list, is spelled as a word is; no vendor in `VENDORS`."""
    name = _long_name_of(part)
    return name not in VENDORS and sum(gains(name)) < _LEAST_OF_NAME


def may_be_initials(part: str) -> bool:
    """Return whether a part is two to four letters that may stand for a product.

    Programs have them, but before as many digits as keys have they seldom stand for anything else:
    `af_`, `shms_`.
    """
    name = _name_of(part)
    return 2 <= len(name) <= 4 and name not in _NO_INITIALS and may_name_key(part)  # noqa: PLR2004 - a pair, or twice as many


def may_name_key(part: str) -> bool:
    """Return whether a part is no ordinary word and no kind of identifier: enough before a key."""
    name = _long_name_of(part)
    return _is_name(name) and not (name in _BEFORE_LONG_DIGESTS or is_ordinary(name))


def may_be_vendor(part: str) -> bool:
    """Return whether a part is no word, in small letters, capitals or with a capital first."""
    return is_vendor(_long_name_of(part))


def _name_of(part: str) -> str:
    letters = part.rstrip("0123456789")
    return letters.lower() if letters.isupper() else letters


def _long_name_of(part: str) -> str:
    """Return a name also where a word with a capital is glued to it: `Regionbos`."""
    is_long = len(part) > _LONGEST_ABBREVIATION
    return part.lower() if is_long and part.istitle() else _name_of(part)


def is_rare(part: str) -> bool:
    """Return whether a part is no noun, although programs may use it: `lf`, `AC`."""
    return not any(part.lower() in words for words in (_SHORT_WORDS, _NOUNS, IDENTIFIERS))


def is_rare_pair(part: str) -> bool:
    """Return whether a part is two letters that are no noun: a vendor's rather than anybody's."""
    return len(part) == 2 and is_rare(part)  # noqa: PLR2004 - a pair


def are_of_vendor(parts: list[str], *, beside_secret: bool = False) -> bool:
    """Return whether a vendor's abbreviation is followed by no more than what it is a key to.

    Args:
        parts: what stands before something drawn at random.
        beside_secret: whether one of them, or one before, says that a secret follows.
    """
    first, *more = parts
    is_one = may_be_abbreviation if beside_secret else is_abbreviation
    return is_one(first) and all(
        part in TELLING
        or part in _TELLING_BEHIND
        or is_one(part)
        or _NUMBERED.fullmatch(part) is not None
        for part in more
    )


def is_unsayable(part: str) -> bool:
    """Return whether an abbreviation has no vowel: kinds of identifiers mostly have one."""
    return _UNSAYABLE.fullmatch(part) is not None


def is_vendor(part: str) -> bool:
    """Return whether a part may be a vendor's name: lower-case letters, and no word."""
    return _is_name(part) and not is_word(part)


def _is_name(part: str) -> bool:
    return (
        2 <= len(part) <= _LONGEST_NAME  # noqa: PLR2004 - one letter names nobody
        and part.islower()
        and (part.isalpha() or _MIXED.fullmatch(part) is not None)
        and not (part in IDENTIFIERS or part in NO_SECRETS)
    )


def says_secret(parts: list[str]) -> bool:
    """Return whether one of the parts says that a secret follows, though a digest may."""
    return not _SAY_SECRET.isdisjoint(map(str.lower, parts))


def tells_of_secret(part: str) -> bool:
    """Return whether a part of a prefix says that a secret follows."""
    return part in TELLING


def names_secret(part: str) -> bool:
    """Return whether a part is what a secret itself is called, not what it is for."""
    return part in _SECRETS


def is_surely_secret(part: str) -> bool:
    """Return whether a part is what vendors call secrets, and hardly anybody anything else."""
    return part.lower() in _SURE_SECRETS


def ends_in_telling(part: str) -> bool:
    """Return whether a part ends in what tells of a secret, also glued to a word: `itemlive`."""
    # `network` and `desk` end in two letters that tell of one elsewhere.
    return part.endswith(_LONG_TELLING) or (part.endswith(_SHORT_TELLING) and not is_word(part))


@lru_cache(_MOST_WORDS)
def glued_prefix(letters: str) -> int:
    """Return where a token's prefix that is glued to a word begins, or 0.

    The letters of a prefix do not follow from those of the word.
    """
    name = letters.lower()
    if is_word(name) or name in IDENTIFIERS or name in NO_SECRETS:
        return 0
    gained = gains(name)
    ends = range(_LEAST_OF_WORD, len(name) - 1)
    for end in ends:
        rest = name[end:]
        if rest in _GLUED and (len(rest) > 2 or sum(gained[end:]) > 0):  # noqa: PLR2004 - `task`
            return end
    found = [
        end
        for end in ends[1 - _LONGEST_GLUED :]
        if sum(gained[end:]) >= _least_gain(name[:end], name[end:])
        or (end >= _LEAST_OF_LONG_WORD and is_ordinary(name[:end]) and is_abbreviation(name[end:]))
    ]
    return max(found, key=lambda end: sum(gained[end:]), default=0)


@lru_cache(_MOST_WORDS)
def behind_ordinary_words(letters: str) -> tuple[str, ...]:
    """Return what follows the ordinary words that a name, itself no word, may begin with."""
    name = letters.lower()
    if is_word(name):
        return ()
    ends = range(_LEAST_OF_GLUED_WORD, len(name) - 1)
    return tuple(letters[end:] for end in ends if is_ordinary(name[:end]))


def _least_gain(word: str, rest: str) -> int:
    if not is_word(word):
        return 40
    return 16 if _VOWELS.intersection(rest) else -8


@lru_cache(_MOST_WORDS)
def is_word(part: str) -> bool:
    """Return whether a part is a word that programs or people use, in lower case."""
    return is_ordinary(part) or (part not in VENDORS and _is_form_of(part, _is_common))


@lru_cache(_MOST_WORDS)
def is_ordinary(part: str) -> bool:
    """Return whether a part is an ordinary word, in lower case, whatever stands beside it."""
    return _is_form_of(part, _SHORT_WORDS.__contains__) or part in ORDINARY_WORDS


def _is_form_of(part: str, is_listed: Callable[[str], bool]) -> bool:
    return is_listed(part) or any(
        is_listed(part.removesuffix(ending))
        for ending in _ENDINGS
        if part.endswith(ending) and len(part) > len(ending) + 2
    )


def _is_common(part: str) -> bool:
    return (
        part in _SHORT_WORDS
        or part in _NOUNS
        or part in _TECHNICAL
        or part in ORDINARY_WORDS
        or part in common_words()
    )
