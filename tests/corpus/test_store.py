"""The chunk store: what was put in comes out, over part borders, and nothing unfinished passes for a store."""

import os
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from durability import recorded
from hypothesis import given, settings
from hypothesis import strategies as st
from small_stores import Parts, make_store
from strategies import pieces

from nextlong_hub.corpus.store import ChunkStore, PartWriter, finish_store
from nextlong_hub.errors import ConflictError, DataError, StorageError
from nextlong_hub.records import ChunkSpan, Document

WORLD: Parts = [[["ab\n", "é🙂"], [""], ["cde"]], [], [[], ["日本", "x", ""]]]
"""Two full parts with an empty one between; chunks 0 to 6 of documents 0 to 4, document 3 without any."""

FLAT = ["ab\n", "é🙂", "", "cde", "日本", "x", ""]


@pytest.fixture
def store(tmp_path: Path) -> ChunkStore:
    """The store of `WORLD`."""
    return make_store(tmp_path / "store", WORLD)


def test_counts_by_hand(store: ChunkStore) -> None:
    """Documents, chunks, characters and where each document's chunks begin, through all parts."""
    assert (store.documents, store.chunks, store.id) == (5, 7, "0123456789ab")
    assert store.first_chunk.tolist() == [0, 2, 3, 4, 4, 7]
    assert [store.characters_of(chunk) for chunk in range(7)] == [3, 2, 0, 3, 2, 1, 0]
    assert store.document_characters.tolist() == [5, 0, 3, 0, 3]
    assert store.summary.characters == 11
    assert store.summary.bytes == len("".join(FLAT).encode())
    assert store.summary.skipped == {"empty": 2}
    assert [part.documents for part in store.summary.parts] == [3, 0, 2]


def test_a_part_is_on_the_disk_before_anything_vouches_for_it(tmp_path: Path) -> None:
    """Text and names are flushed whole before the part counts as written; `store.json` gets its name last of all."""
    documents = [Document(id=f"d{number}", text="word " * 5000, source="s") for number in range(3)]
    with recorded() as recorder:
        with PartWriter(tmp_path / "part-00000") as part:
            for document in documents:
                part.add(document, [ChunkSpan(0, len(document.text))], [0])
        done = len(recorder.events)
        finish_store(tmp_path, [part.counts], "0123456789ab", {})
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 7
    assert [path.name for path in files if not recorder.is_lasting(path)] == []
    for name in ("text.bin", "documents.arrow"):
        assert any(what == "flush" and number < done for number, what in recorder.of(tmp_path / "part-00000" / name))
    assert recorder.renamed(tmp_path / "store.json") == max(
        number for number, event in enumerate(recorder.events) if event.what == "rename"
    )


def test_every_document_knows_its_name_and_every_chunk_its_document(store: ChunkStore) -> None:
    """Numbers run through all parts; a document without chunks owns none."""
    names = [store.document(number) for number in range(5)]
    assert names == [(f"{part}/{row}", f"source {part}") for part, row in [(0, 0), (0, 1), (0, 2), (2, 0), (2, 1)]]
    assert store.document_of(np.arange(7)).tolist() == [0, 0, 1, 2, 4, 4, 4]


def test_texts_are_gathered_whatever_the_order_of_asking(store: ChunkStore) -> None:
    """Repeated and unordered numbers give each text once, over part borders."""
    assert store.texts(np.array([5, 0, 5, 3, 1])) == {0: "ab\n", 1: "é🙂", 3: "cde", 5: "x"}
    assert list(store.texts(np.array([6, 2]))) == [2, 6]
    assert store.texts(np.zeros(0, np.int64)) == {}


@given(st.lists(st.lists(st.lists(pieces, max_size=4), max_size=3), max_size=3), st.data())
@settings(deadline=None, max_examples=40)
def test_what_was_put_in_comes_out(tmp_path_factory: pytest.TempPathFactory, parts: Parts, data: st.DataObject) -> None:
    """For any documents and any range, texts and blocks are the chunks that were added."""
    flat = [chunk for documents in parts for chunks in documents for chunk in chunks]
    store = make_store(tmp_path_factory.mktemp("store"), parts)
    assert list(store.texts(np.arange(len(flat))).values()) == flat
    start = data.draw(st.integers(0, len(flat)))
    stop = data.draw(st.integers(start, len(flat)))
    blocks = list(store.blocks(start, stop))
    found = []
    for block in blocks:
        assert block.first_chunk == start + len(found)
        assert block.offsets[0] == 0
        assert block.offsets[-1] == len(block.text)
        for low, high in pairwise(block.offsets):
            found.append(block.text[low:high].tobytes().decode())
    assert found == flat[start:stop]
    assert len(blocks) <= sum(1 for documents in parts if any(documents))


