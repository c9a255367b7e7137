"""An index is built whole or not at all, with the same bytes however it is built."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import worded_corpora

from nextlong_hub.core.files import sha256_of
from nextlong_hub.corpus.store import ChunkStore, PartWriter, finish_store
from nextlong_hub.errors import DataError, RecipeError
from nextlong_hub.execution.base import Receipt, Task
from nextlong_hub.execution.inline import InlineExecutor
from nextlong_hub.execution.local import LocalExecutor
from nextlong_hub.records import ChunkSpan, Document
from nextlong_hub.retrieval import build_index, open_retriever
from nextlong_hub.retrieval.bm25.arrays import map_arrays, write_arrays
from nextlong_hub.retrieval.settings import RetrievalSettings

SETTINGS = RetrievalSettings(stop_words=("en",), shard_chunks=40)


class Interrupted(Exception):
    """What a test throws to end a build in the middle."""


class FailingExecutor:
    """Runs a number of tasks inline, then fails; remembers what it ran."""

    def __init__(self, tasks_allowed: int) -> None:
        self.tasks_allowed = tasks_allowed
        self.ran: list[tuple[str, str]] = []

    def run(self, tasks: Sequence[Task]) -> Iterator[Receipt]:
        """Run the tasks one after the other."""
        for task in tasks:
            if len(self.ran) == self.tasks_allowed:
                raise Interrupted
            self.ran.append((task.stage, task.key))
            yield from InlineExecutor().run([task])

    def close(self) -> None:
        """Nothing to let go."""


def make_store(folder: Path, *, name: str = "store", parts: int = 1) -> ChunkStore:
    """A hundred chunks in fifty documents: a word is in all of them, others in a few, a document or a single chunk."""
    counts = []
    for part_number in range(parts):
        with PartWriter(folder / f"part-{part_number:05d}") as part:
            for number in range(part_number * 50 // parts, (part_number + 1) * 50 // parts):
                chunks = [
                    f"Every été w{number % 7}x w{number % 11}x {side} doc{number} {side}{number}."
                    for side in ("left", "right")
                ]
                ends = np.cumsum([0, *map(len, chunks)]).tolist()
                spans = [ChunkSpan(start, end) for start, end in pairwise(ends)]
                part.add(Document(id=f"d{number}", text="".join(chunks), source="test"), spans)
        counts.append(part.counts)
    return finish_store(folder, counts, name, {})


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found
    return found


@pytest.mark.slow
def test_the_bytes_do_not_depend_on_the_workers_nor_on_the_parts_of_the_store(
    two_workers: LocalExecutor, tmp_path: Path
) -> None:
    """Inline and two worker processes, one part and three: every file is the same."""
    whole = make_store(tmp_path / "whole")
    pieces = make_store(tmp_path / "pieces", parts=3)
    build_index(whole, SETTINGS, tmp_path / "inline", InlineExecutor())
    build_index(whole, SETTINGS, tmp_path / "workers", two_workers)
    build_index(pieces, SETTINGS, tmp_path / "parts", InlineExecutor())
    inline = contents(tmp_path / "inline")
    assert len(inline) == 5  # index.json, the vocabulary, three shards
    assert contents(tmp_path / "workers") == inline
    assert contents(tmp_path / "parts") == inline


def test_a_killed_build_is_invisible_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """After any number of finished tasks there is no index; the second build runs the rest, and the bytes are right."""
    store = make_store(tmp_path / "store")
    build_index(store, SETTINGS, tmp_path / "clean", InlineExecutor())
    for finished in range(7):  # three to lex, one to merge, three to fill
        folder = tmp_path / f"killed-{finished}"
        with pytest.raises(Interrupted):
            build_index(store, SETTINGS, folder, FailingExecutor(finished))
        with pytest.raises(DataError, match="holds no finished index"):
            open_retriever(folder, store, SETTINGS)
        second = FailingExecutor(99)
        receipts: list[Receipt] = []
        build_index(store, SETTINGS, folder, second, receipts.append)
        assert len(second.ran) == 7 - finished
        assert len(receipts) == 7
        assert contents(folder) == contents(tmp_path / "clean")


def test_a_damaged_piece_is_made_again(tmp_path: Path) -> None:
    """A finished task whose output was cut short since counts as not done."""
    store = make_store(tmp_path / "store")
    with pytest.raises(Interrupted):
        build_index(store, SETTINGS, tmp_path / "index", FailingExecutor(4))
    [lexed] = (tmp_path / "index").rglob("lexed/shard-00001.npz")
    lexed.write_bytes(lexed.read_bytes()[:-1])
    second = FailingExecutor(99)
    build_index(store, SETTINGS, tmp_path / "index", second)
    assert second.ran[0] == ("lex", "shard-00001")
    build_index(store, SETTINGS, tmp_path / "clean", InlineExecutor())
    assert contents(tmp_path / "index") == contents(tmp_path / "clean")


def test_a_lost_piece_changes_nothing_in_the_index(tmp_path: Path) -> None:
    """The first shard is filled again behind the others, and stands before them."""
    store = make_store(tmp_path / "store")
    build_index(store, SETTINGS, tmp_path / "clean", InlineExecutor())
    with pytest.raises(Interrupted):
        build_index(store, SETTINGS, tmp_path / "index", FailingExecutor(6))
    [first] = (tmp_path / "index").glob("*/shard-00000.npz")
    first.unlink()
    second = FailingExecutor(99)
    build_index(store, SETTINGS, tmp_path / "index", second)
    assert ("fill", "shard-00000") in second.ran
    assert ("fill", "shard-00001") not in second.ran
    assert contents(tmp_path / "index") == contents(tmp_path / "clean")


def test_a_finished_index_is_used_again_and_another_one_replaces_it(tmp_path: Path) -> None:
    """Same inputs: no task runs. Another formula, or another store: a new index, and the old one is gone."""
    store = make_store(tmp_path / "store")
    folder = tmp_path / "index"
    build_index(store, SETTINGS, folder, InlineExecutor())
    before = contents(folder)
    build_index(store, SETTINGS, folder, FailingExecutor(0))
    assert contents(folder) == before
    budget = SETTINGS.model_copy(update={"postings_budget": 0.5})
    build_index(store, budget, folder, FailingExecutor(0))  # chosen when searching, not when building

    okapi = SETTINGS.model_copy(update={"formula": "okapi"})
    with pytest.raises(DataError, match="run the build again"):
        open_retriever(folder, store, okapi)
    build_index(store, okapi, folder, InlineExecutor())
    assert len(contents(folder)) == len(before)
    with pytest.raises(DataError, match="run the build again"):
        open_retriever(folder, store, SETTINGS)

    other = make_store(tmp_path / "other", name="another store")
    with pytest.raises(DataError, match="run the build again"):
        open_retriever(folder, other, okapi)


def test_a_finished_build_sweeps_its_own_leftovers_only(tmp_path: Path) -> None:
    """Indexes of other settings go, and what was needed to build; folders and files of people beside them stay."""
    store = make_store(tmp_path / "store")
    kept = ["notes", "0123456789ab.old", "0123456789abc", "0123456789AB"]
    for name in (*kept, "0123456789ab"):
        (tmp_path / "index" / name).mkdir(parents=True)
        (tmp_path / "index" / name / "todo.txt").write_text("mine")
    build_index(store, SETTINGS, tmp_path / "index", InlineExecutor())
    identity = json.loads((tmp_path / "index" / "index.json").read_text())["id"]
    assert {path.name for path in (tmp_path / "index").iterdir()} == {*kept, "index.json", identity}
    left = {path.name for path in (tmp_path / "index" / identity).iterdir()}
    assert left == {"vocabulary.npz", *(path.name for path in (tmp_path / "index" / identity).glob("shard-*.npz"))}


def test_a_shard_that_was_cut_short_is_noticed(tmp_path: Path) -> None:
    """Opening compares sizes; index.json also holds each shard's sha256 for whoever wants to be sure."""
    store = make_store(tmp_path / "store")
    build_index(store, SETTINGS, tmp_path / "index", InlineExecutor())
    listed = json.loads((tmp_path / "index" / "index.json").read_text())["shards"]
    paths = sorted((tmp_path / "index").rglob("shard-*.npz"))
    assert [shard["sha256"] for shard in listed] == [sha256_of(path) for path in paths]
    paths[1].write_bytes(paths[1].read_bytes()[:-1])
    with pytest.raises(DataError, match=r"shard-00001\.npz is missing or cut short"):
        open_retriever(tmp_path / "index", store, SETTINGS)


