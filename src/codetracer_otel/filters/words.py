"""The ``words`` match type: names judged by the words they are made of."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Why each group is as narrow or as wide as it is:
_SECRET_GROUPS: Final = (
    # Passwords and what people call them; `pass` as the last word only: `pass_count` is a number.
    "pass+word, pass+words, pass+wd, pwd, pass+phrase, pass+code, pass+key, pass$, passwds, pw$",
    "userpass, dbpass, dbpassword, userpassword, adminpassword, rootpassword, mypassword",
    "passwordhash, pgpassword, newpassword, oldpassword, confirmpassword, loginpassword",
    # `secret` and `credential` name nothing else.
    "secret, secrets, clientsecret, appsecret, sharedsecret, secretkey",
    "credential, credentials, cred$, creds",
    # `token` as the last word: `token_count` counts. Plurals only with their kind: `max_tokens`.
    "token$, token+value, token+string, token+secret, token+hash",
    "access+tokens, api+tokens, auth+tokens, refresh+tokens, session+tokens, bearer+tokens",
    "accesstoken, apitoken, authtoken, bearertoken, csrftoken, csrfmiddlewaretoken, idtoken",
    "refreshtoken, securitytoken, sessiontoken, usertoken, xsrftoken",
    # `auth` as the last word or beside what carries it: `auth_type` tells nothing.
    "auth$, authorization, authentication$, oauth$, auth+header, auth+headers, auth+key",
    "auth+code, auth+string, auth+data, auth+value, auth+tuple, basicauth, bearer, jwt, jwts$",
    # Keys only beside a word that makes them secret: `cache_key` and `public_key` are not.
    "api+key, api+keys, access+key, access+keys, account+key, app+key, application+key",
    "cipher+key, client+key, consumer+key, decryption+key, deploy+key, encryption+key",
    "hmac+key, license+key, master+key, private+key, private+keys, root+key, secret+keys",
    "service+key, session+key, shared+key, signing+key, ssh+key, ssh+keys, ssl+key",
    "storage+key, subscription+key, symmetric+key, tls+key, key+material",
    # Keys of who moves money, of callbacks and of ciphers; `sort_key`, `user_key` are none of them.
    "bank+key, gateway+key, merchant+key, payment+key, webhook+key, admin+key, aes+key",
    "crypto+key, decrypt+key, encrypt+key, fernet+key",
    # A cookie or a session's identifier lets anybody be that user; `session` alone is an object.
    "cookie, cookies$, session+id, session+ids, sess+id, sessid, phpsessid, jsessionid",
    "connect+sid",
    # One-time and recovery codes.
    "pin$, pin+code, pin+number, otp, totp, hotp, mfa+code, verification+code, security+code",
    "recovery+code, recovery+codes, backup+code, backup+codes, seed+phrase",
    # Payment and identity numbers; `card` alone may be a playing card.
    "cvv, cvc, ssn, social+security, iban, card+number, card+numbers, card+num, card+no",
    "credit+card, credit+cards, debit+card",
    # Addresses that usually carry a password; `url` and `connection` alone do not.
    "dsn, database+url, database+uri, db+url, db+uri, redis+url, mongo+url, mongo+uri",
    "mongodb+uri, mongodb+url, postgres+url, broker+url, amqp+url, connection+string",
    "connection+str, conn+string, conn+str, connection+uri",
    # What hashes and signatures are checked with.
    "salt, signature",
)
BUILTIN_SECRET_WORDS: Final = ", ".join(_SECRET_GROUPS)

_MAX_PARTS: Final = 6  # an entry of n parts has 2**(n-1) spellings
_MAX_KNOWN: Final = 4096
_MAX_KNOWN_LENGTH: Final = 64
_ASCII_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_ASCII_CHUNK: Final = re.compile(r"[A-Za-z]+")
_ASCII_PART: Final = re.compile(r"[a-z]+")
_UPPER_CASE: Final = "Lu"
_LETTER: Final = "L"


def split_words(name: str) -> list[str]:
    """Cut a name into its words, lower-cased.

    Every character that is not a letter cuts, and so does a camelCase hump; digits are not words.
    """
    if name.isascii():
        return [word.lower() for word in _ASCII_WORD.findall(name)]
    name = unicodedata.normalize("NFKC", name)
    words = _ASCII_WORD.finditer(_shape(name))
    return [name[slice(*word.span())].lower() for word in words]


def _split_chunks(name: str) -> list[str]:
    """Cut a name at separators only: a spelling like ``pAsSwOrD`` has no humps."""
    if name.isascii():
        return _ASCII_CHUNK.findall(name.lower())
    name = unicodedata.normalize("NFKC", name).lower()
    return [name[slice(*chunk.span())] for chunk in _ASCII_CHUNK.finditer(_shape(name))]


def _shape(name: str) -> str:
    """Stand ``A`` for every upper-case letter, ``a`` for every other one, ``-`` for the rest.

    So expressions for ASCII serve every script; ``re`` knows no Unicode categories, and to load
    ``regex`` for a name takes 25 ms and may find a file of the program instead.
    """
    categories = map(unicodedata.category, name)
    return "".join(
        "A" if category == _UPPER_CASE else "a" if category.startswith(_LETTER) else "-"
        for category in categories
    )


class WordsMatcher:
    """A compiled ``words`` pattern.

    Attributes:
        pattern: the text it was compiled from.
    """

    __slots__ = ("_anywhere", "_known", "_last", "_sequences", "pattern")

    def __init__(self, pattern: str, entries: Sequence[tuple[tuple[str, ...], bool]]) -> None:
        self.pattern = pattern
        self._anywhere = frozenset(words[0] for words, last in entries if not last and _one(words))
        self._last = frozenset(words[0] for words, last in entries if last and _one(words))
        self._known: dict[str, bool] = {}
        self._sequences: dict[str, list[tuple[tuple[str, ...], bool]]] = {}
        for words, last in entries:
            if not _one(words):
                self._sequences.setdefault(words[0], []).append((words, last))

    def matches(self, name: str) -> bool:
        """Return whether an entry applies to the name, with its humps or without."""
        known = self._known.get(name)
        if known is None:
            known = self._applies(name)
            if len(name) <= _MAX_KNOWN_LENGTH:
                if len(self._known) >= _MAX_KNOWN:
                    self._known.clear()
                self._known[name] = known
        return known

    def _applies(self, name: str) -> bool:
        words = split_words(name)
        if self._hits(words):
            return True
        chunks = _split_chunks(name)
        return chunks != words and self._hits(chunks)

    def _hits(self, words: list[str]) -> bool:
        if not words:
            return False
        if words[-1] in self._last or not self._anywhere.isdisjoint(words):
            return True
        return any(
            self._sequence_at(words, index)
            for index, word in enumerate(words)
            if word in self._sequences
        )

    def _sequence_at(self, words: list[str], start: int) -> bool:
        for sequence, last in self._sequences[words[start]]:
            end = start + len(sequence)
            if tuple(words[start:end]) == sequence and (not last or end == len(words)):
                return True
        return False


def _one(words: tuple[str, ...]) -> bool:
    return len(words) == 1


@lru_cache(maxsize=64)
def compile_words(pattern: str) -> WordsMatcher:
    """Compile a comma-separated list of entries such as ``secret, token$, api+key``.

    Args:
        pattern: ``word`` anywhere in the name, ``word$`` as its last word, ``one+two`` as
            neighbours, also written together; white space around entries is ignored.

    Raises:
        ValueError: an entry is not of these forms; the message names it and what is accepted.
    """
    entries: list[tuple[tuple[str, ...], bool]] = []
    for text in pattern.split(","):
        parts, last = _parse_entry(text.strip(), pattern)
        entries.extend((spelling, last) for spelling in _spellings(parts))
    return WordsMatcher(pattern, entries)


def _parse_entry(entry: str, pattern: str) -> tuple[list[str], bool]:
    if not entry:
        where = "it is empty" if not pattern.strip() else "it has an empty entry"
        raise ValueError(
            f"words pattern: {where}, got {_short(pattern)!r}; "
            "expected entries such as 'secret', 'token$' or 'api+key', separated by commas"
        )
    parts = entry.removesuffix("$").split("+")
    for part in parts:
        _check_part(part, entry)
    if len(parts) > _MAX_PARTS:
        raise ValueError(
            f"words pattern: entry {_short(entry)!r} joins {len(parts)} words; "
            f"expected at most {_MAX_PARTS}"
        )
    return parts, entry.endswith("$")


def _check_part(part: str, entry: str) -> None:
    if part and _is_lower_case(part) and part == unicodedata.normalize("NFKC", part):
        return
    hint = ""
    if part != part.lower():
        hint = f"; names are compared in lower case, write {entry.lower()!r}"
    elif "$" in part:
        hint = "; '$' stands once, at the end"
    elif any(separator in part for separator in "_-./ "):
        hint = f"; join neighbouring words with '+', as in {_joined(entry)!r}"
    raise ValueError(
        f"words pattern: an entry is made of lower-case letters, '+' between words and '$' at the "
        f"end, got {_short(entry)!r}{hint}"
    )


def _is_lower_case(part: str) -> bool:
    return _ASCII_PART.fullmatch(_shape(part)) is not None


def _joined(entry: str) -> str:
    return "+".join(split_words(entry)) + ("$" if entry.endswith("$") else "")


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."  # noqa: PLR2004 - fits a message line


def _spellings(parts: list[str]) -> Iterator[tuple[str, ...]]:
    """Yield the parts as neighbours, and with any of them written together."""
    gaps = range(1, len(parts))
    for count in range(len(parts)):
        for cuts in combinations(gaps, count):
            bounds = (0, *cuts, len(parts))
            yield tuple("".join(parts[start:end]) for start, end in pairwise(bounds))
