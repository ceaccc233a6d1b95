"""What stands before a secret: words that tell of one, words that do not, and abbreviations."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from codetracer_otel.filters.patterns.lazy_regex import lazy_regex
from codetracer_otel.filters.secrets.known.ordinary_words import ORDINARY_WORDS
from codetracer_otel.filters.secrets.shapes.common_words import common_words
from codetracer_otel.filters.secrets.shapes.randomness import gains

NAME: Final = lazy_regex(
    r"[A-Z]?[a-z]{1,20}[0-9]{0,2}|[a-z]{1,4}[0-9][a-z]{1,4}|[A-Z]{2,10}[0-9]?|[a-z][A-Za-z0-9]{1,4}|[a-z]{2,12}(?:[A-Z][a-z]{1,9}){1,3}"
)

# What makes of a prefix that of a secret, and what is one only with another word before it.
TELLING: Final = frozenset(
    """
    sk rk sec secret secrets pat sat api token tok tkn apikey apitoken live prod production bearer
    auth oauth refresh whsec webhook priv private passwd password pw pwd cred credential access pk
    service svc sdk personal admin bot deploy wh rt at atk srv
    """.split()
)
# Before digests they say as often what was deployed, or who.
_NOT_BEFORE_DIGESTS: Final = frozenset(
    "api service svc srv admin personal bot deploy access production rt at wh".split()
)
_SECRETS: Final = frozenset("sk rk pk pat sat secret token tok apikey".split())
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
    request req trace span session id uuid index chunk public
    """.split()
)
# Identifiers that services show: as random as secrets, and nobody's secret.
IDENTIFIERS: Final = frozenset(
    """
    acc acct asst batch bkt call card cfg ch chat chatcmpl cmpl cmt cnt cs ctr cus dp ep evt file
    gen grp id in inv msg obj org ord pay payout pi plan pm po price prod proj product pvc py re
    ref req resp rs run sbx seti si source src step sts sub svc tax thread tnt toolu tr trx txn txr
    upload usr user vs wf wks
    """.split()
)
# Words that stand before digests, most of them short.
_SHORT_WORDS: Final = frozenset(
    """
    a acl actor adler admin ads ae affiliate agent al alb album ale alley am ami antenna
    apartment ape app ar area argon ark army art ash asset au auction audit award axe b ba badge
    band bank base basil batch bay bd beard bet bf bg bib bid bill bin blade blake blaze blob
    block boa boast body bog boil bonus book bool bow bowl box boy brake brand brass brick brush
    bs bud build bulb bun bury buyer byte bytes bz c cache cafe call camp campaign campus canoe
    car cards carol case cdn ce cell cells cert chain chalk champ chaos chart chat chef chief
    choir church ci cid cigar city civic cl claim class clerk cliff climb clinic clip clock
    cloud cls club cm coach coal coast cob cobra cod code cog coin col color cols comic conf
    conn cop copy cost cot coupon coy craft crc crew cruel crush crust cry crypt css ct cub cue
    curry curve dairy dam data date day db deaf deal debt dec deductible demo dep depth derby
    desc dew dict diet diff dim dims din dip dir dish disk dispute dizzy doc dock docs dodge
    door draft drive drop dub dug dungeon duo dusk duty dwarf dye ea eagle east eb ebs ecs edge
    ee eel efs ego eks el elb elbow elk em email enemy eni enjoy entry env ep epic episode err
    essay et etag ev eve event exam exec exp f face fact false farm fee feed fen fg fi fifty fig
    film fir fleet float flow flu fluid fn foam foe fog foggy font food form fowl fr frame fraud
    from fruit fry fuel func fund fur gag gala gallery game gas gate gel gem genome gi gift gin
    girl git glad glass globe goal god golf good gown grade graph grasp green grid grief groan
    group gs guest gulf gum gut guy gym h hadoop hand hash hawk hay he head heads heap heat helm
    help hem hen hero hex hh hike hip hit hkdf hmac hob hobby hog home horse hospital host hotel
    hour house hr html http https hub hug humid humor hurry hut icon icy idea idx igw ii im
    image img incident index info ingredient init injury ink inn inode input int irony iso issue
    item items itinerary iv ivy jab jail jar jaw jazz jeans jelly jet jewel jig job jog join
    joint joy js json judge jug juice juicy jury kafka kayak kb keg key keys ki kin kind kiosk
    kiss kms knife koala kv lab label lad lady land landlord lane lang lap last law lawsuit lay
    layer lc lead leaf ledger leg lesson level li lib lid life light lilac limit line link lip
    list ln lo load loaf loc local lock lodge log logo loki lot lotus love loyal luck lucky
    luggage luigi lunar lunch lung lv lyric mad made mail main mandate map march mark marsh
    match mb mc meal mean medal media mem menu merchant mercy meta metal meter mi midst
    milestone milk ml mo mod mode model money month mood mop mount mouse movie mp mud muddy mug
    mural museum music mv myth n name nap nasal nat nav nc net new news next nib night nip nlb
    nod node nodes nonce none north note np nr null num nun nurse nut oar oasis oat ob obj ocean
    oct odds offer oh oid oil old ollama onion op opt orb order ore organ out outage ova owl
    owner oxide ozone pack page paint pal pallet panel pansy paper parcel park part parts party
    passenger path paths patient pave paw payout pbkdf pdf pea pedal peer penny perch perfume
    pet pharmacy phase phone photo piano pic pick pilot pinch pip pipe pit pixel pizza pkg pl
    place plan plane plant plate play playlist plot png pod podcast podman poem poet point poll
    pool pop port portfolio post pouch pound power pp pr prescription press presto prev price
    print prism prize proc promo proof props prospect pub pull pulp pulse pun punk pup pupil
    puppy push quay queen query quest queue quiz quote r rack radio rag rain ranch range rank
    rate raw razor rds read realm rec ref referral refs refund reg rel reply repo reservation
    restaurant rib ride rifle rig right rim ring riot rip risky river road roast rob robe robot
    rock role roof room root roots round route row rows rpc rub rug rugby ruin rule rum rumor
    rural rv rw rye s sag salad sale salt sandy sap sauce sauna sc scale scan scarf scene scope
    score scrapy sd sea seat seed seg seize self sentry set sew sf sg shape share shark sheet
    shelf shift ship shipment shirt shop show shrub shy side sig sign silk sir site sixty size
    skate skill skirt sku skull sky slide slot sly smart smell snack snap sns sob sock sod soil
    son song sound south sow soy sp space spec specimen speed sport spot spray sprint sql squad
    stack staff stage star start stat state steel steer stock stone stop store storm story str
    stuff style subn sugar sum sunny super survey sv swamp swim sym sync syrup tab table tag
    tail tails tale tap tar task tax taxi td team temp tenant term terraform test text tf tgw
    than that theme then thief thing this thumb tile time tin tl tmp toast today toe tool tooth
    topic total touch tour tower town toxic toy track trade trail train tree trend trip truck
    true trust try tub tug tulip tumor tuna tuple turn tweak two tx txt ty type ui uid uk uncle
    union unit urban url users util v vague val value vapor var vat vdi vec vehicle vein venue
    ver vet veto vhd video view vinyl viola viral virus visit vllm vm vodka vogue voice vol vote
    voucher vow vpc vt waf wag wagon wall warehouse waste watch water wave wax way web week west
    wet wheel when wield wife wig wiki win wire wish wit with woe wolf woman wood word work
    world wr write x xml xxh yacht yak yam yawn year yes yoga yolk young youth zip zone
    """.split()
)
_LONGEST_ABBREVIATION: Final = 5
# What its letters gain, by their number: three in four of English words gain less.
_LEAST_OF_ABBREVIATION: Final = (0, 0, -99, -99, 20, 17)
_LONGEST_UNSAYABLE: Final = 8
_LONGEST_NAME: Final = 12
_ENDINGS: Final = ("s", "r", "d", "y", "er", "ed", "es", "ly", "ing")
_CONSONANTS: Final = "bcdfghjklmnpqrstvwxz"
_UNSAYABLE: Final = lazy_regex(f"[{_CONSONANTS}]{{3,5}}")
# What no word begins with: two or three consonants that cannot be said.
_ONSET: Final = (
    f"(?!bl|br|c[hlr]|dr|f[flr]|g[hlnr]|kn|p[hlrst]|qu|rh|s[chklmnpqtw]|t[hrtw]|w[hr])[{_CONSONANTS}]{{2}}[a-z]"
    f"|(?!chr|phr|sc[hr]|shr|sp[lr]|str|thr)[{_CONSONANTS}]{{3}}"
)
_CANNOT_BE_SAID: Final = lazy_regex(f"{_ONSET}|[a-z]*[{_CONSONANTS}]{{4}}")
_TELLING_GLUED: Final = frozenset(
    "sk rk pk pat sat tok live test prod sandbox secret token key".split()
)
_SHORT_TELLING: Final = tuple(word for word in _TELLING_GLUED if len(word) == 2)  # noqa: PLR2004
_LONG_TELLING: Final = tuple(_TELLING_GLUED.difference(_SHORT_TELLING))
_LEAST_OF_WORD: Final = 3
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
    return (
        prefix not in _NOT_BEFORE_DIGESTS
        and not (
            words[0] not in TELLING
            and is_word(words[0])
            and not (len(words[0]) == 2 and is_rare(words[0]))  # noqa: PLR2004 - nobody's word
            and all(word in _TELLING_BEHIND for word in words[1:])
        )
    )