def test_the_reference_needs_its_build_step_too(tmp_path: Path) -> None:
    """`rank-bm25` has nothing to prepare but still refuses a folder made for something else."""
    store = make_store(tmp_path / "store")
    reference = RetrievalSettings(retriever="rank-bm25")
    with pytest.raises(DataError, match="holds no finished index"):
        open_retriever(tmp_path / "index", store, reference)
    build_index(store, reference, tmp_path / "index", FailingExecutor(0))
    assert open_retriever(tmp_path / "index", store, reference).search(np.array([0]), 1).chunks[0, 0] > 0
    with pytest.raises(DataError, match="run the build again"):
        open_retriever(tmp_path / "index", store, SETTINGS)


def test_words_of_one_chunk_only_have_no_place_in_the_index(tmp_path: Path) -> None:
    """They could never add to a score; they still count as length."""
    store = make_store(tmp_path / "store")
    build_index(store, SETTINGS, tmp_path / "index", InlineExecutor())
    statistics = open_retriever(tmp_path / "index", store, SETTINGS).index.statistics  # type: ignore[attr-defined]
    shared = {f"w{n}x" for n in range(11)} | {"été", "left", "right"}  # "every" is a stop word
    assert statistics["terms"] == len(shared) + 50
    assert statistics["vocabulary"] == len(shared) + 50 + 100
    assert statistics["mean_length"] == 6


