"""Tokens of vendors that nobody listed: a prefix, a separator and characters drawn at random."""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

# A stretch of letters and digits that stands behind a prefix; the prefilter asks for the same.
# Digests and UUIDs are hexadecimal, the words of identifiers have no digits among their letters.
STRETCH: Final = (
    r"(?:[_.~$-](?=[A-Za-z0-9]{12})[A-Za-z]*+[0-9]|[.][A-Za-z0-9_-]{6}[.][A-Za-z0-9_-]{27})"
)

# What every token has and no identifier of words: sixteen letters and digits in a row, or seven
# with a capital or a digit among them.
MADE_UP: Final = r"[A-Za-z0-9]{16}|(?<![A-Za-z0-9])(?=[A-Za-z0-9]{7})[a-z]*+[A-Z0-9]"

_RUN: Final = re.compile(
    r"(?:(?<=\\)[nrt]|(?<=%)[0-9A-Fa-f]{2}|(?<=\[[0-9]{2})m)?([A-Za-z0-9_-]{18,})"
)
_GOES_ON: Final = re.compile(r"(?:[.~+/_-]+(?=[A-Za-z0-9_-]*[0-9])[A-Za-z0-9_-]{12,})*+=*+")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PART: Final = re.compile(r"[A-Za-z0-9]+")
# Discord's bots: the number of the account in base64, the time, and a code over both.
_OF_BOT: Final = re.compile(
    r"(?<![A-Za-z0-9_.-])([MNO][A-Za-z0-9]{21,26}={0,2})[.][A-Za-z0-9_-]{6}[.][A-Za-z0-9_-]{27,}+"
)
_DOTTED: Final = re.compile(r"(?<![\w./\\-])([a-z]{2,5})[.]([0-9a-f]{40,}+)(?![\w-]|[.][A-Za-z])")
_FILE_ENDING: Final = re.compile(r"[.][A-Za-z]")
_NAME: Final = re.compile(r"[a-z]{1,12}[0-9]{0,2}|[A-Z]{2,10}[0-9]?|[a-z][A-Za-z0-9]{1,4}")

