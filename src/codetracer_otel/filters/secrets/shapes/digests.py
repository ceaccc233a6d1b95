"""Tokens in hexadecimal digits and UUIDs, which alone are no secrets: what stands before tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.filters.patterns.lazy_regex import lazy_regex
from codetracer_otel.filters.secrets.encodings import (
    BEGINS_RUN,
    BEHIND_ESCAPE,
    OF_ESCAPE,
    behind_doubtful_escape,
    behind_escape,
)
from codetracer_otel.filters.secrets.shapes.prefixes import (
    NAME,
    NO_SECRETS,
    are_of_vendor,
    behind_ordinary_words,
    glued_prefix,
    is_abbreviation,
    is_rare,
    is_rare_pair,
    is_spelled_as_english,
    is_surely_secret,
    is_unsayable,
    is_vendor,
    is_word,
    may_be_abbreviation,
    may_be_initials,
    may_name_key,
    may_name_vendor,
    names_secret,
    says_secret,
    telling_parts,
    tells_before_digest,
    tells_of_secret,
)
from codetracer_otel.filters.secrets.shapes.randomness import (
    FEWEST_DIFFERENT,
    drawn_parts,
    gains,
    is_hex,
    without_digests,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_UUID: Final = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_BEFORE: Final = rf"(?:{OF_ESCAPE}|(?<![A-Za-z0-9/.@\\%])|(?<=[a-z]{{3}}/)){BEGINS_RUN}"
_RUN: Final = lazy_regex("[A-Za-z0-9_-]{18,}")
_BEGINS_WITH_UUID: Final = lazy_regex(rf"(?:[a-z]{{2}}[0-9][_-])?{_UUID}(?:[_-]|\Z)")
_ENDS_IN_UUID: Final = lazy_regex(rf"(?<![0-9A-Fa-f]){_UUID}\Z")
_BEHIND_ABBREVIATION: Final = lazy_regex(rf"([a-z]{{2,4}})[_-]{_UUID}(?:[_-]|\Z)")
_OF_UUIDS: Final = lazy_regex(
    rf"(?:\A|[_-])([a-z]{{2,6}}[0-9]?[a-z]{{0,6}})[_-]((?:{_UUID}(?:[_-]|\Z))+)"
)
_LONGEST_UUID: Final = 37  # with what separates it from the next
_CHECKSUM: Final = lazy_regex("v[0-9]$")
_PUBLIC_PART: Final = lazy_regex("[0-9a-f]{8,16}")  # by which the secret behind it is looked up
_DIGIT: Final = lazy_regex("[0-9]")
_PART: Final = lazy_regex("[A-Za-z0-9]+")
_WORD_BEFORE_CAPITALS: Final = lazy_regex(r"\A[a-z]{3,12}(?=[A-Z]{2,10}[0-9]?[_-])")
# Where a token begins that may not stand inside a path, a form or base64.
_IN_PATH: Final = (
    r"(?<=[/+])(?:(?<=[a-z]{3}/)|(?<=/[A-Z]{3}/)|(?<=[ \t\"'=(]/)|(?<=\A/)|(?<=[a-z]\+))"
)
_DIGITS_BEHIND_LETTERS: Final = lazy_regex(
    rf"(?:(?<![A-Za-z0-9+/.@%\\])|{_IN_PATH}|{BEHIND_ESCAPE})"
    rf"{BEGINS_RUN}[0-9]{{0,6}}([A-Za-z]{{1,4}}[g-zA-Z])"
    r"(?:([0-9a-f]{28,}+)|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![A-Za-z0-9]|-[A-Za-z])"
)
_DOTTED: Final = lazy_regex(
    rf"(?:(?<![\w./\\-])|{_IN_PATH}|{BEHIND_ESCAPE})"
    r"([a-z]{2,5})(?:-[0-9])?[.]([0-9a-f]{40,}+)(?![\w-])"
)
# Two halves of which one is known to who looks after the account; digests follow names.
_HALVES: Final = lazy_regex(
    rf"(?:(?<![A-Za-z0-9-])|{BEHIND_ESCAPE})(?:{_UUID}[._~:-](?=[A-Za-z]*[0-9])[A-Za-z0-9]{{28,}}+"
    r"(?::[A-Za-z0-9+/]+)?+=*+"
    r"|(?<![+/])[A-Za-z0-9+/]{20,}+={1,2}:[A-Za-z0-9]{20,}+"
    r"|[0-9a-f]{24,40}[.:|][0-9a-f]{32,}+|[0-9]{2,10}\$[0-9a-f]{40,}+|(?:[0-9]{9,20}:|[A-Z]{2,5}\|[0-9]{9,20}\|)[0-9a-f]{32,}+"
    rf"|[0-9a-f]{{32}}-{_UUID}|[a-z*]{{1,12}}:[a-z]{{1,12}}[.][0-9a-f]{{40,}}+)(?![A-Za-z0-9-])"
)
# Two halves that are both drawn at random, maybe one of them in digits.
_TWO: Final = lazy_regex(
    rf"{_BEFORE}([A-Za-z0-9]{{14,64}}+)[.:]([A-Za-z0-9]{{24,128}}+)(?![A-Za-z0-9]|[.][A-Za-z0-9])"
)
_BEHIND_ACCOUNT: Final = lazy_regex(
    rf"{_BEFORE}(?!(?i:sha|md5|blake))"
    r"(?:[0-9]{4,16}|(?=[A-Za-z.]*[0-9])[A-Za-z0-9]{4,20}[.][A-Za-z0-9]{4,16})"
    r":([A-Za-z0-9_-]{32,}+)(?![A-Za-z0-9=.:-]|/(?![a-z]{3}))"
)
_LEAST_BEHIND_ACCOUNT: Final = 232
_HEX_BEHIND_WORD: Final = lazy_regex(r"[A-Za-z]{0,12}(?:[0-9a-f]{12,}|[0-9A-F]{12,})")
# What a hook is called with; the part that nobody can guess follows.
_HOOK: Final = lazy_regex(
    r"(?i:hook(s?))(?:[.][A-Za-z0-9.-]{1,80})?(?:/[A-Za-z0-9_.@-]{1,80}){0,6}?"
    r"/((?=[A-Za-z_-]{0,40}[0-9])[A-Za-z0-9_-]{20,}+)(?:/[A-Za-z0-9_-]{20,}+)*+(?![.][A-Za-z])"
)
_LEAST_BEHIND_HOOK: Final = 120
_LEAST_OF_HALF: Final = 4  # for each character
_OF_FILES: Final = lazy_regex(
    r"(?:\A|[\s\"'=:,(])(?:(?:file:/)?/(?:usr|var|home|tmp|srv|opt|etc|root|nix|build|mnt|data|lib|app|proc|run"
    r"|private|Users|Library|workspace|github)/|[A-Za-z]:[\\/]|[.~])"
    r"|(?:cache|static|assets|objects|blobs|layers|store|packages|dist)/\Z"
)
_FILE_ENDING: Final = lazy_regex(r"[.][A-Za-z]")
_BEHIND_DOMAIN: Final = lazy_regex(r"(?:\A|[\s\"'=(:,])[A-Z][A-Z0-9-]{1,14}\\{1,2}\Z")  # of a login
_AT_ROOT: Final = lazy_regex(r"(?:\A|[ \t\"'=(])/\Z")
# What subscriptions to a calendar or a feed end in; bundlers write such files elsewhere.
_FEED_ENDING: Final = lazy_regex(r"[.](?:ics|json|xml|rss|atom)(?![A-Za-z0-9.])")
_ADDRESS: Final = "://"
_OF_FEED: Final = lazy_regex(
    r"://(?![^\s\"']*(?:cdn|static|asset|chunk|dist|_next|build|locale|i18n|lang|cache|repo|schema"
    r"|media|file|blob|object))[^\s\"']+/\Z"
)
_OF_DIGEST: Final = lazy_regex(
    r"(?i)(?:sha-?[0-9]{0,3}|md5|hash|digest|e-?tag|checksum|integrity|fingerprint|thumbprint|nonce|kid|cid)"
    r"[\"']?[ ]?[:=-][ ]?[\"']?\Z|;base64,\Z"
)
# What people call the digits that follow: those are no digest then, whatever they begin with.
# Behind "token for" stands whose it is, and parsers say which other token they expected.
_SAID: Final = lazy_regex(
    r"(?i)(?<![A-Za-z])"
    r"(?:(?<!expected )(?<!unrecognized )token|secret|credential"
    r"|(?:api|access|auth|license|private|secret)[ _-]?key)"
    r"(?:[ ](?:is|was)|[ ]?[=:-]>?)?[ ]+[\"'`(<\[]{0,2}\Z"
)
_SAID_WITHIN: Final = 32
_LEAST_SAID: Final = 32
# What each of them has.
_ANY: Final = lazy_regex(
    r"[0-9A-Fa-f]{20}|[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-|(?i:hook)|=:[A-Za-z0-9]|[A-Za-z0-9]{14}[.:][A-Za-z0-9]{24}|[A-Za-z0-9]{4}:[A-Za-z0-9_-]{32}"
)
_WINDOW: Final = 24
_MOST_OF_PATH: Final = 1_024  # before a token; a whole text before each would take quadratic time
_END_OF_WORD: Final = " \t\n\r\"'"
_MOST_WORDS: Final = 5  # before a token
_LEAST: Final = 28
_LEAST_BEHIND_SURE: Final = 24
# Of MongoDB, with the seconds since 1970 first, from 2009 to 2035: a patient's as often as a token.
_OBJECT_ID: Final = lazy_regex("(?:49[6-9a-f]|4[a-f]|[56][0-9a-f]|7[0-9a])[0-9a-f]+")
_BEFORE_OBJECT_ID: Final = "pat"
_LENGTHS_OF_IDENTIFIERS: Final = range(48, 53)  # of OpenAI's
_KIND_OF_IDENTIFIER: Final = lazy_regex(
    r"call|ci|cmp|conv|ctc|cu|fc|fs|ftjob|ig|item|lc|mcpl?|msg|pmpt|prompt|resp|rs|sh|trk|ws"
)
# Digits as many as these are digests and, where there are 32, identifiers, 48 only digests of rare
# functions (Tiger). Behind an underscore, which names of files seldom have, 40 and 64 are as often
# keys: programs make keys so, of digests they mostly take the first characters.
_LENGTH_OF_RARE_DIGESTS: Final = 48
_LONGEST: Final = 64
_LENGTHS_OF_KEYS: Final = (40, _LONGEST)
_LENGTHS_OF_DIGESTS: Final = (32, 56, *_LENGTHS_OF_KEYS)
_LONG_DIGESTS: Final = (96, 128)  # of the hash functions that are no SHA-256
_MOST_BEFORE: Final = 2  # parts, with the initials: a word is glued to them
_LEAST_OF_WORD_BEHIND: Final = 3


def find_digits(text: str) -> Iterator[tuple[int, int]]:
    """Yield tokens in hexadecimal digits by what stands before them."""
    if _ANY.search(text) is None:
        return
    for start, end in _find(text):
        if not follows_digest_name(text, start):
            yield start, end


def follows_digest_name(text: str, start: int) -> bool:
    """Return whether what begins there is called a digest."""
    return _OF_DIGEST.search(text[max(0, start - _WINDOW) : start]) is not None


def _find(text: str) -> Iterator[tuple[int, int]]:
    for run in _RUN.finditer(text):
        start, end = behind_escape(text, run.start()), run.end()
        behind = behind_doubtful_escape(text, start)
        if _is_token(text, start, end) or (behind > start and _is_token(text, behind, end)):
            yield start, end
    yield from (m.span() for m in _HALVES.finditer(text))
    if ":" in text:
        yield from _behind_colons(text)
    if "." in text:
        yield from _behind_dots(text)
    yield from ((m.start(2), m.end()) for m in _HOOK.finditer(text) if _is_of_hook(*m.groups()))
    for match in _DIGITS_BEHIND_LETTERS.finditer(text):
        is_drawn = match[2] is None or len(set(match[2])) >= FEWEST_DIFFERENT
        if (
            is_drawn
            and (is_abbreviation(match[1]) or _are_capitals(match[1]))
            and not _names_file(text, match.start(1), match.end())
        ):
            yield match.start(1), match.end()


def _is_token(text: str, start: int, end: int) -> bool:
    run = text[start:end]
    return (
        _is_behind_telling(run)
        or (_is_of_vendor(run) and not _is_file(text, start, end))
        or (_is_said(text, start) and _has_digits(run))
    )


def _are_capitals(letters: str) -> bool:
    """Return whether digits are glued to what is mostly a vendor's: `AC`, not `ID`."""
    return letters.isupper() and is_rare_pair(letters)


