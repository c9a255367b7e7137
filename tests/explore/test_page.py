"""What a page holds, read without a browser: which rows, which bytes, and no word of a corpus as markup."""

import base64
import gzip
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from browser import make_sample, write_packed, write_samples
from building import run_command
from hypothesis import given, settings
from hypothesis import strategies as st

from nextlong_hub import cli
from nextlong_hub.dataset import open_split
from nextlong_hub.dataset.row import row_from
from nextlong_hub.dataset.shards import to_table
from nextlong_hub.errors import ConflictError, DataError
from nextlong_hub.explore.page.page import PAYLOAD_BYTES, write_page
from nextlong_hub.explore.page.payload import describe, encode
from nextlong_hub.explore.strip import SHADES, bars, strip_data_uri, strip_svg
from nextlong_hub.explore.summary import links_of
from nextlong_hub.records import Segment

HOSTILE = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(2)> {{7*7}} '\" \x00\x1b[31m\u202eevil\u2066"


def segment(role: str, tokens: int, rank: int = 0) -> Segment:
    """A segment of which only role, tokens and rank matter."""
    return Segment(
        role=role,  # type: ignore[arg-type]
        document="d",
        chunk=0,
        start=0,
        end=0,
        tokens=tokens,
        rank=rank,
        score=float(rank),
    )


FIVE = [segment("meta", 10), segment("negative", 20, 1), segment("negative", 5, 4), segment("meta", 7)]


def test_links_of_a_row_on_paper() -> None:
    """17 tokens of 50 are the document's, one link, and two chunks above it on average; nothing without negatives."""
    first, last = FIVE[0], FIVE[-1]
    ranked = [replace(first, own_rank=1), *FIVE[1:-1], replace(last, own_rank=5)]
    table = pa.table({"text": [""], "token_count": pa.array([50], pa.int32())})
    row = row_from(table, 0, "here")
    assert links_of(row, ranked) == ["1 link", "34.00% meta-document", "difficulty 2.0"]
    assert links_of(row, FIVE) == ["1 link", "34.00% meta-document"]
    assert links_of(row, [first, last]) == []


def test_bars_know_their_place() -> None:
    """Tokens that belong to no segment are separators, one between two neighbours here."""
    drawn = bars(FIVE, 45)
    assert [bar.first_token for bar in drawn] == [0, 11, 32, 38]
    assert [bar.is_meta for bar in drawn] == [True, False, False, True]
    assert bars([], 45) == ()


def test_shades_follow_the_rank() -> None:
    """The best rank has the strongest shade, the last one the palest, and none in between is out of order."""
    drawn = bars([segment("negative", 1, rank) for rank in range(1, 101)], 100)
    shades = [bar.shade for bar in drawn]
    assert shades == sorted(shades)
    assert set(shades) == set(range(SHADES))
    assert shades[:4] == [0, 0, 0, 0]
    assert shades[4] == 1


@settings(deadline=None)
@given(st.lists(st.integers(0, 500), min_size=1, max_size=60), st.integers(1, 9))
def test_an_image_of_the_strip_shows_every_segment_once(tokens: list[int], lines: int) -> None:
    """On any number of lines, from left to right, inside the picture, and as well-formed XML."""
    drawn = bars([segment("meta", count) for count in tokens], sum(tokens))
    root = ElementTree.fromstring(strip_svg(drawn, label="a strip", lines=lines))
    rectangles = root.findall("{http://www.w3.org/2000/svg}rect")
    assert len(rectangles) == len(tokens)
    places = [(float(one.attrib["y"]), float(one.attrib["x"])) for one in rectangles]
    assert places == sorted(places)
    assert all(0 <= float(one.attrib["width"]) <= 1000 for one in rectangles)


def test_the_label_of_a_strip_is_text() -> None:
    """A name from a corpus cannot add anything to the picture."""
    image = strip_svg(bars(FIVE, 45), label=HOSTILE, selected=1)
    root = ElementTree.fromstring(image)
    assert {element.tag.rpartition("}")[2] for element in root.iter()} == {"svg", "title", "style", "rect"}
    assert "\u202e" not in image
    assert base64.b64decode(strip_data_uri(bars(FIVE, 45), label="x").partition(",")[2]).startswith(b"<svg ")


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["meta", "negative"]), st.text(max_size=9)), min_size=1, max_size=8),
    st.sampled_from(["", "\n", " \U0001f600 "]),
)
def test_pieces_joined_are_the_text(chunks: list[tuple[str, str]], separator: str) -> None:
    """Whatever the text is made of, nothing is lost, and each segment's piece is what the segment says."""
    sample = make_sample(
        "s", [(role, "d", int(role != "meta"), text.encode("utf-8", "replace").decode()) for role, text in chunks],
        separator=separator,
    )  # fmt: skip
    row = row_from(to_table([sample], tokens=False), 0, "here")
    content = json.loads(gzip.decompress(base64.b64decode(encode(row, "score"))))
    assert content == json.loads(json.dumps(describe(row, "score")))
    assert "".join(content["pieces"]) == sample.text
    assert content["pieces"][1::2] == [sample.text[one.start : one.end] for one in sample.segments]


def test_packed_rows_keep_their_documents_apart(tmp_path: Path) -> None:
    """Each document is a part of its own, and its segments begin where its tokens begin."""
    row = open_split(write_packed(tmp_path, [("a", "one "), ("b", "two "), ("c", "three")])).row(0)
    content = describe(row, "score")
    assert [part["id"] for part in content["parts"]] == ["a", "b", "c"]
    assert content["segments"]["part"] == [0, 1, 2]
    assert content["segments"]["firstToken"] == [0, 5, 10]
    assert content["pieces"] == ["", "one ", "", "two ", "", "three", ""]


