"""A plugin of pytest: runs chosen tests only, in the order in which they were chosen, and notes what became of each."""

import json
import os
from pathlib import Path

import pytest

CHOSEN = "MUTANTS_CHOSEN"
"""Environment variable: a file of node ids, one a line; without it every test is run."""
NOTES = "MUTANTS_NOTES"
"""Environment variable: where the outcomes go, as JSON: seconds by node id of those that passed."""

_passed: dict[str, float] = {}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep what was chosen."""
    if CHOSEN in os.environ:
        order = {name: number for number, name in enumerate(Path(os.environ[CHOSEN]).read_text().splitlines())}
        chosen = [item for item in items if item.nodeid in order]
        items[:] = sorted(chosen, key=lambda item: order[item.nodeid])


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note how long a test took that passed."""
    if report.when == "call" and report.passed:
        _passed[report.nodeid] = report.duration
    elif report.failed:
        _passed.pop(report.nodeid, None)


def pytest_sessionfinish() -> None:
    """Write the notes."""
    if NOTES in os.environ:
        Path(os.environ[NOTES]).write_text(json.dumps(_passed))