def test_blocks_end_where_parts_do(store: ChunkStore) -> None:
    """A range over two parts is two blocks, one inside a part is one, none is none."""
    assert [(block.first_chunk, len(block.offsets) - 1) for block in store.blocks(1, 6)] == [(1, 3), (4, 2)]
    assert [(block.first_chunk, len(block.offsets) - 1) for block in store.blocks(4, 6)] == [(4, 2)]
    assert list(store.blocks(4, 4)) == []


def test_more_documents_than_one_batch_of_names(tmp_path: Path) -> None:
    """The list of documents is written in batches; names on both sides of a border are right."""
    store = make_store(tmp_path, [[["x"]] * 8200])
    assert [store.document(number)[0] for number in (0, 8191, 8192, 8199)] == ["0/0", "0/8191", "0/8192", "0/8199"]


def test_nothing_is_a_store_before_it_is_finished(tmp_path: Path) -> None:
    """Parts without `store.json`, or with a broken one, are refused; a finished store opens again."""
    with PartWriter(tmp_path / "part-00000") as part:
        part.add(Document(id="a", text="text", source="s"), [ChunkSpan(0, 4)])
    with pytest.raises(DataError, match="holds no finished chunk store; run the build again"):
        ChunkStore(tmp_path)
    (tmp_path / "store.json").write_text('{"id": ')
    with pytest.raises(DataError, match="holds no finished chunk store"):
        ChunkStore(tmp_path)
    finish_store(tmp_path, [part.counts], "id", {})
    assert ChunkStore(tmp_path).texts(np.array([0])) == {0: "text"}


def test_a_part_that_failed_can_be_written_again(tmp_path: Path) -> None:
    """An error in the middle passes unchanged, and a second attempt leaves nothing of the first."""
    folder = tmp_path / "part-00000"
    with pytest.raises(LookupError, match="mine"), PartWriter(folder) as part:
        part.add(Document(id="first", text="much longer than the second", source="s"), [ChunkSpan(0, 27)])
        raise LookupError("mine")
    store = make_store(tmp_path, [[["new"]]])
    assert (store.documents, store.texts(np.arange(store.chunks))) == (1, {0: "new"})


def test_the_same_documents_give_the_same_bytes(tmp_path: Path) -> None:
    """Two stores of one corpus are equal file by file."""
    for name in ("one", "two"):
        make_store(tmp_path / name, WORLD)
    files = [path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert len(files) == 1 + 3 * 5
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes(), file


@pytest.mark.parametrize("kilobytes_left", [1, 30, 100])
def test_a_full_disk_is_a_storage_error(small_disk: Path, kilobytes_left: int) -> None:
    """Whichever file of a part meets the full disk, text, names or numbers, the fault is named with its remedy."""
    with pytest.raises(StorageError, match="No space left on device; free some space"):
        (small_disk / "ballast").write_bytes(bytes((256 - 12 - kilobytes_left) << 10))
        with PartWriter(small_disk / "part-00000") as part:
            for number in range(4000):
                part.add(Document(id=str(number), text="abc", source="s"), [ChunkSpan(n, n + 1) for n in range(3)])


def test_a_file_where_the_part_shall_stand_is_a_conflict(tmp_path: Path) -> None:
    """The file is named and stays as it is."""
    (tmp_path / "part-00000").write_text("mine")
    with pytest.raises(ConflictError, match=r"part-00000: .*; remove what stands in the way"):
        PartWriter(tmp_path / "part-00000").__enter__()
    assert (tmp_path / "part-00000").read_text() == "mine"


def test_an_opened_store_holds_no_file_open(tmp_path: Path) -> None:
    """A store of 40 parts is read with as many open files as before: a corpus of thousands of files can be built."""
    store = make_store(tmp_path / "store", [[["some text"]]] * 40)
    opened = [ChunkStore(store.folder) for _ in range(3)]
    before = os.dup(0)
    os.close(before)
    opened += [ChunkStore(store.folder) for _ in range(3)]
    after = os.dup(0)
    os.close(after)
    assert after == before
    assert [one.texts(np.array([39])) for one in opened] == [{39: "some text"}] * 6


@pytest.mark.skipif(not Path("/proc/self/smaps").is_file(), reason="the kernel does not tell how files are mapped")
def test_text_is_read_ahead_for_one_pass_only(tmp_path: Path) -> None:
    """The system is asked not to read the surroundings of scattered chunks, and may read ahead of a whole pass."""
    store = make_store(tmp_path / "store", [[["some text"], ["more text"]]])
    text = f"{store.folder / 'part-00000' / 'text.bin'}\n"
    maps = re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", Path("/proc/self/smaps").read_text())
    flags = [one.partition("VmFlags:")[2].split() for one in maps if text in one]
    assert sorted("rr" in own for own in flags) == [False, True]
    assert store.texts(np.array([0, 1])) == {0: "some text", 1: "more text"}
