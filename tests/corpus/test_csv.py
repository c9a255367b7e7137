"""CSV is read a slab at a time where it is regular, and the documents are those that reading row by row gives."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nextlong_hub.corpus.formats.base import Results
from nextlong_hub.corpus.formats.csv import Table, read_blocks
from nextlong_hub.corpus.formats.csv_slabs import slabs
from nextlong_hub.corpus.pieces import Piece, ReadingNotes
from nextlong_hub.records import Document

PIECE = Piece(source="s", format="csv", location="x.csv", name="x.csv", id_prefix="x/")
FIELD = st.text(st.sampled_from('ab" ,\n\r\xa0é'), max_size=4)
HEADERS = st.sampled_from([["text"], ["id", "text"], ["text", "url"], ["id", "text", "license", "note"], ["a", "a"]])


def quoted(field: str) -> str:
    """A field as a writer of CSV has it."""
    return '"' + field.replace('"', '""') + '"' if any(mark in field for mark in '",\n\r') else field


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """Mostly well-written tables; some rows have odd fields, too many or too few."""
    header = draw(HEADERS)
    write = draw(st.sampled_from([quoted, quoted, str]))
    number = st.just(len(header)) if draw(st.booleans()) else st.integers(0, len(header) + 1)
    rows = [draw(st.lists(FIELD, min_size=size, max_size=size)) for size in draw(st.lists(number, max_size=6))]
    end = draw(st.sampled_from(["\n", "\r\n"]))
    whole = end.join(",".join(map(write, row)) for row in [header, *rows]) + draw(st.sampled_from(["", end]))
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + whole.encode() + draw(st.sampled_from([b"", b"\xff", b'"']))


def told(results: Results) -> tuple[list[object], Counter[str], int]:
    """Documents and faults in order, the columns not used, and the rows without an id."""
    found: list[object] = []
    kept: list[ReadingNotes] = []
    for one in results:
        if isinstance(one, ReadingNotes):
            kept.append(one)
        else:
            found.append(one if isinstance(one, Document) else (one.reason, one.place))
    notes = ReadingNotes()
    for each in kept:
        notes.add(each.columns, each.members, each.numbered)
    return found, +notes.columns, notes.numbered


def in_blocks(content: bytes, size: int) -> Iterator[bytes]:
    """The content as it may come."""
    return (content[start : start + size] for start in range(0, len(content), size))


@settings(deadline=None)
@given(tables(), st.integers(1, 40), st.integers(1, 40))
@example(b'id,text\n1,"a\nb"\n2,c" d"\n3,e\n', 5, 5)
@example(b'id,text\n1,"a""b"\n,c\n3,\xc2\xa0\n', 100, 100)
def test_slabs_give_what_single_rows_give(content: bytes, block_bytes: int, slab_bytes: int) -> None:
    """The same documents, faults at the same places, and the same counts, wherever blocks and slabs end."""
    by_slab = told(read_blocks(in_blocks(content, block_bytes), PIECE, slab_bytes))
    table = Table(PIECE, ",")

    def row_by_row() -> Results:
        yield table.notes
        yield from table.one_by_one([content])

    assert by_slab == told(row_by_row())


@settings(deadline=None)
@given(tables(), st.integers(1, 40), st.integers(1, 40))
def test_slabs_lose_nothing(content: bytes, block_bytes: int, slab_bytes: int) -> None:
    """Slabs and what follows the last are the file, without its mark of UTF-8."""
    found = b""
    for slab in slabs(in_blocks(content, block_bytes), ",", slab_bytes):
        found += slab.content + b"".join(slab.rest or ())
    assert found == content.removeprefix(b"\xef\xbb\xbf")


@pytest.mark.parametrize(
    ("name", "content", "unused"),
    [
        ("a.csv", "id;text;a,b\n1;words;x\n", {"a,b": 1}),
        ("a.csv", "id,text,a;b\n1,words,x\n", {"a;b": 1}),
        ("a.csv", '"id"|"text"|"a,b,c,d"\n1|words|x\n', {"a,b,c,d": 1}),
        ("a.tsv", "id\ttext\ta,b,c,d\n1\twords\tx\n", {"a,b,c,d": 1}),
        ("a.csv", "\n\ntext\nwords\n", {}),
    ],
)
def test_what_stands_between_fields(name: str, content: str, unused: dict[str, int]) -> None:
    """The mark of which the header has most, outside of quotes."""
    piece = replace(PIECE, name=name)
    found, columns, _ = told(read_blocks(iter([content.encode()]), piece))
    assert [one.text for one in found if isinstance(one, Document)] == ["words"]
    assert columns == unused
