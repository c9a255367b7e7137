"""Columns that were renamed: files of before are read by the names of today, wherever rows are read."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
from earlier_folders import EARLIER, earlier
from hypothesis import given
from hypothesis import strategies as st
from packed_rows import packed_row, write_packed

from nextlong_hub.dataset import open_split
from nextlong_hub.dataset.best_fit import unpack
from nextlong_hub.dataset.schema import COLUMNS, RowContents, column_table, current_names, kinds_of, stored_names
from nextlong_hub.dataset.shards import read_table

NAMES = st.lists(st.sampled_from([*EARLIER, *EARLIER.values(), "text", "input_ids", "own"]), unique=True)


def folder_of_before(folder: Path) -> tuple[Path, Path]:
    """The same masked rows of two documents by the names of today, and by those of before."""
    rows = [packed_row(f"p/{n}", [("one", "web", [1, 2, n]), ("two", "web", [4, 5])], [0, 1, 1, 0, 1]) for n in (3, 9)]
    today = write_packed(folder / "today", rows, masked=True)
    before = folder / "before" / "data"
    before.mkdir(parents=True)
    pq.write_table(earlier(pq.read_table(today / "data" / "train.parquet")), before / "train.parquet")
    return today, folder / "before"


def test_the_names_are_those_that_trl_reads() -> None:
    """And each was called something else before."""
    assert {column.name: column.earlier for column in COLUMNS if column.earlier} == EARLIER


@given(NAMES)
def test_names_of_today_are_as_many_as_there_were(names: Sequence[str]) -> None:
    """No column is lost, none is there twice, none of today is renamed, and to rename again changes nothing."""
    found = current_names(names)
    assert len({*found}) == len(found) == len(names)
    assert all(new == EARLIER_TODAY.get(old, old) or old in found for old, new in zip(names, found, strict=True))
    assert current_names(found) == found
    assert {stored_names(names)[name] for name in found} == {*names}
    assert kinds_of(names) == kinds_of(found)


EARLIER_TODAY = {before: today for today, before in EARLIER.items()}


def test_rows_of_before_are_the_rows_of_today(tmp_path: Path) -> None:
    """One by one, in batches of chosen columns, as tables, and unpacked."""
    today, before = map(open_split, folder_of_before(tmp_path))
    assert before.columns == today.columns and before.schema.equals(today.schema)
    for one, other in zip(today, before, strict=True):
        assert one.document_list == other.document_list and one.loss_mask.tolist() == other.loss_mask.tolist()
    assert before.row(1).loss_mask.tolist() == [0, 1, 1, 0, 1]
    chosen = ["seq_lengths", "assistant_masks"]
    assert [*before.batches(chosen)] == [*today.batches(chosen)]
    files = [tmp_path / name / "data" / "train.parquet" for name in ("today", "before")]
    assert read_table(files[1]).equals(read_table(files[0]))
    assert read_table(files[1], chosen).column_names == chosen
    rows = [pq.read_table(file).to_pylist()[0] for file in files]
    assert unpack(rows[1]) == unpack(rows[0])


def test_a_table_of_columns_names_them_as_they_are_stored() -> None:
    """A card of an older folder must not name columns that its files lack."""
    kinds = kinds_of(["text", *EARLIER])
    names = dict(column_table(RowContents(kinds=kinds, earlier=frozenset(EARLIER))))
    assert names.keys() >= {*EARLIER.values()} and not names.keys() & {*EARLIER}
    assert dict(column_table(RowContents(kinds=kinds))).keys() >= {*EARLIER}
