"""The page of exports and readers says what the check wrote down, and nothing else."""

import json
import sys
from pathlib import Path

from packed_rows import packed_row, write_packed

from nextlong_hub.exports import FORMATS, ExportRequest, export

sys.path.insert(0, str(Path(__file__).parents[1] / "compat"))
import readers_page
from reading import digest_of

RECORDS = json.loads(readers_page.RECORDS.read_text("utf-8"))


def test_the_table_is_the_record() -> None:
    """It is written from the JSON; whoever edits the table alone, or fails a check, is found."""
    text = readers_page.PAGE.read_text("utf-8")
    assert text.partition(readers_page.BEGIN)[2].partition(readers_page.END)[0] == readers_page.table(RECORDS)
    assert {record["result"] for record in RECORDS.values()} == {"passed"}


def test_every_export_has_a_reader() -> None:
    """None is in the package that no reader but ours has read."""
    assert {record["export"] for record in RECORDS.values()} == set(FORMATS)
    assert set(RECORDS) == set(readers_page.NAMES)


def test_a_second_digest_is_the_manifests(tmp_path: Path) -> None:
    """That of the checks shares no code with the export's, and is the same for tokens, masks and texts."""
    documents = [("ab", "web", [1, 2, 3]), ("cde", "books", [4, 5])]
    masked = write_packed(tmp_path / "masked", [packed_row("p", documents, [0, 1, 0, 1, 1])], masked=True)
    plain = write_packed(tmp_path / "plain", [packed_row("p", documents)])
    for rows, form, found in (
        (masked, "skyrl", [([4, 5], [0, 1]), ([1, 2, 3], [0, 1, 0])]),
        (plain, "megatron", [([1, 2, 3], None), ([4, 5], None)]),
        (plain, "text", ["cde", "ab"]),
    ):
        report = export(rows, ExportRequest(format=form), tmp_path / form)
        assert digest_of(found) == report.documents_digest
