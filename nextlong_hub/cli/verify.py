"""`nextlong-hub verify`: is a finished dataset what it says it is?"""

from dataclasses import asdict
from pathlib import Path

import click

from nextlong_hub.cli.options import (
    examples,
    option_corpus,
    option_json,
    option_quiet,
    option_tokenizer,
    options_columns,
    print_json,
)
from nextlong_hub.errors import VerificationError


@click.command(
    short_help="Check a finished dataset folder.",
    epilog=examples(
        "nextlong-hub verify nextlong",
        "nextlong-hub verify long --corpus docs.parquet --tokenizer ./llama3",
    ),
)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR")
@option_corpus
@option_tokenizer(help="Encode every text again with this tokenizer, and compare.")
@options_columns
@option_json
@option_quiet
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
    from nextlong_hub import terminal
    from nextlong_hub.arguments import parse_sources
    from nextlong_hub.reports.verifications import show_verification
    from nextlong_hub.verification import verify as verify_folder

    sources = parse_sources(corpora, text_column, id_column)
    with terminal.watching(quiet=quiet) as progress:
        report = verify_folder(folder, sources=sources, tokenizer=tokenizer, progress=progress)
    if as_json:
        print_json({"ok": not report.faults, **asdict(report)})
    else:
        show_verification(report, folder)
    return VerificationError.exit_code if report.faults else 0
