"""`nextlong-hub stats`: what a card shows, on any terminal, of any dataset with our columns."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from building import make_request, published, read_rows, run_commands
from hostile import NEVER_SHOWN, hostile_documents
from packed_rows import packed_row, write_packed

from nextlong_hub import cli
from nextlong_hub.pipeline import build
from nextlong_hub.stats import measure
from nextlong_hub.testing import LocalHub
from nextlong_hub.testing.worlds import tiny_recipe, write_corpus


def ask(*arguments: str | Path) -> tuple[int, str, str]:
    """Run the command in this process: exit code, stdout, stderr."""
    with redirect_stdout(io.StringIO()) as stdout, redirect_stderr(io.StringIO()) as stderr:
        code = cli.run(["stats", *map(str, arguments)])
    return code, stdout.getvalue(), stderr.getvalue()


def show(*arguments: str | Path) -> str:
    """What the command prints when all is well."""
    code, out, err = ask(*arguments)
    assert (code, err) == (0, "")
    return out


def cells(out: str, label: str) -> list[str]:
    """The words behind the first line that begins so."""
    return next(line for line in out.splitlines() if line.strip().startswith(label)).strip()[len(label) :].split()


def test_the_table_says_what_the_rows_hold(built: Path) -> None:
    """Rows, tokens, targets, segments and candidates, as counted from the rows themselves."""
    rows = read_rows(built)
    parts = [part for row in rows for part in row["segments"]]
    metas = [part for part in parts if part["role"] == "meta"]
    out = show(built)
    assert cells(out, "rows") == ["8"]
    assert cells(out, "on target") == ["8"]
    assert cells(out, "target of a row") == ["512"]
    assert cells(out, "longest row") == ["512"]
    assert cells(out, "tokens") == ["4,096"]
    assert cells(out, "filled") == ["100.0%"]
    assert cells(out, "characters") == [f"{sum(len(row['text']) for row in rows):,}"]
    assert cells(out, "meta-chunks") == [f"{len(metas):,}"]
    assert cells(out, "share of tokens") == [f"{sum(part['tokens'] for part in metas) / 4096:.1%}"]
    assert cells(out, "hard negatives") == [f"{len(parts) - len(metas):,}"]
    for heading in ("BM25 score by rank", "Most used negatives", "Samples by tokenizer", "near-duplicates not taken"):
        assert heading in out
    assert "over target" not in out.split("Samples by tokenizer")[0]


@pytest.mark.slow
def test_several_configurations_stand_beside_each_other(corpus_file: Path, tmp_path: Path) -> None:
    """One column each, in the order asked for; a single one shows how its scores are spread."""
    recipes = (tiny_recipe(), tiny_recipe(name="half", target_length=256))
    build(make_request(corpus_file, *recipes, rows=2), tmp_path / "out")
    out = show(tmp_path / "out", "half", "tiny")
    assert out.splitlines()[0].split() == ["half", "tiny"]
    assert cells(out, "target of a row") == ["256", "512"]
    assert "Name one CONFIG" in out
    assert "BM25 score by rank, the median" in out
    assert "█" in show(tmp_path / "out", "half")
    code, _, err = ask(tmp_path / "out", "third")
    assert code == 1
    assert "no configuration 'third'; it has: half, tiny" in err


def test_json_is_what_the_library_measured(built: Path) -> None:
    """One object, the same as `measure(...).to_json()`; a single Parquet file does, without what a manifest tells."""
    assert json.loads(show(built, "--json")) == json.loads(json.dumps(measure(built).to_json()))
    [file] = sorted((built / "data" / "tiny").glob("*.parquet"))
    [config] = json.loads(show(file, "--json"))["configs"]
    assert (config["rows"], config["target_length"], config["outcome"]) == (8, None, None)
    out = show(file)
    assert "target of a row" not in out
    assert "candidates" not in out


def test_packed_and_masked_rows(tmp_path: Path) -> None:
    """Documents a row, and on how many tokens the loss is taken."""
    rows = [
        packed_row("a", [("one", "web", [1, 2, 3]), ("two", "books", [4])], [0, 1, 1, 0]),
        packed_row("b", [("three", "web", [5, 6, 7, 8])], [1, 0, 0, 0]),
    ]
    out = show(write_packed(tmp_path, rows, masked=True))
    assert cells(out, "packed documents") == ["3"]
    assert cells(out, "with loss") == ["37.5%"]
    assert cells(out, "web")[-2:] == ["87.5%", "2"]
    assert "hard negatives" not in out


def test_a_folder_without_our_columns_is_told_which_are_missing(built: Path, tmp_path: Path) -> None:
    """The message has the columns there are, the missing ones and the command that makes them."""
    [file] = sorted((built / "data" / "tiny").glob("*.parquet"))
    pq.write_table(pq.read_table(file, columns=["id", "text"]), tmp_path / "texts.parquet")
    code, out, err = ask(tmp_path)
    assert (code, out) == (1, "")
    assert "has the columns id, text; missing is `token_count` or `input_ids`" in err
    assert "nextlong-hub fit" in err
    code, out, err = ask(tmp_path / "nowhere.parquet")
    assert (code, out) == (1, "")
    assert "there is no" in err


def test_names_of_a_corpus_cannot_touch_the_terminal(tmp_path: Path) -> None:
    """Escapes, overrides and markup in ids and sources are shown, never obeyed."""
    corpus = write_corpus(tmp_path / "corpus.jsonl", hostile_documents())
    build(make_request(corpus, rows=4), tmp_path / "out")
    out = show(tmp_path / "out")
    assert "Most used negatives" in out
    assert not [attack for attack in NEVER_SHOWN if attack in out]


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_lines_fit_the_terminal(built: Path, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No table is wider than the terminal, and a pipe gets no escapes."""
    monkeypatch.setenv("COLUMNS", str(columns))
    out = show(built)
    assert "\x1b" not in out
    sentences = ("x (y-z)", "Difficulty: ")
    assert max(len(line.rstrip()) for line in out.splitlines() if not line.startswith(sentences)) <= columns


@pytest.mark.slow
def test_a_dataset_on_the_hub(built: Path) -> None:
    """The same by its name as from its folder; an unknown revision is a fault in one line."""
    with LocalHub() as hub:
        hub.put("datasets", "tester/nextlong", published(built))
        there = ["stats", "tester/nextlong"]
        shown, missing = run_commands(there, [*there, "--revision", "v9"], **hub.environment())
    assert shown == (0, show(built), "")
    assert missing[0] == 1
    assert "has no revision 'v9'" in missing[2]