# What makes of a prefix that of a secret, and what is one only with another word before it.
_TELLING: Final = frozenset(
    """
    sk rk sec secret secrets pat sat token tok tkn apikey apitoken live prod production bearer auth
    oauth refresh whsec webhook priv private passwd password pw pwd cred credential access pk
    service svc sdk personal admin bot deploy wh rt at atk srv
    """.split()
)
# Before digests they say as often what was deployed, or who.
_NOT_BEFORE_DIGESTS: Final = frozenset(
    "service svc srv admin personal bot deploy access production rt at wh".split()
)
_TELLING_ENDINGS: Final = ("key", "secret", "token")  # behind the vendor's name
_PUBLIC: Final = ("key", "pubkey", "publickey", "hotkey")
_TELLING_BEHIND: Final = frozenset(
    """
    test dev development sandbox stage staging key api client app user ci
    """.split()
)
_NO_SECRETS: Final = frozenset(
    """
    sha md5 sha1 sha256 sha384 sha512 sri blake2b commit rev etag digest hash checksum crc
    request req trace span session id uuid index chunk public
    """.split()
)
# Identifiers that services show: as random as secrets, and nobody's secret.
_IDENTIFIERS: Final = frozenset(
    """
    acct asst batch call card ch chat chatcmpl cmpl cs cus dp ep evt file gen id in inv msg obj
    org ord pay payout pi plan pm po price prod proj product py re ref req resp rs run seti si
    source src step sub tax thread toolu tr txn txr upload usr user vs wf
    """.split()
)
# Words before digests, of at most `_LONGEST_ABBREVIATION` letters; vendors abbreviate their names.
_BEFORE_DIGESTS: Final = frozenset(
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
    """.split()
)
_LONGEST_ABBREVIATION: Final = 5
_MAX_PREFIX: Final = 4  # parts
_LEAST: Final = 30  # characters, where the prefix tells nothing: usual identifiers are shorter
_LEAST_OF_BOTH_CASES: Final = 22
_LEAST_OF_ABBREVIATION: Final = 20
_LEAST_OF_DIGEST: Final = 32
_LENGTHS_OF_DIGESTS: Final = (32, 40, 56, 64, 128)  # identifiers of OpenAI's have 48 and 50
_DIGITS_OF_DIGEST: Final = 9  # different ones; of what is drawn at random hardly any has fewer


class _Mix(NamedTuple):
    """What a stretch of letters and digits is made of."""

    length: int
    digits: int
    upper: int
    lower: int
    changes: int  # from one of the three to another
    is_hex: bool


def looks_made_up(text: str) -> bool:
    """Return whether a part of a text is letters and digits mixed as no words are."""
    return any(_is_mixed(part[0]) for part in _PART.finditer(text))


def _is_mixed(part: str) -> bool:
    if len(part) < 7:  # noqa: PLR2004 - shorter words have digits and humps by chance
        return False
    has_digit = any(char.isdigit() for char in part)
    uppers = sum(char.isupper() for char in part)
    has_letter = not part.isdigit()
    return (has_digit and has_letter) or (uppers > 1 and not part.isupper())


def find_opaque(text: str) -> Iterator[tuple[int, int]]:
    """Yield tokens by how they are built."""
    position = 0
    while (run := _RUN.search(text, position)) is not None:
        position = run.end()
        if _is_token(run[1]) or (
            _is_digest_of_vendor(run[1]) and not _is_file(text, run.start(1), position)
        ):
            rest = _GOES_ON.match(text, position)
            position = rest.end() if rest else position
            yield run.start(1), position
    yield from _tokens_of_bots(text)
    for dotted in _DOTTED.finditer(text):
        if _is_abbreviation(dotted[1]) and len(set(dotted[2])) >= _DIGITS_OF_DIGEST:
            yield dotted.span()


def _tokens_of_bots(text: str) -> Iterator[tuple[int, int]]:
    for match in _OF_BOT.finditer(text):
        number = match[1].rstrip("=")
        with contextlib.suppress(binascii.Error):
            if base64.b64decode(number + "=" * (-len(number) % 4)).isdigit():
                yield match.span()


def _is_digest_of_vendor(run: str) -> bool:
    """Return whether hexadecimal digits stand behind what only a vendor would call itself."""
    *prefix, last = run.replace("_", "-").split("-")
    if prefix and len(last) < _LEAST_OF_DIGEST and len(prefix[-1]) >= _LEAST_OF_DIGEST:
        last = prefix.pop()  # a checksum ends it
    return (
        bool(prefix)
        and all(map(_is_abbreviation, prefix))
        and len(last) in _LENGTHS_OF_DIGESTS
        and len(set(last)) >= _DIGITS_OF_DIGEST
        and _is_hex(last)
    )


def _is_abbreviation(part: str) -> bool:
    return (
        2 <= len(part) <= _LONGEST_ABBREVIATION  # noqa: PLR2004 - one letter names nobody
        and part.isalpha()
        and part.islower()
        and not (part in _BEFORE_DIGESTS or part in _IDENTIFIERS or part in _NO_SECRETS)
    )


def _is_file(text: str, start: int, end: int) -> bool:
    return text[start - 1 : start] in ("/", "\\") or _FILE_ENDING.match(text, end) is not None


def _is_token(run: str) -> bool:
    parts = run.replace("_", "-").split("-")
    if len(parts) < 2 or not _NAME.fullmatch(parts[0]) or parts[0].lower() in _NO_SECRETS:  # noqa: PLR2004 - a prefix and more
        return False
    telling = _telling_parts(parts)
    if telling:
        body = run[sum(map(len, parts[:telling])) + telling :]
        return _is_random_behind_telling(body, "-".join(parts[:telling]))
    return _is_random_behind_anything(run[len(parts[0]) + 1 :], parts[0])


def _telling_parts(parts: list[str]) -> int:
    """Return how many parts belong to a prefix that tells of a secret, or 0."""
    words = [part.lower().rstrip("0123456789") for part in parts[:_MAX_PREFIX]]
    found = 0
    for index, word in enumerate(words[: len(parts) - 1]):
        telling = word in _TELLING or _ends_telling(word)
        if telling or (index and word in _TELLING_BEHIND):
            found = index + 1
        elif not _NAME.fullmatch(parts[index]):
            break
    return found


def _ends_telling(word: str) -> bool:
    return word.endswith(_TELLING_ENDINGS) and word not in _PUBLIC


def _is_random_behind_telling(body: str, prefix: str) -> bool:
    if _UUID.fullmatch(body):
        return True
    mix = _mix(_longest(body))
    if mix.is_hex:
        return mix.length >= _LEAST_OF_DIGEST and prefix not in _NOT_BEFORE_DIGESTS
    total = len(body) - body.count("-") - body.count("_")
    if total >= 16 and mix.length >= 10 and _is_random(mix):  # noqa: PLR2004 - 80 bits
        return True
    return _is_random_in_parts(body, mix.length)


def _is_random_behind_anything(body: str, prefix: str) -> bool:
    mix = _mix(_longest(body))
    total = len(body) - body.count("-") - body.count("_")
    both_cases = mix.upper > 1 and mix.lower > 1 and prefix not in _IDENTIFIERS
    least = _LEAST_OF_BOTH_CASES if both_cases else _LEAST
    if _is_abbreviation(prefix):
        if _is_random_in_parts(body, mix.length):
            return True
        least = _LEAST_OF_ABBREVIATION if both_cases else least
    return total >= least and mix.length >= 12 and not mix.is_hex and _is_random(mix)  # noqa: PLR2004 - 60 bits in a row


def _is_random_in_parts(body: str, longest: int) -> bool:
    """Return whether dashes and underscores are among characters drawn at random."""
    mix = _mix(body.replace("-", "").replace("_", ""))
    is_long = mix.length >= _LEAST_OF_ABBREVIATION and longest >= 6  # noqa: PLR2004 - of 20 characters with three dashes
    return is_long and min(mix.upper, mix.lower, mix.digits) > 1 and mix.changes * 2 >= mix.length


def _longest(body: str) -> str:
    return max(_PART.findall(body), key=len, default="")


def _is_random(mix: _Mix) -> bool:
    """Return whether letters and digits change as often as in what is drawn at random."""
    cases = (mix.upper > 0) + (mix.lower > 0)
    if not mix.digits or not cases or mix.digits * 5 > mix.length * 4:
        return False
    return mix.changes * 100 >= mix.length * (36 if cases > 1 else 20)


def _mix(part: str) -> _Mix:
    kinds = ["d" if c.isdigit() else "u" if c.isupper() else "l" for c in part]
    changes = sum(a != b for a, b in pairwise(kinds))
    is_hex = _is_hex(part)
    digits, upper = kinds.count("d"), kinds.count("u")
    return _Mix(len(part), digits, upper, len(part) - digits - upper, changes, is_hex)


def _is_hex(part: str) -> bool:
    return not part.strip("0123456789abcdef") or not part.strip("0123456789ABCDEF")
