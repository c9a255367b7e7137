"""Rows are read where they lie, and only what was asked for."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from building import ROWS, published, read_rows

from nextlong_hub.dataset import open_split
from nextlong_hub.dataset.locate import locate
from nextlong_hub.dataset.manifest import manifest_bytes, read_manifest
from nextlong_hub.dataset.schema import SEGMENT_TYPE
from nextlong_hub.dataset.shards import read_table, to_packed_table, write_table
from nextlong_hub.errors import DataError
from nextlong_hub.recipe import OutputSettings
from nextlong_hub.records import PackedDocument, PackedRow, Segment
from nextlong_hub.testing import LocalHub

FILE = "data/tiny/train-00000-of-00001.parquet"
SMALL_GROUPS = OutputSettings(row_group_bytes=1)
"""One row in each row group."""


def without_manifest(dataset: Path) -> Path:
    """The same folder as somebody else would have made it."""
    (dataset / "manifest.json").unlink()
    return dataset


def test_every_form_of_a_dataset_gives_the_same_rows(built: Path) -> None:
    """The folder, its folder of Parquet, and the file itself: same rows, in the order of the file."""
    rows = read_rows(built)
    for where in (built, built / "data" / "tiny", built / FILE, str(built)):
        split = open_split(where)
        assert len(split) == ROWS
        assert [split.row(number).id for number in range(ROWS)] == [row["id"] for row in rows]
        assert [row.text for row in split] == [row["text"] for row in rows]


def test_folders_of_parquet_are_configurations_by_their_names(tmp_path: Path) -> None:
    """What lies at the top or in `data` is the only one; files that lie together belong together."""
    for name in ("top.parquet", "data/a.parquet", "data/128k/b.parquet", "data/128k/c.parquet", "64k/d.parquet"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert {name: sorted(files) for name, files in locate(tmp_path).configs.items()} == {
        "default": ["data/a.parquet", "top.parquet"],
        "128k": ["data/128k/b.parquet", "data/128k/c.parquet"],
        "64k": ["64k/d.parquet"],
    }


def test_a_row_holds_what_its_columns_hold(built: Path) -> None:
    """Every value of a row, by number, from the end, and by id."""
    wanted = read_rows(built)[3]
    split = open_split(built, "tiny")
    for which in (3, 3 - ROWS, wanted["id"]):
        row = split.row(which)
        assert (row.number, row.config, row.id) == (3, "tiny", wanted["id"])
        assert (row.text, row.token_count, row.source) == (wanted["text"], wanted["token_count"], wanted["source"])
        assert row.input_ids.tolist() == wanted["input_ids"]
        assert row.segments.to_pylist() == wanted["segments"]
        assert row.segment_list[1] == Segment(**wanted["segments"][1])
        assert row.documents.num_rows == 0
    metas = [number for number, segment in enumerate(wanted["segments"]) if segment["role"] == "meta"]
    assert row.meta_chunks == metas
    assert row.segment_text(1) == wanted["text"][wanted["segments"][1]["start"] : wanted["segments"][1]["end"]]


def test_the_manifest_comes_along(built: Path) -> None:
    """What made the rows is known where our manifest lies beside them, and nowhere else."""
    split = open_split(built)
    assert split.manifest == read_manifest(built)
    assert split.record is not None and split.record.rows == ROWS
    assert (split.folder, split.commit, split.configs) == (built, None, ("tiny",))
    assert open_split(built / FILE).manifest is None


def test_columns_that_were_not_asked_for_are_empty(built: Path) -> None:
    """Asking for ids reads ids: no text, no tokens, no segments."""
    row = open_split(built).row(0, ["id"])
    assert row.id and (row.text, row.source, row.segments.num_rows, row.input_ids.size) == ("", "", 0, 0)


def test_batches_come_in_row_order_with_the_columns_asked_for(built: Path) -> None:
    """All rows once, nothing but the columns named."""
    batches = list(open_split(built).batches(["token_count", "id"]))
    table = pa.Table.from_batches(batches)
    assert table.column_names == ["token_count", "id"]
    assert table["id"].to_pylist() == [row["id"] for row in read_rows(built)]


def test_a_row_costs_its_row_group_alone(dataset: Path) -> None:
    """With every other row group destroyed, a row is still read; reading a destroyed one is a known fault."""
    path = dataset / FILE
    write_table(path, read_table(path), SMALL_GROUPS)
    metadata = pq.read_metadata(path)
    assert metadata.num_row_groups == ROWS
    content = bytearray(path.read_bytes())
    for group in set(range(ROWS)) - {2}:
        for column in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(column)
            start = chunk.dictionary_page_offset or chunk.data_page_offset
            content[start : start + chunk.total_compressed_size] = bytes(chunk.total_compressed_size)
    path.write_bytes(content)
    split = open_split(without_manifest(dataset))
    assert split.row(2).text.startswith(split.row(2).segment_text(0))
    with pytest.raises(DataError, match=r"cannot be read: .*build it again"):
        split.row(3)


def test_neighbours_are_the_rows_of_the_same_row_group(built: Path, dataset: Path) -> None:
    """All of one row group, with their numbers; of small groups, the row alone."""
    assert [row.number for row in open_split(built).neighbours(5, ["id"])] == list(range(ROWS))
    path = dataset / FILE
    write_table(path, read_table(path), SMALL_GROUPS)
    assert [row.number for row in open_split(without_manifest(dataset)).neighbours(5, ["id"])] == [5]


def test_a_card_names_the_configurations_where_there_is_no_manifest(dataset: Path) -> None:
    """The default first, files by pattern, and of several splits the one to train on."""
    (dataset / "data" / "other").mkdir()
    shutil.copy(dataset / FILE, dataset / "data" / "other" / "part.parquet")
    (dataset / "README.md").write_text(
        "---\nconfigs:\n- config_name: some\n  data_files: data/tiny/*.parquet\n"
        "- config_name: main\n  default: true\n  data_files:\n  - split: test\n    path: nothing/*\n"
        "  - split: train\n    path: [data/other/part.parquet]\n---\n# A card\n"
    )
    split = open_split(without_manifest(dataset))
    assert split.configs == ("main", "some")
    assert (split.config, split.files) == ("main", ("data/other/part.parquet",))


@pytest.mark.parametrize("card", ["no header", "---\nconfigs: 7\n---\n", "---\n{broken\n---\n", None])
def test_folders_name_the_configurations_where_nothing_else_does(dataset: Path, card: str | None) -> None:
    """`data/tiny/…` is the configuration `tiny`, whatever the card says or does not say."""
    (dataset / "README.md").unlink() if card is None else (dataset / "README.md").write_text(card)
    assert open_split(without_manifest(dataset)).configs == ("tiny",)


def test_a_wrong_name_is_answered_with_the_right_ones(built: Path) -> None:
    """Configuration, row, id, column: the message says what there is."""
    split = open_split(built)
    with pytest.raises(DataError, match="no configuration 'tyni'; it has: tiny"):
        open_split(built, "tyni")
    with pytest.raises(DataError, match=r"row 8 was asked for, and tiny of .* has 8 rows, 0 to 7"):
        split.row(8)
    with pytest.raises(DataError, match="no row with the id 'nobody'; it has 8 rows"):
        split.row("nobody")
    with pytest.raises(DataError, match="no column 'txet'; it has: id, text"):
        next(split.batches(["txet"]))
    with pytest.raises(DataError, match=r"segment 999 was asked for, and the row has \d+: 0 to \d+"):
        split.row(0).segment_text(999)


def test_what_holds_no_rows_of_ours_is_refused(tmp_path: Path) -> None:
    """Nothing there, no Parquet, other columns, other segments, a revision of a folder."""
    with pytest.raises(DataError, match=r"there is no .*nowhere; give a dataset folder"):
        open_split(tmp_path / "nowhere")
    with pytest.raises(DataError, match="holds no Parquet file"):
        open_split(tmp_path)
    pq.write_table(pa.table({"a": [1]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="has the columns a; rows of text need `text` or `input_ids`"):
        open_split(tmp_path)
    pq.write_table(pa.table({"text": ["x"], "segments": [["y"]]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"column 'segments' of .* lacks role, document"):
        open_split(tmp_path)
    with pytest.raises(DataError, match="is a local path and has no revision 'v1'"):
        open_split(tmp_path, revision="v1")


def test_plain_texts_are_rows_too(tmp_path: Path) -> None:
    """A column of text is enough; everything else is empty."""
    pq.write_table(pa.table({"text": ["one", "two"]}), tmp_path / "a.parquet")
    row = open_split(tmp_path).row(1)
    assert (row.text, row.id, row.segments.schema, row.meta_chunks) == ("two", "", pa.schema(list(SEGMENT_TYPE)), [])


def test_a_file_that_is_not_what_the_manifest_says_is_told(dataset: Path) -> None:
    """Another number of rows, or no file at all."""
    path = dataset / FILE
    write_table(path, read_table(path).slice(1), SMALL_GROUPS)
    with pytest.raises(DataError, match="has 7 rows, and the manifest says 8; run `nextlong-hub verify`"):
        open_split(dataset)
    path.unlink()
    with pytest.raises(DataError, match="is missing"):
        open_split(dataset)


def test_a_manifest_cannot_lead_out_of_its_dataset(dataset: Path) -> None:
    """Who wrote the manifest may be anybody: a path with `..` is refused before it is opened."""
    manifest = read_manifest(dataset)
    assert manifest is not None
    config = manifest.configs["tiny"]
    for path in ("../secret.parquet", "/etc/secret.parquet"):
        files = (config.files[0].model_copy(update={"path": path}),)
        changed = manifest.model_copy(update={"configs": {"tiny": config.model_copy(update={"files": files})}})
        (dataset / "manifest.json").write_bytes(manifest_bytes(changed))
        with pytest.raises(DataError, match=r"configs\.tiny\.files\.0\.path = '.*parquet': String should match"):
            open_split(dataset)


def test_packed_rows_tell_their_documents(tmp_path: Path) -> None:
    """Documents, their tokens and the loss mask, as they were packed."""
    first = PackedDocument(id="a", source="s", meta_document="m", offset=0, start=0, end=3, tokens=2)
    second = PackedDocument(id="b", source="s", meta_document="n", offset=0, start=3, end=6, tokens=1)
    packed = PackedRow(
        id="p/0",
        text="onetwo",
        input_ids=np.array([5, 6, 7], np.int32),
        loss_mask=np.array([0, 1, 1], np.int8),
        documents=(first, second),
        segments=(),
    )
    write_table(tmp_path / "a.parquet", to_packed_table([packed], tokens=True, masked=True), SMALL_GROUPS)
    split = open_split(tmp_path)
    row = split.row(0)
    assert row.document_list == (first, second)
    assert (row.loss_mask.tolist(), row.meta_document) == ([0, 1, 1], "")


@pytest.mark.slow
def test_a_pushed_dataset_gives_the_same_rows_by_few_and_small_requests(built: Path) -> None:
    """Over HTTP: one configuration, one row, by name, URL and revision; data files are never fetched whole."""
    script = """
