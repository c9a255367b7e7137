"""`nextlong-hub doctor`: check the environment, for a bug report or before a build."""

from dataclasses import asdict

import click

from nextlong_hub.cli.options import examples, option_json, option_tokenizer, print_json


@click.command(
    short_help="Check this environment and a tokenizer.",
    epilog=examples(
        "nextlong-hub doctor",
        "nextlong-hub doctor --tokenizer Qwen/Qwen3-8B --online",
    ),
)
@option_tokenizer(help="Look at this tokenizer, too: what it lends to exact rows, and whether trainers see the same.")
@click.option("--online", is_flag=True, help="Ask the Hub who is logged in.")
@option_json
def doctor(tokenizer: str | None, online: bool, as_json: bool) -> int:
    """Look at versions, compiled kernels, disk, the Hub's login, and a tokenizer.

    Nothing is changed and no token is shown. Paste what it prints into a bug report. The exit code is 1 when something
    stands in the way.
    """
    from nextlong_hub.cli.doctor_checks import check_environment
    from nextlong_hub.cli.reports.doctor import show_doctor_report

    report = check_environment(tokenizer, online=online)
    if as_json:
        print_json({"ready": report.is_ready, **asdict(report)})
    else:
        show_doctor_report(report)
    return 0 if report.is_ready else 1
