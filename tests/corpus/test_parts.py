"""Promises of configurations and splits: only what is meant is read, and what there is besides is named."""

from pathlib import Path
from typing import Any

import pytest

from nextlong_hub.corpus import discover, find
from nextlong_hub.corpus.naming import default_name, split_path, with_parts
from nextlong_hub.corpus.patterns import matches
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.corpus.splits import split_of
from nextlong_hub.errors import DataError, RecipeError

TWO = """---
configs:
- config_name: small
  data_files:
  - split: train
    path: small/*
- config_name: large
  data_files:
  - split: train
    path: ["large/a.jsonl", "large/b*"]
  - split: test
    path: large/test.jsonl
---
"""


def source(path: Path | str, **settings: Any) -> SourceSettings:
    """The settings of a source called `notes`."""
    return SourceSettings(name="notes", path=str(path), **settings)


def write(folder: Path, *names: str, card: str = "") -> Path:
    """A folder of empty files, and its card."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    if card:
        (folder / "README.md").write_text(card)
    return folder


def names(path: Path | str, **settings: Any) -> list[str]:
    """The files that are read."""
    return [piece.name for piece in discover([source(path, **settings)])]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("data/train-00000-of-00002.parquet", "train"),
        ("data/train_sft-00000-of-00002-0a1b2c.parquet", "train_sft"),
        ("data/part-00000-of-00002.parquet", None),
        ("en/c4-validation.00000-of-00008.json.gz", "validation"),
        ("valid/x.jsonl", "validation"),
        ("my_dev_set/x.jsonl", "validation"),
        ("test.jsonl", "test"),
        ("notes-eval.jsonl", "test"),
        ("training.jsonl", "train"),
        ("latest.jsonl", None),
        ("contest/x.jsonl", None),
        ("retrain.jsonl", None),
        ("value.jsonl", None),
    ],
)
def test_splits_are_told_by_names_as_datasets_tells_them(name: str, split: str | None) -> None:
    """A word of its own in the name of a file or folder is a split; a part of a word is none."""
    assert split_of(name) == split


def test_only_the_training_split_is_read(tmp_path: Path) -> None:
    """A clone gives `train`, and another split where it is named; what is left out is told."""
    write(tmp_path, *(f"data/{split}-00000-of-00001.parquet" for split in ("train", "test", "validation")))
    assert names(tmp_path) == ["data/train-00000-of-00001.parquet"]
    assert names(tmp_path, split="test") == ["data/test-00000-of-00001.parquet"]
    [found] = find([source(tmp_path)]).sources
    assert [one.reason for one in found.left_out] == ["files of the split 'test'", "files of the split 'validation'"]
    assert found.settings.split == "train"
    with pytest.raises(DataError, match="no split 'dev'; its splits are test, train, validation; name one"):
        names(tmp_path, split="dev")


def test_a_folder_without_a_training_split_says_which_there_are(tmp_path: Path) -> None:
    """Nothing is guessed; files that are named are read whatever they are called."""
    write(tmp_path, "data/test-00000-of-00001.jsonl")
    with pytest.raises(DataError, match=r"no split 'train'; its splits are test;.* or the files"):
        names(tmp_path)
    assert names(tmp_path / "data" / "*.jsonl") == ["test-00000-of-00001.jsonl"]
    assert names(tmp_path / "data" / "test-00000-of-00001.jsonl") == ["test-00000-of-00001.jsonl"]


def test_files_that_name_no_split_are_for_training(tmp_path: Path) -> None:
    """They are read beside `train`, and without it."""
    write(tmp_path, "books.jsonl", "test.jsonl")
    assert names(tmp_path) == ["books.jsonl"]
    write(tmp_path, "train.jsonl")
    assert names(tmp_path) == ["books.jsonl", "train.jsonl"]


def test_words_in_the_names_of_texts_are_no_splits(tmp_path: Path) -> None:
    """A folder of texts about testing is one corpus."""
    write(tmp_path, "test.md", "dev/setup.txt", "intro.md")
    assert [name for piece in discover([source(tmp_path)]) for name in piece.members] == [
        *("dev/setup.txt", "intro.md", "test.md")
    ]


def test_a_card_says_which_files_are_a_configuration(tmp_path: Path) -> None:
    """Its patterns choose the files, and several configurations must be chosen from."""
    write(tmp_path, "small/x.jsonl", "large/a.jsonl", "large/b1.jsonl", "large/test.jsonl", "other.jsonl", card=TWO)
    with pytest.raises(DataError, match="there are 2 configurations: small, large; name one with config="):
        names(tmp_path)
    assert names(tmp_path, config="small") == ["small/x.jsonl"]
    assert names(tmp_path, config="large") == ["large/a.jsonl", "large/b1.jsonl"]
    assert names(f"{tmp_path}:large@test") == ["large/test.jsonl"]
    [found] = find([source(tmp_path, config="large")]).sources
    assert {one.reason: one.examples for one in found.left_out} == {
        "cards": ("README.md",),
        "files of the configuration 'small'": ("small/x.jsonl",),
        "files of the split 'test'": ("large/test.jsonl",),
        "files that the card does not name": ("other.jsonl",),
    }
    with pytest.raises(DataError, match=r"no configuration 'smal'; its configurations are small, large .did you mean"):
        names(tmp_path, config="smal")


@pytest.mark.parametrize(
    "data_files",
    [
        "data_files: data/*.jsonl",
        "data_files: [data/a.jsonl, data/b.jsonl]",
        "data_files: {train: data/*.jsonl}",
        "data_files: [{split: train, path: [data/a.jsonl, data/b.jsonl]}]",
        "data_dir: data",
        "data_dir: data\n  data_files: '*.jsonl'",
    ],
)
def test_every_form_of_a_configuration_is_read(data_files: str, tmp_path: Path) -> None:
    """As text, list, mapping or list of splits, with or without a folder."""
    card = f"---\nconfigs:\n- config_name: default\n  {data_files}\n---\n"
    write(tmp_path, "data/a.jsonl", "data/b.jsonl", "elsewhere/c.jsonl", card=card)
    assert names(tmp_path) == ["data/a.jsonl", "data/b.jsonl"]


def test_a_default_is_taken_without_being_named(tmp_path: Path) -> None:
    """`default: true`, else the configuration of that name."""
    card = "---\nconfigs:\n- config_name: x\n  data_files: x/*\n- config_name: y\n  data_files: y/*\n{}---\n"
    write(tmp_path, "x/a.jsonl", "y/b.jsonl", card=card.format("  default: true\n"))
    assert names(tmp_path) == ["y/b.jsonl"]
    write(tmp_path, card=card.format("").replace("config_name: x", "config_name: default"))
    assert names(tmp_path) == ["x/a.jsonl"]


@pytest.mark.parametrize(
    ("text", "path", "parts"),
    [
        ("me/notes", "me/notes", {}),
        ("me/notes:en", "me/notes", {"config": "en"}),
        ("me/notes@train_sft", "me/notes", {"split": "train_sft"}),
        ("me/notes:sample-10BT@train", "me/notes", {"config": "sample-10BT", "split": "train"}),
        ("hf://datasets/me/notes:en@test", "hf://datasets/me/notes", {"config": "en", "split": "test"}),
        ("hf://datasets/me/notes@v1", "hf://datasets/me/notes@v1", {}),
        ("hf://datasets/me/notes@v1:en", "hf://datasets/me/notes@v1", {"config": "en"}),
        ("hf://datasets/me/notes/data/a:b@c.jsonl", "hf://datasets/me/notes/data/a:b@c.jsonl", {}),
        ("https://x.org/a:b@c.jsonl", "https://x.org/a:b@c.jsonl", {}),
        ("none/such/folder:en", "none/such/folder:en", {}),
    ],
)
def test_a_path_may_name_configuration_and_split(text: str, path: str, parts: dict[str, str]) -> None:
    """Behind the name of a dataset; an address with a path or of another server stays as it is."""
    assert split_path(text) == (path, parts)


def test_a_path_that_exists_is_itself(tmp_path: Path) -> None:
    """Colons and at signs in the names of files and folders say nothing."""
    write(tmp_path, "a:b@c/x.jsonl", "d/e.jsonl")
    assert split_path(f"{tmp_path}/a:b@c") == (f"{tmp_path}/a:b@c", {})
    assert split_path(f"{tmp_path}/d:en") == (f"{tmp_path}/d", {"config": "en"})


def test_path_and_settings_cannot_contradict_each_other() -> None:
    """The same word twice is no contradiction."""
    assert with_parts(source("me/notes:en", config="en")).config == "en"
    with pytest.raises(RecipeError, match="names the config 'en', and its settings the config 'de'"):
        with_parts(source("me/notes:en", config="de"))


def test_a_source_is_called_after_what_it_names() -> None:
    """Two configurations of one dataset are two sources."""
    assert default_name("me/notes:sample-10BT") == "notes-sample-10BT"
    assert default_name("https://x.org/a/corpus.jsonl.gz?key=1") == "corpus"


@pytest.mark.parametrize(
    ("pattern", "name", "is_match"),
    [
        ("data/*.parquet", "data/a.parquet", True),
        ("data/*.parquet", "data/x/a.parquet", False),
        ("data/**", "data/x/a.parquet", True),
        ("**/a.parquet", "a.parquet", True),
        ("**/a.parquet", "x/y/a.parquet", True),
        ("data", "data/x/a.parquet", True),
        ("./data/a.parquet", "data/a.parquet", True),
        ("data/{a,b}.parquet", "data/b.parquet", True),
        ("data/{a,b}.parquet", "data/c.parquet", False),
        ("x-[0-9][!a].csv", "x-1b.csv", True),
        ("x-[0-9][!a].csv", "x-1a.csv", False),
        ("a+b?.csv", "a+b1.csv", True),
    ],
)
def test_patterns_match_as_they_do_in_a_card(pattern: str, name: str, is_match: bool) -> None:
    """One star stays within a folder, two do not, and braces give a choice."""
    assert matches(pattern, name) is is_match


def test_braces_and_the_home_folder_are_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`~` is the home folder, and `{a,b}` either file."""
    write(tmp_path, "a.jsonl", "b.jsonl", "c.jsonl")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert names("~/{a,c}.jsonl") == ["a.jsonl", "c.jsonl"]
    assert names("~") == ["a.jsonl", "b.jsonl", "c.jsonl"]


