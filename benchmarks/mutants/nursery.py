"""A process that has imported what tests need but the package itself, and runs pytest in copies of itself.

To import those libraries takes most of a test run of a few tests. It reads orders, one a line of JSON, and answers each
with a line: the exit code, or null where the time was over.
"""

import contextlib
import importlib
import json
import os
import signal
import sys
import time
import traceback
from typing import Any

_LIBRARIES = (
    "datasets", "filelock", "fsspec", "huggingface_hub", "hypothesis", "jinja2", "numba", "numpy", "pyarrow.compute",
    "pyarrow.dataset", "pyarrow.parquet", "pydantic", "pytest", "rank_bm25", "rich.progress", "tokenizers",
    "transformers",
)  # fmt: skip
_STEP_SECONDS = 0.02


def main() -> None:
    """Serve until there are no more orders."""
    for name in _LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for line in sys.stdin:
        print(json.dumps(_carry_out(json.loads(line))), flush=True)


def _carry_out(order: dict[str, Any]) -> int | None:
    child = os.fork()
    if child == 0:
        _run(order)
    ends = time.monotonic() + order["seconds"]
    while time.monotonic() < ends:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            _end_group(child)
            return os.waitstatus_to_exitcode(status)
        time.sleep(_STEP_SECONDS)
    _end_group(child)
    os.waitpid(child, 0)
    return None


def _end_group(child: int) -> None:
    """Also what the tests have started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)


def _run(order: dict[str, Any]) -> None:
    """Become a run of pytest."""
    os.setsid()
    os.environ.update(order["environment"])
    output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    code = 3
    try:
        import numba
        import pytest

        numba.core.config.reload_config()  # type: ignore[no-untyped-call]  # where kernels are kept
        sys.path[:0] = os.environ["PYTHONPATH"].split(os.pathsep)
        code = int(pytest.main(order["arguments"]))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
