"""The documentation is a site of its own: every page is there, and reading it loads nothing from elsewhere."""

import os
import re
from pathlib import Path

import pytest
import yaml

pytest.importorskip("mkdocs", reason="the extra docs is not installed: see `make docs`")
pytest.importorskip("mkdocstrings")

from mkdocs.commands.build import build
from mkdocs.config import load_config

CHECKOUT = Path(__file__).parents[2]
ELSEWHERE = "(?:https?:)?//"
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly where `make docs` wants it: a warning is an error."""
    wanted = os.environ.get("NEXTLONG_SITE")
    folder = CHECKOUT / wanted if wanted else tmp_path_factory.mktemp("site")
    build(load_config(str(CHECKOUT / "mkdocs.yml"), site_dir=str(folder), strict=True))
    return folder


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    """No font, script, style or picture comes over the network."""
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(rf"<(?:script|img|link|iframe|source)\b[^>]*?(?:src|href)=\"?({ELSEWHERE}[^\s\">]+)", text)
        assert loaded == [], page
    for style in site.rglob("*.css"):
        assert re.findall(rf"(?:@import|url\()\s*[\"']?{ELSEWHERE}", style.read_text(encoding="utf-8")) == [], style


def test_what_stands_beside_docs_is_shown(site: Path) -> None:
    """Documents of the repository that pages link to are pages, and files that those link to are there."""
    assert "<h1" in (site / "CONTRIBUTING" / "index.html").read_text(encoding="utf-8")
    assert (site / "benchmarks" / "teaches" / "results" / "2026-11-27-h200-second.svg").is_file()
    assert (site / "examples" / "trainers" / "trl" / "sft_128k.py").is_file()
    assert (site / "reference" / "manifest.schema.json").is_file()


def test_the_menu_has_every_page(site: Path) -> None:
    """A page of `docs` that the menu leaves out is found by nobody."""
    menu = re.findall(r"[\w./-]+\.md", str(yaml.unsafe_load((CHECKOUT / "mkdocs.yml").read_text("utf-8"))["nav"]))
    there = {path.relative_to(CHECKOUT / "docs").as_posix() for path in (CHECKOUT / "docs").rglob("*.md")}
    assert there - set(menu) == set()
