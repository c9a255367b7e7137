"""What is said of the licence of a source beside its rows: cards, licence files, and what a user insists on."""

from pathlib import Path

import datasets
import pytest

from nextlong_hub.corpus import memory_source
from nextlong_hub.corpus.licences import insisted, licence_of_text, stated_licences, statements_of, with_insistence
from nextlong_hub.corpus.settings import SourceSettings

MIT = "MIT License\n\n(c) 2026 Ann\n\nPermission is hereby granted, free of charge, to any person\nobtaining a copy"
GPL = "               GNU GENERAL PUBLIC LICENSE\n                  Version 3, 29 June 2007\n\n Copyright (C) 2007"
NC = "Attribution-NonCommercial 4.0 International\n\n=======\n\nCreative Commons Corporation is not a law firm"


def stated(path: Path | str) -> list[tuple[str, str]]:
    """What is stated for a source, and where."""
    return [(one.license, one.where) for one in stated_licences(SourceSettings(name="s", path=str(path)))]


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        (MIT, "mit"),
        (GPL, "gpl-3.0"),
        (NC, "cc-by-nc-4.0"),
        ("Creative Commons Attribution-ShareAlike 4.0 International Public License", "cc-by-sa-4.0"),
        ("Creative Commons Legal Code\n\nCC0 1.0 Universal", "cc0-1.0"),
        (
            "                                 Apache License\n                           Version 2.0, January 2004",
            "apache-2.0",
        ),
        ("## ODC Attribution License (ODC-By)\n\nOpen Data Commons Attribution License", "odc-by"),
        ("All rights reserved.", None),
        ("", None),
    ],
)
def test_a_licence_is_known_by_its_text(text: str, licence: str | None) -> None:
    """By the words that its text begins with, however they are set."""
    assert licence_of_text(text) == licence


def test_a_folder_says_it_in_its_card_and_in_licence_files(tmp_path: Path) -> None:
    """Both count; a file of unknown text only where the card says nothing."""
    assert stated(tmp_path) == []
    (tmp_path / "LICENSE").write_text("Ask Ann.")
    assert stated(tmp_path) == [("see LICENSE", "LICENSE")]
    (tmp_path / "LICENSE-MIT").write_text(MIT)
    (tmp_path / "README.md").write_text("---\nlicense: [cc-by-sa-4.0, gfdl]\n---\n")
    assert stated(tmp_path) == [("cc-by-sa-4.0", "README.md"), ("gfdl", "README.md"), ("mit", "LICENSE-MIT")]


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("license: MIT", ["MIT"]),
        ("license: other\nlicense_name: my-terms", ["my-terms"]),
        ("license: other", ["other"]),
        ("license: other\nlicense_name: not-stated", []),
        ("license: null", []),
        ("title: x", []),
        ("license: [", []),
    ],
)
def test_headers(header: str, found: list[str], tmp_path: Path) -> None:
    """A name of its own stands for `other`; our own `not-stated` is no licence."""
    (tmp_path / "README.md").write_text(f"---\n{header}\n---\n# x\n")
    assert [license for license, _ in stated(tmp_path)] == found


def test_a_file_belongs_to_the_dataset_around_it(tmp_path: Path) -> None:
    """The card beside it, or above `data`; a licence file beside a single file may be that of anything."""
    deep = tmp_path / "data/64k"
    deep.mkdir(parents=True)
    (tmp_path / "README.md").write_text("---\nlicense: odc-by\n---\n")
    (tmp_path / "LICENSE").write_text(MIT)
    for name in ("a.jsonl", "data/b.jsonl", "data/64k/c.jsonl"):
        (tmp_path / name).write_text("{}\n")
        assert stated(tmp_path / name) == [("odc-by", "README.md")]
    assert stated(deep) == [("odc-by", "README.md")]
    assert stated(tmp_path / "data/*.jsonl") == [("odc-by", "README.md")]


def test_a_dataset_in_memory_knows_its_licence() -> None:
    """As `datasets` read it from a card."""
    dataset = datasets.Dataset.from_dict({"text": ["a"]})
    assert stated_licences(memory_source(dataset, "m")) == ()
    dataset.info.license = "cc-by-4.0"
    [found] = stated_licences(memory_source(dataset, "m"))
    assert (found.license, found.where) == ("cc-by-4.0", "info")


@pytest.mark.parametrize(
    ("text", "license", "is_insisted"),
    [(None, None, False), ("mit", "mit", False), ("mit!", "mit", True), (" MIT ! ", "MIT", True), ("!", None, False)],
)
def test_insisting(text: str | None, license: str | None, is_insisted: bool) -> None:
    """An exclamation mark behind it; it comes back as it was meant."""
    assert insisted(text) == (license, is_insisted)
    assert insisted(with_insistence(license, is_insisted=is_insisted)) == (license, is_insisted)


@pytest.mark.parametrize(
    ("said", "languages"),
    [("en", ("en",)), ("[en, 'no', en]", ("en", "no")), ("English", ("English",)), ("", ()), ("[no, 1]", ())],
)
def test_languages_are_those_of_the_card_and_are_never_guessed(
    said: str, languages: tuple[str, ...], tmp_path: Path
) -> None:
    """As it has them, each once; what YAML takes for something else than text is none, and licences stay the same."""
    (tmp_path / "README.md").write_text(f"---\nlanguage: {said}\nlicense: mit\n---\n")
    found = statements_of(SourceSettings(name="s", path=str(tmp_path)))
    assert found.languages == languages
    assert [one.license for one in found.licences] == ["mit"]
