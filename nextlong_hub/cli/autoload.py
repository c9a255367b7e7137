"""`nextlong-hub autoload`: `load_dataset("nextlong", …)` without an import."""

from dataclasses import asdict

import click

from nextlong_hub.cli.options import examples, option_json, print_json


@click.command(
    short_help="Let load_dataset know the name without an import.",
    epilog=examples(
        "nextlong-hub autoload status",
        "nextlong-hub autoload enable      # no import is needed any more here",
        "nextlong-hub autoload disable",
    ),
)
@click.argument("action", type=click.Choice(["enable", "disable", "status"]))
@option_json
def autoload(action: str, as_json: bool) -> None:
    """Let load_dataset("nextlong", …) work without `import nextlong_hub`.

    `enable` writes one file into this Python environment, `disable` removes it, `status` says whether it is there.
    """
    from nextlong_hub.cli.reports.wording import show_fields
    from nextlong_hub.load_dataset.autoload import disable, enable, status

    report = {"enable": enable, "disable": disable, "status": status}[action]()
    if as_json:
        print_json(asdict(report))
    else:
        show_fields(asdict(report))
