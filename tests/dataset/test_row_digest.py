"""The digest of rows is that of the rows: nothing about the file matters, and every value does."""

import hashlib
import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextlong_hub.dataset.row_digest import digest_rows

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("tokens", pa.list_(pa.int32())),
        ("segments", pa.list_(pa.struct([("end", pa.int64()), ("role", pa.string())]))),
        ("names", pa.list_(pa.string())),
    ]
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.text("aé🙂", max_size=4),
            "tokens": st.lists(st.integers(0, 300), max_size=4),
            "segments": st.lists(
                st.fixed_dictionaries({"end": st.integers(0, 9), "role": st.text("mn", max_size=2)}), max_size=3
            ),
            "names": st.lists(st.text("xy", max_size=2), max_size=3),
        }
    ),
    max_size=6,
)


def table_of(rows: list[dict[str, Any]]) -> pa.Table:
    """Rows as a table of the schema."""
    return pa.Table.from_pylist(rows, SCHEMA)


@given(ROWS, st.data())
def test_how_a_file_is_written_does_not_matter(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    """Row groups, compression, dictionaries and how tables are cut give the digest of the same rows."""
    table = table_of(rows)
    expected = digest_rows([table])
    cut = data.draw(st.integers(0, len(rows)))
    assert digest_rows([table.slice(0, cut), table.slice(cut)]) == expected
    sink = io.BytesIO()
    options = {"compression": data.draw(st.sampled_from(["zstd", "none"])), "use_dictionary": data.draw(st.booleans())}
    pq.write_table(table, sink, row_group_size=data.draw(st.integers(1, 3)), **options)
    file = pq.ParquetFile(sink)
    assert digest_rows(file.read_row_group(group) for group in range(file.num_row_groups)) == expected or not rows


@given(ROWS, ROWS)
def test_other_rows_have_another_digest(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    """Two lists of rows have one digest only where they are equal."""
    assert (digest_rows([table_of(one)]) == digest_rows([table_of(other)])) == (one == other)


def test_a_digest_by_hand() -> None:
    """The documented formula, over two rows of one string column and one of numbers."""
    table = pa.table({"text": ["ab", "c"], "n": pa.array([1, 2], pa.int32())})

    def sha(content: bytes) -> str:
        return hashlib.sha256(content).hexdigest()

    streams = [
        ("n: int32", sha(b"\1\0\0\0\2\0\0\0")),
        ("text: lengths", sha(b"\2\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0")),
        ("text: string", sha(b"abc")),
    ]
    assert digest_rows([table]) == sha(repr(streams).encode())
    wide = pa.schema([("text", pa.large_string()), ("n", pa.int32())])
    assert digest_rows([table.cast(wide)]) == digest_rows([table])


@pytest.mark.parametrize("kind", [pa.int64(), pa.float32()])
def test_the_type_of_a_column_counts(kind: pa.DataType) -> None:
    """Equal numbers of another type are other rows."""
    numbers = pa.table({"n": pa.array([0, 0], pa.int32())})
    assert digest_rows([numbers]) != digest_rows([numbers.cast(pa.schema([("n", kind)]))])
