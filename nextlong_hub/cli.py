"""The command line: each command parses, calls one library function, and prints what it returned.

Only click and our lightest modules are imported here, everything else where it is used: `--help` must be instant.
Results go to stdout, progress and errors to stderr; a known fault is one line and an exit code (see `errors`).
"""

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from nextlong_hub import __version__
from nextlong_hub.errors import NextLongError, VerificationError
from nextlong_hub.interruption import Terminated, told_by_signals

if TYPE_CHECKING:
    from nextlong_hub.pipeline import BuildRequest

_NAMES = ("nextlong-hub", "hf-nextlong")
_INTERRUPTED = 130
_TERMINATED = 143

_Command = TypeVar("_Command", bound=Callable[..., Any])


def main() -> NoReturn:
    """Run the command line and leave with its exit code; the entry point of `nextlong-hub` and `hf-nextlong`."""
    name = Path(sys.argv[0]).name
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a file name need not fit the terminal's encoding
    with told_by_signals():
        code = run(sys.argv[1:], name if name in _NAMES else _NAMES[0])
    sys.exit(code)


def run(arguments: list[str], name: str = _NAMES[0]) -> int:
    """Run one command and return its exit code; a fault nobody foresaw goes through, traceback and all."""
    try:
        outcome = commands.main(arguments, name, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return _INTERRUPTED
    except Terminated:
        return _TERMINATED
    except NextLongError as error:
        from nextlong_hub import terminal

        terminal.show_error(str(error))
        return error.exit_code
    return outcome if isinstance(outcome, int) else 0


@contextmanager
def _resumable(output: Path) -> Iterator[None]:
    """Say, when a run is interrupted, that nothing finished is lost."""
    try:
        yield
    except (KeyboardInterrupt, Terminated):
        click.echo(f"Interrupted. Finished work is kept in {output}: the same command resumes it.", err=True)
        raise


def _examples(*lines: str) -> str:
    """Lay out the examples that end a command's help."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_examples(
        "nextlong-hub build        # the embedded demo, into ./nextlong",
        "nextlong-hub build 128k --corpus docs.jsonl --tokenizer ./llama3 --tokens 1B",
        "nextlong-hub verify nextlong",
    ),
)
@click.version_option(__version__, "-V", "--version", message="%(prog)s %(version)s")
def commands() -> None:
    """Turn a pile of short documents into a long-context dataset that load_dataset reads."""


def _option_quiet(command: _Command) -> _Command:
    return click.option("-q", "--quiet", is_flag=True, help="Show no progress.")(command)


def _option_json(command: _Command) -> _Command:
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")(command)


def _option_num_proc(command: _Command) -> _Command:
    return click.option(
        "--num-proc",
        type=click.IntRange(min=1),
        metavar="N",
        show_default="the processors there are, 8 at most",
        help="Worker processes.",
    )(command)


def _options_columns(command: _Command) -> _Command:
    command = click.option("--id-column", metavar="NAME", help="Column of ids. [default: id]")(command)
    return click.option("--text-column", metavar="NAME", help="Column of the text. [default: text]")(command)


def _option_corpus(command: _Command) -> _Command:
    return click.option(
        "--corpus",
        "corpora",
        multiple=True,
        metavar="[NAME=]PATH",
        help="File, folder, glob, hf://datasets/… or Hub dataset: Parquet, Arrow, JSONL (.gz, .zst), text. Repeatable.",
    )(command)


def _option_tokenizer(**more: Any) -> Callable[[_Command], _Command]:
    return click.option("--tokenizer", metavar="NAME_OR_DIR", **more)


def _option_output(**more: Any) -> Callable[[_Command], _Command]:
    kind = click.Path(path_type=Path)
    return click.option("--output", type=kind, metavar="DIR", help="Dataset folder to make or to add to.", **more)


@commands.command(
    short_help="Build configurations from a corpus.",
    epilog=_examples(
        "nextlong-hub build        # the embedded demo, into ./nextlong",
        "nextlong-hub build 128k --corpus docs.jsonl --tokenizer ./llama3 --tokens 1B",
        "nextlong-hub build 64k 512k --corpus web='web/*.jsonl' --corpus user/books \\",
        "    --tokenizer Qwen/Qwen3-8B --tokens 64k=4B --tokens 512k=2B --output long",
        "nextlong-hub build --recipe mine.toml --set retrieval.k1=1.2 --dry-run",
    ),
)
@click.argument("configs", nargs=-1, metavar="[CONFIG]...")
@_option_corpus
@_option_tokenizer(help="Folder or Hub name of the tokenizer that counts tokens; `demo` is the embedded GPT-2.")
@_option_output(default=Path("nextlong"), show_default=True)
@click.option("--samples", multiple=True, metavar="[CONFIG=]N", help="Rows to make. Repeatable.")
@click.option(
    "--tokens",
    multiple=True,
    metavar="[CONFIG=]N",
    show_default="as many as the corpus has",
    help="Rows to make, by their tokens: 500M, 4B. Repeatable.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=42,
    show_default=True,
    metavar="N",
    help="Decides which documents are extended, and in which order.",
)
@_option_num_proc
@click.option(
    "--recipe",
    "recipe_files",
    multiple=True,
    metavar="FILE.toml",
    help="Build this recipe of yours, besides the CONFIGs named. Repeatable.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change one choice of every recipe of this run. Repeatable.",
)
@_options_columns
@click.option(
    "--on-bad-document",
    type=click.Choice(["fail", "skip"]),
    help="Stop at a document that cannot be read, or leave it out and count it. [default: fail]",
)
@click.option("--dry-run", is_flag=True, help="Write nothing; predict rows, disk, memory and time.")
@_option_json
@_option_quiet
def build(output: Path, num_proc: int | None, dry_run: bool, as_json: bool, quiet: bool, **arguments: Any) -> None:
    """Build long-context configurations from a corpus of short documents.

    A CONFIG is 64k, 128k, 512k or subset; all four are built when none is named. A run that was interrupted, or another
    CONFIG for the same folder, goes on with what is there. The same command gives the same bytes with any --num-proc.
    """
    from nextlong_hub import reports, terminal
    from nextlong_hub.arguments import BuildArguments, build_request, default_workers
    from nextlong_hub.manifest import manifest_bytes
    from nextlong_hub.memory import peak_bytes
    from nextlong_hub.pipeline import build as build_folder

    request = build_request(BuildArguments(**arguments))
    workers = num_proc or default_workers()
    if dry_run:
        _dry_run(request, output, workers, as_json=as_json, quiet=quiet)
        return
    started = time.monotonic()
    with _resumable(output), terminal.watching(quiet=quiet) as progress:
        report = build_folder(request, output, num_proc=workers, progress=progress)
    run = reports.Run(
        output=output,
        configs=tuple(recipe.name for recipe in request.recipes),
        workers=workers,
        seconds=time.monotonic() - started,
        peak_bytes=peak_bytes(),
    )
    if as_json:
        _print_json(
            {
                "output": str(output),
                "unchanged": report.unchanged,
                "missing_rows": report.missing_rows,
                "seconds": {time.stage: round(time.seconds, 3) for time in report.times},
                "total_seconds": round(run.seconds, 3),
                "num_proc": workers,
                "peak_bytes": run.peak_bytes,
                "manifest": json.loads(manifest_bytes(report.manifest)),
            }
        )
    else:
        reports.show_build(report, run)


def _dry_run(request: "BuildRequest", output: Path, workers: int, *, as_json: bool, quiet: bool) -> None:
    """Predict a build and print it."""
    from nextlong_hub import reports, terminal
    from nextlong_hub.predict import predict
    from nextlong_hub.workspace import refuse_foreign

    refuse_foreign(output)
    with terminal.watching(quiet=quiet) as progress:
        prediction = predict(request, num_proc=workers, progress=progress)
    free_bytes = shutil.disk_usage(next(folder for folder in output.absolute().parents if folder.is_dir())).free
    if as_json:
        _print_json({**asdict(prediction), "free_bytes": free_bytes})
    else:
        reports.show_prediction(prediction, output, workers, free_bytes)


@commands.command(
    short_help="Check a finished dataset folder.",
    epilog=_examples(
        "nextlong-hub verify nextlong",
        "nextlong-hub verify long --corpus docs.parquet --tokenizer ./llama3",
    ),
)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR")
@_option_corpus
@_option_tokenizer(help="Encode every text again with this tokenizer, and compare.")
@_options_columns
@_option_json
@_option_quiet
def verify(
    folder: Path,
    corpora: tuple[str, ...],
    tokenizer: str | None,
    text_column: str | None,
    id_column: str | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Check a finished dataset folder: every file, row and segment.

    With --corpus each text is rebuilt from the corpus by its segments, with --tokenizer it is encoded again. Every
    fault is printed on one line, and any fault makes the exit code 3.
    """
    from nextlong_hub import reports, terminal
    from nextlong_hub.arguments import parse_sources
    from nextlong_hub.verification import verify as verify_folder

    sources = parse_sources(corpora, text_column, id_column)
    with terminal.watching(quiet=quiet) as progress:
        report = verify_folder(folder, sources=sources, tokenizer=tokenizer, progress=progress)
    if as_json:
        _print_json({"ok": not report.faults, **asdict(report)})
    else:
        reports.show_verification(report, folder)
    return VerificationError.exit_code if report.faults else 0


@commands.command(
    short_help="Fit existing long texts to a target length.",
    epilog=_examples(
        "nextlong-hub fit long.jsonl --tokenizer ./qwen3 --target 131072 --output fit",
        "nextlong-hub fit me/texts --tokenizer ./qwen3 --target 65536 --output fit \\",
        "    --mode truncate",
    ),
)
@click.argument("source", metavar="SOURCE")
@_option_tokenizer(required=True, help="Folder or Hub name of the tokenizer that counts tokens.")
@click.option("--target", required=True, metavar="TOKENS", help="Tokens of every row: 131072.")
@click.option(
    "--mode",
    default="truncate,discard",
    show_default=True,
    metavar="MODES",
    help="truncate: cut what is longer. discard: leave out what is shorter. One of them, or both with a comma.",
)
@_option_output(required=True)
@_options_columns
@click.option("--samples", metavar="N", help="Stop after so many rows. [default: all]")
@_option_num_proc
@_option_json
@_option_quiet
def fit(
    source: str,
    tokenizer: str,
    target: str,
    mode: str,
    output: Path,
    text_column: str | None,
    id_column: str | None,
    samples: str | None,
    num_proc: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Fit the texts of an existing dataset to a target length under a tokenizer.

    SOURCE is a file, folder, glob, hf:// address or Hub dataset with a column of long texts. The rows that fit become a
    new dataset folder; what was cut or left out is counted.
    """
    from nextlong_hub import reports, terminal
    from nextlong_hub.arguments import default_workers, parse_amount, parse_modes, parse_sources
    from nextlong_hub.fitting import fit as fit_source
    from nextlong_hub.manifest import manifest_bytes

    modes = parse_modes(mode)
    with _resumable(output), terminal.watching(quiet=quiet) as progress:
        report = fit_source(
            parse_sources([source], text_column, id_column)[0],
            tokenizer=tokenizer,
            target_length=parse_amount(target, "--target"),
            truncate="truncate" in modes,
            discard="discard" in modes,
            output=output,
            samples=parse_amount(samples, "--samples") if samples else None,
            num_proc=num_proc or default_workers(),
            progress=progress,
        )
    if as_json:
        counts = {name: getattr(report, name) for name in reports.FIT_COUNTS}
        _print_json({"output": str(output), **counts, "manifest": json.loads(manifest_bytes(report.manifest))})
    else:
        reports.show_fit(report, output)


@commands.command(
    short_help="Let load_dataset know the name without an import.",
    epilog=_examples(
        "nextlong-hub autoload status",
        "nextlong-hub autoload enable      # no import is needed any more here",
        "nextlong-hub autoload disable",
    ),
)
@click.argument("action", type=click.Choice(["enable", "disable", "status"]))
@_option_json
def autoload(action: str, as_json: bool) -> None:
    """Let load_dataset("nextlong", …) work without `import nextlong_hub`.

    `enable` writes one file into this Python environment, `disable` removes it, `status` says whether it is there.
    """
    from nextlong_hub import reports
    from nextlong_hub.autoload import disable, enable, status

    report = {"enable": enable, "disable": disable, "status": status}[action]()
    if as_json:
        _print_json(asdict(report))
    else:
        reports.show_fields(asdict(report))


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))