def _behind_colons(text: str) -> Iterator[tuple[int, int]]:
    yield from _two_halves(text)
    for match in _BEHIND_ACCOUNT.finditer(text):
        if drawn_parts(gains(without_digests(match[1])), _LEAST_BEHIND_ACCOUNT):
            yield match.span(1)


def _behind_dots(text: str) -> Iterator[tuple[int, int]]:
    if ":" not in text:
        yield from _two_halves(text)
    for dotted in _DOTTED.finditer(text):
        is_drawn = len(set(dotted[2])) >= FEWEST_DIFFERENT
        if is_drawn and is_abbreviation(dotted[1]) and not _names_file(text, *dotted.span()):
            yield dotted.span()


def _two_halves(text: str) -> Iterator[tuple[int, int]]:
    return ((m.start(1), m.end()) for m in _TWO.finditer(text) if _are_two(m[1], m[2]))


def _is_behind_telling(run: str) -> bool:
    parts = _WORD_BEFORE_CAPITALS.sub("", run).replace("_", "-").split("-")
    count = telling_parts(parts) if NAME.fullmatch(parts[0]) else 0
    prefix, body = "-".join(parts[:count]), "-".join(parts[count:])
    if not count or parts[0].lower() in NO_SECRETS or not tells_before_digest(prefix):
        return False
    longest = max(_PART.findall(body), key=len, default="")
    is_sure = is_surely_secret(parts[count - 1]) and not _is_object(parts[:count], body)
    least = _LEAST_BEHIND_SURE if is_sure else _LEAST
    is_long = len(longest) >= least and is_hex(longest)
    return (
        is_long
        or _BEGINS_WITH_UUID.match(body) is not None
        or (names_secret(parts[count - 1]) and _is_vendors_uuid(body))
    )


