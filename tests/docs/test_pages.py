"""Every block of the pages that a newcomer follows does what the page says."""

from __future__ import annotations

import re
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.collector.receiver import running_receiver
from tests.traced_run import PROJECT
from tools.pages import Difference, read_blocks, read_commands, run_page, with_output

PROGRAMS = Path(sys.executable).parent
RECIPES = sorted((PROJECT / "docs" / "recipes").glob("*.md"))
DOCS = PROJECT / "docs"
PAGES = [PROJECT / "README.md", DOCS / "tutorial.md", DOCS / "topics.md", *RECIPES]
READ = ("api", "filters", "how-it-works", "options", "performance", "security")
LINKED = [*PAGES, PROJECT / "CONTRIBUTING.md", *(DOCS / f"{name}.md" for name in READ)]
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
NEEDED = (
    *("gunicorn", "uvicorn", "celery", "nbclient", "rotel"),
    *("fastapi", "sqlalchemy", "httpx", "django", "flask", "aiohttp"),
)
# All or none: `make recipes` has an environment with all of them.
HAS = frozenset(NEEDED if all(map(find_spec, NEEDED)) else ())
EXECUTED = {"console", "python", "toml", "sh", "text"}


@pytest.fixture
def receiver():
    with running_receiver() as running:
        yield running


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.stem}")
def test_a_page_does_what_it_says(page, tmp_path, receiver):
    (tmp_path / "order").mkdir()
    here = {"http://127.0.0.1:4318": receiver.endpoint}
    found = run_page(page.read_text("utf-8"), tmp_path / "order", PROGRAMS, has=HAS, replace=here)
    assert "\n".join(map(str, found)) == ""


def test_commands_know_nothing_of_what_runs_the_tests(tmp_path, monkeypatch):
    monkeypatch.setenv("CI", "true")  # pytest prints another summary where it is set
    page = '```console\n$ echo "${CI-unset} ${PATH:+path}"\nunset path\n```\n'
    assert run_page(page, tmp_path, PROGRAMS) == []


def test_the_commands_of_the_filters_page_show_what_it_says(tmp_path):
    (tmp_path / "examples").mkdir()
    shutil.copy(PROJECT / "examples" / "sample_app.py", tmp_path / "examples")
    page = (PROJECT / "docs" / "filters.md").read_text("utf-8")
    assert "\n".join(map(str, run_page(page, tmp_path, PROGRAMS))) == ""


@pytest.mark.parametrize("page", LINKED, ids=lambda page: f"{page.parent.name}/{page.stem}")
def test_the_links_of_a_page_lead_somewhere(page):
    links = [link for link in LINK.findall(page.read_text("utf-8")) if "://" not in link]
    assert {link for link in links if not (page.parent / link).exists()} == set()


def test_blocks_need_only_what_make_recipes_installs():
    blocks = [block for page in RECIPES for block in read_blocks(page.read_text("utf-8"))]
    assert {need for block in blocks for need in block.needs} == set(NEEDED)


def test_the_readme_has_no_block_that_nothing_executes():
    blocks = read_blocks((PROJECT / "README.md").read_text("utf-8"))
    assert {block.language for block in blocks} <= EXECUTED
    assert all(block.file for block in blocks if block.language == "toml")


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_the_targets_of_make_that_a_page_names_exist(name):
    text = (PROJECT / name).read_text("utf-8")
    targets = re.findall(r"^([\w-]+):", (PROJECT / "Makefile").read_text("utf-8"), re.MULTILINE)
    named = re.findall(r"\bmake ([a-z][\w-]+)`", text)
    assert {"demo", "test"} <= {*named, *re.findall(r"^make (\w+)", text, re.MULTILINE)}
    assert [name for name in named if name not in targets] == []


def test_the_layers_of_the_contributors_page_are_those_of_the_package():
    text = (PROJECT / "CONTRIBUTING.md").read_text("utf-8")
    (layers,) = [
        block for block in re.findall(r"```\n(.*?)```", text, re.DOTALL) if "ports" in block
    ]
    # a name ends at two blanks, its explanation at the end of the line
    names = [
        name for line in layers.splitlines() for name in re.findall(r"(?:^|  )(\w+)(?=  |$)", line)
    ]
    package = PROJECT / "src" / "codetracer_otel"
    here = {path.stem for path in package.iterdir() if not path.name.startswith("__")}
    assert len(names) > 12
    assert [name for name in names if name not in here] == []


PAGE = """\
`greeting.py`

```python
print("hello")
print("12 ms")
```

```console
$ python greeting.py
hello
3.5 ms
$ python -c '
> print(1)
> '
2
```
"""


def test_the_runner_tells_what_was_printed_instead(tmp_path):
    (difference,) = run_page(PAGE, tmp_path, PROGRAMS)
    assert (difference.command.expected, difference.printed.strip()) == ("2\n", "1")
    assert run_page(with_output(PAGE, [difference]), tmp_path, PROGRAMS) == []


def test_the_runner_tells_of_a_script_that_fails(tmp_path):
    (difference,) = run_page("```python\n1 / 0\n```\n", tmp_path, PROGRAMS)
    assert isinstance(difference, Difference)
    assert difference.status == 1


def test_the_runner_leaves_out_what_needs_more(tmp_path):
    page = "<!-- needs: moon -->\n\n```console\n$ false; echo no\nyes\n```\n"
    assert run_page(page, tmp_path, PROGRAMS) == []
    assert len(run_page(page, tmp_path, PROGRAMS, has=frozenset({"moon"}))) == 1


def test_a_console_block_without_a_command_is_a_mistake(tmp_path):
    (block,) = read_blocks("```console\nhello\n```\n")
    with pytest.raises(ValueError, match="begins with a command"):
        read_commands(block)
