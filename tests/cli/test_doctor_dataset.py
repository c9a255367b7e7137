"""Promises of `nextlong-hub doctor DATASET`: whoever made it, what the Hub would refuse or not show is found unread."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hub_session import Session

from nextlong_hub.cli import run
from nextlong_hub.cli.dataset_checks import check_dataset
from nextlong_hub.cli.doctor_checks import Finding
from nextlong_hub.errors import DataError
from nextlong_hub.testing import LocalHub
from nextlong_hub.testing.messages import Answer

CARD = """---
license: mit
configs:
- config_name: notes
  data_files:
  - split: train
    path: notes/*.parquet
---
"""
PLAIN = pa.table({"text": ["a", "b"]})


def parquet(table: pa.Table, **options: Any) -> bytes:
    """A table as a Parquet file of somebody else's."""
    sink = io.BytesIO()
    pq.write_table(table, sink, **{"write_page_index": True, **options})
    return sink.getvalue()


def write(folder: Path, **files: bytes | str) -> Path:
    """A dataset of one file `notes/a.parquet` and a card, with what else there is, by name; `__` for a slash."""
    for name, content in {"README.md": CARD, "notes__a.parquet": parquet(PLAIN), **files}.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def not_in_order(folder: Path) -> dict[str, Finding]:
    """What is found that is not in order, by subject."""
    return {one.subject: one for one in check_dataset(str(folder)).findings if one.state != "ok"}


def test_a_dataset_in_order_is_found_to_be(tmp_path: Path) -> None:
    """Every check says what it saw, and none finds anything."""
    report = check_dataset(str(write(tmp_path)))
    assert not_in_order(tmp_path) == {}
    assert (report.is_ready, report.footers, report.parquet_files) == (True, 1, 1)
    assert all(finding.found for finding in report.findings)


def large(rows: int) -> bytes:
    """Rows of three million characters each."""
    chance = np.random.default_rng(0)
    return parquet(pa.table({"text": [chance.bytes(1_500_000).hex() for _ in range(rows)]}))


CASES = {
    "no card": ({"README.md": ""}, "card", "problem", "no YAML header"),
    "wrong card": ({"README.md": CARD.replace("mit", "nope")}, "card", "problem", "unknown license 'nope'"),
    "no file": ({"README.md": CARD.replace("notes/*", "other/*")}, "configurations", "problem", "of notes/train"),
    "empty split": (
        {"README.md": CARD.replace("parquet\n---", "parquet\n  - split: test\n    path: t/*\n---")},
        "configurations", "problem", "no file is of notes/test",
    ),
    "unnamed file": ({"more.parquet": parquet(PLAIN)}, "configurations", "note", "in none of them: more.parquet"),
    "two splits": (
        {"README.md": CARD.replace("parquet\n---", "parquet\n  - split: test\n    path: notes/a*\n---")},
        "splits", "problem", "notes/a.parquet (notes)",
    ),
    "odd name": ({"notes__b[1].parquet": parquet(PLAIN)}, "file names", "problem", "notes/b[1].parquet"),
    "capitals": ({"notes__A.parquet": parquet(PLAIN)}, "file names", "note", "differ in capitals only"),
    "lines": (
        {"README.md": CARD.replace("parquet", "jsonl"), "notes__a.jsonl": "{}\n"},
        "formats", "note", "1 .jsonl",
    ),
    "no parquet": ({"notes__a.parquet": b"PAR1 and nothing else"}, "footers", "problem", "notes/a.parquet: "),
    "large rows": ({"notes__a.parquet": large(2)}, "rows", "problem", "notes: 3 MB as stored"),
    "no index": (
        {"notes__a.parquet": parquet(PLAIN, write_page_index=False)}, "page index", "note", "missing in 1 of 1 files",
    ),
    "a map": (
        {"notes__a.parquet": parquet(pa.table({"m": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int32()))}))},
        "columns", "problem", "cannot read m (map<",
    ),
    "many columns": (
        {"notes__a.parquet": parquet(pa.table({f"c{number}": [1] for number in range(1_001)}))},
        "columns", "problem", "1,001",
    ),
    "other columns": ({"notes__b.parquet": parquet(pa.table({"words": ["a"]}))}, "schemas", "problem", "text, words"),
    "other types": ({"notes__b.parquet": parquet(pa.table({"text": [1]}))}, "schemas", "note", "text of notes"),
}  # fmt: skip
"""What is in the folder besides, and the one subject under which it is found."""


@pytest.mark.parametrize("case", CASES)
def test_each_fault_is_found_under_its_name(case: str, tmp_path: Path) -> None:
    """One thing is wrong, and one check says so, with what to do; a note lets the dataset pass."""
    files, subject, state, words = CASES[case]
    folder = write(tmp_path, **files)  # type: ignore[arg-type]
    [(name, found)] = [(name, one) for name, one in not_in_order(folder).items()][:1]
    assert (name, found.state) == (subject, state)
    assert words in found.found
    assert check_dataset(str(folder)).is_ready == (state == "note")


def test_a_preview_answers_for_large_rows(tmp_path: Path) -> None:
    """As `nextlong-hub build` makes one: then the viewer has something to show."""
    card = CARD.replace("parquet\n---", "parquet\n- config_name: notes-preview\n  data_files: small/*\n---")
    folder = write(tmp_path, **{"README.md": card, "notes__a.parquet": large(1), "small__a.parquet": parquet(PLAIN)})
    assert {subject: one.state for subject, one in not_in_order(folder).items()} == {"rows": "note"}


def test_a_large_row_group_needs_a_page_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit of the viewer, here a thousand bytes, it is a problem without the index and a note with it."""
    monkeypatch.setattr("nextlong_hub.cli.dataset_checks.ROW_GROUP_BYTES", 1_000)
    table = pa.table({"text": [f"{number:>100}" for number in range(100)]})
    states = []
    for index in (False, True):
        folder = write(tmp_path, **{"notes__a.parquet": parquet(table, write_page_index=index)})
        states.append(not_in_order(folder)["row groups"].state)
    assert states == ["problem", "note"]


def test_many_files_are_sampled_over_all_of_them(tmp_path: Path) -> None:
    """Of 90 files in two splits 40 are looked at, the first of each split among them."""
    files = {f"notes__{number:03}.parquet": parquet(PLAIN) for number in range(89)}
    report = check_dataset(str(write(tmp_path, **files)))  # type: ignore[arg-type]
    assert (report.footers, report.parquet_files) == (40, 90)


def test_nothing_there_is_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is neither folder nor dataset, and options that do not go with one."""
    with pytest.raises(DataError, match="there is no folder"):
        check_dataset("nowhere")
    assert run(["doctor", "nowhere"]) == DataError.exit_code
    assert run(["doctor", "nowhere", "--online"]) == 2
    assert "looked at by itself" in capsys.readouterr().err


@pytest.fixture(scope="module")
def hub() -> Iterator[LocalHub]:
    """A Hub with a dataset that another program made."""
    with LocalHub() as running:
        yield running


@pytest.mark.slow
def test_a_dataset_on_the_hub_is_looked_at_by_its_ends(hub: LocalHub, tmp_path: Path) -> None:
    """By address, by name and at a revision; of a file of twelve megabytes less than one is fetched."""
    hub.put("datasets", "other/notes", {"README.md": CARD, "notes/a.parquet": large(4)})
    first = hub.commits("datasets", "other/notes")[0].oid
    hub.put("datasets", "other/notes", {"notes/a.parquet": parquet(PLAIN)})
    sent: list[int] = []

    def counted(answer: Answer) -> Answer:
        sent.append(len(answer.body))
        return answer

    with Session(hub, tmp_path) as session:
        assert session.run("doctor", "other/notes").code == 0
        hub.fail("GET", "resolve/.*parquet", times=99, rewrite=counted)
        outcome = session.run("doctor", f"hf://datasets/other/notes@{first}", "--json")
        told = json.loads(outcome.out)
        assert outcome.code == 1
        assert [one["subject"] for one in told["findings"] if one["state"] == "problem"] == ["rows"]
        assert 0 < sum(sent) < 1_000_000
        missing = session.run("doctor", "other/absent")
        assert missing.code == DataError.exit_code
        assert "there is no dataset other/absent" in missing.err
