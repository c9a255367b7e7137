"""`nextlong-hub push`: publish a finished dataset folder on the Hub, in one commit."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from nextlong_hub.cli.options import examples, option_json, option_quiet, print_json
from nextlong_hub.core.signals import on_signal
from nextlong_hub.errors import VerificationError


@click.command(
    short_help="Publish a dataset folder on the Hugging Face Hub.",
    epilog=examples(
        "nextlong-hub push nextlong me/nextlong --dry-run   # what would change",
        "nextlong-hub push nextlong me/nextlong --private",
        "nextlong-hub push nextlong somebody/nextlong --create-pr",
    ),
)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR")
@click.argument("name", metavar="USER/NAME")
@click.option(
    "--private/--public",
    default=None,
    help="Who may see a dataset that is new. That of one which is there already is never changed.",
)
@click.option("--revision", default="main", show_default=True, metavar="BRANCH", help="Made when it is not there.")
@click.option("--create-pr", is_flag=True, help="Open a pull request instead of committing to main.")
@click.option("--message", metavar="TEXT", help="First line of the commit message.")
@click.option(
    "--remove-foreign",
    is_flag=True,
    help="Remove data files there that no push of ours put there; otherwise a push that finds some ends at once.",
)
@click.option("--dry-run", is_flag=True, help="Send nothing; show what would be added, changed and removed.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask. Nobody is asked either where there is no terminal.")
@option_json
@option_quiet
def push(folder: Path, name: str, dry_run: bool, yes: bool, as_json: bool, quiet: bool, **options: Any) -> int:
    """Publish the dataset folder DIR as USER/NAME on the Hugging Face Hub.

    The folder is checked first, then data, card and manifest go there in one commit: readers see all of it or nothing.
    A push that was interrupted goes on where it stopped, and one that changes nothing makes no commit. What people
    wrote into the card on the Hub stays.
    """
    from nextlong_hub import terminal
    from nextlong_hub.cli.reports import pushes
    from nextlong_hub.publish import PushOptions, prepare_push

    with on_signal(_tell_interrupted), terminal.watching(quiet=quiet) as progress:
        prepared = prepare_push(folder, name, PushOptions(**options), progress=progress)
    plan = prepared.plan
    if not as_json:
        pushes.show_plan(plan)
    if dry_run:
        if as_json:
            print_json({"status": "planned", "plan": asdict(plan)})
        return 0
    asks = plan.changes and not (yes or as_json or plan.foreign) and pushes.is_interactive()
    if asks and not click.confirm("Publish this?", default=True, err=True):
        click.echo("Nothing was sent.")
        return 0
    with on_signal(_tell_interrupted), terminal.watching(quiet=quiet) as progress:
        report = prepared.carry_out(progress)
    if as_json:
        print_json(asdict(report))
    else:
        pushes.show_push(report)
    return VerificationError.exit_code if report.faults else 0


def _tell_interrupted() -> None:
    click.echo("Interrupted. Nothing half was published: the same command goes on from here.", err=True)
