"""Decides whether other users can write a filter file, as ``StrictModes`` of sshd does."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = 0


def who_else_may_write(path: str) -> str | None:
    """Return why the content of a file is not only this user's and root's to decide, or None.

    The file must be this user's or root's, and so must every directory above it, up to the user's
    home directory if it lies there; nobody else may write to them. In a sticky directory, such as
    ``/tmp``, others cannot replace what is not theirs. A group that has no other member than its
    user, as many systems give to each, is that user. Where there are no such users, as on Windows,
    nothing is said.

    Args:
        path: absolute; links are followed, and judged by who owns them.
    """
    user = getattr(os, "geteuid", lambda: None)()
    if user is None:
        return None
    try:
        for part in _parts(path):
            reason = _reason(part, os.lstat(part), user)
            if reason is not None:
                return reason
    except OSError:
        return None  # whoever reads it says why it cannot be read
    return None


def _parts(path: str) -> Iterator[str]:
    """Yield the file, and the directories above it, by every name that leads there."""
    for name in dict.fromkeys((os.path.abspath(path), os.path.realpath(path))):
        part = name
        while True:
            yield part
            above = os.path.dirname(part)
            if above == part or part == _home():
                break
            part = above


def _home() -> str:
    return os.path.realpath(os.path.expanduser("~"))


def _reason(path: str, facts: os.stat_result, user: int) -> str | None:
    if facts.st_uid not in (user, _ROOT):
        return f"{path} belongs to user {facts.st_uid}"
    mode = facts.st_mode
    is_guarded = stat.S_ISLNK(mode) or (stat.S_ISDIR(mode) and mode & stat.S_ISVTX)
    if is_guarded:
        return None
    if mode & stat.S_IWOTH:
        return f"anybody may write to {path}"
    if mode & stat.S_IWGRP and not _is_private(facts.st_gid, user):
        return f"group {facts.st_gid} may write to {path}"
    return None


def _is_private(group: int, user: int) -> bool:
    """Return whether a group is its user's alone: of the same name, and without other members."""
    if group == _ROOT:
        return True
    try:
        import grp  # noqa: PLC0415 - seldom needed, and not everywhere
        import pwd  # noqa: PLC0415

        name = pwd.getpwuid(user).pw_name
        found = grp.getgrgid(group)
    except (ImportError, KeyError):
        return False
    return found.gr_name == name and set(found.gr_mem) <= {name}
