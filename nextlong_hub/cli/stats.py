"""`nextlong-hub stats`: what is in a dataset, in numbers."""

import click

from nextlong_hub.cli.options import examples, option_json, print_json


@click.command(
    short_help="Show what is in a dataset, in numbers.",
    epilog=examples(
        "nextlong-hub stats nextlong",
        "nextlong-hub stats nextlong 128k --json",
        "nextlong-hub stats hf://datasets/me/nextlong subset",
    ),
)
@click.argument("dataset", metavar="DATASET")
@click.argument("configs", nargs=-1, metavar="[CONFIG]...")
@click.option("--revision", metavar="NAME", help="Branch, tag or commit of a dataset on the Hub.")
@option_json
def stats(dataset: str, configs: tuple[str, ...], revision: str | None, as_json: bool) -> None:
    """Show lengths, segments, scores, distances, reuse and sources of every CONFIG of a dataset, or of those named.

    DATASET is a dataset folder, a folder of Parquet files, one such file, or a dataset on the Hub. Neither texts nor
    tokens are read where the other columns tell their lengths.
    """
    from nextlong_hub.reports.stats import show_stats
    from nextlong_hub.stats import measure

    measured = measure(dataset, configs, revision=revision)
    if as_json:
        print_json(measured.to_json())
    else:
        show_stats(measured)
