"""Promises of identity: what changes a corpus's digest, what does not, and that repeated ids are found."""

import os
import time
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextlong_hub.core.files import read_checked_json, write_checked_json
from nextlong_hub.corpus import discover, identify, memory_source, repeated_ids, require_unique_ids
from nextlong_hub.corpus.in_memory import as_files
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.errors import BadDocumentError


def digest_at(path: Path, cache: Path | None = None, name: str = "notes", **options: Any) -> str:
    """The digest of a one-source corpus."""
    return identify(discover([SourceSettings(name=name, path=str(path), **options)]), cache).digest


def write_world(folder: Path) -> None:
    """Two texts and a table of several row groups."""
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text("one")
    (folder / "b.txt").write_text("two")
    pq.write_table(pa.table({"text": ["x"] * 40}), folder / "c.parquet", row_group_size=4)


def test_place_and_splitting_do_not_change_the_digest(tmp_path: Path) -> None:
    """The same files under the same names are the same corpus, wherever they lie and however they are split."""
    write_world(tmp_path / "here")
    write_world(tmp_path / "far" / "away")
    expected = digest_at(tmp_path / "here")
    assert len(expected) == 64
    assert digest_at(tmp_path / "far" / "away") == expected
    pieces = discover([SourceSettings(name="notes", path=str(tmp_path / "here"))], piece_bytes=1, piece_texts=1)
    assert len(pieces) == 12
    assert identify(pieces).digest == expected


def test_bytes_names_and_columns_change_the_digest(tmp_path: Path) -> None:
    """Another byte, file name, source name or column is another corpus."""
    write_world(tmp_path / "one")
    seen = {
        digest_at(tmp_path / "one"),
        digest_at(tmp_path / "one", name="other"),
        digest_at(tmp_path / "one", text_column="body"),
        digest_at(tmp_path / "one", id_column="key"),
    }
    (tmp_path / "one" / "a.txt").write_text("One")
    seen.add(digest_at(tmp_path / "one"))
    (tmp_path / "one" / "a.txt").rename(tmp_path / "one" / "z.txt")
    seen.add(digest_at(tmp_path / "one"))
    assert len(seen) == 6


def test_cache_spares_reading_and_never_decides(tmp_path: Path) -> None:
    """A settled file is not read again; bytes changed under the same size and time, or by another file, are seen."""
    write_world(tmp_path / "one")
    cache = tmp_path / "digests.json"
    text = tmp_path / "one" / "a.txt"
    time.sleep(2.1)  # until a change must show in the clock of every file system
    first = digest_at(tmp_path / "one", cache)
    kept = read_checked_json(cache)
    kept[str(text)]["sha256"] = "0" * 64
    write_checked_json(cache, kept)
    assert digest_at(tmp_path / "one", cache) != first, "the file is as it was: the cache's word is taken"
    status = text.stat()
    text.write_text("ONE")
    os.utime(text, ns=(status.st_atime_ns, status.st_mtime_ns))
    second = digest_at(tmp_path / "one", cache)
    assert second == digest_at(tmp_path / "one") != first
    other = tmp_path / "other"
    other.write_text("one")
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(text)
    assert digest_at(tmp_path / "one", cache) == first == digest_at(tmp_path / "one")


def test_a_file_changed_just_now_is_hashed_again(tmp_path: Path) -> None:
    """A change within one tick of the clock hides in the times, so the times of a young file are not believed."""
    write_world(tmp_path / "one")
    cache = tmp_path / "digests.json"
    first = digest_at(tmp_path / "one", cache)
    kept = read_checked_json(cache)
    kept[str(tmp_path / "one" / "a.txt")]["sha256"] = "0" * 64
    write_checked_json(cache, kept)
    assert digest_at(tmp_path / "one", cache) == first


@pytest.mark.parametrize("content", [b"", b"[]", b"no json", b'{"x": 1}'])
def test_damaged_cache_is_made_anew(content: bytes, tmp_path: Path) -> None:
    """Whatever stands in the cache file, the digest is right."""
    write_world(tmp_path / "one")
    (tmp_path / "digests.json").write_bytes(content)
    assert digest_at(tmp_path / "one", tmp_path / "digests.json") == digest_at(tmp_path / "one")


@pytest.mark.parametrize("is_streaming", [False, True], ids=["Dataset", "IterableDataset"])
def test_dataset_in_memory_is_known_by_its_content(is_streaming: bool, tmp_path: Path) -> None:
    """Equal datasets have equal digests, and a changed text changes the digest."""

    def digest_of_rows(rows: list[dict[str, str]]) -> str:
        dataset: Any = datasets.Dataset.from_list(rows)
        held = memory_source(dataset.to_iterable_dataset() if is_streaming else dataset, "held")
        return identify(discover(as_files([held], tmp_path)[0])).digest

    assert digest_of_rows([{"text": "x"}]) == digest_of_rows([{"text": "x"}]) != digest_of_rows([{"text": "y"}])


def test_repeated_id_names_both_places() -> None:
    """Of two documents with one id, the error names the id, the later place and the earlier."""
    parts = [pa.array(["a", "b"]), pa.array([], pa.string()), pa.chunked_array([["c"], ["d", "b"]])]
    message = r"two, document 2: its id 'b' is also that of document 1 of zero .*make the ids unique"
    with pytest.raises(BadDocumentError, match=message):
        require_unique_ids(["zero", "one", "two"], parts)
    require_unique_ids(["zero"], [pa.array(["a", "b"])])
    require_unique_ids([], [])


@given(parts=st.lists(st.lists(st.text("abc", max_size=2), max_size=12), max_size=5))
def test_every_repeat_is_found_in_corpus_order(parts: list[list[str]]) -> None:
    """Exactly the documents whose id came before are found, each with the first of its name."""
    first: dict[str, tuple[int, int]] = {}
    expected = []
    for part, ids in enumerate(parts):
        for document, identity in enumerate(ids):
            if first.setdefault(identity, (part, document)) != (part, document):
                expected.append((identity, part, document, *first[identity]))
    found = repeated_ids([pa.array(ids, pa.string()) for ids in parts])
    assert [(r.id, r.part, r.document, r.first_part, r.first_document) for r in found] == expected