def _is_object(prefix: list[str], body: str) -> bool:
    """Return whether it is an identifier of MongoDB and only words stand before it."""
    *words, last = prefix
    return (
        last.lower() == _BEFORE_OBJECT_ID
        and len(body) == _LEAST_BEHIND_SURE
        and _OBJECT_ID.fullmatch(body) is not None
        and all(is_word(word.lower()) and not tells_of_secret(word.lower()) for word in words)
    )


def _is_said(text: str, start: int) -> bool:
    return _SAID.search(text, max(0, start - _SAID_WITHIN), start) is not None


def _has_digits(run: str) -> bool:
    """Return whether a run ends in as many hexadecimal digits as keys have, or a UUID."""
    last = run.replace("_", "-").rsplit("-", 1)[-1]
    is_long = len(last) >= _LEAST_SAID and is_hex(last) and len(set(last)) >= FEWEST_DIFFERENT
    return is_long or _ENDS_IN_UUID.search(run) is not None


def _is_vendors_uuid(body: str) -> bool:
    """Return whether a vendor's abbreviation stands between what tells of a secret and a UUID."""
    match = _BEHIND_ABBREVIATION.match(body)
    return match is not None and (may_be_abbreviation(match[1]) or is_rare(match[1]))


def _is_of_vendor(run: str) -> bool:
    """Return whether what looks like an identifier stands behind what only a vendor is called."""
    uuids = _OF_UUIDS.search(run)
    if uuids is not None:
        name, are_many = _DIGIT.sub("", uuids[1]), len(uuids[2]) > _LONGEST_UUID
        return is_vendor(name) and (are_many or is_unsayable(name))
    *prefix, last = _WORD_BEFORE_CAPITALS.sub("", run).replace("_", "-").split("-")
    if len(last) < _LEAST and len(max(prefix, key=len, default="")) < _LEAST:
        return False
    end = len(run)
    while prefix and _is_word_behind(last):
        end -= len(last) + 1
        last = prefix.pop()
    separator = run[end - len(last) - 1 : end - len(last)]
    last = _CHECKSUM.sub("", last)
    if prefix and len(last) < _LEAST and len(prefix[-1]) >= _LEAST:
        last = prefix.pop()  # a checksum ends it
    if len(prefix) > 1 and _PUBLIC_PART.fullmatch(prefix[-1]):
        prefix.pop()
    return (
        bool(prefix)
        and len(last) >= _LEAST
        and not (len(last) in _LENGTHS_OF_IDENTIFIERS and _KIND_OF_IDENTIFIER.fullmatch(prefix[-1]))
        and len(set(last)) >= FEWEST_DIFFERENT
        and is_hex(last)
        and (_ends_in_vendor(prefix) or _has_length_of_key(prefix, separator, len(last)))
    )


