"""Promises of the registries: what is there, by name, whoever wrote it, and nothing is imported to list it."""

import subprocess
import sys
from pathlib import Path

import pytest
from plugins import install

from nextlong_hub.cli import run
from nextlong_hub.core.registry import Registry
from nextlong_hub.corpus.filters import FILTERS
from nextlong_hub.corpus.formats import FORMATS as CORPUS_FORMATS
from nextlong_hub.corpus.pieces import DATASETS
from nextlong_hub.errors import RecipeError
from nextlong_hub.exports import FORMATS as EXPORTS

COLOURS: Registry[str] = Registry(kind="colour", files="nowhere/*.py", constant="COLOUR", group="colours")
"""A registry of which we define none."""


def test_names_are_listed_without_an_import() -> None:
    """The names come from the names of the files: neither a format nor pyarrow is imported for them."""
    code = (
        "import sys\n"
        "from nextlong_hub.corpus.formats.base import FORMATS\n"
        "from nextlong_hub.exports.base import FORMATS as EXPORTS\n"
        "print(*FORMATS.names()); print(*EXPORTS.names()); print(*sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    formats, exports, modules = (line.split() for line in done.stdout.splitlines())
    assert formats == ["arrow", "csv", "hub", "jsonl", "parquet", "tar", "text", "zip"]
    assert exports == [
        *("axolotl", "jsonl", "litdata", "mds", "megatron", "megatron-bridge", "nanogpt", "nanotron", "numpy", "olmo"),
        *("skyrl", "text", "torchtitan", "trl"),
    ]
    assert {"pyarrow", "numpy", "nextlong_hub.corpus.formats.text", "nextlong_hub.exports.text"}.isdisjoint(modules)


def test_a_file_and_what_it_defines_have_one_name() -> None:
    """Each extension of ours is called as its file is; only datasets have no endings of files."""
    assert [one.name for one in CORPUS_FORMATS.values()] == list(CORPUS_FORMATS)
    assert [one.name for one in EXPORTS.values()] == list(EXPORTS)
    assert {one.name for one in CORPUS_FORMATS.values() if not one.suffixes} == set(DATASETS)
    assert list(FILTERS) == ["decontaminate"]


def test_another_package_adds_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry point is enough: the name is listed behind ours, and the package imported when it is asked for."""
    assert "violet" not in COLOURS
    install(tmp_path, "paint", "VIOLET = 'v'", {"colours": {"violet": "VIOLET", "absent": "ABSENT"}})
    monkeypatch.syspath_prepend(tmp_path)
    assert COLOURS.names() == ("absent", "violet")
    assert "violet" in COLOURS
    assert "paint" not in sys.modules
    assert COLOURS["violet"] == "v"
    with pytest.raises(RecipeError, match=r"the colour 'absent' cannot be loaded from paint:ABSENT .*mend or remove"):
        COLOURS["absent"]


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    """A misspelt name gets a suggestion, another one the advice to install what adds it."""
    with pytest.raises(RecipeError, match=r"no export format 'mdx'; there are: axolotl, .*\(did you mean 'mds'\?\)"):
        EXPORTS["mdx"]
    with pytest.raises(RecipeError, match="no filter 'language'; there are: decontaminate; install"):
        FILTERS["language"]


def test_one_name_stands_for_one_thing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that takes a name of ours, or of another package, is refused by its name rather than passed over."""
    monkeypatch.syspath_prepend(install(tmp_path / "a", "one", "X = 1", {"colours": {"red": "X"}}))
    assert COLOURS.names() == ("red",)
    monkeypatch.syspath_prepend(install(tmp_path / "b", "two", "X = 2", {"colours": {"red": "X"}}))
    with pytest.raises(RecipeError, match=r"two:X adds the colour 'red', and there is one of that name already; give"):
        COLOURS.names()
    monkeypatch.syspath_prepend(
        install(tmp_path / "c", "three", "X = 3", {"nextlong_hub.corpus_formats": {"text": "X"}})
    )
    with pytest.raises(RecipeError, match=r"three:X adds the corpus format 'text', and there is one"):
        CORPUS_FORMATS.names()


def test_an_entry_point_has_the_name_of_its_extension(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What calls itself otherwise would be written down under a name by which it is not found again."""
    source = """
        from nextlong_hub.corpus.formats import CorpusFormat

        FORMAT = CorpusFormat(name="tsv", suffixes=(".tsv",), read=lambda piece, held: iter(()))
    """
    install(tmp_path, "tabs", source, {"nextlong_hub.corpus_formats": {"tabs": "FORMAT"}})
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RecipeError, match=r"tabs:FORMAT is called 'tsv', but its entry point 'tabs'; give both one"):
        CORPUS_FORMATS["tabs"]


def test_help_lists_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--help` names every format of files and every export, those of other packages, too."""
    groups = {"nextlong_hub.corpus_formats": {"psv": "X"}, "nextlong_hub.exports": {"tape": "X"}}
    monkeypatch.syspath_prepend(install(tmp_path, "more", "X = 1", groups))
    assert run(["build", "--help"]) == 0
    assert "files are arrow, csv, jsonl, parquet, tar, text, zip, psv." in " ".join(capsys.readouterr().out.split())
    assert run(["export", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    ours = (
        "axolotl, jsonl, litdata, mds, megatron, megatron-bridge, nanogpt, nanotron, numpy, olmo, skyrl, text, "
        "torchtitan, trl"
    )
    assert f"FORMAT is one of {ours}, tape." in shown
