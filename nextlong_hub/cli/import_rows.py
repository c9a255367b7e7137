"""`nextlong-hub import`: bring in a published long-context dataset."""

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nextlong_hub.cli.completion import complete_paths
from nextlong_hub.cli.options import (
    examples,
    executor_of,
    option_decontaminate,
    option_encoder,
    option_json,
    option_license,
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
    "import",
    short_help="Bring in a published long-context dataset.",
    epilog=examples(
        "nextlong-hub import NExtLong-512K-dataset --tokenizer ./llama3 --config 512k --output in",
        "nextlong-hub import 'long/*.jsonl' --tokenizer ./qwen3 --config 128k --output in",
    ),
)
@click.argument("source", metavar="SOURCE", shell_complete=complete_paths)
@option_tokenizer(required=True, help="Folder or Hub name of the tokenizer; of an MDS folder the one that made it.")
@option_output(required=True)
@click.option("--config", default="imported", show_default=True, metavar="NAME", help="What the rows are called.")
@options_part(config=False)
@option_license
@options_columns
@option_decontaminate
@option_on_secret
@option_num_proc
@option_encoder
@option_json
@option_quiet
def import_command(
    source: str,
    tokenizer: str,
    output: Path,
    config: str,
    split: str | None,
    revision: str | None,
    license: str | None,
    text_column: str | None,
    id_column: str | None,
    benchmarks: tuple[str, ...],
    on_secret: "OnSecret | None",
    num_proc: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Bring a published long-context dataset into a dataset folder, every row as it is.

    SOURCE is a folder of MDS shards as ProLong and NExtLong publish them, or a file, folder, glob, hf:// address or Hub
    dataset with a column of texts. MDS rows keep their tokens and their documents; texts are encoded.
    """
    from nextlong_hub import terminal
    from nextlong_hub.cli.arguments import parse_sources
    from nextlong_hub.cli.reports import imports
    from nextlong_hub.dataset.manifest import manifest_bytes
    from nextlong_hub.documents.import_rows import ImportRequest
    from nextlong_hub.facade.requests import Reading, filters_against, read_as
    from nextlong_hub.pipeline import import_rows

    reading = Reading(text_column=text_column, id_column=id_column, license=license, split=split, revision=revision)
    [source_settings] = read_as(parse_sources([source]), reading)
    request = ImportRequest(
        source=source_settings,
        tokenizer=tokenizer,
        config=config,
        filters=filters_against(benchmarks),
        on_secret=on_secret,
    )
    with (
        resumable(output),
        closing(executor_of(num_proc)) as executor,
        terminal.watching(quiet=quiet) as progress,
    ):
        report = import_rows(request, output, executor=executor, progress=progress)
    if as_json:
        counts = {name: getattr(report, name) for name in imports.IMPORT_COUNTS}
        print_json({"output": str(output), **counts, "manifest": json.loads(manifest_bytes(report.manifest))})
    else:
        imports.show_import(report, output)
