"""`nextlong-hub export`: write rows in the format of a trainer."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nextlong_hub.cli.completion import complete_formats, complete_paths
from nextlong_hub.cli.options import (
    examples,
    option_encoder,
    option_json,
    option_num_proc,
    option_quiet,
    option_tokenizer,
    print_json,
)

if TYPE_CHECKING:
    from nextlong_hub.exports.endings import EosRule


class _ExportCommand(click.Command):
    """Lists the registered formats when its help is shown, and not before: the search takes time."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from nextlong_hub.exports.base import FORMATS

        super().format_help_text(ctx, formatter)
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(f"FORMAT is one of {', '.join(FORMATS.names())}.")


@click.command(
    cls=_ExportCommand,
    short_help="Write rows in the form a trainer reads.",
    epilog=examples(
        "nextlong-hub export nextlong mds --config 64k --pack 524288 --output prolong/64k",
        "nextlong-hub export nextlong trl --config 128k --output trl-128k",
        "nextlong-hub export nextlong axolotl --tokenizer Qwen/Qwen3-8B --output qwen",
    ),
)
@click.argument("dataset", metavar="DATASET", shell_complete=complete_paths)
@click.argument("format_name", metavar="FORMAT", shell_complete=complete_formats)
@click.option("--config", metavar="NAME", help="Configuration to export. [default: 128k, else the first]")
@click.option(
    "--output", type=click.Path(path_type=Path), required=True, metavar="DIR", help="New folder for the files."
)
@option_tokenizer(help="Encode the texts anew with this tokenizer. [default: the tokens that are stored]")
@click.option("--pack", "pack_tokens", metavar="TOKENS", help="Pack documents into rows of so many tokens: 524288.")
@click.option("--shard-bytes", metavar="BYTES", help="Close a file from this size: 64M. [default: by format]")
@click.option("--compression", type=click.Choice(["zstd"]), help="Compress the files; mds and jsonl.")
@click.option("--by-source", is_flag=True, help="A folder for each source, and an index above them; mds.")
@click.option("--hash", "hashes", multiple=True, metavar="NAME", help="Digest to put into the index: sha1. Repeatable.")
@click.option(
    "--token-bytes",
    type=click.Choice(["2", "4"]),
    help="Bytes of a token; megatron, nanogpt, nanotron, numpy, olmo. [default: by the vocabulary]",
)
@click.option(
    "--eos",
    type=click.Choice(["keep", "fit", "append"]),
    help="What ends a document: its last token, the EOS in its place, or behind it. [default: by format]",
)
@click.option("--eos-id", type=int, metavar="ID", help="The id of the EOS. [default: the tokenizer's]")
@click.option("--force", is_flag=True, help="Replace another export, or files of DIR that are not ours.")
@option_num_proc
@option_encoder
@option_json
@option_quiet
def export(
    dataset: str,
    format_name: str,
    config: str | None,
    output: Path,
    tokenizer: str | None,
    pack_tokens: str | None,
    shard_bytes: str | None,
    compression: str | None,
    by_source: bool,
    hashes: tuple[str, ...],
    token_bytes: str | None,
    eos: "EosRule | None",
    eos_id: int | None,
    force: bool,
    num_proc: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write one configuration of a dataset in the form a trainer reads.

    DATASET is a dataset folder, a folder of Parquet files or a dataset on the Hub.
    """
    from nextlong_hub import terminal
    from nextlong_hub.cli.reports import exports
    from nextlong_hub.core.amounts import parse_amount
    from nextlong_hub.execution.local import default_workers
    from nextlong_hub.exports import ExportRequest
    from nextlong_hub.exports import export as export_rows

    request = ExportRequest(
        format=format_name,
        config=config,
        tokenizer=tokenizer,
        pack_tokens=parse_amount(pack_tokens, "--pack") if pack_tokens else None,
        shard_bytes=parse_amount(shard_bytes, "--shard-bytes") if shard_bytes else None,
        compression="zstd" if compression else None,
        by_source=by_source,
        hashes=hashes,
        token_bytes={None: None, "2": 2, "4": 4}[token_bytes],
        eos=eos,
        eos_id=eos_id,
    )
    with terminal.watching(quiet=quiet) as progress:
        threads = num_proc or default_workers()
        report = export_rows(dataset, request, output, threads=threads, force=force, progress=progress)
    if as_json:
        print_json({"output": str(output), **{key: value for key, value in asdict(report).items() if key != "folder"}})
    else:
        exports.show_export(report, output)
