"""`nextlong-hub view`: rows as one static page for a browser."""

from pathlib import Path

import click

from nextlong_hub.cli.completion import complete_configs, complete_paths
from nextlong_hub.cli.options import examples, option_json, print_json


@click.command(
    short_help="Write rows as one HTML page to look at.",
    epilog=examples(
        "nextlong-hub view nextlong -o page.html",
        "nextlong-hub view nextlong 128k 512k -o page.html --rows 3",
        "nextlong-hub view nextlong -o page.html --row 128k/sqlite3-doc/000019",
        "nextlong-hub view me/nextlong 128k -o page.html",
    ),
)
@click.argument("where", metavar="DIR", shell_complete=complete_paths)
@click.argument("configs", nargs=-1, metavar="[CONFIG]...", shell_complete=complete_configs)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    default=Path("page.html"),
    show_default=True,
    help="Page to write.",
)
@click.option(
    "--rows",
    type=click.IntRange(min=1),
    metavar="N",
    show_default="5, and fewer where they would weigh over 8 MB",
    help="Rows of each configuration.",
)
@click.option("--row", "wanted", multiple=True, metavar="ID", help="Show this row, by id or number. Repeatable.")
@click.option("--revision", metavar="NAME", help="Branch, tag or commit of a dataset on the Hub. [default: main]")
@click.option("--force", is_flag=True, help="Replace FILE even if it is no page of ours.")
@option_json
def view(
    where: str,
    configs: tuple[str, ...],
    output: Path,
    rows: int | None,
    wanted: tuple[str, ...],
    revision: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Write rows as one static HTML page: each sample as a strip, its text, and where every segment comes from.

    The page needs no server and no network, and what a corpus holds cannot run in it. DIR is a dataset folder, a folder
    of Parquet files, or a dataset on the Hub (user/name, hf://datasets/user/name).
    """
    from nextlong_hub.cli.reports import pages
    from nextlong_hub.explore.page.page import write_page

    if rows is not None and wanted:
        raise click.UsageError("--rows takes the first rows, --row takes certain ones: choose one of the two.")
    report = write_page(where, output, configs, rows=rows, wanted=wanted, revision=revision, force=force)
    if as_json:
        print_json(pages.page_as_json(report))
    else:
        pages.show_page(report)