def _ends_telling(word: str) -> bool:
    vendor = word.removesuffix(_API)
    if vendor != word and (is_abbreviation(vendor) or (len(vendor) == 2 and is_rare(vendor))):  # noqa: PLR2004
        return True
    return word.endswith(_TELLING_ENDINGS) and word not in _PUBLIC


def is_abbreviation(part: str) -> bool:
    """Return whether only a vendor would call itself that.

    Two to five letters that are no word, or up to eight that cannot be said.
    """
    letters = part.rstrip("0123456789")
    name = letters.lower() if letters.isupper() else letters
    if not is_vendor(name):
        return False
    if len(name) <= _LONGEST_UNSAYABLE and _CANNOT_BE_SAID.match(name) is not None:
        return True
    return (
        len(name) <= _LONGEST_ABBREVIATION and sum(gains(name)) >= _LEAST_OF_ABBREVIATION[len(name)]
    )


def is_rare(part: str) -> bool:
    """Return whether a part is no noun, although programs may use it: `lf`, `AC`."""
    return part.lower() not in _SHORT_WORDS and part.lower() not in IDENTIFIERS


def are_of_vendor(parts: list[str]) -> bool:
    """Return whether a vendor's abbreviation is followed by no more than what it is a key to."""
    first, *more = parts
    return is_abbreviation(first) and all(
        part in TELLING
        or part in _TELLING_BEHIND
        or is_abbreviation(part)
        or _NUMBERED.fullmatch(part) is not None
        for part in more
    )