import json
from nextlong_hub.errors import DataError
from nextlong_hub.dataset import open_split
answers = {"configs": open_split("tester/nextlong").configs, "ids": []}
for where in ("tester/nextlong", "hf://datasets/tester/nextlong@main"):
    split = open_split(where, "tiny")
    answers["ids"].append([split.row(3).id, split.commit, split.page])
for where, revision in (("tester/nothing", None), ("tester/nextlong", "v9")):
    try:
        open_split(where, revision=revision)
    except DataError as error:
        answers.setdefault("errors", []).append(str(error))
print(json.dumps(answers))
"""
    with LocalHub() as hub:
        commit = hub.put("datasets", "tester/nextlong", published(built))
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", script],
            env=os.environ | hub.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        fetched = hub.requests_to("GET", r"resolve/.*\.parquet")
        page = f"{hub.endpoint}/datasets/tester/nextlong"
    answers = json.loads(done.stdout)
    assert answers["configs"] == ["tiny"]
    assert answers["ids"] == [[read_rows(built)[3]["id"], commit.oid, page]] * 2
    assert "there is no dataset tester/nothing on the Hub" in answers["errors"][0]
    assert "has no revision 'v9'" in answers["errors"][1]
    assert 2 <= len(fetched) <= 6
    assert {request.status for request in fetched} == {206}
