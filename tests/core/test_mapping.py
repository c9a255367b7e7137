"""Files that are read in place."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nextlong_hub.core.files import write_array
from nextlong_hub.core.mapping import array_of, map_array, map_bytes, map_table

ARRAYS = arrays.arrays(
    st.sampled_from([np.uint8, np.int16, np.int32, np.int64, np.float32]), arrays.array_shapes(min_dims=0, min_side=0)
)


@given(ARRAYS)
def test_a_mapped_array_is_the_one_that_was_written(
    tmp_path_factory: pytest.TempPathFactory, values: np.ndarray
) -> None:
    """Values, shape and type are those of the array in the file, whatever its shape."""
    path = tmp_path_factory.mktemp("arrays") / "values.npy"
    write_array(path, values)
    mapped = map_array(path)
    assert mapped.dtype == values.dtype
    assert np.array_equal(mapped, values, equal_nan=values.dtype.kind == "f")


def test_a_mapped_file_holds_no_descriptor_and_stays_readable(tmp_path: Path) -> None:
    """A hundred mapped files are no open files, and each can be read."""
    (tmp_path / "bytes").write_bytes(b"abc")
    write_array(tmp_path / "values.npy", np.arange(4))
    with pa.ipc.new_file(str(tmp_path / "table.arrow"), pa.schema([("id", pa.string())])) as writer:
        writer.write_batch(pa.record_batch({"id": ["one", "two"]}))
    # The lowest descriptor that is free shows how many are taken, on every system.
    before = os.dup(0)
    os.close(before)
    held = [
        (map_bytes(tmp_path / "bytes"), map_array(tmp_path / "values.npy"), map_table(tmp_path / "table.arrow"))
        for _ in range(100)
    ]
    after = os.dup(0)
    os.close(after)
    assert after == before
    for content, values, table in held:
        assert content.tobytes() == b"abc"
        assert values.tolist() == [0, 1, 2, 3]
        assert table["id"].to_pylist() == ["one", "two"]


def test_what_is_mapped_cannot_be_written(tmp_path: Path) -> None:
    """A mapping is read-only: no mistake can change a file of the work folder."""
    write_array(tmp_path / "values.npy", np.arange(4))
    with pytest.raises(ValueError, match="read-only"):
        map_array(tmp_path / "values.npy")[0] = 7


def test_an_empty_file_has_no_bytes(tmp_path: Path) -> None:
    """A part without text is an empty array, not an error."""
    (tmp_path / "text.bin").touch()
    assert map_bytes(tmp_path / "text.bin").size == 0


def test_an_array_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    """Bytes that end before the array does give an error, never fewer values."""
    write_array(tmp_path / "values.npy", np.arange(100))
    whole = map_bytes(tmp_path / "values.npy")
    with pytest.raises(ValueError, match="cut short: 900 bytes"):
        array_of(whole[:900])
