"""`nextlong-hub work`: one job of an array, which does its share of what a build has laid out."""

from pathlib import Path

import click

from nextlong_hub.cli.options import examples, option_json, options_scratch, print_json
from nextlong_hub.errors import RecipeError, argument


@click.command(
    short_help="Do a share of a build, as a job of an array.",
    epilog=examples(
        "nextlong-hub build 128k … --engine array --work-dir /shared/nl --output out   # waits for the jobs",
        "nextlong-hub work --work-dir /shared/nl --index $SLURM_ARRAY_TASK_ID --count 64",
    ),
)
@click.option(
    "--work-dir",
    required=True,
    metavar="DIR_OR_URL",
    help="That of the build: a folder, or a URL such as s3://bucket/nl.",
)
@click.option("--index", required=True, type=click.IntRange(min=0), metavar="I", help="Number of this job, from 0.")
@click.option("--count", required=True, type=click.IntRange(min=1), metavar="N", help="Jobs in the array.")
@click.option(
    "--idle",
    type=click.IntRange(min=1),
    default=600,
    show_default=True,
    metavar="SECONDS",
    help="Leave after so long without a task.",
)
@options_scratch
@option_json
def work(
    work_dir: str, index: int, count: int, idle: int, scratch: Path | None, scratch_bytes: int | None, as_json: bool
) -> None:
    """Do every N-th task of a build that runs with --engine array, stage after stage, until it ends.

    Jobs share nothing but the work folder. A job that dies is started again by whoever started it, and does what is
    left of its share; a task that ended three jobs ends the build, by name.
    """
    from nextlong_hub import terminal
    from nextlong_hub.execution.array import Share
    from nextlong_hub.execution.array import work as work_on
    from nextlong_hub.storage import StorageAddress

    if index >= count:
        raise RecipeError(
            f"{argument('index')} is {index}, and jobs of {argument('count', count)} are 0 to {count - 1}"
        )
    done = work_on(StorageAddress.of(work_dir, scratch, scratch_bytes), Share(index=index, count=count), idle)
    if as_json:
        print_json({"work_dir": work_dir, "index": index, "count": count, "tasks": done})
    else:
        terminal.show_line(f"{done:,} tasks done")
