"""Promises of `nextlong-hub doctor`: what stands in the way is found, and no secret is shown."""

import json
import shutil
from importlib.resources import files
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nextlong_hub.cli import run
from nextlong_hub.cli.doctor_checks import Finding, check_environment

SECRET = "hf_" + "recognisable" * 3


def find(findings: tuple[Finding, ...], subject: str) -> Finding:
    """The finding of that subject."""
    (found,) = [finding for finding in findings if finding.subject.strip() == subject]
    return found


def test_a_sound_environment_is_ready() -> None:
    """Everything the suite itself runs on is found to be in order, and the embedded tokenizer too."""
    report = check_environment("demo")
    assert report.is_ready
    assert report.packages["nextlong-hub"]
    assert find(report.findings, "packages").state == "ok"
    assert find(report.findings, "tokenizer").found.startswith("demo, 50,257 tokens")
    assert find(report.findings, "reuse of chunks").state == "ok"
    assert find(report.findings, "AutoTokenizer").state == "ok"


def test_a_tokenizer_that_trainers_see_otherwise_is_noticed(tmp_path: Path) -> None:
    """A class that overrides tokenizer.json gives other tokens than those a row was fitted by."""
    shutil.copy(str(files("nextlong_hub.builders").joinpath("demo/gpt2/tokenizer.json")), tmp_path)
    config = {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": True}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    found = find(check_environment(str(tmp_path)).findings, "AutoTokenizer")
    assert found.state == "note"
    assert found.found.startswith("GPT2Tokenizer makes other tokens of")


def test_a_tokenizer_that_is_not_there_stands_in_the_way(capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code says so, and JSON tells the same as the table."""
    assert run(["doctor", "--tokenizer", "nowhere/at/all", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["ready"] is False
    assert [each["subject"] for each in told["findings"] if each["state"] == "problem"] == ["tokenizer"]
    assert run(["doctor", "--tokenizer", "nowhere/at/all"]) == 1
    assert "Something stands in the way." in capsys.readouterr().out


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """That a token is set is all that is said of it."""
    monkeypatch.setenv("HF_TOKEN", SECRET)
    assert run(["doctor"]) == 0
    printed = capsys.readouterr()
    assert "a token is set" in printed.out
    assert SECRET not in printed.out + printed.err


def test_a_cache_that_cannot_be_written_stands_in_the_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user without a home may not be told that all is ready; nothing is left of having looked."""
    nowhere = Path("/proc/nowhere/hub")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(nowhere))
    monkeypatch.chdir(tmp_path)
    report = check_environment()
    found = find(report.findings, "disk, Hub cache")
    assert (found.state, report.is_ready) == ("problem", False)
    assert found.found.startswith(f"{nowhere} cannot be written: ")
    assert "HF_HOME" in found.advice
    assert list(tmp_path.iterdir()) == []


def test_kernels_that_others_may_write_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With what to do about it."""
    tmp_path.chmod(0o777)
    monkeypatch.setattr("nextlong_hub.cli.doctor_checks.kernels_kept_in", lambda: str(tmp_path))
    found = find(check_environment().findings, "compiled kernels")
    assert found.state == "note"
    assert "others may write there" in found.found


def test_rows_that_trainers_mask_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a folder of files with ids, whoever made them: how many, how often on end, and what to do."""
    rows = [[5, *range(100)], [7, 8] * 40, [1] * 31]
    pq.write_table(pa.table({"input_ids": pa.array(rows, pa.list_(pa.int32()))}), tmp_path / "rows.parquet")
    assert run(["doctor", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["findings"][-1]
    assert found["state"] == "note"
    assert "mask 1 of 3 rows" in found["found"]
    assert "(the most in one: 40)" in found["found"]
    assert "repetition.times = 32" in found["advice"]
    assert run(["doctor", str(tmp_path)]) == 0
    assert "mask 1 of 3 rows" in capsys.readouterr().out.replace("\n", " ")
    assert run(["doctor", str(tmp_path), "--online"]) == 2


def test_rows_without_ids_are_not_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be known is said to be unknown."""
    pq.write_table(pa.table({"text": ["a", "b"]}), tmp_path / "rows.parquet")
    assert run(["doctor", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["findings"][-1]
    assert "is not known" in found["found"]
