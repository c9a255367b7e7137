"""`nextlong-hub inspect`: show one row, or explain one of its hard negatives."""

import click

from nextlong_hub.cli.completion import complete_configs, complete_paths
from nextlong_hub.cli.options import examples, option_corpus, option_json, option_quiet, options_columns, print_json


@click.command(
    short_help="Look at one row: its segments, and why each is there.",
    epilog=examples(
        "nextlong-hub inspect nextlong 128k 4",
        "nextlong-hub inspect nextlong 128k 128k/sqlite3-doc/000019 --all",
        "nextlong-hub inspect nextlong 128k 4 --segment 17",
        "nextlong-hub inspect nextlong 128k 4 --why 17",
        "nextlong-hub inspect me/nextlong 128k 4 --why 17 --corpus docs.jsonl",
    ),
)
@click.argument("where", metavar="DIR", shell_complete=complete_paths)
@click.argument("config", required=False, shell_complete=complete_configs)
@click.argument("row", default="0")
@click.option("--segment", type=int, metavar="N", help="Print this segment in full.")
@click.option("--why", type=int, metavar="N", help="Print what made this segment a hard negative, word by word.")
@click.option("--all", "complete", is_flag=True, help="List every segment.")
@click.option("--revision", metavar="NAME", help="Branch, tag or commit of a dataset on the Hub. [default: main]")
@option_corpus
@options_columns
@option_json
@option_quiet
def inspect(
    where: str,
    config: str | None,
    row: str,
    segment: int | None,
    why: int | None,
    complete: bool,
    revision: str | None,
    corpora: tuple[str, ...],
    text_column: str | None,
    id_column: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Look at one row: a strip of its segments, and each segment with its origin, rank, score and first words.

    DIR is a dataset folder, a folder of Parquet files, or a dataset on the Hub (user/name, hf://datasets/user/name).
    ROW is a number from 0, or an id.

    --why recomputes a score with the recipe of the row, from the index that the build left in DIR/.work, or from the
    corpus that --corpus names. With neither it estimates from the rows at hand, and says so.
    """
    from nextlong_hub import terminal
    from nextlong_hub.cli.reports import inspections
    from nextlong_hub.dataset import open_split

    if segment is not None and why is not None:
        raise click.UsageError("--segment and --why are two questions: ask one at a time.")
    split = open_split(where, config, revision=revision)
    found = split.row(int(row) if row.removeprefix("-").isdecimal() else row)
    if why is not None:
        from nextlong_hub.cli.arguments import parse_sources
        from nextlong_hub.explore.explain import explain_negative
        from nextlong_hub.facade.requests import Reading, read_as

        sources = read_as(parse_sources(corpora), Reading(text_column=text_column, id_column=id_column))
        with terminal.watching(quiet=quiet or not corpora) as progress:
            explanation = explain_negative(split, found, why, sources=sources, progress=progress)
        if as_json:
            print_json(inspections.explanation_as_json(explanation))
        else:
            inspections.show_explanation(explanation, found)
    elif segment is not None:
        text = found.segment_text(segment)
        if as_json:
            number = segment % found.segments.num_rows
            print_json({"segment": number, **found.segments.slice(number, 1).to_pylist()[0], "text": text})
        else:
            inspections.show_segment(found, segment)
    elif as_json:
        print_json(inspections.row_as_json(found, split))
    else:
        inspections.show_row(found, split, complete=complete)
