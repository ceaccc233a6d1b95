"""Command lines: which word holds a secret because of the flag before it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# curl, HTTPie, wget, twine and those who follow them; `docker run --user 1000:1000` is none.
_LOGIN_FLAGS: Final = frozenset(
    {"-a", "-u", "-U", "--auth", "--basic-auth", "--proxy-user", "--user", "-user"}
)
# Compiled at once: these are used on the program's thread, which may have no levels to spare.
_SHORT_FLAGS: Final = re.compile("-[A-Za-z]{1,4}u")  # `curl -sSu me:X`
_LOGIN: Final = re.compile(r"(?![0-9]+:[0-9]+\Z)[^\s:/]+:(?!//).+", re.DOTALL)
# Whose `-p` is followed by the password, without a blank or with one.
PASSWORD_PROGRAMS: Final = r"(?:mysql\w*+|mariadb[\w-]*+|sshpass)(?:\.exe)?+"  # noqa: S105 - no password
_PASSWORD_PROGRAM: Final = re.compile(r"(?:.*[/\\])?" + PASSWORD_PROGRAMS)


def glued_secret(words: Sequence[object], word: object) -> bool:
    """Return whether a word is ``-pX``, and the first of its line a program that reads X so."""
    return (
        type(word) is str
        and len(word) > len("-p")
        and word.startswith("-p")
        and type(words[0]) is str
        and _PASSWORD_PROGRAM.fullmatch(words[0]) is not None
    )


def hides_next(flag: str, word: object, is_secret: Callable[[str], bool]) -> bool:
    """Return whether a word is a secret because it follows ``flag``: ``--token X``, ``-a me:X``.

    Args:
        flag: the word before.
        word: any value; passwords may begin with one dash, other flags begin with two.
        is_secret: answers for the name of a flag, without its dashes.
    """
    if not flag.startswith("-") or "=" in flag:
        return False
    text = word if type(word) is str else ""
    if text.startswith("--"):
        return False
    is_login_flag = flag in _LOGIN_FLAGS or _SHORT_FLAGS.fullmatch(flag) is not None
    is_login = is_login_flag and _LOGIN.fullmatch(text) is not None
    return is_login or is_secret(flag.lstrip("-"))
