"""Builds in processes that are killed at a chosen moment.

Children are forked from a server that has imported everything and started no thread: a death costs a third of a second.
"""

import os
import signal
from collections.abc import Callable
from functools import cache
from multiprocessing import forkserver, get_context
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any, Literal

import pytest
from building import make_request

from nextlong_hub.execution import receipts
from nextlong_hub.pipeline import BuildRequest, build

SECONDS_BEFORE_A_HANG_FAILS = 60

Moment = Literal["after a receipt", "before a rename"]


def build_and_die(
    corpus: Path | BuildRequest, output: Path, count: int, moment: Moment, *, executor: str = "inline"
) -> bool:
    """Build the usual dataset of a corpus, or what is requested, in a process that is killed at a chosen moment.

    Returns:
        Whether it was killed, at its `count`-th such moment; False when it finished before that.
    """
    process = _context().Process(target=_build, args=(corpus, output, count, moment, executor))
    process.start()
    process.join(SECONDS_BEFORE_A_HANG_FAILS)
    if process.exitcode not in (0, -signal.SIGKILL):
        process.kill()
        raise AssertionError(f"the build ended with {process.exitcode}, neither done nor killed by itself")
    return process.exitcode != 0


@cache
def _context() -> ForkServerContext:
    """What starts processes from a server that has loaded all they need."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["warmed"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)  # the server reads no other path
        forkserver.ensure_running()
    return context


def _build(corpus: Path | BuildRequest, output: Path, count: int, moment: Moment, executor: str) -> None:
    countdown = iter(range(count - 1, -1, -1))

    def die_when_due() -> None:
        if next(countdown) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    if moment == "before a rename":
        Path.replace = _around(Path.replace, before=die_when_due)  # type: ignore[method-assign]
    else:
        receipts.write_checked_json = _around(receipts.write_checked_json, after=die_when_due)
    build(make_request(corpus) if isinstance(corpus, Path) else corpus, output, executor=executor)


def _around(
    function: Callable[..., Any], before: Callable[[], None] | None = None, after: Callable[[], None] | None = None
) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        if before:
            before()
        result = function(*arguments)
        if after:
            after()
        return result

    return call
