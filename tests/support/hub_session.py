"""A process that pushes to a local Hub as users do; it stays open, since loading the libraries takes a second."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from nextlong_hub.publish.contents import published_files
from nextlong_hub.testing import LocalHub


def files_in(folder: Path) -> set[str]:
    """The files of a dataset folder that belong on the Hub."""
    return {file.path for file in published_files(folder)}


SESSION = """
import contextlib, dataclasses, io, json, os, sys, time, traceback
from pathlib import Path

really_sleep = time.sleep
time.sleep = lambda seconds: really_sleep(min(seconds, 0.02))  # as often as ever, but not as long

sys.path.insert(0, sys.argv[1])
from thrift import be_thrifty
from nextlong_hub.cli import run
from nextlong_hub.corpus import Skipped, discover, read
from nextlong_hub.corpus.licences import stated_licences
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.errors import NextLongError
from nextlong_hub.hub import budget
from nextlong_hub.hub.keyless import forget_token
from nextlong_hub.publish import Limits, RetryPolicy, push

def documents_of(settings):
    pieces = discover([SourceSettings(name="notes", **settings)], piece_bytes=100_000)
    stated = stated_licences(SourceSettings(name="notes", **{**settings, "revision": pieces[0].revision}))
    found = [document for piece in pieces for document in read(piece, "fail")]
    texts = [document.text for document in found if not isinstance(document, Skipped)]
    return {"texts": texts, "licences": [one.license for one in stated]}

be_thrifty()
answers, sys.stdout = sys.stdout, sys.stderr
for line in sys.stdin:
    order = json.loads(line)
    os.environ["HF_TOKEN"] = order.pop("token")
    environment = order.pop("environment", {})
    before = {name: os.environ.get(name, "") for name in environment}
    os.environ.update(environment)
    forget_token()  # each order is that of another job
    budget.DEFAULT = budget.Budget(**order.pop("budget", {}))
    out, err, code, report = io.StringIO(), io.StringIO(), 0, None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            if "arguments" in order:
                code = run(order["arguments"])
            elif "source" in order:
                report = documents_of(order["source"])
            else:
                policy, limits = RetryPolicy(**order.pop("retry_policy")), Limits(**order.pop("limits"))
                folder, name = Path(order.pop("folder")), order.pop("name")
                report = dataclasses.asdict(push(folder, name, retry_policy=policy, limits=limits, **order))
        except NextLongError as error:
            code = error.exit_code
            print(f"Error: {error}", file=err)
            traceback.print_exc()
        except BaseException:
            code = -1
            traceback.print_exc()
    os.environ.update(before)
    answer = {"code": code, "out": out.getvalue(), "err": err.getvalue(), "report": report}
    print(json.dumps(answer), file=answers, flush=True)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a command ended."""

    code: int
    """Exit code; -1 for an error that nobody foresaw."""
    out: str
    err: str
    report: dict[str, Any] | None
    """What `push` returned, or the texts that were read, when no command was run."""


class Session:
    """A process that is logged in to a local Hub, and what it has printed so far."""

    def __init__(self, hub: LocalHub, folder: Path, *, environment: dict[str, str] | None = None) -> None:
        self._token = hub.account.token
        self._log = (folder / "stderr.txt").open("w+")
        self._printed: list[str] = []
        self._process = subprocess.Popen(
            [sys.executable, "-c", SESSION, str(Path(__file__).parent)],
            env=os.environ | hub.environment() | (environment or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=60)
        self._log.close()

    def run(self, *arguments: str | Path, token: str | None = None, **budget: float) -> Outcome:
        """Run `nextlong-hub`, as the owner unless another token is given; what is not the default of the budget."""
        self.start(arguments=list(map(str, arguments)), token=token, budget=budget)
        return self.result()

    def read(self, source: dict[str, str], **budget: float) -> Outcome:
        """Read all documents of a source; see `run`."""
        self.start(source=source, budget=budget)
        return self.result()

    def push(self, folder: Path, name: str, **more: Any) -> Outcome:
        """Call `push`; `retry_policy` and `limits` as mappings of what is not their default."""
        self.start(**{"retry_policy": {}, "limits": {}, **more}, folder=str(folder), name=name)
        return self.result()

    def start(self, *, token: str | None = None, **order: Any) -> None:
        """Give an order without waiting for what comes of it."""
        order["token"] = self._token if token is None else token
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def result(self) -> Outcome:
        """Wait for what came of the last order."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the session died: {self.printed}"
        self._printed.append(line)
        outcome = Outcome(**json.loads(line))
        assert outcome.code != -1, outcome.err
        return outcome

    @property
    def printed(self) -> str:
        """Everything it has printed, warnings and tracebacks included."""
        self._log.seek(0)
        return "".join(self._printed) + self._log.read()
