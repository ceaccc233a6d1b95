"""Run the blocks of a Markdown page as a reader would, and compare what they print.

A page is read from top to bottom, in one folder:

* a line that is nothing but a path in backticks names the file that the next block holds;
* a ``console`` block holds commands behind ``$ `` and, below each, what it prints; a line ``...``
  there stands for any lines, and ids, times, numbers of processes and paths of the folder are not
  compared;
* a ``python`` block without a name runs as a script of its own;
* ``<!-- needs: name -->`` above a block says that a reader needs that program for it;
* ``text``, ``mermaid`` and other blocks are for the eye only.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"^`([\w./-]+)`:?$")
_NEEDS = re.compile(r"^<!-- needs: ([\w -]+) -->$")
_END = "--- end of command"
_SECONDS = 120
# What a reader's shell has; pytest, for one, prints otherwise where CI or COLUMNS is set.
_READERS_OWN = ("HOME", "LANG", "LC_", "LD_LIBRARY_PATH", "PATH", "PIP_", "SSL_", "TMPDIR", "TZ")

_VARIABLE = (
    (re.compile(r"\b[0-9a-f]{32}\b"), "TRACE"),
    (re.compile(r"\b[0-9a-f]{16}\b"), "SPAN"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "SHA256"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "RUN"),
    (re.compile(r"\b\d{16}\b"), "MICROSECONDS"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z?"), "TIME"),
    (re.compile(r"\d\d:\d\d:\d\d([.,]\d+)?"), "CLOCK"),
    (re.compile(r' *\b\d+(\.\d+)? (ns|us|ms|s|min)\b(?!")'), " DURATION"),
    (re.compile(r'("(?:duration|busy|idle)_ms": ?)[\d.e-]+'), r"\1DURATION"),
    (re.compile(r"\bin \d+\.\d+s\b"), "in DURATION"),
    (re.compile(r"\[\d+\]"), "[PID]"),
    (re.compile(r"\bpid(=|: )\d+"), r"pid\1PID"),
    (re.compile(r"^process \d+:", re.MULTILINE), "process PID:"),
    (re.compile(r":\d{4,5}\b"), ":PORT"),
    (re.compile(r"\b\d+ kB\b"), "SIZE"),
    (re.compile(r"[ \t]+$", re.MULTILINE), ""),
)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block of a page.

    Attributes:
        language: its info string.
        text: what stands between the fences.
        line: number of its first fence.
        file: name of the file that it holds, or empty.
        needs: names of the programs that it needs beside this package.
    """

    language: str
    text: str
    line: int
    file: str = ""
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a ``console`` block, or a script, with what the page says that it prints."""

    line: int
    text: str
    expected: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """What a command printed instead; the status counts where nothing is said about output."""

    command: Command
    status: int
    printed: str

    def __str__(self) -> str:
        return (
            f"line {self.command.line}: $ {self.command.text}\n--- expected\n"
            f"{self.command.expected}\n--- printed (status {self.status})\n{self.printed}"
        )


def read_blocks(page: str) -> list[Block]:
    """Return the fenced blocks of a page in order."""
    blocks = []
    for match in _FENCE.finditer(page):
        before = page[: match.start()]
        above = [line for line in before.splitlines() if line.strip()][-2:]
        file = next((found[1] for line in above[-1:] if (found := _NAME.match(line))), "")
        needs = next((found[1] for line in above if (found := _NEEDS.match(line))), "")
        line = before.count("\n") + 1
        blocks.append(Block(match[1], match[2], line, file, tuple(needs.split())))
    return blocks


def read_commands(block: Block) -> list[Command]:
    """Return the commands of a ``console`` block; ``> `` continues one."""
    commands: list[Command] = []
    for offset, line in enumerate(block.text.splitlines(), block.line + 1):
        if line.startswith("$ "):
            commands.append(Command(offset, line[2:], ""))
        elif not commands:
            raise ValueError(f"line {offset}: a console block begins with a command")
        else:
            last = commands[-1]
            if line.startswith("> ") and not last.expected:
                commands[-1] = Command(last.line, f"{last.text}\n{line[2:]}", "")
            else:
                commands[-1] = Command(last.line, last.text, f"{last.expected}{line}\n")
    return commands


def run_page(
    page: str,
    folder: Path,
    programs: Path,
    *,
    has: frozenset[str] = frozenset(),
    replace: dict[str, str] | None = None,
) -> list[Difference]:
    """Run a page in ``folder``; return every difference between it and what happened.

    Args:
        page: its text.
        folder: empty or not; becomes the working directory.
        programs: directory that stands first on ``PATH``, with ``python`` and ``codetracer-otel``.
        has: programs that are there; a block that needs others is left out.
        replace: texts of commands and files -> what they are here, such as a free port.
    """
    runner = _Runner(folder, programs, replace or {})
    differences = []
    for block in read_blocks(page):
        if not has.issuperset(block.needs):
            continue
        if block.file:
            runner.write(block)
        elif block.language == "console":
            differences += runner.run(read_commands(block))
        elif block.language == "python":
            differences += runner.run_script(block)
    return differences


class _Runner:
    """A folder, an environment, and what stands for something else there."""

    def __init__(self, folder: Path, programs: Path, replace: dict[str, str]) -> None:
        self._folder = folder
        self._replace = replace
        environment = os.environ.items()  # noqa: TID251 - a tool, no part of the package
        kept = {name: text for name, text in environment if name.startswith(_READERS_OWN)}
        self._environment = {
            **kept,
            "PATH": f"{programs}{os.pathsep}{kept.get('PATH', '')}",
            "PYTHONUNBUFFERED": "1",  # the order that a terminal shows
            "PYTHONDONTWRITEBYTECODE": "1",
            "NO_PROXY": "127.0.0.1",
        }

    def write(self, block: Block) -> None:
        path = self._folder / block.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self._here(block.text), encoding="utf-8")

    def run_script(self, block: Block) -> list[Difference]:
        script = self._folder / f"block_{block.line}.py"
        script.write_text(self._here(block.text), encoding="utf-8")
        return self.run([Command(block.line, f"python {script.name}", None)])

    def run(self, commands: list[Command]) -> list[Difference]:
        """Run the commands in one shell, so that a later one can end what an earlier one began."""
        ends = (f"printf '\\n{_END} %d\\n' $?" for _ in commands)
        texts = (self._here(command.text) for command in commands)
        script = "\n".join(f"{text}\n{end}" for text, end in zip(texts, ends, strict=True))
        answer = subprocess.run(
            ["/bin/sh", "-c", script],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=_SECONDS,
            check=False,
        )
        return list(self._compared(commands, answer.stdout))

    def _here(self, text: str) -> str:
        for old, new in self._replace.items():
            text = text.replace(old, new)
        return text

    def _compared(self, commands: list[Command], output: str) -> Iterator[Difference]:
        parts = re.split(rf"\n?{_END} (\d+)\n", output)
        for index, command in enumerate(commands):
            printed, status = (*parts[2 * index : 2 * index + 2], "", "-1")[:2]
            if not self._is_as_said(command, printed, int(status)):
                yield Difference(command, int(status), self._without_folder(printed))

    def _is_as_said(self, command: Command, printed: str, status: int) -> bool:
        if command.expected is None:
            return status == 0
        said = self._normal(self._here(command.expected))
        pattern = "".join(
            "(?:.*\n)*?" if line.strip() == "..." else f"{re.escape(line)}\n"
            for line in said.splitlines()
        )
        return re.fullmatch(pattern, self._normal(printed)) is not None

    def _without_folder(self, text: str) -> str:
        return text.replace(f"{self._folder}/", "").replace(str(self._folder), ".")

    def _normal(self, text: str) -> str:
        text = self._without_folder(text)
        for pattern, word in _VARIABLE:
            text = pattern.sub(word, text)
        return text.strip("\n") + "\n" if text.strip() else ""


def with_output(page: str, differences: Sequence[Difference]) -> str:
    """Return the page with what the commands printed in place of what it said."""
    lines = page.splitlines()
    for difference in reversed(differences):
        command = difference.command
        begin = command.line + command.text.count("\n")
        length = len((command.expected or "").splitlines())
        lines[begin : begin + length] = difference.printed.strip("\n").splitlines()
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run pages from the command line; return 1 when one of them is not true."""
    parser = argparse.ArgumentParser(description="Run the blocks of Markdown pages.")
    parser.add_argument("pages", nargs="+", type=Path)
    parser.add_argument("--programs", type=Path, default=Path(sys.executable).parent)
    parser.add_argument("--has", default="", help="programs that blocks may need, with commas")
    parser.add_argument("--write", action="store_true", help="put what was printed into the pages")
    options = parser.parse_args()
    has = frozenset(filter(None, options.has.split(",")))
    return max(_checked(path, options.programs.absolute(), has, options) for path in options.pages)


def _checked(path: Path, programs: Path, has: frozenset[str], options: argparse.Namespace) -> int:
    page = path.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="pages-") as folder:
        found = run_page(page, Path(folder), programs, has=has)
    print(f"{path}: {len(found)} differences")
    if options.write:
        path.write_text(with_output(page, found), encoding="utf-8")
    else:
        print("".join(f"{difference}\n" for difference in found), end="")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
