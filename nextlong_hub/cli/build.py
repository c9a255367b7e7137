"""`nextlong-hub build`: configurations from a corpus, or, with `--dry-run`, what they would cost."""

import json
import shutil
import time
from contextlib import closing
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nextlong_hub.cli.completion import complete_paths, complete_recipes
from nextlong_hub.cli.options import (
    EngineChoice,
    examples,
    option_align,
    option_corpus,
    option_decontaminate,
    option_encoder,
    option_json,
    option_license,
    option_limit,
    option_num_proc,
    option_on_secret,
    option_output,
    option_quiet,
    option_tokenizer,
    options_columns,
    options_engine,
    options_part,
    print_json,
    resumable,
)

if TYPE_CHECKING:
    from nextlong_hub.pipeline import BuildRequest


@click.command(
    short_help="Build configurations from a corpus.",
    epilog=examples(
        "nextlong-hub build        # the embedded demo, into ./nextlong",
        "nextlong-hub build 128k --corpus docs.jsonl --tokenizer ./llama3 --tokens 1B",
        "nextlong-hub build 64k 512k --corpus web='web/*.jsonl' --corpus user/books \\",
        "    --tokenizer Qwen/Qwen3-8B --tokens 64k=4B --tokens 512k=2B --output long",
        "nextlong-hub build mix --corpus docs.jsonl --tokenizer ./llama3",
        "nextlong-hub build 128k --corpus edu=HuggingFaceFW/fineweb-edu:sample-10BT \\",
        "    --limit edu=2B --tokenizer Qwen/Qwen3-8B",
        "nextlong-hub build instruct --corpus chats.parquet --tokenizer ./qwen3",
        "nextlong-hub build --recipe mine.toml --set retrieval.k1=1.2 --dry-run",
    ),
)
@click.argument("configs", nargs=-1, metavar="[CONFIG]...", shell_complete=complete_recipes)
@option_corpus
@option_tokenizer(
    multiple=True,
    help="Folder or Hub name of the tokenizer that counts tokens; `demo` is the embedded GPT-2. Repeatable: rows then "
    "have at least the target length under each, and the ids of the first.",
)
@option_output(default=Path("nextlong"), show_default=True)
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
@option_num_proc
@options_engine
@click.option(
    "--recipe",
    "recipe_files",
    multiple=True,
    metavar="FILE.toml",
    shell_complete=complete_paths,
    help="Build this recipe of yours, besides the CONFIGs named. Repeatable.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change one choice of every recipe of this run. Repeatable.",
)
@option_align
@options_part()
@option_limit
@options_columns
@option_license
@option_decontaminate
@click.option(
    "--contaminated",
    type=click.Choice(["drop", "bar"]),
    help="Leave such documents out, or bar the chunks that hold the words: these are in no row, and their documents "
    "are not extended. [default: drop]",
)
@click.option(
    "--on-bad-document",
    type=click.Choice(["fail", "skip"]),
    help="Stop at a document that cannot be read, or leave it out and count it. [default: fail]",
)
@option_on_secret
@click.option("--dry-run", is_flag=True, help="Write nothing; predict rows, disk, memory and time.")
@option_encoder
@option_json
@option_quiet
def build(output: Path, num_proc: int | None, dry_run: bool, as_json: bool, quiet: bool, **arguments: Any) -> None:
    """Build long-context configurations from a corpus of short documents.

    A CONFIG is 64k, 128k, 512k or subset; all four are built when none is named. A run that was interrupted, or another
    CONFIG for the same folder, goes on with what is there: no document is extended for two of them, the longest choose
    first, and what stands stays. The same command gives the same bytes with any --num-proc.

    The CONFIG mix is what to train on: half of its tokens are 64k samples, half are whole ordinary documents of the
    same corpus, none of which a sample extends. `--set mix.documents=0.25` changes the share, `--set mix.recipe=128k`
    with `--set target_length=131072` the samples.

    The CONFIG instruct packs conversations (messages, ShareGPT, Magpie, Alpaca, Dolly, OpenOrca, UltraChat, prompt and
    completion) under the tokenizer's chat template, with a loss mask on the answers; it is built by itself.
    """
    from nextlong_hub import terminal
    from nextlong_hub.cli.arguments import BuildArguments, build_request
    from nextlong_hub.cli.reports import builds
    from nextlong_hub.core.memory import peak_bytes
    from nextlong_hub.dataset.manifest import manifest_bytes
    from nextlong_hub.pipeline import build as build_folder

    engine = EngineChoice(**{field.name: arguments.pop(field.name) for field in fields(EngineChoice)})
    request = build_request(BuildArguments(**arguments))
    with closing(engine.open(num_proc)) as executor:
        place = engine.place(executor)
        if dry_run:
            _dry_run(request, output, executor.workers, as_json=as_json, quiet=quiet)
            return
        started = time.monotonic()
        with resumable(output), terminal.watching(quiet=quiet) as progress:
            report = build_folder(request, output, executor=place, progress=progress)
        workers = executor.workers
    run = builds.BuildRun(
        output=output,
        configs=tuple(recipe.name for recipe in request.recipes),
        workers=workers,
        seconds=time.monotonic() - started,
        peak_bytes=peak_bytes(),
    )
    if as_json:
        print_json(
            {
                "output": str(output),
                "unchanged": report.unchanged,
                "missing_rows": report.missing_rows,
                "removed_rows": report.removed_rows,
                "seconds": {time.stage: round(time.seconds, 3) for time in report.times},
                "total_seconds": round(run.seconds, 3),
                "num_proc": workers,
                "peak_bytes": run.peak_bytes,
                "manifest": json.loads(manifest_bytes(report.manifest)),
            }
        )
    else:
        builds.show_build(report, run)


def _dry_run(request: "BuildRequest", output: Path, workers: int, *, as_json: bool, quiet: bool) -> None:
    """Predict a build and print it."""
    from nextlong_hub import terminal
    from nextlong_hub.cli.reports import builds
    from nextlong_hub.dataset.folder import refuse_foreign
    from nextlong_hub.dry_run.estimate import estimate

    refuse_foreign(output)
    with terminal.watching(quiet=quiet) as progress:
        estimated = estimate(request, workers=workers, progress=progress)
    free_bytes = shutil.disk_usage(next(folder for folder in output.absolute().parents if folder.is_dir())).free
    if as_json:
        print_json({**asdict(estimated), "free_bytes": free_bytes})
    else:
        builds.show_estimate(estimated, output, workers, free_bytes)
