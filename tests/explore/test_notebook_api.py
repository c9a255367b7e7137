"""A split and its samples show themselves in a notebook, and can do nothing else there."""

import json
import os
import subprocess
import sys
from base64 import b64decode
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from building import ROWS, make_request, published, read_rows
from hostile import NEVER_SHOWN, hostile_documents
from matplotlib.figure import Figure

from nextlong_hub.dataset.shards import to_packed_table, write_table
from nextlong_hub.errors import DataError
from nextlong_hub.explore import SampleView, Split
from nextlong_hub.explore import open as open_split
from nextlong_hub.pipeline import build
from nextlong_hub.recipe import OutputSettings
from nextlong_hub.records import PackedDocument, PackedRow, Segment
from nextlong_hub.testing import LocalHub
from nextlong_hub.testing.worlds import write_corpus

_TAGS = {"div", "p", "b", "code", "pre", "table", "tr", "th", "td", "span", "img", "details", "summary", "a"}
_ATTRIBUTES = {"style", "class", "align", "alt", "src", "href"}


class Page(HTMLParser):
    """What a browser makes of some HTML: its elements, and the words outside of `<code>` and `<pre>`."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.bare = ""
        self.quoted = ""
        self._depth = 0
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the element."""
        self.elements.append((tag, dict(attrs)))
        self._depth += tag in ("code", "pre")

    def handle_endtag(self, tag: str) -> None:
        """Leave it."""
        self._depth -= tag in ("code", "pre")

    def handle_data(self, data: str) -> None:
        """Keep the words."""
        if self._depth:
            self.quoted += data
        else:
            self.bare += data


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset made of documents that attack whoever looks at them."""
    folder = tmp_path_factory.mktemp("hostile")
    corpus = write_corpus(folder / "corpus.jsonl", hostile_documents())
    build(make_request(corpus, rows=4), folder / "dataset")
    return folder / "dataset"


def shown(thing: Any) -> str:
    """What a notebook shows."""
    return str(thing._repr_html_())


def test_a_split_tells_what_it_is(built: Path) -> None:
    """Name, length, columns, manifest; its samples by number, id and in order."""
    split = open_split(built, "tiny")
    rows = read_rows(built)
    assert isinstance(split, Split)
    assert (split.name, split.configs, len(split), split.columns) == ("tiny", ("tiny",), ROWS, list(rows[0]))
    assert split.manifest is not None and split.manifest.configs["tiny"].rows == ROWS
    assert [sample.id for sample in split] == [row["id"] for row in rows]
    assert split[-1].id == split.sample(ROWS - 1).id == split.sample(rows[-1]["id"]).id
    assert pa.Table.from_batches(split.rows(["id"]))["id"].to_pylist() == [row["id"] for row in rows]
    assert repr(split).startswith(f"Split 'tiny' of {str(built)!r}: 8 rows, 4,096 tokens")
    with pytest.raises(DataError, match="has 8 rows, 0 to 7"):
        split.sample(8)


def test_a_sample_holds_its_row(built: Path) -> None:
    """Text, tokens, origin, and the segments as a table that pandas reads."""
    row = read_rows(built)[3]
    sample = open_split(built).sample(3)
    assert isinstance(sample, SampleView)
    assert (sample.number, sample.id, sample.text, sample.token_count) == (3, row["id"], row["text"], 512)
    assert (sample.meta_document, sample.source) == (row["meta_document"], row["source"])
    assert sample.input_ids.tolist() == row["input_ids"]
    frame = sample.segments.to_pandas()
    assert frame.to_dict("records")[1]["document"] == row["segments"][1]["document"]
    assert list(frame.index[frame["role"] == "meta"]) == sample.meta_chunks
    segment = row["segments"][1]
    assert sample.segment(1).text == row["text"][segment["start"] : segment["end"]]
    assert sample.segment(-1).number == len(row["segments"]) - 1


def test_why_adds_up_and_shows_itself(built: Path) -> None:
    """The sum of its table is the score in the row, and its HTML names the heaviest terms."""
    sample = open_split(built).sample(3)
    why = sample.why(1)
    stored = sample.segments["score"][1].as_py()
    assert np.float32(sum(why.terms["weight"].to_pylist())) == np.float32(stored) == np.float32(why.score)
    assert not why.is_estimate
    heaviest = why.terms["term"][0].as_py()
    assert f"<code>{heaviest}</code>" in shown(why)
    assert heaviest in repr(why) and "the exact sum of" in repr(why)


def test_a_sample_reads_well_without_a_browser(built: Path) -> None:
    """Its strip, and each meta-chunk with its best negative, in lines that fit a terminal."""
    row = read_rows(built)[3]
    text = repr(open_split(built).sample(3))
    assert text.startswith(f"Sample {row['id']!r}\n512 tokens, ")
    assert "▼0" in text and text.count("█ meta") == sum(s["role"] == "meta" for s in row["segments"])
    assert max(map(len, text.splitlines())) <= 120


def test_the_strip_is_an_image_that_says_what_it_shows(built: Path) -> None:
    """Drawn here, without a script, and described for whoever does not see it."""
    sample = open_split(built).sample(0)
    [image] = [attributes for tag, attributes in Page(shown(sample)).elements if tag == "img"]
    kind, _, content = str(image["src"]).partition(",")
    assert kind == "data:image/svg+xml;base64"
    assert b64decode(content).startswith(b"<svg")
    assert b"<script" not in b64decode(content)
    assert "meta-chunks begin at the tokens 0, " in str(image["alt"])


def test_only_the_beginning_of_a_text_goes_into_a_notebook(tmp_path: Path) -> None:
    """20 kB of a text of megabytes, cut between characters; the rest stays where it is."""
    text = "é" * 1_000_000
    pq.write_table(pa.table({"id": ["a"], "text": [text]}), tmp_path / "a.parquet")
    sample = open_split(tmp_path).sample(0)
    assert len(sample.text) == 1_000_000
    assert Page(shown(sample)).quoted.count("é") == 10_000
    assert len(repr(sample)) < 3_000


def test_plots_are_figures_that_show_themselves(built: Path) -> None:
    """With pyplot never imported, a notebook still gets a PNG."""
    split = open_split(built)
    for figure in (split.plot_lengths(), split.plot_scores(), split.plot_distances(), split.plot_sources()):
        assert isinstance(figure, Figure)
        assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]
    assert split.stats() is split.stats()
    assert split.stats().rows == ROWS


def test_what_cannot_be_drawn_is_said(tmp_path: Path) -> None:
    """Plain texts have no negatives to draw."""
    pq.write_table(pa.table({"id": ["a"], "text": ["x"], "token_count": [1]}), tmp_path / "a.parquet")
    split = open_split(tmp_path)
    with pytest.raises(DataError, match="has no hard negatives: there is nothing to draw"):
        split.plot_scores()
    with pytest.raises(DataError, match="has no row with two meta-chunks"):
        split.plot_distances()


def test_a_packed_row_shows_its_documents(tmp_path: Path) -> None:
    """Which ones, and that attention keeps them apart."""
    documents = tuple(
        PackedDocument(id=f"doc{n}", source="s", meta_document=f"m{n}", offset=0, start=n, end=n + 1, tokens=1)
        for n in range(3)
    )
    segments = tuple(
        Segment(role="meta", document=f"m{n}", chunk=0, start=n, end=n + 1, tokens=1, rank=0, score=0.0)
        for n in range(3)
    )
    row = PackedRow(
        id="p/0",
        text="abc",
        input_ids=np.arange(3, dtype=np.int32),
        loss_mask=np.array([0, 1, 1], np.int8),
        documents=documents,
        segments=segments,
    )
    write_table(tmp_path / "a.parquet", to_packed_table([row], tokens=True, masked=True), OutputSettings())
    sample = open_split(tmp_path).sample(0)
    assert sample.documents["id"].to_pylist() == ["doc0", "doc1", "doc2"]
    assert "Packed: 3 documents, which attention keeps apart" in shown(sample)
    assert "doc2" in shown(sample)
    assert sample.loss_mask.tolist() == [0, 1, 1]
    assert "3 tokens, loss on 2 of them" in shown(sample)


@pytest.mark.slow
def test_a_row_of_the_hub_links_to_its_viewer(built: Path) -> None:
    """Over HTTP, ids are links to the row on the dataset's page; a local split has none."""
    assert "<a " not in shown(open_split(built))
    script = "import nextlong_hub; print(nextlong_hub.open('tester/nextlong').split()._repr_html_())"
    with LocalHub() as hub:
        hub.put("datasets", "tester/nextlong", published(built))
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", script],
            env=os.environ | hub.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        page = f"{hub.endpoint}/datasets/tester/nextlong"
    assert done.returncode == 0, done.stderr
    links = [attributes["href"] for tag, attributes in Page(done.stdout).elements if tag == "a"]
    assert links == [f"{page}/viewer/tiny/train?row={row}" for row in range(5)]


