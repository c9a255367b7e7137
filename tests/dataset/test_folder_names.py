"""How a dataset folder and the files behind it are named in what is printed and published."""

from pathlib import Path

import pytest
from datasets.packaged_modules import _PACKAGED_DATASETS_MODULES

from nextlong_hub.corpus.naming import public_path
from nextlong_hub.dataset.folder import load_path


@pytest.mark.parametrize("name", sorted({*_PACKAGED_DATASETS_MODULES} - {"nextlong"}))
def test_a_folder_called_like_a_format_is_told_from_it(name: str) -> None:
    """`load_dataset("json")` means the format, whatever lies there; with a path before it, it means the folder."""
    assert load_path(Path(name)) == f"./{name}"
    assert load_path(Path("out") / name) == f"out/{name}"


def test_other_folders_are_called_what_they_are() -> None:
    """Nothing is put before a name that means nothing to `datasets`."""
    assert load_path(Path("nextlong")) == "nextlong"
    assert load_path(Path("/data/json")) == "/data/json"


@pytest.mark.parametrize(
    ("path", "public"),
    [
        ("/home/me/docs/web/*.jsonl", "web/*.jsonl"),
        ("docs/web/**/a-*.jsonl", "web/**/a-*.jsonl"),
        ("../web/*.jsonl", "web/*.jsonl"),
        ("../*.jsonl", "*.jsonl"),
        ("*.jsonl", "*.jsonl"),
        ("hf://datasets/me/x/*.parquet", "hf://datasets/me/x/*.parquet"),
    ],
)
def test_a_pattern_keeps_the_folder_before_it(path: str, public: str) -> None:
    """As a folder keeps its own name: the command that makes the dataset again then finds the files."""
    assert public_path(path) == public
