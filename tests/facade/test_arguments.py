"""Wrong arguments of a Python call: one line of ours that names the argument, and never a word of a document."""

from pathlib import Path
from typing import Any

import pytest

import nextlong_hub as nl
from nextlong_hub.errors import DataError, NextLongError, RecipeError, on_command_line

SECRET = "the words of a document"
ROWS = [{"text": f"{SECRET} {number}"} for number in range(3)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"configs": 64}, "configs= is 64"),
        ({"configs": "64K"}, r"no recipe '64K'.*did you mean '64k'"),
        ({"corpus": 3.5}, "corpus= holds something of type float"),
        ({"corpus": ROWS, "tokenizer": None}, "tokenizer= is missing.*tokenizer='demo'"),
        ({"corpus": ROWS, "tokenizer": 7}, "tokenizer= is a int"),
        ({"output": 3}, "output= is 3; give a path"),
        ({"samples": "many"}, "samples= 'many' is no whole number"),
        ({"samples": 0}, "samples= is 0; give a whole number above 0"),
        ({"samples": True}, "samples= is True"),
        ({"samples": 1.5}, "samples= is 1.5"),
        ({"samples": {"128k": 3}}, "samples=: '128k' is not being built"),
        ({"samples": {1: 3}}, "keys that are no names"),
        ({"samples": 2, "tokens": "1M"}, "samples= and tokens= both give the size"),
        ({"seed": "42"}, "seed= is a str"),
        ({"num_proc": 0}, "num_proc= is 0"),
        ({"num_proc": 2, "executor": "inline"}, "both say where tasks run"),
        ({"executor": "globe"}, "no executor 'globe'"),
        ({"text_column": 3}, "text_column= is 3"),
        ({"limit": "some"}, "limit 'some' is no amount"),
        ({"limit": {"web": "2B"}}, "there is no source 'web'"),
        ({"settings": "retrieval.k1=1"}, "settings= is a str"),
        ({"settings": {"retrieval.k9": 1}}, "unknown key 'retrieval.k9'"),
        ({"sample": 3}, "no argument and no choice of a recipe sample=.*did you mean 'samples'"),
        ({"target_lenght": 3}, "did you mean 'target_length'"),
        ({"retriever": "bm52"}, "no retriever 'bm52'"),
        ({"target_length": "long"}, "target_length"),
        ({"revision": "main", "corpus": ROWS, "tokenizer": "demo"}, "has no revision to choose"),
    ],
    ids=str,
)
def test_a_wrong_argument_is_told_by_its_name(arguments: dict[str, Any], message: str, tmp_path: Path) -> None:
    """Nothing is written beside the work of the folder, and no text is quoted."""
    given = {"configs": "64k", "output": tmp_path / "out", **arguments}
    with pytest.raises(NextLongError, match=message) as told:
        nl.build(given.pop("configs"), **given)
    assert SECRET not in str(told.value)
    assert "--" not in str(told.value)
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_the_command_line_is_told_of_options() -> None:
    """The same fault names an option there."""
    with pytest.raises(RecipeError) as told:
        nl.build("64k", samples=2, tokens="1M")
    assert on_command_line(told.value.message).startswith("--samples and --tokens both give the size")


def test_a_configuration_that_is_not_there(built: Path) -> None:
    """Every method names those that are there."""
    ds = nl.open(built)
    for call in (ds.load, ds.sample, ds.to_arrow, ds.to_iterable, ds.split, ds.stats):
        arguments: tuple[Any, ...] = (0, "tinny") if call == ds.sample else ("tinny",)
        with pytest.raises(DataError, match=r"no configuration 'tinny'; it has: tiny \(did you mean 'tiny'\?\)"):
            call(*arguments)
    with pytest.raises(DataError, match="no configuration of type int"):
        ds[0]  # type: ignore[index]
    with pytest.raises(DataError, match="no configuration 'x'"):
        nl.open(built, "x")


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    """A path that is not there, a wrong type, an unknown format."""
    with pytest.raises(DataError, match="there is no"):
        nl.open(tmp_path / "missing")
    with pytest.raises(RecipeError, match="where= is 3"):
        nl.open(3)  # type: ignore[arg-type]


def test_wrong_arguments_of_methods(built: Path, tmp_path: Path) -> None:
    """As for `build`."""
    ds = nl.open(built)
    with pytest.raises(RecipeError, match=r"no export format 'mdx'.*did you mean 'mds'"):
        ds.export("mdx", output=tmp_path / "out")
    with pytest.raises(RecipeError, match="pack= 'much' is no whole number"):
        ds.export("mds", output=tmp_path / "out", pack="much")
    with pytest.raises(RecipeError, match="page= is 3"):
        ds.view(3)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="cannot be the name of a dataset"):
        ds.push("nextlong")
    with pytest.raises(RecipeError, match="corpus= holds something of type int"):
        ds.verify(corpus=3)
    with pytest.raises(RecipeError, match="mode=: 'trunkate' is neither"):
        nl.fit(ROWS, tokenizer="demo", target=8, output=tmp_path / "fit", mode="trunkate")
    with pytest.raises(RecipeError, match="corpus= names 2 sources, and one is needed"):
        nl.fit({"a": ROWS, "b": ROWS}, tokenizer="demo", target=8, output=tmp_path / "fit")