def test_a_star_stands_for_all_parts(tmp_path: Path) -> None:
    """All configurations, all splits, or both; what the card does not name is left out still."""
    files = ("small/a.jsonl", "large/a.jsonl", "large/b.jsonl", "large/test.jsonl", "other/x.jsonl")
    folder = write(tmp_path, *files, card=TWO)
    assert names(folder, config="*", split="*") == [
        "large/a.jsonl",
        "large/b.jsonl",
        "large/test.jsonl",
        "small/a.jsonl",
    ]
    assert names(folder, config="large", split="*") == ["large/a.jsonl", "large/b.jsonl", "large/test.jsonl"]
    assert names(folder, config="*") == ["large/a.jsonl", "large/b.jsonl", "small/a.jsonl"]
    assert names(folder, config="*", split="test") == ["large/test.jsonl"]
    [found] = find([source(folder, config="*", split="*")]).sources
    assert (found.settings.config, found.settings.split) == ("*", "*")
    assert [one.reason for one in found.left_out if one.reason.startswith("files")] == [
        "files that the card does not name"
    ]


def test_a_star_stands_for_all_saved_splits(tmp_path: Path) -> None:
    """Of a folder that `datasets` saved."""
    import datasets

    split = datasets.Dataset.from_list([{"text": "x"}])
    datasets.DatasetDict({"train": split, "test": split}).save_to_disk(str(tmp_path / "saved"))
    assert [name.partition("/")[0] for name in names(tmp_path / "saved", split="*")] == ["test", "train"]
    assert len(names(tmp_path / "saved")) == 1