def _is_word_behind(part: str) -> bool:
    """Return whether a part says what the token before it is in: an order, a copy."""
    return len(part) >= _LEAST_OF_WORD_BEHIND and part.isalpha() and is_word(part.lower())


def _has_length_of_key(prefix: list[str], separator: str, length: int) -> bool:
    """Return whether so many digits are rather a key than a digest or an identifier."""
    is_apart = separator == "_" or "".join(prefix).isupper()
    if length > _LONGEST:
        return length not in _LONG_DIGESTS
    initials = prefix[-2:]
    name = "".join(initials) if max(map(len, initials)) == 1 else prefix[-1]  # `x_s_`
    names = (name, *behind_ordinary_words(name)) if is_apart else (name,)
    are_few = len(prefix) <= _MOST_BEFORE
    return any(
        _may_be_before_key(part, length, is_apart=is_apart, are_few=are_few) for part in names
    )


def _may_be_before_key(name: str, length: int, *, is_apart: bool, are_few: bool) -> bool:
    is_foreign = may_name_vendor(name) and not is_spelled_as_english(name)
    is_short = are_few and may_be_initials(name)
    if length not in _LENGTHS_OF_DIGESTS:
        if is_apart:
            return may_name_key(name)
        return length != _LENGTH_OF_RARE_DIGESTS and (is_foreign or is_short)
    is_of_key = is_short or (may_name_vendor(name) if length == _LONGEST else is_foreign)
    return is_apart and length in _LENGTHS_OF_KEYS and is_of_key


