"""`nextlong-hub survey`: what is in a corpus, without a build."""

from pathlib import Path

import click

from nextlong_hub.cli.completion import complete_paths
from nextlong_hub.cli.options import (
    examples,
    option_encoder,
    option_json,
    option_limit,
    option_quiet,
    option_tokenizer,
    options_columns,
    options_part,
    print_json,
)


@click.command(
    short_help="Show what is in a corpus, without a build.",
    epilog=examples(
        "nextlong-hub survey docs.jsonl",
        "nextlong-hub survey docs.jsonl --tokenizer ./llama3 --page survey.html",
        "nextlong-hub survey web='web/*.jsonl' user/books --limit web=2B --json",
    ),
)
@click.argument("corpora", nargs=-1, required=True, metavar="[NAME=]PATH...", shell_complete=complete_paths)
@option_tokenizer(
    multiple=True,
    help="Folder or Hub name of a tokenizer; `demo` is the embedded GPT-2. Repeatable: lengths, repetition and yield "
    "are told under each. Without one, lengths are in characters.",
)
@option_limit
@options_part()
@options_columns
@click.option(
    "--page",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write all of it as an HTML page, too.",
)
@click.option("--force", is_flag=True, help="Replace FILE even if it is no page of ours.")
@option_encoder
@option_json
@option_quiet
def survey(
    corpora: tuple[str, ...],
    tokenizer: tuple[str, ...],
    limits: tuple[str, ...],
    config: str | None,
    split: str | None,
    revision: str | None,
    text_column: str | None,
    id_column: str | None,
    page: Path | None,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Read a corpus through and tell what is in it; no dataset is made.

    That is documents and tokens by length, what is empty or malformed, secrets, ids that come twice, copies and
    near-copies, languages, places for which trainers mask a whole row, and the rows that a build would give. PATH is a
    file, folder, glob, URL or Hub dataset, as --corpus of build takes it; `demo` is the embedded corpus.

    Memory does not grow with the corpus. --limit bounds how much is read.
    """
    from nextlong_hub import terminal
    from nextlong_hub.audit.page.page import refuse_other_page, write_audit_page
    from nextlong_hub.audit.read import audit
    from nextlong_hub.cli.arguments import parse_limits, parse_sources
    from nextlong_hub.cli.reports import surveys
    from nextlong_hub.facade.requests import Reading, read_as

    reading = Reading(
        text_column=text_column,
        id_column=id_column,
        config=config,
        split=split,
        revision=revision,
        limits=parse_limits(limits),
    )
    sources = read_as(parse_sources(corpora), reading)
    if page is not None:
        refuse_other_page(page, force=force)
    with terminal.watching(quiet=quiet) as progress:
        found = audit(sources, tokenizer, progress=progress)
    written = None if page is None else write_audit_page(found, page, force=force)
    if as_json:
        print_json({**found.to_json(), **({"page": str(written.path)} if written else {})})
    else:
        surveys.show_survey(found)
        if written:
            surveys.show_page(written)
