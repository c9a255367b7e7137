"""The command line: what goes in, what comes out on which stream, and with which exit code."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from nextlong_hub import __version__, cli

HEAVY = ("datasets", "huggingface_hub", "numba", "numpy", "pandas", "pyarrow", "pydantic", "rich", "transformers")
COMMANDS = ("build", "survey", "verify", "fit", "autoload")

TINY = """
name = "tiny"
target_length = 512
[chunking]
chunk_characters = 256
[output]
unit_documents = 2
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A recipe whose rows are made in no time."""
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hundred documents about ten subjects, in lines of words that chunks can share."""
    path = tmp_path_factory.mktemp("corpus") / "docs.jsonl"
    with path.open("w") as handle:
        for number in range(200):
            words = [f"subject{number % 10}", *(f"word{(number * step) % 97}" for step in range(1, 12))]
            text = "\n".join(" ".join([*words[line:], *words[:line], f"line{line}"]) for line in range(8))
            handle.write(json.dumps({"id": f"doc-{number}", "text": text}) + "\n")
    return path


@pytest.fixture
def arguments(tiny: Path, corpus: Path, tmp_path: Path) -> list[str]:
    """A build that takes a second."""
    return [
        *("build", "--recipe", str(tiny), "--corpus", str(corpus), "--tokenizer", "demo"),
        *("--samples", "4", "--num-proc", "1", "--output", str(tmp_path / "out")),
    ]