def test_hostile_words_are_inert_in_a_notebook(hostile: Path) -> None:
    """No element, attribute or address but ours; every word of theirs in code or pre, where MathJax does not look."""
    split = open_split(hostile)
    things = [split]
    for sample in split:
        things += [sample, sample.segment(0), sample.segment(1), sample.why(1)]
    for thing in things:
        page = Page(shown(thing))
        assert {tag for tag, _ in page.elements} <= _TAGS
        for tag, attributes in page.elements:
            assert attributes.keys() <= _ATTRIBUTES
            assert tag == "img" or "src" not in attributes
            assert "href" not in attributes
            assert str(attributes.get("src", "data:image/svg+xml;base64,")).startswith("data:image/svg+xml;base64,")
        assert not any(attack in page.bare for attack in ("alert", "script", "$", "\\(", "owned", "⟨"))
        for text in (shown(thing), repr(thing)):
            assert not any(attack in text for attack in ("\x1b", *NEVER_SHOWN))
    everything = "".join(Page(shown(thing)).quoted for thing in things)
    assert "<script>alert(1)</script>" in everything and "⟨U+202E⟩" in everything


def test_control_characters_of_other_tools_are_inert_too(tmp_path: Path) -> None:
    """Our builds refuse a NUL; a Parquet file of somebody else may hold anything."""
    segment = {
        "role": "</td><script>",
        "document": "\x00\x1b[2J",
        "chunk": 0,
        "start": 0,
        "end": 3,
        "tokens": 1,
        "rank": 1,
    }
    rows = {"id": ["\x00<b>"], "text": ["\x00\x1b[2Jx"], "token_count": [1], "segments": [[{**segment, "score": 1.0}]]}
    pq.write_table(pa.table(rows), tmp_path / "a.parquet")
    sample = open_split(tmp_path).sample(0)
    for text in (shown(sample), repr(sample), shown(sample.segment(0)), repr(sample.segment(0))):
        assert not any(attack in text for attack in ("\x1b", *NEVER_SHOWN))
    assert {tag for tag, _ in Page(shown(sample)).elements} <= _TAGS


@pytest.mark.slow
def test_opening_costs_no_heavy_import() -> None:
    """Neither datasets nor matplotlib nor a tokenizer is loaded to look at a sample."""
    script = "import nextlong_hub, sys, json; nextlong_hub.open; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert {"datasets", "matplotlib", "transformers", "torch"}.isdisjoint(json.loads(done.stdout))
