"""Reads filters within bounds: files, text, the builtin ones."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Digests
from codetracer_otel.data_classes import dataclass
from codetracer_otel.errors import ErrorCode, FilterError, Problem
from codetracer_otel.filters.language.trust import who_else_may_write
from codetracer_otel.model.value import INT64_MAX, INT64_MIN

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_FILE_BYTES: Final = 1024 * 1024
CHAIN_SEPARATOR: Final = "::"
FILTER_VARIABLE: Final = "CODETRACER_TRACE_FILTER"
FRAMEWORKS: Final = ("pytest", "unittest")


@dataclass(frozen=True, slots=True)
class FilterSource:
    """A filter that has not been read yet.

    Attributes:
        label: absolute path, ``<inline:name>`` or ``<builtin:name>``.
        text: the TOML text, or None for a file.
        builtin: placeholders such as ``@stdlib`` are expanded.
        discovered: nobody named the file; it was found beside the program.
        named_by: the variable that named it, or empty.
    """

    label: str
    text: str | None = None
    builtin: bool = False
    discovered: bool = False
    named_by: str = ""

    @property
    def is_file(self) -> bool:
        """Whether the text is that of a file."""
        return self.text is None


def filter_from_path(path: str | os.PathLike[str]) -> FilterSource:
    """Return the filter in the file ``path``; ``~`` is the home directory."""
    return FilterSource(os.path.abspath(os.path.expanduser(os.fspath(path))))


def filters_discovered(path: str | None, named: Iterable[FilterSource]) -> list[FilterSource]:
    """Return the filter that was found; none if there is none, or if that file was also named.

    What nobody has named is read only if other users may not write it.
    """
    if path is None:
        return []
    real = os.path.realpath(path)
    if any(source.is_file and os.path.realpath(source.label) == real for source in named):
        return []
    return [FilterSource(path, discovered=True)]


def filter_from_text(toml: str, name: str = "filter") -> FilterSource:
    """Return a filter given as TOML text.

    Args:
        toml: what a filter file would hold.
        name: stands for the path in messages and provenance.
    """
    return FilterSource(f"<inline:{name}>", toml)


def parse_chain_text(text: str) -> list[FilterSource]:
    """Split ``a.toml::b.toml`` into its files, in order; blank parts are skipped."""
    return [filter_from_path(part.strip()) for part in text.split(CHAIN_SEPARATOR) if part.strip()]


def parse_stated_chain(text: str) -> list[FilterSource]:
    """Split a chain that a flag or keyword states, and that therefore must name a file.

    Raises:
        FilterError: it names none, as an unset variable of a shell leaves it.
    """
    sources = parse_chain_text(text)
    if not sources:
        message = f"no filter is named, got {text!r}; expected a file, or 'a.toml::b.toml'"
        raise FilterError([Problem(ErrorCode.INVALID_FILTER, message)])
    return sources


def builtin_sources(*, default: bool = True, framework: str | None = None) -> list[FilterSource]:
    """Return the filters that come before all others.

    Args:
        default: whether ``builtin-default`` is among them.
        framework: ``"pytest"`` or ``"unittest"`` when such a run is traced.
    """
    names = ["default"] if default else []
    if framework is not None:
        if framework not in FRAMEWORKS:
            raise ValueError(f"no builtin filter for {framework!r}; expected one of {FRAMEWORKS}")
        names.append(framework)
    return [_builtin(name) for name in names]


def _builtin(name: str) -> FilterSource:
    # the package may stand in an archive; `importlib.resources` takes 10 ms to be imported
    loader: Any = __spec__.loader
    path = os.path.join(
        os.path.dirname(os.path.dirname(__file__)), "builtin", f"builtin_{name}.toml"
    )
    label = f"<builtin:{name}>"
    try:
        text = loader.get_data(path).decode("utf-8")
    except OSError as error:
        message = "is missing; a program that PyInstaller or the like packed cannot be traced"
        raise FilterError([Problem(ErrorCode.INVALID_FILTER, message, label)]) from error
    return FilterSource(label, text, builtin=True)


@dataclass(frozen=True, slots=True)
class Text:
    """The text of a source and the digest of its bytes."""

    content: str
    sha256: str


def read_source(source: FilterSource) -> Text:
    """Read a source.

    Raises:
        FilterError: it cannot be read, is too large, is not UTF-8 text, or was discovered where
            another user may write.
    """
    if source.discovered:
        _refuse_foreign(source.label)
    data = _inline_bytes(source) if source.text is not None else _file_bytes(source)
    if len(data) > MAX_FILE_BYTES:
        raise _failure(
            source.label, f"the filter is larger than {MAX_FILE_BYTES} bytes; split it into several"
        )
    try:
        content = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _failure(
            source.label, f"not UTF-8 text at byte {error.start}; save the file as UTF-8", line
        ) from error
    return Text(content, Digests.sha256(data).hexdigest())


def _inline_bytes(source: FilterSource) -> bytes:
    assert source.text is not None
    # A lone surrogate becomes bytes that are no UTF-8, and is reported as such.
    return source.text.encode("utf-8", "surrogatepass")


def _file_bytes(source: FilterSource) -> bytes:
    path = source.label
    named = f"; {source.named_by} names it" if source.named_by else ""
    try:
        # A FIFO or device could block for ever; only a regular file is opened.
        if not stat.S_ISREG(os.stat(path).st_mode):
            message = f"not a regular file; expected a TOML file{named}"
            raise _failure(path, message, code=ErrorCode.IO)
        with open(path, "rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        if isinstance(error, FilterError):
            raise
        raise _failure(path, f"cannot be read: {reason}{named}", code=ErrorCode.IO) from error


def _refuse_foreign(path: str) -> None:
    reason = who_else_may_write(path)
    if reason is not None:
        raise _failure(
            path,
            f"a filter that was found, not named, is refused if other users can change it: "
            f"{reason}; correct that, or name the file: --trace-filter {path}, or "
            f"{FILTER_VARIABLE}",
        )


def _failure(
    label: str, message: str, line: int | None = None, code: ErrorCode = ErrorCode.INVALID_FILTER
) -> FilterError:
    return FilterError([Problem(code, message, label, line)])


_TOO_LARGE: Final = "not valid TOML: an integer does not fit into 64 bits; write a smaller one"
_BACKSLASH: Final = "; write '...' around it, where a backslash is a backslash"
_SLIPS: Final = {
    "Invalid value": "; text needs quotes around it",
    "Cannot overwrite a value": "; this key or table was there before",
    "Unescaped '\\' in a string": _BACKSLASH,
    "Invalid hex value": _BACKSLASH,  # of \\u and \\U, as in C:\\Users
    "Unterminated string": "; its closing quote is missing",
    'Expected "\'"': "; its closing quote is missing",
    "Illegal character '\\n'": "; a quote is missing before the end of the line",
}
"""How a message of tomli begins -> what was probably done, or what helps."""


def parse_toml(text: str, label: str) -> dict[str, Any]:
    """Return the top table of a TOML text.

    Args:
        text: the content of a file.
        label: names the file in the message.

    Raises:
        FilterError: the text is no TOML, nested too deeply, or has an integer beyond 64 bits, which
            TOML does not have and Python may not be able to write.
    """
    import tomli  # noqa: PLC0415 - it cannot be loaded in an isolated interpreter

    try:
        content = tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        hint = next((text for start, text in _SLIPS.items() if error.msg.startswith(start)), "")
        message = f"not valid TOML: {error.msg}{hint}"
        problem = Problem(ErrorCode.INVALID_FILTER, message, label, error.lineno, error.colno)
    except RecursionError:
        problem = Problem(
            ErrorCode.INVALID_FILTER, "not valid TOML: nested too deeply; write it flat", label
        )
    except ValueError:  # an integer of more than `sys.get_int_max_str_digits()`
        problem = Problem(ErrorCode.INVALID_FILTER, _TOO_LARGE, label)
    else:
        if not _has_large_integer(content):
            return content
        problem = Problem(ErrorCode.INVALID_FILTER, _TOO_LARGE, label)
    raise FilterError([problem])


def _has_large_integer(content: object) -> bool:
    left = [content]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)
        elif isinstance(value, int) and not INT64_MIN <= value <= INT64_MAX:
            return True
    return False
