"""Tasks that the engine tests name; worker processes import this module by that name."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

from nextlong_hub.core.files import write_bytes, write_json
from nextlong_hub.errors import BadDocumentError
from nextlong_hub.execution.base import Task

FUNCTION = "engine_tasks:"


def square(task: Task) -> dict[str, Any]:
    """Write the square of a number; when asked to be slow, take long enough for a neighbour to die meanwhile."""
    if task.parameters.get("slow"):
        time.sleep(0.8)
    number = task.parameters["number"]
    write_json(Path(task.output), {"square": number * number})
    return {"number": number}


def fill_folder(task: Task) -> dict[str, Any]:
    """Write a folder of two files."""
    for name in ("a", "b"):
        write_bytes(Path(task.output) / name, task.key.encode())
    return {"files": 2}


def tell_pid(task: Task) -> dict[str, Any]:
    """Report which process ran the task."""
    write_bytes(Path(task.output), b"")
    return {"pid": os.getpid()}


def die_once(task: Task) -> dict[str, Any]:
    """Kill the worker in the middle of the task, the first time only."""
    marker = Path(task.inputs["marker"])
    write_bytes(marker.with_suffix(f".{os.getpid()}"), b"")
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return square(task)


def die_always(task: Task) -> dict[str, Any]:
    """Kill the worker every time."""
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def refuse(task: Task) -> dict[str, Any]:
    """Meet a bad document."""
    raise BadDocumentError("notes.jsonl, line 7", "invalid UTF-8", "mend that line")


class HomelessError(Exception):
    """Cannot be unpickled: `__init__` needs what pickle does not keep."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(reason)


def fail_strangely(task: Task) -> dict[str, Any]:
    """Raise what cannot travel."""
    raise HomelessError(reason="the wheel came off")


def report_much(task: Task) -> dict[str, Any]:
    """Give back the counts of the task's parameters."""
    write_bytes(Path(task.output), json.dumps(task.parameters).encode())
    return dict(task.parameters)
