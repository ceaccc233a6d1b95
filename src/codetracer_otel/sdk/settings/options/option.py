"""Defines a row of the table of options, and reads rows from callers and the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codetracer_otel.data_classes import dataclass
from codetracer_otel.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codetracer_otel.sdk.settings.parsers import Parser


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag of ``codetracer-otel run``.

    Attributes:
        name: with its dashes.
        help: one line for ``--help``.
        metavar: what its value is called; empty for a switch, which states False.
        repeats: each further one adds a value.
        has_opposite: the switch states True, and ``--no-NAME`` is there, too, for False.
    """

    name: str
    help: str
    metavar: str = ""
    repeats: bool = False
    has_opposite: bool = False


@dataclass(frozen=True, slots=True)
class Option:
    """One option.

    Attributes:
        name: of the keyword, key or field; empty where only the environment has it.
        help: what it means, as in the docstring of `configure`.
        parse: reads what was stated; None where `resolve` does that itself.
        type: annotation in `configure`, apart from None.
        default: what stands where nothing is stated.
        shown_default: the same in words, where the value does not say it.
        flag: of ``run``, or None.
        variables: that state it; the first one with a good value wins.
        read: reads the text of a variable; None where something else does.
        setting: field of `Settings`, where its name is another.
        more: what docs/options.md adds to ``help``.
    """

    name: str
    help: str
    parse: Parser | None = None
    type: str = ""
    default: object = None
    shown_default: str = ""
    flag: Flag | None = None
    variables: tuple[str, ...] = ()
    read: Callable[[str, str], object] | None = None
    setting: str = ""
    more: str = ""


type Options = dict[str, Option]


def read_variables(
    options: Options, environ: Mapping[str, str]
) -> tuple[dict[str, object], list[Problem]]:
    """Return what an environment says, by name of setting, and what is wrong with the rest.

    A blank variable says nothing.
    """
    values: dict[str, object] = {}
    problems: list[Problem] = []
    for option in options.values():
        for variable in option.variables:
            text = environ.get(variable, "")
            if option.read is not None and text.strip():
                value = option.read(text, variable)
                _sort_in(value, option.setting or option.name, values, problems)
    return values, problems


def read_stated(
    options: Options,
    stated: Mapping[str, object],
    subject: Callable[[str], str] = str,
    unknown: Callable[[object], Problem] | None = None,
) -> tuple[dict[str, object], list[Problem]]:
    """Return what a caller stated, by name of setting, and what is wrong with the rest.

    Args:
        options: that may be stated; what has no parser is left to others.
        stated: values by name.
        subject: how the caller wrote a name.
        unknown: returns the problem of a name that no option has; None leaves it to others.
    """
    values: dict[str, object] = {}
    problems: list[Problem] = []
    for name, given in stated.items():
        option = options.get(name)
        if option is None:
            problems += [unknown(name)] if unknown else []
        elif option.parse is not None:
            value = option.parse(given, subject(name))
            _sort_in(value, option.setting or name, values, problems)
    return values, problems


def _sort_in(value: object, name: str, values: dict[str, object], problems: list[Problem]) -> None:
    if isinstance(value, Problem):
        if value not in problems:  # a general variable is read for several options
            problems.append(value)
    else:
        values.setdefault(name, value)
