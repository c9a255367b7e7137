"""Shards: rows come back as they were, damage is noticed, and the same rows are the same bytes."""

import hashlib
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import samples

from nextlong_hub.dataset.schema import COLUMNS, RowContents, RowKind, column_table, kinds_of, row_schema
from nextlong_hub.dataset.shards import read_table, row_groups, row_sizes, to_table, write_table
from nextlong_hub.errors import DataError, StorageError
from nextlong_hub.recipe import OutputSettings
from nextlong_hub.records import Sample, Segment

SETTINGS = OutputSettings()


def sample(number: int, *, characters: int = 50, tokens: int = 10, segments: int = 2) -> Sample:
    """A row whose content follows from its number; its text does not compress to nothing."""
    noise = hashlib.shake_128(str(number).encode()).hexdigest(characters // 2)
    return Sample(
        id=f"64k/{number}",
        text=noise,
        input_ids=np.arange(number, number + tokens, dtype=np.int32),
        meta_document=str(number),
        source="notes",
        segments=tuple(
            Segment(role="negative" if rank else "meta", document=f"d{rank}", chunk=rank, start=rank, end=rank + 1,
                    tokens=1, rank=rank, score=rank / 2)
            for rank in range(segments)
        ),
        truncated_tokens=0,
    )  # fmt: skip


def as_row(one: Sample) -> dict[str, object]:
    """What a reader of the dataset shall see."""
    return {
        "id": one.id,
        "text": one.text,
        "input_ids": one.input_ids.tolist(),
        "token_count": len(one.input_ids),
        "meta_document": one.meta_document,
        "source": one.source,
        "segments": [{name: getattr(s, name) for name in Segment.__slots__} for s in one.segments],
    }


@given(st.lists(samples, max_size=4), st.booleans(), st.integers(1, 400))
@settings(deadline=None, max_examples=50)
def test_rows_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Sample], tokens: bool, row_group_bytes: int
) -> None:
    """Any samples, in any number of row groups, with and without token ids."""
    path = tmp_path_factory.getbasetemp() / "shard.parquet"
    table = to_table(rows, tokens=tokens)
    write_table(path, table, OutputSettings(row_group_bytes=row_group_bytes))
    assert read_table(path).equals(table)
    expected = [as_row(row) for row in rows]
    if not tokens:
        for row in expected:
            del row["input_ids"]
    assert read_table(path).to_pylist() == expected


def test_columns_and_types_by_name() -> None:
    """The published schema, spelled out; without tokens exactly one column less."""
    assert [f"{field.name}: {field.type}" for field in row_schema(tokens=True)] == [
        "id: string",
        "text: large_string",
        "input_ids: list<item: int32>",
        "token_count: int32",
        "meta_document: string",
        "source: string",
        "segments: list<item: struct<role: string, document: string, chunk: int32, start: int32, end: int32, "
        "tokens: int32, rank: int32, score: float, own_rank: int32>>",
    ]
    assert row_schema(tokens=False).names == [name for name in row_schema(tokens=True).names if name != "input_ids"]


def test_the_schema_of_the_file_is_the_schema_of_the_table(tmp_path: Path) -> None:
    """Neither an empty table nor a row without segments or tokens loses a type."""
    for number, rows in enumerate(([], [sample(0, tokens=0, segments=0)], [sample(1)])):
        path = tmp_path / f"{number}.parquet"
        write_table(path, to_table(rows, tokens=True), SETTINGS)
        assert pq.read_schema(path).equals(row_schema(tokens=True))
        assert read_table(path).num_rows == len(rows)
        assert read_table(path).to_pylist() == [as_row(row) for row in rows]


def test_segments_carry_every_field_of_the_record() -> None:
    """A field added to `records.Segment` must be published too."""
    struct = row_schema(tokens=True).field("segments").type.value_type
    assert [field.name for field in struct] == list(Segment.__slots__)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("tokens", [False, True])