def _ends_in_vendor(parts: list[str]) -> bool:
    """Return whether the last parts are those of a vendor; words may stand before them."""
    beside_secret = says_secret(parts)
    for count in range(1, min(len(parts), _MOST_WORDS) + 1):
        first, *more = parts[-count:]
        glued = glued_prefix(first)
        if are_of_vendor([first, *more], beside_secret=beside_secret) or (
            glued and are_of_vendor([first[glued:], *more])
        ):
            return True
    return False


def _is_file(text: str, start: int, end: int) -> bool:
    if _FILE_ENDING.match(text, end) is not None:
        return _names_file(text, start, end)
    if text[start - 1 : start] not in ("/", "\\") or _BEHIND_DOMAIN.search(
        text, max(0, start - _WINDOW), start
    ):
        return False
    is_path = text[end : end + 1] == "/" or _AT_ROOT.search(text, max(0, start - 2), start)
    return not is_path or _OF_FILES.search(text, _word_before(text, start), start) is not None


def _word_before(text: str, start: int) -> int:
    """Return where the word begins that goes on there, with what separates it from another."""
    least = max(0, start - _MOST_OF_PATH)
    return max(least, *(text.rfind(end, least, start) for end in _END_OF_WORD))


def _names_file(text: str, start: int, end: int) -> bool:
    return _FILE_ENDING.match(text, end) is not None and not is_feed(text, start, end)


def is_feed(text: str, start: int, end: int) -> bool:
    """Return whether it stands for a file in an address whose answer is made for who knows it."""
    if _FEED_ENDING.match(text, end) is None:
        return False
    least = max(0, start - _MOST_OF_PATH)
    begin = max(least, text.rfind("/", least, start) + 1)
    name = text[begin:start].rstrip(".").lower()  # bundlers put a word before what they made up
    # An earlier address in the same word has what is behind the last one and more.
    address = text.rfind(_ADDRESS, least, begin - 2) if begin > least + 2 else -1
    return address >= 0 and not is_word(name) and _OF_FEED.match(text, address, begin) is not None


def _are_two(first: str, second: str) -> bool:
    return _is_drawn(first) and _is_drawn(second) and not (is_hex(first) and is_hex(second))


def _is_drawn(part: str) -> bool:
    digits = sum(map(str.isdigit, part))
    is_mixed = 0 < digits < len(part)
    return is_mixed and (
        _HEX_BEHIND_WORD.fullmatch(part) is not None
        or sum(gains(part)) >= _LEAST_OF_HALF * len(part)
    )


def _is_of_hook(are_many: str, part: str) -> bool:
    longest = max(_PART.findall(part), key=len)
    is_long = len(longest) >= 16 and is_hex(longest)  # noqa: PLR2004 - no name is as mixed
    # Behind `/webhooks/` a UUID is one of those that a service lists.
    return (
        is_long
        or bool(drawn_parts(gains(without_digests(part)), _LEAST_BEHIND_HOOK))
        or (not are_many and _BEGINS_WITH_UUID.match(part) is not None)
    )