def test_an_unknown_stop_word_language_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    """The message names the languages there are."""
    store = make_store(tmp_path / "store")
    with pytest.raises(RecipeError, match="no stop words for the language 'xx'; there are: de, en"):
        build_index(store, RetrievalSettings(stop_words=("xx",)), tmp_path / "index", InlineExecutor())
    assert not (tmp_path / "index").exists()


@pytest.mark.slow
def test_importing_the_door_loads_no_compiler() -> None:
    """`nextlong-hub --help` must not wait for numba."""
    code = "import sys, nextlong_hub.retrieval; print('numba' in sys.modules, 'rank_bm25' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_arrays_come_back_as_they_went_and_numpy_can_read_them(tmp_path: Path) -> None:
    """Any shape and type, empty ones too; in place, read-only, on cache lines; equal arrays give equal bytes."""
    arrays = {
        "odd": np.arange(7, dtype=np.uint8),
        "none": np.zeros((0, 3), np.uint16),
        "wide": np.arange(12, dtype=np.int64).reshape(3, 4),
        "real": np.array([0.5, -1.0]),
    }
    write_arrays(tmp_path / "one.npz", arrays)
    write_arrays(tmp_path / "two.npz", arrays)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    mapped = map_arrays(tmp_path / "one.npz")
    assert list(mapped) == list(arrays)
    with np.load(tmp_path / "one.npz") as loaded:
        for name, values in arrays.items():
            assert mapped[name].dtype == loaded[name].dtype == values.dtype
            assert mapped[name].tolist() == loaded[name].tolist() == values.tolist()
            assert not mapped[name].flags.writeable
            assert mapped[name].ctypes.data % 64 == 0 or not values.size


def test_shards_too_small_for_so_many_are_refused(tmp_path: Path) -> None:
    """A shard a chunk would be a file a chunk: the message names the setting, how many there would be, and what helps.

    So many chunks in few shards, or few in small ones, are no fault.
    """
    store = worded_corpora.make_store(tmp_path / "store", [["ant bee"]] * 200)
    with pytest.raises(RecipeError, match=r"retrieval\.shard_chunks.*200 chunks into 200 shards.*set it to 1,024"):
        build_index(store, RetrievalSettings(shard_chunks=1), tmp_path / "index", InlineExecutor())
    build_index(store, RetrievalSettings(shard_chunks=2), tmp_path / "index", InlineExecutor())