def test_no_word_of_a_corpus_is_markup(tmp_path: Path) -> None:
    """Texts travel in an alphabet without brackets; names that the page's head shows are escaped."""
    sample = make_sample(HOSTILE, [("meta", HOSTILE, 0, HOSTILE), ("negative", HOSTILE, 1, HOSTILE)], source=HOSTILE)
    folder = write_samples(tmp_path / "<img src=x onerror=alert(3)>", [sample])
    write_page(folder, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert page.count("<script") == page.count("</script") == 3  # about, one row, the page's own
    assert "alert(1)" in page.replace("\\u003c", "<")  # the id, as JSON
    for tag in ("<img", "<!--", "<script>alert", "\u202e", "\x1b", "\x00"):
        assert tag not in page
    assert "&lt;img src=x onerror=alert(3)&gt;</title>" in page


def test_the_same_rows_give_the_same_page(built: Path, tmp_path: Path) -> None:
    """A page can be compared and cached: no clock and no folder name of the machine is in it."""
    for name in ("one.html", "other.html"):
        write_page(built, tmp_path / name)
    page = (tmp_path / "one.html").read_bytes()
    assert page == (tmp_path / "other.html").read_bytes()
    assert str(built.parent).encode() not in page


def test_rows_are_chosen_and_the_rest_is_counted(built: Path, tmp_path: Path) -> None:
    """Five rows by default, any number when asked for, certain ones by id or number."""
    output = tmp_path / "page.html"
    ids = [open_split(built).row(number).id for number in range(8)]
    report = write_page(built, output)
    assert report.shown == {"tiny": tuple(ids[:5])}
    assert report.rows == {"tiny": 8}
    assert report.left_out == 3
    assert report.bytes == output.stat().st_size
    assert write_page(built, output, rows=99).shown == {"tiny": tuple(ids)}
    assert write_page(built, output, wanted=[ids[6], "2"]).shown == {"tiny": (ids[6], ids[2])}
    with pytest.raises(DataError, match="has no row with the id 'nobody'"):
        write_page(built, output, wanted=["nobody"])
    with pytest.raises(DataError, match="has no configuration '9k'"):
        write_page(built, output, ["9k"])


@pytest.mark.slow
def test_a_page_stays_small_unless_rows_are_asked_for(tmp_path: Path) -> None:
    """Rows that would weigh over 8 MB together are left out and counted; one row at least is shown."""
    chance = random.Random(0)
    samples = [
        make_sample(f"row {number}", [("meta", "d", 0, chance.randbytes(2_400_000).hex())]) for number in range(4)
    ]
    report = write_page(write_samples(tmp_path, samples), tmp_path / "page.html")
    assert report.shown == {"here": ("row 0", "row 1")}
    assert report.left_out == 2
    assert report.bytes < PAYLOAD_BYTES + 100_000


def test_rows_without_text_are_refused(tmp_path: Path) -> None:
    """A page shows text; what has none is named, with what to do instead."""
    pq.write_table(pa.table({"id": ["a"], "input_ids": [[1, 2]]}), tmp_path / "rows.parquet")
    with pytest.raises(DataError, match="no column text"):
        write_page(tmp_path, tmp_path / "page.html")


def test_a_page_of_nothing_is_refused(tmp_path: Path) -> None:
    """A configuration without rows gives a message, not an empty page."""
    with pytest.raises(DataError, match="has no rows in here"):
        write_page(write_samples(tmp_path / "rows", []), tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


@pytest.mark.slow
def test_the_command_says_what_is_in_the_page(built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For a person in words, for a program as JSON; two ways to choose rows exclude each other."""
    output = tmp_path / "page.html"
    told = run_command("view", built, "-o", output, "--rows", "2")
    assert told.returncode == 0, told.stderr
    assert "6 rows were left out" in told.stdout
    assert cli.run(["view", str(built), "tiny", "-o", str(output), "--row", "3", "--json"]) == 0
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert report["configs"] == {"tiny": {"rows": 8, "shown": [open_split(built).row(3).id]}}
    assert report["bytes"] == output.stat().st_size
    assert cli.run(["view", str(built), "-o", str(output), "--rows", "2", "--row", "3"]) == 2
    assert "choose one of the two" in capsys.readouterr().err


def test_a_file_that_is_no_page_of_ours_is_not_replaced(dataset: Path, tmp_path: Path) -> None:
    """Neither a corpus nor a link; a page of ours is, and everything is when that is asked for."""
    page, corpus, link = tmp_path / "page.html", tmp_path / "corpus.jsonl", tmp_path / "link.html"
    for _ in range(2):
        write_page(dataset, page, rows=1)
    corpus.write_text("precious")
    link.symlink_to(corpus)
    for path in (corpus, link):
        with pytest.raises(ConflictError, match=r"is there and is no page of nextlong-hub.*force"):
            write_page(dataset, path, rows=1)
    assert corpus.read_text() == "precious"
    write_page(dataset, link, rows=1, force=True)
    assert (corpus.read_text(), link.is_symlink()) == ("precious", False)
    write_page(dataset, corpus, rows=1, force=True)
    assert corpus.read_bytes() == page.read_bytes()
