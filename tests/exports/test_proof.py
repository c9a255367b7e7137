"""An export proves itself: what is read back is what was written."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from packed_rows import packed_row, write_packed

from nextlong_hub import cli
from nextlong_hub.core.files import digest_of, sha256_of
from nextlong_hub.errors import DataError
from nextlong_hub.exports import FORMATS, ExportReport, ExportRequest, export
from nextlong_hub.exports.writer import EXPORT_NAME
from nextlong_hub.verification import verify

DOCUMENTS = [("ab", "web", [1, 2, 3]), ("cde", "books", [4, 5])]


def run(name: str, output: Path, mask: list[int] | None = None) -> ExportReport:
    """Export a row of two documents."""
    rows = write_packed(output.with_name("rows"), [packed_row("p", DOCUMENTS, mask)], masked=mask is not None)
    token_bytes: Any = 2 if FORMATS[name].token_bytes == "by vocabulary" else None
    eos_id = 0 if FORMATS[name].eos != "keep" else None
    return export(rows, ExportRequest(format=name, token_bytes=token_bytes, eos_id=eos_id), output)


@pytest.mark.parametrize("name", FORMATS.names())
def test_every_format_is_read_back(name: str, tmp_path: Path) -> None:
    """Its reader finds the documents that were written, and `verify` does so again."""
    report = run(name, tmp_path / "out")
    assert len(report.documents_digest) == 64
    found = verify(tmp_path / "out")
    assert (found.faults, found.files, found.remarks) == ((), len(report.files), ())


@pytest.mark.parametrize("name", [name for name in FORMATS.names() if FORMATS[name].takes_loss_mask])
def test_the_mask_is_proven_too(name: str, tmp_path: Path) -> None:
    """Other learnt tokens are another digest; the first of a document can never be learnt, and does not count."""
    digests = []
    for number, mask in enumerate(([0, 1, 1, 0, 1], [0, 0, 1, 0, 1], [1, 1, 1, 1, 1])):
        (tmp_path / str(number)).mkdir()
        digests.append(run(name, tmp_path / str(number) / "out", mask).documents_digest)
    (tmp_path / "none").mkdir()
    assert digests[0] != digests[1]
    assert digests[0] == digests[2] or FORMATS[name].eos != "keep"
    assert (run(name, tmp_path / "none" / "out").documents_digest == digests[2]) == (FORMATS[name].eos == "keep")


def test_a_file_changed_with_its_digest_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A manifest made to fit another token agrees with the file, and not with the documents."""
    run("torchtitan", tmp_path / "out")
    path = tmp_path / "out" / "tokens.bin"
    path.write_bytes(b"\2" + path.read_bytes()[1:])
    assert [fault.place for fault in verify(tmp_path / "out").faults] == ["tokens.bin"]
    content = json.loads((tmp_path / "out" / EXPORT_NAME).read_text())
    del content["digest"]
    for file in content["files"]:
        file["sha256"] = sha256_of(tmp_path / "out" / file["path"])
    (tmp_path / "out" / EXPORT_NAME).write_text(json.dumps({**content, "digest": digest_of(content)}))
    assert cli.run(["verify", str(tmp_path / "out")]) == 3
    assert "the 2 documents that are read back are not the 2 that were written" in capsys.readouterr().out


def test_what_is_not_read_back_as_written_is_no_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that loses a token leaves no finished export behind."""
    kind = FORMATS["jsonl"]
    lossy = replace(
        kind,
        write=lambda rows, writer, settings: kind.write(
            (replace(row, input_ids=row.input_ids[::-1].copy()) for row in rows), writer, settings
        ),
    )
    monkeypatch.setattr("nextlong_hub.exports.jsonl.FORMAT", lossy)
    with pytest.raises(DataError, match="holds other documents than were written"):
        run("jsonl", tmp_path / "out")
    assert "files" not in json.loads((tmp_path / "out" / EXPORT_NAME).read_text())


def test_an_unfinished_export_is_a_fault(tmp_path: Path) -> None:
    """So is one whose manifest was changed; other checks than its own are refused."""
    run("jsonl", tmp_path / "out")
    (tmp_path / "out" / EXPORT_NAME).write_text("{}")
    assert [fault.place for fault in verify(tmp_path / "out").faults] == [EXPORT_NAME]
    assert cli.run(["verify", str(tmp_path / "out"), "--tokenizer", "demo"]) == 2
