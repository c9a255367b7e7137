"""What rows say of their licence is read wherever published datasets put it, the same in every format."""

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nextlong_hub.corpus import ReadingNotes, discover, read
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.records import Document

MANY = ["MIT", "GPL-3.0"]


def told(path: Path) -> tuple[list[str | None], dict[str, int]]:
    """The licence of each document, and the columns that are not used."""
    notes = ReadingNotes()
    found = []
    for piece in discover([SourceSettings(name="s", path=str(path))]):
        for document in read(piece, "fail", notes):
            assert isinstance(document, Document)
            found.append(document.metadata.get("license"))
    return found, dict(notes.columns)


@pytest.mark.parametrize(
    ("row", "licence", "unused"),
    [
        ({"license": "mit"}, "mit", {}),
        ({"license": ["MIT", "GPL-3.0", "MIT"]}, "MIT AND GPL-3.0", {}),
        ({"license": []}, None, {}),
        ({"license": {"name": "CC-BY-4.0", "url": "https://x"}}, "CC-BY-4.0", {}),
        ({"licenses": [{"spdx_id": "MIT"}, {"spdx_id": "ISC"}]}, "MIT AND ISC", {}),
        ({"max_stars_repo_licenses": MANY, "max_stars_count": 3}, "MIT AND GPL-3.0", {"max_stars_count": 1}),
        ({"metadata": {"license": "cc-by-nc-4.0"}}, "cc-by-nc-4.0", {}),
        ({"metadata": {"license": "mit", "year": 1, "note": None}}, "mit", {"metadata.year": 1}),
        ({"meta": {"licence": MANY}, "url": "x"}, "MIT AND GPL-3.0", {"url": 1}),
        ({"metadata": json.dumps({"license": "mit", "a": 1})}, "mit", {"metadata": 1}),
        ({"metadata": "{no json, license"}, None, {"metadata": 1}),
        ({"license": None, "score": 2}, None, {"score": 1}),
    ],
)
def test_where_a_row_states_its_licence(
    tmp_path: Path, row: dict[str, Any], licence: str | None, unused: dict[str, int]
) -> None:
    """In JSON and in tables; what stands beside it in an object is counted under its own name."""
    whole = {"id": "a", "text": "words", **row}
    (tmp_path / "a.jsonl").write_text(json.dumps(whole) + "\n")
    pq.write_table(pa.Table.from_pylist([whole]), tmp_path / "b.parquet")
    assert told(tmp_path / "a.jsonl") == ([licence], unused)
    assert told(tmp_path / "b.parquet") == ([licence], unused)


def test_licences_in_csv(tmp_path: Path) -> None:
    """A list is JSON there, as is an object of metadata."""
    with (tmp_path / "a.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "text", "licenses", "metadata"])
        rows.writerow(["a", "words", json.dumps(MANY), ""])
        rows.writerow(["b", "words", "mit", json.dumps({"license": "isc"})])
    assert told(tmp_path / "a.csv") == (["MIT AND GPL-3.0", "mit"], {"metadata": 1})


def test_what_stands_beside_a_nested_text(tmp_path: Path) -> None:
    """The other fields of its object are not used, and counted."""
    row = {"id": "a", "message": {"content": "words", "role": "user", "name": None}}
    (tmp_path / "a.jsonl").write_text(json.dumps(row) + "\n")
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "b.parquet")
    for name in ("a.jsonl", "b.parquet"):
        notes = ReadingNotes()
        source = SourceSettings(name="s", path=str(tmp_path / name), text_column="message.content")
        [document] = [one for piece in discover([source]) for one in read(piece, "fail", notes)]
        assert isinstance(document, Document)
        assert (document.text, dict(notes.columns)) == ("words", {"message.role": 1})