def files(folder: Path) -> dict[str, bytes]:
    """Everything that is published, by name."""
    paths = [path for path in folder.rglob("*") if path.is_file() and ".work" not in path.parts]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def python(*arguments: str, **options: str) -> "subprocess.Popen[str]":
    """The command line in a process of its own."""
    code = "import sys; sys.argv[0] = 'nextlong-hub'; from nextlong_hub.cli import main; main()"
    command = [sys.executable, "-c", code, *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, env={**os.environ, **options}, **pipes)  # type: ignore[call-overload]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], *([command, "--help"] for command in COMMANDS)])
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    """Help answers at once, because nothing that takes long to import is imported for it."""
    code = (
        "import sys; from nextlong_hub import cli; code = cli.run(sys.argv[1:]);"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    modules = done.stderr.split()
    assert "click" in modules
    assert not set(HEAVY) & set(modules)
    assert done.stdout


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` names the program and its version."""
    assert cli.run(["--version"], "hf-nextlong") == 0
    assert capsys.readouterr().out == f"hf-nextlong {__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_ends_with_examples_to_copy(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command's help ends with whole commands, each of which names that command."""
    assert cli.run([command, "--help"]) == 0
    _, _, examples = capsys.readouterr().out.partition("Examples:\n")
    assert len(examples.splitlines()) >= 2
    assert examples.count(f"nextlong-hub {command}") >= 2


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_a_terminal_of_80_columns(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No line is broken by the terminal, examples included: a broken line cannot be copied."""
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.run([command, "--help"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_lists_every_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` is where one looks for what there is."""
    assert cli.run(["--help"]) == 0
    assert f"\n  {command} " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["biuld"], "Did you mean 'build'?"),
        (["build", "--smaples", "3"], "Did you mean one of: '--samples'"),
        (["build", "128"], "did you mean '128k'?"),
        (["build", "--set", "retrieval.formulla=okapi"], "did you mean 'formula'?"),
        (["build", "64k", "--samples", "65k=4"], "did you mean '64k'?"),
        (["build", "--num-proc", "0"], "--num-proc"),
        (["build", "--corpus", "docs.parquet"], "--tokenizer demo"),
        (["build", "--recipe", "missing.toml"], "no recipe file missing.toml"),
        (["fit", "docs.parquet", "--target", "512"], "--tokenizer"),
        (["fit", "docs.parquet", "--tokenizer", "demo", "--target", "512", "--output", "x", "--mode", "cut"], "cut"),
        (["verify"], "DIR"),
        (["autoload", "enabel"], "enable"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, nothing on stdout, and the message says what may have been meant."""
    assert cli.run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Error: " in captured.err
    assert words in captured.err


def test_a_build_tells_what_became_of_every_candidate(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The closing table and the next commands are on stdout, the stages on stderr."""
    assert cli.run(arguments) == 0
    captured = capsys.readouterr()
    table = dict(line.strip().rsplit(maxsplit=1) for line in captured.out.splitlines() if len(line.split()) >= 2)
    assert table["candidates"] == table["kept"] == "4"
    assert table["rows"] == "4"
    assert table["tokens"] == "2,048"
    assert f"nextlong-hub verify {tmp_path / 'out'}" in captured.out
    assert "load_dataset(" in captured.out
    assert "Peak memory" in captured.out
    assert "synthesise tiny: 2 of 2 units" in captured.err
    assert "\x1b" not in captured.out + captured.err


def test_a_finished_folder_is_left_as_it_is(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same command again changes no byte and says so."""
    assert cli.run(arguments) == 0
    before = files(tmp_path / "out")
    capsys.readouterr()
    assert cli.run(arguments) == 0
    assert "was complete already: nothing was changed" in capsys.readouterr().out
    assert before
    assert files(tmp_path / "out") == before


def test_json_is_one_object_and_nothing_else(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A program reads stdout without looking for the object in it."""
    assert cli.run([*arguments, "--license", "cc0-1.0", "--json", "--quiet"]) == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert captured.err == ""
    assert [source["license"] for source in report["manifest"]["corpus"]["sources"]] == ["cc0-1.0"]
    assert report["output"] == str(tmp_path / "out")
    assert report["manifest"]["configs"]["tiny"]["rows"] == 4
    assert report["unchanged"] is False
    assert report["missing_rows"] == {}
    assert report["peak_bytes"]["driver"] > 0
    assert report["manifest"] == json.loads((tmp_path / "out/manifest.json").read_text())


@pytest.mark.slow
def test_rows_that_could_not_be_made_are_owned_up_to(
    arguments: list[str], tmp_path: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Documents whose words nobody shares find no negatives: the run ends well, and says how many rows are missing."""
    lines = corpus.read_text().splitlines()[:40]
    for number in range(3):
        text = "\n".join(" ".join(f"only{number}x{line}x{word}" for word in range(12)) for line in range(6))
        lines.append(json.dumps({"id": f"lonely-{number}", "text": text}))
    mixed = tmp_path / "mixed.jsonl"
    mixed.write_text("\n".join(lines) + "\n")
    wanted = [*arguments[:4], str(mixed), *arguments[5:], "--samples", "tiny=43"]
    assert cli.run(wanted) == 0
    out = capsys.readouterr().out
    assert "tiny has 40 rows, 3 fewer than asked for" in out
    assert "too few negatives" in out


def test_verify_says_yes_to_what_was_built(
    arguments: list[str], tmp_path: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With corpus and tokenizer every row is rebuilt and encoded again."""
    assert cli.run(arguments) == 0
    capsys.readouterr()
    command = ["verify", str(tmp_path / "out"), "--corpus", str(corpus), "--tokenizer", "demo"]
    assert cli.run(command) == 0
    assert "is what it says. Checked: 1 files, 4 rows" in capsys.readouterr().out
    assert cli.run([*command, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is True
    assert (report["rows"], report["encoded_rows"], report["rebuilt_rows"]) == (4, 4, 4)


def test_verify_finds_a_damaged_file(arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 3, one line a fault, and the file is named."""
    assert cli.run(arguments) == 0
    shard = next((tmp_path / "out").rglob("*.parquet"))
    for path in (tmp_path / "out/data").rglob("*.parquet"):
        shard = path
    shard.write_bytes(shard.read_bytes()[:-1])
    capsys.readouterr()
    assert cli.run(["verify", str(tmp_path / "out")]) == 3
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.startswith("data/tiny/train-00000-of-00001.parquet: ")
    assert "is not what it says" in last
    assert cli.run(["verify", str(tmp_path / "out"), "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["ok"] is False


@pytest.mark.parametrize(
    ("prepare", "more", "code", "words"),
    [
        (lambda out: None, ["--corpus", "nowhere.jsonl"], 1, "nowhere.jsonl"),
        (lambda out: out.write_text("mine"), [], 6, "is a file"),
        (lambda out: (out.mkdir(), (out / "notes.txt").write_text("mine")), [], 6, "notes.txt"),
        (lambda out: None, ["--samples", "tiny=100000"], 1, "ask for at most"),
        (lambda out: None, ["--tokenizer", "./nowhere"], 2, "nowhere"),
    ],
)
def test_a_known_fault_is_one_line_with_its_exit_code(
    prepare: Callable[[Path], object],
    more: list[str],
    code: int,
    words: str,
    arguments: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No traceback: what came, what was needed, what to do next, on stderr."""
    prepare(tmp_path / "out")
    assert cli.run([*arguments, *more]) == code
    captured = capsys.readouterr()
    message = [line for line in captured.err.splitlines() if line.startswith("Error: ")]
    assert captured.out == ""
    assert len(message) == 1
    assert words in message[0]
    assert "Traceback" not in captured.err


def test_a_bad_document_is_named_and_can_be_left_out(
    arguments: list[str], tmp_path: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """File and line of a broken document by default; `--on-bad-document skip` counts it instead."""
    broken = tmp_path / "broken.jsonl"
    broken.write_text(
        corpus.read_text() + "{not json\n" + corpus.read_text().splitlines()[0].replace("doc-0", "z") + "\n"
    )
    wanted = [*arguments[:4], str(broken), *arguments[5:]]
    assert cli.run(wanted) == 1
    assert f"Error: {broken}, line 201" in capsys.readouterr().err
    assert cli.run([*wanted, "--on-bad-document", "skip", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["manifest"]["corpus"]["skipped"] == {"invalid_json": 1}


@pytest.mark.slow
def test_a_dry_run_writes_nothing_and_says_what_to_expect(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows, tokens, disk, memory and time, from a sample it names."""
    assert cli.run([*arguments, "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert not (tmp_path / "out").exists()
    assert "An estimate from 200 documents" in out
    for word in ("rows asked for", "tokens", "Disk:", "Memory:", "Time:"):
        assert word in out
    assert cli.run([*arguments, "--dry-run", "--json", "--quiet"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["configs"][0]["rows"], report["configs"][0]["tokens"]) == (4, 2048)
    assert report["free_bytes"] > 0
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_dry_run_says_when_the_corpus_is_too_small(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What `build` would refuse is told beforehand."""
    assert cli.run([*arguments, "--samples", "tiny=100000", "--dry-run"]) == 0
    assert "tiny: 100,000 rows were asked for, but only about 200 documents" in capsys.readouterr().out


@pytest.mark.slow
def test_fit_tells_what_became_of_every_text(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Long texts are cut, short ones left out, and the folder it writes proves itself."""
    command = ["fit", str(corpus), "--tokenizer", "demo", "--target", "128", "--output", str(tmp_path / "fitted")]
    assert cli.run([*command, "--samples", "3", "--num-proc", "1", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["rows"] == 3
    assert report["tokens"] == 3 * 128
    assert report["read"] == report["kept"] + sum(report["discarded"].values())
    assert cli.run(["verify", str(tmp_path / "fitted"), "--tokenizer", "demo"]) == 0
    capsys.readouterr()
    assert cli.run([*command, "--samples", "3", "--num-proc", "1"]) == 0
    assert "truncated" in capsys.readouterr().out


def test_autoload_status_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """It only tells how this environment is set up."""
    assert cli.run(["autoload", "status", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["changed"] is False
    assert cli.run(["autoload", "status"]) == 0
    assert "enabled" in capsys.readouterr().out


@pytest.fixture(scope="module")
def whole(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What an undisturbed build of sixty rows publishes."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "tiny.toml").write_text(TINY)
    names = ["--recipe", str(folder / "tiny.toml"), "--corpus", str(corpus), "--output", str(folder / "out")]
    assert cli.run(["build", *names, "--tokenizer", "demo", "--samples", "60", "--num-proc", "1", "--quiet"]) == 0
    published = files(folder / "out")
    assert published
    return published


@pytest.mark.slow
def test_an_interrupted_build_says_that_it_can_be_resumed(
    arguments: list[str], whole: dict[str, bytes], tmp_path: Path
) -> None:
    """Ctrl-C without workers shows no traceback; the same command goes on, and ends with the same bytes."""
    many = [*arguments, "--samples", "tiny=60"]
    process = python(*many)
    receipts = tmp_path / "out/.work"
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if any("synthesise" in path.parts for path in receipts.glob("receipts-*/synthesise/*.json")):
            process.send_signal(signal.SIGINT)
            break
        time.sleep(0.01)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == ""
    assert "the same command resumes it" in err
    assert "Traceback" not in err
    assert not (tmp_path / "out/manifest.json").exists()
    assert cli.run([*many, "--quiet"]) == 0
    assert files(tmp_path / "out") == whole


@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_fault(arguments: list[str]) -> None:
    """`nextlong-hub build … | head` must not end in a traceback."""
    assert cli.run([*arguments, "--quiet"]) == 0
    with python(*arguments, "--json", "--quiet") as process:
        if process.stdout is not None:
            process.stdout.close()
        stderr = process.stderr.read() if process.stderr is not None else ""
    assert "Traceback" not in stderr


def test_the_rows_are_what_load_dataset_reads(arguments: list[str], tmp_path: Path) -> None:
    """Each published row has exactly the target length."""
    assert cli.run([*arguments, "--quiet"]) == 0
    table = pq.read_table(next((tmp_path / "out/data/tiny").glob("*.parquet")))
    assert table["token_count"].to_pylist() == [512] * 4
