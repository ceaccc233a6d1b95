"""The site that `make docs` builds: every page is in its menu, and links lead to pages."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from tests.traced_run import PROJECT
from tools.docs_site import PAGES, on_page_markdown

MENU = re.findall(r"([\w/.-]+\.md)$", (PROJECT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE)


def shown(markdown: str, place: str) -> str:
    return on_page_markdown(markdown, SimpleNamespace(file=SimpleNamespace(src_uri=place)))


def test_every_page_is_in_the_menu_once():
    docs = PROJECT / "docs"
    pages = [path.relative_to(docs).as_posix() for path in docs.rglob("*.md")]
    assert sorted(MENU) == sorted([*pages, *PAGES.values()])


@pytest.mark.parametrize(
    ("markdown", "place", "expected"),
    [
        ("[f](docs/filters.md#tail)", "index.md", "[f](filters.md#tail)"),
        ("![r](docs/images/a.png)", "index.md", "![r](images/a.png)"),
        ("[c](CONTRIBUTING.md)", "index.md", "[c](contributing.md)"),
        ("[d](docs/adr)", "index.md", "[d](adr/0001-one-distribution.md)"),
        ("[c](../CONTRIBUTING.md)", "security.md", "[c](contributing.md)"),
        ("[o](../options.md)", "recipes/celery.md", "[o](../options.md)"),
        ("[w](../src/a.py) is code", "security.md", "w is code"),
        ("[out](https://example.org/a.md)", "security.md", "[out](https://example.org/a.md)"),
    ],
)
def test_a_link_leads_to_the_page_of_the_site(markdown, place, expected):
    assert shown(markdown, place) == expected