def is_unsayable(part: str) -> bool:
    """Return whether an abbreviation has no vowel: kinds of identifiers mostly have one."""
    return _UNSAYABLE.fullmatch(part) is not None


def is_vendor(part: str) -> bool:
    """Return whether a part may be a vendor's name: lower-case letters, and no word."""
    return (
        2 <= len(part) <= _LONGEST_NAME  # noqa: PLR2004 - one letter names nobody
        and part.isalpha()
        and part.islower()
        and not (is_word(part) or part in IDENTIFIERS or part in NO_SECRETS)
    )


def tells_of_secret(part: str) -> bool:
    """Return whether a part of a prefix says that a secret follows."""
    return part in TELLING


def names_secret(part: str) -> bool:
    """Return whether a part is what a secret itself is called, not what it is for."""
    return part in _SECRETS


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
        if rest in _TELLING_GLUED and (len(rest) > 2 or sum(gained[end:]) > 0):  # noqa: PLR2004 - `task`
            return end
    found = [
        end
        for end in ends[1 - _LONGEST_GLUED :]
        if sum(gained[end:]) >= _least_gain(name[:end], name[end:])
    ]
    return max(found, key=lambda end: sum(gained[end:]), default=0)


def _least_gain(word: str, rest: str) -> int:
    if not is_word(word):
        return 40
    return 16 if _VOWELS.intersection(rest) else -8


@lru_cache(_MOST_WORDS)
def is_word(part: str) -> bool:
    """Return whether a part is an ordinary word, in lower case."""
    return _is_listed(part) or any(
        _is_listed(part.removesuffix(ending))
        for ending in _ENDINGS
        if part.endswith(ending) and len(part) > len(ending) + 2
    )


def _is_listed(part: str) -> bool:
    return part in _SHORT_WORDS or part in ORDINARY_WORDS or part in common_words()
