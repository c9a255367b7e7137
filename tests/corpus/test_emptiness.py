"""A field that says nothing is not missed: the same for a table as for JSON."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextlong_hub.corpus.emptiness import has_value, values_there


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, False), (False, False), (True, True), (0, True), (0.0, True), ("", False), (" \n\t", False), ("x", True),
        ([], False), ([None], True), ({}, False), ({"a": None, "b": ""}, False), ({"a": {"b": 0}}, True),
    ],
)  # fmt: skip
def test_what_says_something(value: Any, says: bool) -> None:
    """A number always does, be it zero; false, blanks and what is empty all through do not."""
    assert has_value(value) is says


ROW = st.none() | st.fixed_dictionaries(
    {"a": st.none() | st.booleans(), "b": st.none() | st.sampled_from(["", " ", "x"])}
)


@given(
    st.lists(st.none() | st.text(st.sampled_from(" \n\tab"), max_size=3), max_size=6),
    st.lists(st.none() | st.lists(st.none() | st.integers(0, 3), max_size=2), max_size=6),
    st.lists(ROW, max_size=6),
)
def test_a_column_is_looked_at_as_its_values_are(texts: list[Any], lists: list[Any], objects: list[Any]) -> None:
    """Strings, lists and structs, in one piece or several, sliced or not."""
    shape = pa.struct([("a", pa.bool_()), ("b", pa.string())])
    for values, kind in ((texts, pa.string()), (lists, pa.list_(pa.int64())), (objects, shape)):
        column = pa.chunked_array([pa.array(values, kind), pa.array([None, *values], kind).slice(1)], kind)
        assert values_there(column).to_pylist() == [has_value(value) for value in (*values, *values)]


def test_other_columns() -> None:
    """Bytes, numbers, flags, dictionaries and columns of nothing."""
    assert values_there(pa.array([b"", b"x", None])).to_pylist() == [False, True, False]
    assert values_there(pa.array([0, None])).to_pylist() == [True, False]
    assert values_there(pa.array([True, False, None])).to_pylist() == [True, False, False]
    assert values_there(pa.array(["a", "", None]).dictionary_encode()).to_pylist() == [True, False, False]
    assert values_there(pa.nulls(2)).to_pylist() == [False, False]
