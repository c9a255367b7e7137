"""What others wrote is a value or a `ValueError`, in bounded time and memory."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextlong_hub.core.foreign import parse_json, parse_toml, parse_yaml

BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))


@given(st.text() | st.binary())
def test_any_bytes_are_json_or_a_value_error(content: str | bytes) -> None:
    """No other error comes of JSON."""
    with contextlib.suppress(ValueError):
        parse_json(content)


@given(st.text(alphabet="ab:-[]{}&*!<>|'\"# \n0123456789", max_size=60))
def test_any_text_is_yaml_or_a_value_error(text: str) -> None:
    """No other error comes of YAML."""
    with contextlib.suppress(ValueError):
        parse_yaml(text)


@pytest.mark.parametrize(
    "text", [BOMB, "a: &a [*a, *a]", "[" * 4000 + "]" * 4000], ids=["bomb", "within itself", "deep"]
)
def test_yaml_that_stands_for_more_than_anybody_wrote_is_refused(text: str) -> None:
    """A few bytes cannot fill the memory: aliases are counted as what they name."""
    with pytest.raises(ValueError, match=r"stand for more than 200,000 values|nested too deeply"):
        parse_yaml(text)


def test_json_that_is_nested_too_deeply_is_refused() -> None:
    """Brackets that would end the interpreter's stack are an error like any other."""
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_json("[" * 200_000)


def test_aliases_as_people_write_them_are_read() -> None:
    """An anchor that is named twice, and a mapping merged into another."""
    assert parse_yaml("a: &x {p: 1}\nb: *x\nc: {<<: *x, q: 2}") == {"a": {"p": 1}, "b": {"p": 1}, "c": {"p": 1, "q": 2}}


def test_an_impossible_date_is_a_value_error() -> None:
    """PyYAML lets one of Python through."""
    with pytest.raises(ValueError, match="day"):
        parse_yaml("date: 2026-02-31")


@given(st.text(alphabet="ab.=[]{}'\"#,\\ \n0123456789", max_size=60))
def test_any_text_is_toml_or_a_value_error(text: str) -> None:
    """No other error comes of TOML."""
    with contextlib.suppress(ValueError):
        parse_toml(text)


@pytest.mark.parametrize(
    "text",
    ["a = " + "[" * 5000, "a = " + "{a = " * 5000, "a." * 5000 + "a = 1", "[" + "a . " * 5000 + "a]", "x" * 2_000_000],
    ids=["arrays", "tables", "dots", "a header", "long"],
)
def test_toml_that_takes_without_end_is_refused(text: str) -> None:
    """Neither brackets nor dots end the stack or take hours."""
    with pytest.raises(ValueError, match=r"nested too deeply|at most 1,048,576 are read"):
        parse_toml(text)


def test_dots_that_are_no_steps_are_read() -> None:
    """Sentences in a text or a comment, and numbers in a list, have as many as they like."""
    text = "It is. " * 500
    numbers = ", ".join(["1.5"] * 500)
    lines = [f'a = "{text}"', "b = '''", f'{text}"quoted"', "'''", f"c = [{numbers}]", f"d = '{text}' # {text}"]
    read = parse_toml("\n".join([*lines, "e.f.g = 1"]))
    assert read["a"] == read["d"] == text
    assert len(read["c"]) == 500
    assert read["e"] == {"f": {"g": 1}}
