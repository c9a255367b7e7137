"""Files of the repository that pages link to become part of the site, at the place that they have in the repository.

A page links `../../benchmarks/README.md`, as one does on a forge; there the link leads to the file, here to its page.
So no document is written or copied twice: what stands beside the code is shown from there.
"""

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

CHECKOUT = Path(__file__).parents[2]
_DOCS = CHECKOUT / "docs"
_FIRST_PAGES = ("CONTRIBUTING.md", "CHANGELOG.md")
"""Pages of the site that no page of `docs` need link to."""

_FENCED = re.compile(r"(^ *```.*?^ *```$)", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:)([^)#\s]+)(?=[)#])")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what pages link to outside `docs`, and what those pages link to."""
    for path in sorted(reached([*_DOCS.rglob("*.md"), *(CHECKOUT / name for name in _FIRST_PAGES)])):
        if not path.is_relative_to(_DOCS):
            files.append(File.generated(config, site_path(path), abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Make each link one from page to page of the site."""
    origin = Path(page.file.abs_src_path or "").resolve()
    here = Path(page.file.src_uri).parent

    def link(target: str) -> str:
        return os.path.relpath(site_path(linked_file(origin, target)), here)

    return with_links(markdown, link)


def reached(pages: Iterable[Path]) -> set[Path]:
    """Those pages, and every file of the repository that links lead to from them."""
    found: set[Path] = set()
    waiting = list(pages)
    while waiting:
        path = waiting.pop()
        if path in found or path == CHECKOUT / "README.md":
            continue
        found.add(path)
        if path.suffix == ".md":
            targets = _targets(path.read_text(encoding="utf-8"))
            waiting += [linked_file(path, target) for target in targets]
    return {path for path in found if path.is_file()}


def _targets(markdown: str) -> list[str]:
    """Where the relative links of a text lead."""
    found: list[str] = []

    def keep(target: str) -> str:
        found.append(target)
        return target

    with_links(markdown, keep)
    return found


def with_links(markdown: str, change: Callable[[str], str]) -> str:
    """The text with each relative link, outside of code blocks, replaced by what `change` makes of it."""
    parts = _FENCED.split(markdown)
    return "".join(
        part if number % 2 else _LINK.sub(lambda found: change(found[1]), part) for number, part in enumerate(parts)
    )


def linked_file(page: Path, target: str) -> Path:
    """The file that a relative link of a page names; of a folder its README."""
    path = Path(os.path.normpath(page.parent / target))
    return path / "README.md" if path.is_dir() else path


def site_path(path: Path) -> str:
    """Where a file of the repository stands in the site."""
    if path == CHECKOUT / "README.md":
        return "index.md"
    return path.relative_to(_DOCS if path.is_relative_to(_DOCS) else CHECKOUT).as_posix()
