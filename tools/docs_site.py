"""Prepares the pages for ``make docs``: the README and its siblings become pages of the site.

mkdocs calls the functions by their names. Everything stays where GitHub shows it; links are put
right for the site while it is built.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
# File in the project -> page of the site.
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security-policy.md",
}
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#\s]+)(#[^)]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages whose files lie outside the folder of the others."""
    from mkdocs.structure.files import File  # noqa: PLC0415 - only `make docs` has it

    for name, page in PAGES.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_context: Any) -> str:
    """Point links at pages of the site; what has none there stays as its text."""
    sources = {site: name for name, site in PAGES.items()}
    place = page.file.src_uri
    source = sources.get(place, posixpath.join("docs", place))

    def link(found: re.Match[str]) -> str:
        bang, text, target, anchor = found.groups()
        if "://" in target or target.startswith("mailto:"):
            return found[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        to = PAGES.get(path) or _below_docs(path)
        if to is None:
            return text
        where = posixpath.relpath(to, posixpath.dirname(place) or ".")
        return f"{bang}[{text}]({where}{anchor or ''})"

    return _LINK.sub(link, markdown)


def _below_docs(path: str) -> str | None:
    if not path.startswith("docs/"):
        return None
    below = path.removeprefix("docs/")
    if not (ROOT / path).is_dir():
        return below
    first = min(page.name for page in (ROOT / path).glob("*.md"))  # a folder is its first page
    return f"{below}/{first}"
