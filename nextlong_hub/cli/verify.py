"""`nextlong-hub verify`: check a finished dataset against its manifest."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from nextlong_hub.cli.options import (
    examples,
    option_corpus,
    option_encoder,
    option_json,
    option_quiet,
    option_tokenizer,
    options_columns,
    print_json,
)
from nextlong_hub.errors import RecipeError, VerificationError


class _Place(click.Path):
    """A dataset folder, or the address of a published one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Leave an address as it is; a folder must exist."""
        from nextlong_hub.hub.address import is_address

        return value if is_address(str(value)) else super().convert(value, param, ctx)


@click.command(
    short_help="Check a finished dataset, here or on the Hub.",
    epilog=examples(
        "nextlong-hub verify nextlong",
        "nextlong-hub verify long --corpus docs.parquet --tokenizer ./llama3",
        "nextlong-hub verify long --corpus docs.parquet --prove 1%",
        "nextlong-hub verify hf://datasets/me/nextlong",
    ),
)
@click.argument("place", type=_Place(exists=True, file_okay=False, path_type=Path), metavar="DIR|hf://…")
@option_corpus
@option_tokenizer(multiple=True, help="Encode every text again with this tokenizer, and compare. Repeatable.")
@click.option(
    "--decontaminate",
    "benchmarks",
    multiple=True,
    metavar="PATH",
    help="Where a benchmark lies that the dataset was decontaminated against; read with --corpus. Repeatable.",
)
@click.option(
    "--prove",
    metavar="1%|20|all",
    help="Of so many rows of each configuration, derive chunks, scores and the choice of negatives again from "
    "--corpus, by slow code that shares nothing with the build.",
)
@click.option("--prove-seed", type=int, default=0, show_default=True, help="Which rows --prove takes.")
@options_columns
@option_encoder
@option_json
@option_quiet
def verify(
    place: Path | str,
    corpora: tuple[str, ...],
    tokenizer: tuple[str, ...],
    benchmarks: tuple[str, ...],
    prove: str | None,
    prove_seed: int,
    text_column: str | None,
    id_column: str | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Check a finished dataset folder, every file, row and segment, or an export.

    With --corpus each text is rebuilt from the corpus by its segments, of which none may be a chunk that is barred;
    with --tokenizer it is encoded again. With --prove the method itself is done again for some rows: where chunks begin
    and end, what each negative scores, and that no better one was passed over without a reason. Of a dataset on the
    Hub, hf://datasets/USER/NAME[@REVISION], only card and manifest are downloaded: every file must have the size and
    sha256 that the manifest says. Every fault is printed on one line, and any fault makes the exit code 3.
    """
    if isinstance(place, str):
        if corpora or tokenizer or benchmarks or prove:
            from nextlong_hub.hub.address import name_in

            raise RecipeError(
                "--corpus, --tokenizer, --decontaminate and --prove need the rows, which a check on the Hub does not "
                f"download; run `hf download {name_in(place)} --repo-type dataset --local-dir DIR` and verify DIR"
            )
        return _verify_published(place, as_json=as_json, quiet=quiet)
    from nextlong_hub import terminal
    from nextlong_hub.cli.arguments import parse_sources
    from nextlong_hub.cli.reports.verifications import show_verification
    from nextlong_hub.facade.requests import Reading, read_as
    from nextlong_hub.proof import parse_amount
    from nextlong_hub.verification import verify as verify_folder

    amount = None if prove is None else parse_amount(prove, prove_seed)
    reading = Reading(text_column=text_column, id_column=id_column)
    sources = read_as(parse_sources(corpora), reading)
    with terminal.watching(quiet=quiet) as progress:
        report = verify_folder(
            place, sources=sources, tokenizer=tokenizer, benchmarks=benchmarks, progress=progress, prove=amount
        )
    if as_json:
        print_json({"ok": not report.faults, **asdict(report)})
    else:
        show_verification(report, place)
    return VerificationError.exit_code if report.faults else 0


def _verify_published(address: str, *, as_json: bool, quiet: bool) -> int:
    """Check a dataset on the Hub."""
    from nextlong_hub import terminal
    from nextlong_hub.cli.reports.pushes import show_remote_verification
    from nextlong_hub.publish import verify_remote

    with terminal.watching(quiet=quiet):
        report = verify_remote(address)
    if as_json:
        print_json({"ok": not report.faults, **asdict(report)})
    else:
        show_remote_verification(report)
    return VerificationError.exit_code if report.faults else 0
