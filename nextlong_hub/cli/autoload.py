"""`nextlong-hub autoload`: `load_dataset("nextlong", …)` without an import, and `hf nextlong`."""

from dataclasses import asdict

import click

from nextlong_hub.cli.options import examples, option_json, print_json


@click.command(
    short_help="Let load_dataset know the name without an import, and hf the command.",
    epilog=examples(
        "nextlong-hub autoload status",
        "nextlong-hub autoload enable         # no import is needed any more here",
        "nextlong-hub autoload enable --hf    # hf nextlong build …",
        "nextlong-hub autoload disable",
    ),
)
@click.argument("action", type=click.Choice(["enable", "disable", "status"]))
@click.option("--hf", is_flag=True, help="Make `hf nextlong` a command of hf, instead.")
@option_json
def autoload(action: str, hf: bool, as_json: bool) -> None:
    """Let load_dataset("nextlong", …) work without `import nextlong_hub`.

    `enable` writes one file into this Python environment, `disable` removes it, `status` says whether it is there. With
    --hf the file is the one, in your home, by which the command `hf` knows what `hf nextlong` runs.
    """
    from nextlong_hub.cli.hf_command import disable_hf, enable_hf, hf_status
    from nextlong_hub.cli.reports.wording import show_fields
    from nextlong_hub.load_dataset.autoload import disable, enable, status

    if hf:
        report = asdict({"enable": enable_hf, "disable": disable_hf, "status": hf_status}[action]())
    else:
        report = asdict({"enable": enable, "disable": disable, "status": status}[action]())
    if as_json:
        print_json(report)
    else:
        show_fields(report)
