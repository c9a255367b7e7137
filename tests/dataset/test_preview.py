"""Previews: small rows beside those that the Hub's viewer cannot show, and never among what is counted as data."""

from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from building import make_request, published
from pydantic import ValidationError

import nextlong_hub
from nextlong_hub.core.files import sha256_of
from nextlong_hub.dataset import preview
from nextlong_hub.dataset.manifest import Manifest, read_manifest, write_manifest
from nextlong_hub.dataset.preview import PREVIEW_CHARACTERS, PREVIEW_ENTRIES, preview_tables
from nextlong_hub.dataset.shards import to_table, write_table
from nextlong_hub.errors import DataError
from nextlong_hub.pipeline import build
from nextlong_hub.publish.contents import published_files, stale_files
from nextlong_hub.recipe import OutputSettings
from nextlong_hub.records import Sample, Segment
from nextlong_hub.stats import measure_folder
from nextlong_hub.testing.worlds import tiny_recipe
from nextlong_hub.verification import verify

FILE = "data/tiny-preview/preview.parquet"


def sample(number: int, *, size: int) -> Sample:
    """A row of so many characters, tokens and segments."""
    segment = Segment(role="meta", document="d", chunk=0, start=0, end=1, tokens=1, rank=0, score=0.0)
    return Sample(
        id=f"64k/{number}", text="ä" * size, input_ids=np.arange(size, dtype=np.int32), meta_document="d",
        source="notes", segments=(segment,) * size, truncated_tokens=0,
    )  # fmt: skip


def shards_of(folder: Path, sizes: list[list[int]]) -> list[Path]:
    """A file for each list, with a row of each size; every row is a row group."""
    number = iter(range(10_000))
    for place, own in enumerate(sizes):
        table = to_table([sample(next(number), size=size) for size in own], tokens=True)
        write_table(folder / f"{place}.parquet", table, OutputSettings(row_group_bytes=1))
    return [folder / f"{place}.parquet" for place in range(len(sizes))]


@pytest.fixture
def previewed(corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dataset of eight rows, each above what the viewer shows if that were a thousand bytes."""
    monkeypatch.setattr(preview, "VIEWER_ROW_BYTES", 1_000)
    build(make_request(corpus_file), tmp_path / "dataset")
    return tmp_path / "dataset"


def manifest_of(folder: Path) -> Manifest:
    """The manifest of a finished folder."""
    manifest = read_manifest(folder)
    assert manifest is not None
    return manifest


def test_rows_are_cut_to_their_beginnings_and_lead_to_the_whole_ones(tmp_path: Path) -> None:
    """Text and lists are cut, all else stays; `config` and `row` name the whole row, over the borders of files."""
    files = shards_of(tmp_path, [[3, PREVIEW_CHARACTERS + 1], [PREVIEW_ENTRIES + 7]])
    rows = pa.concat_tables(preview_tables("64k", files)).to_pylist()
    assert [(row["id"], row["config"], row["row"], row["characters"], row["token_count"]) for row in rows] == [
        ("64k/0", "64k", 0, 3, 3),
        ("64k/1", "64k", 1, PREVIEW_CHARACTERS + 1, PREVIEW_CHARACTERS + 1),
        ("64k/2", "64k", 2, PREVIEW_ENTRIES + 7, PREVIEW_ENTRIES + 7),
    ]
    assert [len(row["text"]) for row in rows] == [3, PREVIEW_CHARACTERS, PREVIEW_ENTRIES + 7]
    for column in ("input_ids", "segments"):
        assert [len(row[column]) for row in rows] == [3, PREVIEW_ENTRIES, PREVIEW_ENTRIES]


def test_a_preview_ends_with_the_page_and_reads_no_further(tmp_path: Path) -> None:
    """A hundred rows of 60 and 60; a third file is not even opened."""
    files = [*shards_of(tmp_path, [[2] * 60, [2] * 60]), tmp_path / "absent.parquet"]
    assert sum(table.num_rows for table in preview_tables("64k", files)) == preview.PREVIEW_ROWS == 100


def test_a_row_that_the_viewer_shows_needs_no_preview(built: Path) -> None:
    """A dataset of short rows has neither file nor configuration beside its own."""
    assert manifest_of(built).previews == {}
    assert [path.name for path in (built / "data").iterdir()] == ["tiny"]


def test_whoever_names_no_configuration_gets_rows_to_train_on(previewed: Path, tmp_path: Path) -> None:
    """The preview is loaded by its name, from a split of its own; the default is the data."""
    cache = str(tmp_path / "cache")
    assert {split: len(rows) for split, rows in datasets.load_dataset(str(previewed), cache_dir=cache).items()} == {
        "train": 8
    }
    shown = datasets.load_dataset(str(previewed), "tiny-preview", cache_dir=cache)
    assert list(shown) == ["preview"]
    assert shown["preview"][3]["row"] == 3


def test_who_opens_a_preview_as_data_is_told_what_it_is(previewed: Path) -> None:
    """It is no configuration of the dataset for whatever reads rows, and `repr` says what it is."""
    opened = nextlong_hub.open(previewed)
    assert opened.configs == ("tiny",)
    assert "shown on the Hub: tiny-preview: the beginnings of 8 rows, no data" in repr(opened)
    with pytest.raises(DataError, match="beginnings of rows of tiny; name that"):
        opened.split("tiny-preview")


def test_a_preview_is_published_and_not_counted(previewed: Path) -> None:
    """The manifest names it, a push takes it along and away again, and statistics leave it out."""
    manifest = manifest_of(previewed)
    assert [file.path for file in manifest.files][1:] == [FILE]
    assert FILE in [file.path for file in published_files(previewed)]
    assert FILE in stale_files((previewed / "manifest.json").read_bytes(), {FILE: None})
    assert [config.rows for config in measure_folder(previewed, manifest).configs] == [8]
    assert manifest.configs["tiny"].rows == 8
    assert verify(previewed).faults == ()


def test_the_same_bytes_however_often_it_is_built(previewed: Path, corpus_file: Path, tmp_path: Path) -> None:
    """Another build gives the same preview, one that repeats it changes nothing, and a lost one is made again."""
    first = published(previewed)
    build(make_request(corpus_file), tmp_path / "again")
    assert published(tmp_path / "again") == first
    assert build(make_request(corpus_file), previewed).unchanged
    (previewed / FILE).unlink()
    build(make_request(corpus_file), previewed)
    assert published(previewed) == first


@pytest.mark.parametrize("damage", ["missing", "flipped", "others"])
def test_a_preview_that_is_not_what_it_was_is_a_fault(previewed: Path, damage: str) -> None:
    """Lost, damaged, or of other rows with every digest mended: one fault, and it names the file."""
    path = previewed / FILE
    if damage == "missing":
        path.unlink()
    elif damage == "flipped":
        content = bytearray(path.read_bytes())
        content[50] ^= 1
        path.write_bytes(content)
    else:
        table = pq.read_table(path)
        pq.write_table(table.set_column(4, "text", pa.array(["other"] * 8, pa.large_string())), path)
        values = manifest_of(previewed).model_dump()
        record = values["configs"]["tiny"]["preview"]["file"]
        record |= {"sha256": sha256_of(path), "bytes": path.stat().st_size}
        write_manifest(previewed, Manifest.model_validate(values))
    [fault] = verify(previewed).faults
    assert fault.place == FILE


def test_no_recipe_takes_the_name_of_a_preview() -> None:
    """`tiny-preview` would be two configurations of one card."""
    with pytest.raises(ValidationError, match="is that of a preview"):
        tiny_recipe(name="tiny-preview")