def test_columns_tell_the_kind_of_row(tokens: bool, packed: bool, masked: bool) -> None:
    """What a schema is made for is what its columns say, and they are the columns that are described."""
    names = row_schema(tokens=tokens, packed=packed, masked=masked).names
    kinds = kinds_of(names)
    found = [kind in kinds for kind in (RowKind.WITH_TOKENS, RowKind.PACKED, RowKind.SAMPLE, RowKind.WITH_MASK)]
    assert found == [tokens, packed, not packed, masked]
    assert [name for name, _ in column_table(RowContents(kinds=kinds))] == names


@pytest.mark.parametrize("synthesised", [False, True])
@pytest.mark.parametrize("conversations", [False, True])
def test_every_field_of_a_struct_is_described(synthesised: bool, conversations: bool) -> None:
    """The meaning of a column of structs names each of their fields, whatever the rows hold."""
    contents = RowContents(
        kinds=frozenset(RowKind), synthesised=synthesised, conversations=conversations, score="BM25 `score`"
    )
    meanings = dict(column_table(contents))
    for column in COLUMNS:
        for field in column.struct or ():
            assert f"`{field.name}`" in meanings[column.name]


def test_row_groups_are_bounded_by_hand() -> None:
    """Rows of 50 bytes of text and 10 tokens are 90 bytes: two fit into 200, one that is too large stands alone."""
    table = to_table([sample(0), sample(1), sample(2), sample(3, tokens=100), sample(4)], tokens=True)
    assert row_sizes(table) == [90, 90, 90, 450, 90]
    assert list(row_groups(table, 200)) == [(0, 2), (2, 3), (3, 4), (4, 5)]
    assert list(row_groups(table, 180)) == [(0, 2), (2, 3), (3, 4), (4, 5)]
    assert list(row_groups(table, 179)) == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]
    assert list(row_groups(table, 10_000)) == [(0, 5)]
    assert list(row_groups(table.slice(0, 0), 200)) == []
    assert row_sizes(to_table([sample(0)], tokens=False)) == [50]


def test_row_groups_of_the_file_are_those_planned(tmp_path: Path) -> None:
    """What the planner cut is what a reader finds."""
    write_table(
        tmp_path / "a.parquet",
        to_table([sample(n) for n in range(5)], tokens=True),
        OutputSettings(row_group_bytes=200),
    )
    metadata = pq.read_metadata(tmp_path / "a.parquet")
    assert [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)] == [2, 2, 1]


def test_files_are_written_as_promised(tmp_path: Path) -> None:
    """Zstandard, a page index, and no dictionary of token ids or texts."""
    write_table(tmp_path / "a.parquet", to_table([sample(n) for n in range(9)], tokens=True), SETTINGS)
    group = pq.read_metadata(tmp_path / "a.parquet").row_group(0)
    columns = {group.column(n).path_in_schema: group.column(n) for n in range(group.num_columns)}
    assert {column.compression for column in columns.values()} == {"ZSTD"}
    assert all(column.has_offset_index for column in columns.values())
    assert {name for name, column in columns.items() if column.has_dictionary_page} == {
        "meta_document",
        "source",
        "segments.list.element.role",
        "segments.list.element.document",
    }


def test_a_file_says_as_datasets_does_that_its_pages_follow_the_content(tmp_path: Path) -> None:
    """The key of `datasets`, with its values, once: also where the rows come from a file that says it already."""
    datasets = pytest.importorskip("datasets")
    theirs = tmp_path / "theirs.parquet"
    datasets.Dataset.from_dict({"text": ["a"]}).to_parquet(theirs)
    write_table(tmp_path / "a.parquet", to_table([sample(0)], tokens=True), SETTINGS)
    write_table(tmp_path / "b.parquet", read_table(tmp_path / "a.parquet"), SETTINGS)
    said = pq.read_metadata(theirs).metadata[b"content_defined_chunking"]
    assert pq.read_metadata(tmp_path / "a.parquet").metadata[b"content_defined_chunking"] == said
    for name in "ab":
        assert (tmp_path / f"{name}.parquet").read_bytes().count(b"content_defined_chunking") == 1


