"""A real browser for the tests of the page, and hand-written rows for it to show."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from nextlong_hub.dataset.shards import to_packed_table, to_table
from nextlong_hub.records import PackedDocument, PackedRow, Sample, Segment

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

Chunk = tuple[str, str, int, str]
"""Role, document, rank and text of one segment."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a headless Chromium of the system; without one the test is skipped."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"no browser here: none of {', '.join(NAMES)} is installed")
    with sync_playwright() as playwright:
        # Chromium refuses to run its sandbox as root, and it opens only pages that the tests wrote.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Visit:
    """A page that was opened, and what it did that a static page should not."""

    page: Page
    misdeeds: list[str] = field(default_factory=list)
    """Errors, messages on the console, dialogs, and requests beyond the file itself."""

    @property
    def bodies(self) -> list[str]:
        """The text of each segment as the browser shows it."""
        return self.page.eval_on_selector_all("#text .body", "found => found.map(one => one.textContent)")

    @property
    def whole_text(self) -> str:
        """The text of the sample as the browser shows it, separators too."""
        return self.page.eval_on_selector_all(
            "#text .body, #text .separator", "found => found.map(one => one.textContent).join('')"
        )

    @property
    def selected(self) -> int:
        """Number of the selected segment, on the strip and in the text alike."""
        bar = int(self.page.get_attribute('#strip [aria-selected="true"]', "data-segment") or -1)
        assert bar == int(self.page.get_attribute("#text [aria-current]", "data-segment") or -1)
        return bar

    def top_of(self, segment: int) -> float:
        """Pixels between the strip and the first line of a segment, once scrolling has come to rest."""
        self.page.wait_for_timeout(120)
        return self.page.evaluate(
            "n => document.getElementById(`segment-${n}`).getBoundingClientRect().top"
            " - document.getElementById('hero').getBoundingClientRect().bottom",
            segment,
        )


def visit(browser: Browser, path: Path, fragment: str = "", **options: Any) -> Visit:
    """Open a page and wait until its row is shown."""
    page = browser.new_page(**({"viewport": {"width": 1280, "height": 800}} | options))
    page.set_default_timeout(20_000)
    seen = Visit(page)
    page.on("console", lambda message: seen.misdeeds.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: seen.misdeeds.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (seen.misdeeds.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: seen.misdeeds.append(f"request: {request.url}"))
    page.goto(path.as_uri() + fragment)
    page.wait_for_selector(":root[data-open]")
    seen.misdeeds.remove(f"request: {path.as_uri()}")
    return seen


def make_sample(sample_id: str, chunks: Sequence[Chunk], *, separator: str = "\n", source: str = "world") -> Sample:
    """A sample of hand-written segments, each counted as ten tokens and a separator as one."""
    segments, text = [], ""
    for role, document, rank, content in chunks:
        text += separator if segments else ""
        segments.append(
            Segment(
                role=role,  # type: ignore[arg-type]
                document=document,
                chunk=rank,
                start=len(text),
                end=len(text) + len(content),
                tokens=10,
                rank=rank,
                score=100.0 / rank if rank else 0.0,
            )
        )
        text += content
    tokens = 11 * len(segments) - 1 if segments else 10
    return Sample(
        id=sample_id,
        text=text,
        input_ids=np.zeros(tokens, np.int32),
        meta_document=chunks[0][1] if chunks else sample_id,
        source=source,
        segments=tuple(segments),
        truncated_tokens=0,
    )


def write_samples(folder: Path, samples: Sequence[Sample], config: str = "here") -> Path:
    """Write samples as a configuration of a dataset that has no manifest."""
    path = folder / "data" / config / "train-00000-of-00001.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(to_table(samples, tokens=False), path)
    return folder


def write_packed(folder: Path, documents: Sequence[tuple[str, str]]) -> Path:
    """Write one packed row of plain documents, by id and text, five tokens each, no segment of which is known."""
    found, text = [], ""
    for document, content in documents:
        end = len(text) + len(content)
        found.append(
            PackedDocument(
                id=document, source="notes", meta_document=document, offset=0, start=len(text), end=end, tokens=5
            )
        )
        text += content
    row = PackedRow(
        id="packed/000000",
        text=text,
        input_ids=np.zeros(5 * len(found), np.int32),
        loss_mask=None,
        documents=tuple(found),
        segments=(),
    )
    path = folder / "data" / "packed" / "train-00000-of-00001.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(to_packed_table([row], tokens=False, masked=False), path)
    return folder
