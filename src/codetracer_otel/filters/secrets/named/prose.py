"""What describes a secret instead of being one: sentences of documentation, types, placeholders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.filters.patterns.lazy_regex import lazy_regex

if TYPE_CHECKING:
    import re

_STAND_IN: Final = lazy_regex(
    r"%[-+#0-9.]{0,4}[srdifgxc]|%\(\w+\)[srd]|\{[\w.]*(?:![rsa])?\}|\$\{\w+\}|<[\w -]+>"
    r"|None|NULL|null|:|[*\u2022]{3,}|\.{3}[)\].,;`'\"]*|\(redacted\)>?"
    # types, as in signatures and in docstrings
    r"|(?:str|string|bytes|int|bool|float|object|dict|list|tuple)(?:,? optional)?"
    r"|8a477f597d28d172789f06886806bc55"  # of CACHEDIR.TAG
)
# Schemes and mechanisms without what would follow them.
_SCHEME: Final = lazy_regex(
    r"(?i:basic|bearer|digest|negotiate)(?: (?:%s|\.{3}|\{\w*\}))?"
    r"|PLAIN|LOGIN|ANONYMOUS|CRAM-MD5|DIGEST-MD5|XOAUTH2|GSSAPI|SCRAM-SHA-(?:1|256|512)(?:-PLUS)?"
)
_ROLE: Final = lazy_regex(r"[A-Za-z][\w+:-]*(?:[ \t][^\r\n:`]{1,80})?:(?=[`\s])")
_WORD: Final = lazy_regex(r"[(\"'`*\[]*([A-Za-z]+(?:[_.-][a-z]+)?)[)\"'`*\],.;:!?]*")
_HUMP: Final = lazy_regex(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_PHRASES: Final = ("phrase", "mnemonic", "seed", "words")  # which are words themselves
_OUTCOMES: Final = frozenset("error fail failed failure skip skipped warn warning xfail".split())
_FEWEST: Final = 2  # words
_SURE: Final = 2
_GRAMMAR: Final = frozenset(
    """
    a about after all an and any are as at be been before by can does each either for from has have
    if in into is it its may must no not of on one only optional or other should than that the then
    there these this those to until used using via was when where whether which while will with
    without you your
    """.split()
)


def is_stand_in(value: str) -> bool:
    """Return whether a value only says that there will be one, or of what type."""
    return _STAND_IN.fullmatch(value) is not None


def is_innocent(value: str, key: str) -> bool:
    """Return whether a value behind a secret's name is none.

    It says how somebody proves who they are, as `auth: digest` does, or what comes of a test, as in
    `["PASS", "FAIL"]`.
    """
    name = key.lower()
    return ("auth" in name and _SCHEME.fullmatch(value) is not None) or (
        name == "pass" and value.lower() in _OUTCOMES
    )


def describes(value: str, key: str) -> bool:
    """Return whether the value of a bare key says what the key is for.

    A sentence has two words of grammar or of the key's own among at least two words, and nothing
    but words: ``password: The password of the user``, not ``password: my dog is Rex``.
    """
    words = value.split()
    if len(words) < _FEWEST or any(phrase in key.lower() for phrase in _PHRASES):
        return False
    own = {hump.lower() for hump in _HUMP.findall(key)}
    found = 0
    for word in words:
        plain = _WORD.fullmatch(word)
        if plain is None:
            return False
        found += plain[1].lower() in _GRAMMAR or not own.isdisjoint(
            hump.lower().removesuffix("s") for hump in _HUMP.findall(plain[1])
        )
    return found >= _SURE or (found > 0 and words[0].istitle() and words[-1].endswith("."))


def is_role(text: str, key: re.Match[str]) -> bool:
    """Return whether the colon opens a role or a field of reStructuredText: ``Pass :meth:`x```."""
    return (
        key[3] == ":"
        and key[2] is None
        and text[key.end() - 2].isspace()
        and _ROLE.match(text, key.end()) is not None
    )