@pytest.mark.parametrize("column", ["text", "input_ids.list.element", "segments.list.element.start"])
def test_a_flipped_bit_in_a_page_is_noticed(tmp_path: Path, column: str) -> None:
    """Page checksums: whichever bit of a data page is wrong, reading says so instead of giving other data."""
    path = tmp_path / "a.parquet"
    write_table(path, to_table([sample(n, characters=2000, tokens=400) for n in range(4)], tokens=True), SETTINGS)
    whole = path.read_bytes()
    group = pq.read_metadata(path).row_group(0)
    place = next(c for c in map(group.column, range(group.num_columns)) if c.path_in_schema == column)
    end = place.data_page_offset + place.total_compressed_size
    for offset in np.linspace((place.data_page_offset + end) // 2, end - 1, 5).astype(int).tolist():
        damaged = bytearray(whole)
        damaged[offset] ^= 4
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"a\.parquet cannot be read: .*; run the build again to make it anew"):
            read_table(path)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no Parquet at all", None], ids=["empty", "cut", "other", "absent"])
def test_what_is_not_parquet_is_a_data_error(tmp_path: Path, content: bytes | None) -> None:
    """The path, the reason and the remedy are named."""
    path = tmp_path / "a.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.parquet cannot be read: .*; run the build again"):
        read_table(path)


def test_a_folder_called_like_a_partition_adds_no_column(tmp_path: Path) -> None:
    """`lang=en` in the path of an output folder is a name, not data."""
    path = tmp_path / "lang=en" / "a.parquet"
    table = to_table([sample(0)], tokens=True)
    write_table(path, table, SETTINGS)
    assert read_table(path).equals(table)
    assert read_table(path, ["id", "source"]).column_names == ["id", "source"]


def test_a_full_disk_is_a_storage_error(small_disk: Path) -> None:
    """No half file stays behind, and the process lives."""
    table = to_table([sample(n, characters=100_000) for n in range(9)], tokens=True)
    with pytest.raises(StorageError, match=r"a\.parquet: No space left on device"):
        write_table(small_disk / "a.parquet", table, SETTINGS)
    assert list(small_disk.iterdir()) == []


@pytest.mark.slow
def test_the_same_rows_are_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    """Two writes here and one in another process with another hash seed give one digest."""
    script = """
        import sys
        from pathlib import Path
        import numpy as np
        from nextlong_hub.recipe import OutputSettings
        from nextlong_hub.records import Sample, Segment
        from nextlong_hub.dataset.shards import to_table, write_table
        segment = dict(role="meta", document="d", start=0, end=4, tokens=2, rank=0, score=0.0)
        rows = [
            Sample(id=str(n), text="text" * n, input_ids=np.arange(n, dtype=np.int32), meta_document=str(n),
                   source="s", segments=tuple(Segment(chunk=c, **segment) for c in range(n)), truncated_tokens=0)
            for n in range(200)
        ]
        for path in sys.argv[1:]:
            write_table(Path(path), to_table(rows, tokens=True), OutputSettings(row_group_bytes=9000))
    """
    digests = set()
    for seed in ("1", "2"):
        paths = [tmp_path / f"{seed}-{copy}.parquet" for copy in "ab"]
        command = [sys.executable, "-c", textwrap.dedent(script), *map(str, paths)]
        subprocess.run(command, env={"PYTHONHASHSEED": seed}, check=True, timeout=60)
        digests |= {hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    assert len(digests) == 1
    assert pq.read_metadata(tmp_path / "1-a.parquet").num_row_groups > 5


def test_slices_and_copies_are_written_alike(tmp_path: Path) -> None:
    """Rows taken out of a larger table give the bytes of a table that was made of them alone."""
    table = to_table([sample(n) for n in range(6)], tokens=True)
    alone = to_table([sample(n) for n in (4, 1)], tokens=True)
    write_table(tmp_path / "taken.parquet", pa.concat_tables([table.take([4]), table.slice(1, 1)]), SETTINGS)
    write_table(tmp_path / "alone.parquet", alone, SETTINGS)
    assert (tmp_path / "taken.parquet").read_bytes() == (tmp_path / "alone.parquet").read_bytes()
