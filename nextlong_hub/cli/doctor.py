"""`nextlong-hub doctor`: check the environment, for a bug report or before a build; or a dataset, whoever made it."""

from dataclasses import asdict, replace

import click

from nextlong_hub.cli.options import examples, option_json, option_tokenizer, print_json


@click.command(
    short_help="Check this environment and a tokenizer, or any dataset.",
    epilog=examples(
        "nextlong-hub doctor",
        "nextlong-hub doctor --tokenizer Qwen/Qwen3-8B --online",
        "nextlong-hub doctor hf://datasets/user/name",
        "nextlong-hub doctor --engine ray --work-dir s3://bucket/nl",
    ),
)
@click.argument("dataset", required=False, metavar="[DATASET]")
@option_tokenizer(help="Look at this tokenizer, too: what it lends to exact rows, and whether trainers see the same.")
@click.option("--online", is_flag=True, help="Ask the Hub who is logged in.")
@click.option("--engine", type=click.Choice(["ray"]), help="Look at the nodes of a cluster of Ray instead.")
@click.option("--address", metavar="ADDRESS", help="Of Ray: auto, HOST:PORT, or local. [default: auto]")
@click.option("--work-dir", metavar="DIR_OR_URL", help="Try whether each node reads and writes this work folder.")
@option_json
def doctor(
    dataset: str | None,
    tokenizer: str | None,
    online: bool,
    engine: str | None,
    address: str | None,
    work_dir: str | None,
    as_json: bool,
) -> int:
    """Look at versions, compiled kernels, disk, the Hub's login, and a tokenizer; or, instead, at a DATASET.

    Nothing is changed and no token is shown. Paste what it prints into a bug report. The exit code is 1 when something
    stands in the way.

    DATASET is a folder, user/name, or hf://datasets/user/name, made by whomever. It is compared with what the Hub takes
    and its viewer shows: card, configurations, files, and rows as the footers of up to 40 Parquet files tell them. It
    is said, too, how many rows some trainers take out of the loss for what they repeat on end: by the manifest or, for
    a folder without one, by the token ids, which are read.

    With --engine ray each node of the cluster says which versions it has, and tries the work folder of a build.
    """
    if engine is not None:
        is_alone = not (dataset or tokenizer or online)
        return _doctor_cluster(address or "auto", work_dir, is_alone=is_alone, as_json=as_json)
    if address or work_dir:
        raise click.UsageError("--address and --work-dir are those of a cluster; add --engine ray")
    if dataset is not None:
        return _doctor_dataset(dataset, is_alone=not (tokenizer or online), as_json=as_json)
    from nextlong_hub.cli.doctor_checks import check_environment
    from nextlong_hub.cli.reports.doctor import show_doctor_report

    report = check_environment(tokenizer, online=online)
    if as_json:
        print_json({"ready": report.is_ready, **asdict(report)})
    else:
        show_doctor_report(report)
    return 0 if report.is_ready else 1


def _doctor_cluster(address: str, work_dir: str | None, *, is_alone: bool, as_json: bool) -> int:
    if not is_alone or work_dir is None:
        raise click.UsageError("a cluster is looked at by itself, with the --work-dir of a build")
    from contextlib import closing

    from nextlong_hub.cli.reports.doctor import show_nodes
    from nextlong_hub.execution.nodes import ask_nodes, differing
    from nextlong_hub.execution.ray import RayExecutor
    from nextlong_hub.storage import StorageAddress

    place = StorageAddress.of(work_dir)
    with closing(RayExecutor(address)) as executor:
        nodes = ask_nodes(executor, place.open(), place)
    is_ready = bool(nodes) and not any(node.fault or differing(node) for node in nodes)
    if as_json:
        print_json({"ready": is_ready, "work_dir": place.place, "nodes": [asdict(node) for node in nodes]})
    else:
        show_nodes(nodes)
    return 0 if is_ready else 1


def _doctor_dataset(dataset: str, *, is_alone: bool, as_json: bool) -> int:
    if not is_alone:
        raise click.UsageError("a dataset is looked at by itself; leave out --tokenizer and --online")
    from nextlong_hub.cli.dataset_checks import check_dataset
    from nextlong_hub.cli.repetition_checks import check_repetition
    from nextlong_hub.cli.reports.doctor import show_dataset_report

    report = check_dataset(dataset)
    report = replace(report, findings=(*report.findings, *check_repetition(dataset)))
    if as_json:
        print_json({"ready": report.is_ready, **asdict(report)})
    else:
        show_dataset_report(report)
    return 0 if report.is_ready else 1
