"""`nextlong-hub stats`: statistics of a dataset."""

import click

from nextlong_hub.cli.completion import complete_configs, complete_paths
from nextlong_hub.cli.options import examples, option_json, print_json


@click.command(
    short_help="Show what is in a dataset, in numbers.",
    epilog=examples(
        "nextlong-hub stats nextlong",
        "nextlong-hub stats nextlong 128k --json",
        "nextlong-hub stats me/nextlong subset",
    ),
)
@click.argument("dataset", metavar="DIR_OR_REPO", shell_complete=complete_paths)
@click.argument("configs", nargs=-1, metavar="[CONFIG]...", shell_complete=complete_configs)
@click.option("--revision", metavar="NAME", help="Branch, tag or commit of a dataset on the Hub.")
@option_json
def stats(dataset: str, configs: tuple[str, ...], revision: str | None, as_json: bool) -> None:
    """Show what is in every CONFIG of a dataset, or in those named: everything that its card shows.

    That is lengths, segments, scores, distances, reuse, sources, discards, packed rows and losses, as far as rows and
    manifest tell them. DIR_OR_REPO is a dataset folder, a folder of Parquet files or one of them, or a dataset on the
    Hub (user/name, hf://datasets/user/name) that has our columns. Texts are not read where other columns tell their
    lengths, tokens only where no manifest tells what the rows repeat.
    """
    from nextlong_hub.cli.reports.stats import show_stats
    from nextlong_hub.stats import measure

    measured = measure(dataset, configs, revision=revision)
    if as_json:
        print_json(measured.to_json())
    else:
        show_stats(measured)
