"""`nextlong-hub card`: write the card of a finished dataset, or check it."""

from pathlib import Path

import click

from nextlong_hub.cli.options import examples, option_json, print_json
from nextlong_hub.errors import VerificationError


@click.command(
    short_help="Write the README of a finished dataset, or check it.",
    epilog=examples(
        "nextlong-hub card nextlong",
        "nextlong-hub card nextlong --language en --pretty-name 'Long letters'",
        "nextlong-hub card nextlong --check",
        "nextlong-hub card nextlong --format croissant-rai > croissant.json",
    ),
)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR")
@click.option(
    "--check",
    is_flag=True,
    help="Write nothing; name what the Hub would refuse or the data contradict.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["readme", "croissant-rai"]),
    default="readme",
    help="croissant-rai prints what is known as JSON-LD, and writes nothing. [default: readme]",
)
@click.option("--no-plots", is_flag=True, help="Draw no pictures.")
@click.option("--language", "languages", multiple=True, metavar="CODE", help="Language of the texts: en. Repeatable.")
@click.option("--pretty-name", metavar="NAME", help="Name at the head of the dataset's page.")
@click.option("--force", is_flag=True, help="Replace pictures that have the names of ours and are not.")
@option_json
def card(
    folder: Path,
    check: bool,
    form: str,
    no_plots: bool,
    languages: tuple[str, ...],
    pretty_name: str | None,
    force: bool,
    as_json: bool,
) -> int:
    """Write README.md and its pictures from what is in a finished dataset folder.

    What people have written into the card stays: text outside the marked sections, keys of the header, and sections
    that were edited by hand, which are named on stderr.
    """
    from nextlong_hub.cli.reports.cards import show_card, show_check, show_notes

    values = {"pretty_name": pretty_name, "language": list(languages)}
    values = {key: value for key, value in values.items() if value}
    if form != "readme":
        if check or no_plots or values or force:
            raise click.UsageError(f"--format {form} writes no card; leave out the options that say how")
        return _print_croissant(folder)
    if check:
        if no_plots or values or force:
            raise click.UsageError("--check writes nothing; leave out the options that say what to write")
        from nextlong_hub.datacard import check_card

        report = check_card(folder)
        show_notes(report.notes)
        if as_json:
            print_json({"ok": not report.faults, "faults": report.faults, "notes": report.notes})
        else:
            show_check(report, folder)
        return VerificationError.exit_code if report.faults else 0
    from nextlong_hub.publish.commit import renew_card

    written = renew_card(folder, plots=not no_plots, values=values, force=force)
    show_notes(written.notes)
    if as_json:
        print_json({"card": str(written.path), "pictures": written.pictures, "notes": written.notes})
    else:
        show_card(written)
    return 0


def _print_croissant(folder: Path) -> int:
    from nextlong_hub.datacard.croissant import UNKNOWN, make_croissant
    from nextlong_hub.dataset.manifest import require_manifest
    from nextlong_hub.terminal import show_note

    print_json(make_croissant(require_manifest(folder)))
    show_note(f"Left out, as only you can know it; add what you are asked for: {', '.join(UNKNOWN)}.")
    return 0
