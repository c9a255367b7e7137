"""`nextlong-hub riffle`: rows of held-out documents to evaluate with."""

from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import click

from nextlong_hub.cli.completion import complete_paths
from nextlong_hub.cli.options import (
    examples,
    executor_of,
    option_json,
    option_license,
    option_limit,
    option_num_proc,
    option_quiet,
    option_tokenizer,
    options_columns,
    options_part,
    print_json,
    resumable,
)


@click.command(
    short_help="Make rows to evaluate with: held-out documents, riffled.",
    epilog=examples(
        "nextlong-hub riffle heldout.jsonl --tokenizer ./llama3 --apart-from nextlong --output riffle",
        "nextlong-hub riffle heldout.jsonl --tokenizer ./llama3 --target-length 32768 --items 200 --output riffle",
        "nextlong-hub riffle heldout.jsonl --tokenizer ./llama3 --distances 1024,8192 --interferers 0,4,16 "
        "--output riffle",
    ),
)
@click.argument("corpora", nargs=-1, required=True, metavar="[NAME=]PATH...", shell_complete=complete_paths)
@option_tokenizer(required=True, help="Folder or Hub name of the tokenizer; `demo` is the embedded GPT-2.")
@click.option(
    "--output", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Folder of its own to make."
)
@click.option(
    "--recipe",
    default="64k",
    show_default=True,
    metavar="NAME_OR_FILE",
    help="How documents are read, cut and retrieved: best that of the rows that were trained on.",
)
@click.option("--set", "choices", multiple=True, metavar="KEY=VALUE", help="Another choice of the recipe. Repeatable.")
@click.option("--target-length", metavar="N", help="Tokens of every row. [default: as the recipe says]")
@click.option("--items", default="100", show_default=True, metavar="N", help="Documents.")
@click.option(
    "--chunks",
    default="5",
    show_default=True,
    metavar="N",
    help="Chunks that are taken of each document; the last of them is the target.",
)
@click.option(
    "--distances",
    default="",
    metavar="N,N",
    help="Tokens between neighbouring chunks. [default: a 32nd, a 16th and an 8th of the target length]",
)
@click.option(
    "--interferers",
    default="",
    metavar="N,N",
    help="Look-alike chunks behind each chunk. [default: 0, and as many as fill the largest distance]",
)
@click.option("--no-questions", is_flag=True, help="Plant no facts, and ask for none.")
@click.option(
    "--apart-from",
    multiple=True,
    metavar="DIR|NAME",
    shell_complete=complete_paths,
    help="A dataset that was trained on: documents that stand in it are left out. Repeatable.",
)
@click.option("--seed", type=int, default=42, show_default=True, help="Decides what is taken.")
@option_license
@option_limit
@options_part()
@options_columns
@option_num_proc
@option_json
@option_quiet
def riffle(
    corpora: tuple[str, ...],
    tokenizer: str,
    output: Path,
    recipe: str,
    choices: tuple[str, ...],
    target_length: str | None,
    items: str,
    chunks: str,
    distances: str,
    interferers: str,
    no_questions: bool,
    apart_from: tuple[str, ...],
    seed: int,
    license: str | None,
    limits: tuple[str, ...],
    config: str | None,
    split: str | None,
    revision: str | None,
    text_column: str | None,
    id_column: str | None,
    num_proc: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Make rows of held-out documents to evaluate a model with, in a folder of its own.

    PATH is a file, folder, glob, URL or Hub dataset, as --corpus of build takes it. Each document comes in several
    orders: its chunks side by side, or with look-alike and random chunks between them. The tokens of the rows of a pair
    are the same, and so is their end, which is scored: the document's last chunk, and the answer to a question about a
    planted fact.
    """
    from nextlong_hub import terminal
    from nextlong_hub.cli.arguments import parse_limits, parse_numbers, parse_sources
    from nextlong_hub.cli.reports.riffles import show_riffle
    from nextlong_hub.core.amounts import parse_amount
    from nextlong_hub.evaluation.make import riffle as riffle_folder
    from nextlong_hub.facade.requests import Reading, read_as, riffle_request
    from nextlong_hub.recipe import parse_setting

    reading = Reading(
        license=license,
        text_column=text_column,
        id_column=id_column,
        config=config,
        split=split,
        revision=revision,
        limits=parse_limits(limits),
    )
    request = riffle_request(
        recipe,
        dict(map(parse_setting, choices)),
        read_as(parse_sources(corpora), reading),
        tokenizer,
        apart_from=apart_from,
        target_length=parse_amount(target_length, "--target-length") if target_length else None,
        items=parse_amount(items, "--items"),
        chunks=parse_amount(chunks, "--chunks"),
        distances=parse_numbers("--distances", distances),
        interferers=parse_numbers("--interferers", interferers),
        questions=not no_questions,
        seed=seed,
    )
    with (
        resumable(output),
        closing(executor_of(num_proc)) as executor,
        terminal.watching(quiet=quiet) as progress,
    ):
        report = riffle_folder(request, output, executor=executor, progress=progress)
    if as_json:
        print_json({**asdict(report), "folder": str(report.folder)})
    else:
        show_riffle(report)
