"""`nextlong-hub fit`: bring existing long texts to a target length."""

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from nextlong_hub.cli.completion import complete_paths
from nextlong_hub.cli.options import (
    examples,
    executor_of,
    option_align,
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
    options_part,
    print_json,
    resumable,
)

if TYPE_CHECKING:
    from nextlong_hub.corpus.secrets import OnSecret


@click.command(
    short_help="Fit existing long texts to a target length.",
    epilog=examples(
        "nextlong-hub fit long.jsonl --tokenizer ./qwen3 --target 131072 --output fit",
        "nextlong-hub fit me/texts --tokenizer ./qwen3 --target 65536 --output fit \\",
        "    --mode truncate",
        "nextlong-hub fit chat.jsonl --tokenizer ./qwen3 --target 65536 --mode pack \\",
        "    --output packed",
    ),
)
@click.argument("source", metavar="SOURCE", shell_complete=complete_paths)
@option_tokenizer(required=True, help="Folder or Hub name of the tokenizer that counts tokens.")
@click.option("--target", required=True, metavar="TOKENS", help="Tokens of every row: 131072.")
@click.option(
    "--mode",
    default="truncate,discard",
    show_default=True,
    metavar="MODES",
    help="truncate: cut what is longer. discard: leave out what is shorter. pack: let short texts share rows and split "
    "longer ones; pack,truncate cuts those, pack,discard leaves them out.",
)
@option_output(required=True)
@options_part()
@option_limit
@option_license
@options_columns
@option_decontaminate
@click.option("--samples", metavar="N", help="Stop after so many rows. [default: all]")
@click.option("--add-bos-token", is_flag=True, help="Begin each text with the tokenizer's bos_token; it counts.")
@click.option("--add-eos-token", is_flag=True, help="End each text with the tokenizer's eos_token; it counts.")
@option_align
@click.option(
    "--on-bad-document",
    type=click.Choice(["fail", "skip"]),
    default="fail",
    show_default=True,
    help="Stop at a text that cannot be read, or leave it out and count it.",
)
@option_on_secret
@option_num_proc
@option_encoder
@option_json
@option_quiet
def fit(
    source: str,
    tokenizer: str,
    target: str,
    mode: str,
    output: Path,
    config: str | None,
    split: str | None,
    revision: str | None,
    limits: tuple[str, ...],
    license: str | None,
    text_column: str | None,
    id_column: str | None,
    benchmarks: tuple[str, ...],
    samples: str | None,
    add_bos_token: bool,
    add_eos_token: bool,
    align: int | None,
    on_bad_document: Literal["fail", "skip"],
    on_secret: "OnSecret | None",
    num_proc: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Fit the texts of an existing dataset to a target length under a tokenizer.

    SOURCE is a file, folder, glob, hf:// address or Hub dataset with a column of texts, or a dataset folder of ours.
    The rows become a new dataset folder; what was cut, split or left out is counted.

    Packed texts stand back to back in their row and must not see each other: seq_lengths says where each begins.
    Rows are not padded, documents only as --align asks for.
    """
    from nextlong_hub import terminal
    from nextlong_hub.cli.arguments import parse_limits, parse_sources
    from nextlong_hub.cli.reports import fits
    from nextlong_hub.core.amounts import parse_amount
    from nextlong_hub.dataset.manifest import manifest_bytes
    from nextlong_hub.documents.fit import FitRequest
    from nextlong_hub.facade.requests import Reading, filters_against, modes_of, read_as
    from nextlong_hub.pipeline import fit as fit_source

    reading = Reading(
        text_column=text_column,
        id_column=id_column,
        license=license,
        config=config,
        split=split,
        revision=revision,
        limits=parse_limits(limits),
    )
    request = FitRequest(
        source=read_as(parse_sources([source]), reading)[0],
        tokenizer=tokenizer,
        target_length=parse_amount(target, "--target"),
        modes=modes_of(mode.split(",")),
        samples=parse_amount(samples, "--samples") if samples else None,
        add_bos_token=add_bos_token,
        add_eos_token=add_eos_token,
        align=align or 0,
        on_bad_document=on_bad_document,
        on_secret=on_secret or "mask",
        filters=filters_against(benchmarks),
    )
    with (
        resumable(output),
        closing(executor_of(num_proc)) as executor,
        terminal.watching(quiet=quiet) as progress,
    ):
        report = fit_source(request, output, executor=executor, progress=progress)
    if as_json:
        counts = {name: getattr(report, name) for name in fits.FIT_COUNTS}
        counts["packing"] = report.packing and report.packing.model_dump()
        print_json({"output": str(output), **counts, "manifest": json.loads(manifest_bytes(report.manifest))})
    else:
        fits.show_fit(report, output)
