"""Python in processes of their own, forked from one that has loaded the libraries: to load them takes over a second."""

import atexit
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

_READ_ONCE = ("HF_", "LANG", "LC_", "MPL", "NUMBA_", "PYTHON", "TOKENIZERS_", "TRANSFORMERS_", "TZ")
"""What Python or a library reads when it starts begins with one of these."""
_SECONDS_BEFORE_A_HANG_FAILS = 120
_WARNINGS = ("-W", "error")

_SERVER = """
import json, os, signal, sys
sys.path.insert(0, sys.argv[1])
import warmed
del sys.path[0]

orders, answers = os.fdopen(os.dup(0)), os.dup(1)
for line in orders:
    order = json.loads(line)
    child = os.fork()
    if not child:
        signal.alarm(order["seconds"])
        os.close(answers)
        orders.close()
        for number, name in enumerate((os.devnull, order["out"], order["err"])):
            file = os.open(name, os.O_RDWR)
            os.dup2(file, number)
            os.close(file)
        os.environ.clear()
        os.environ.update(order["environment"])
        os.chdir(order["folder"])
        sys.path[:0] = filter(None, order["environment"].get("PYTHONPATH", "").split(os.pathsep))
        sys.argv[:] = ["-c", *order["arguments"]]
        exec(order["code"], {"__name__": "__main__"})
        break
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.write(answers, b"%d\\n" % code)
"""


def run_python(code: str, *arguments: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own, without input, every warning an error.

    Under other variables that a library reads when it starts, Python is started anew.
    """
    if _read_once(environment) != _read_once(os.environ):
        return subprocess.run(
            [sys.executable, *_WARNINGS, "-c", code, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS_BEFORE_A_HANG_FAILS,
            env=environment,
        )
    server = _server(json.dumps(_read_once(environment)))
    with tempfile.NamedTemporaryFile() as out, tempfile.NamedTemporaryFile() as err:
        order: dict[str, Any] = {"code": code, "arguments": arguments, "environment": dict(environment)}
        order |= {"seconds": _SECONDS_BEFORE_A_HANG_FAILS, "out": out.name, "err": err.name, "folder": str(Path.cwd())}
        assert server.stdin is not None and server.stdout is not None
        server.stdin.write(json.dumps(order) + "\n")
        server.stdin.flush()
        answer = server.stdout.readline()
        assert answer, "the server that forks has ended"
        printed, errors = (Path(file.name).read_bytes().decode() for file in (out, err))
    return subprocess.CompletedProcess([code, *arguments], int(answer), printed, errors)


def _read_once(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in sorted(environment.items())
        if name.startswith(_READ_ONCE) and name != "PYTHONPATH"
    }


@cache
def _server(_: str) -> "subprocess.Popen[str]":
    server = subprocess.Popen(
        [sys.executable, *_WARNINGS, "-c", _SERVER, str(Path(__file__).parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(server.communicate, timeout=10)
    return server
