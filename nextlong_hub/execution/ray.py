"""Tasks on a cluster of Ray: plain tasks of Ray Core, no actors, nothing in its object store.

Ray sends nothing again by itself: it would do so without end after want of memory, and say little of it. Deaths are
counted here. What Ray says goes to a log file, for it says it on stdout, where an answer in JSON may be due.
"""

import logging
import os
import pickle
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO, cast

from nextlong_hub.errors import NetworkError, RecipeError, WorkerError
from nextlong_hub.execution.base import Counts, Receipt, Task, perform_away
from nextlong_hub.execution.nodes import NodeFacts, look
from nextlong_hub.execution.open import ExecutorKind
from nextlong_hub.storage import StorageAddress

_log = logging.getLogger(__name__)

AUTO, LOCAL = "auto", "local"
_DEATHS_ALLOWED = 3
_LOST_NODES_ALLOWED = 10
"""A node that is lost is no fault of the task that ran there."""
_WINDOW_PER_CPU = 2
_WAIT_SECONDS = 5.0
_IDLE_SECONDS = 60.0
_PROBE_SECONDS = 120.0
_OBJECT_STORE_BYTES = 80 << 20
"""Of a cluster of our own: nothing lies in it."""


def perform_pickled(content: str) -> bytes:
    """Run a task in a worker of Ray; its receipt or its exception, pickled, so that Ray wraps neither."""
    try:
        return pickle.dumps(perform_away(content))
    except Exception as error:
        return pickle.dumps(error)


class RayExecutor:
    """Runs tasks wherever a cluster has a processor for them; see `open.Travelling`.

    It connects when it is first needed. Nothing but tasks and receipts passes through Ray.
    """

    def __init__(self, address: str = AUTO, processors: int | None = None) -> None:
        """Name the cluster.

        Args:
            address: `auto` for the one that this machine belongs to, `host:port`, or `local` for a cluster of this
                machine alone, which ends with the executor.
            processors: of a local one; None takes those of this machine.

        Raises:
            RecipeError: Ray is not installed, or the address is one of its client.
        """
        if address.startswith("ray://"):
            raise RecipeError(
                f"{address} is an address of Ray's client, whose driver would run elsewhere than the output folder; "
                "run the command on the cluster: ray job submit -- nextlong-hub build … --engine ray"
            )
        try:
            import ray
            import ray.util.scheduling_strategies
        except ImportError as error:
            raise RecipeError(
                f'Ray is not installed ({error}); run pip install "nextlong-hub[ray]", here and on every node'
            ) from error
        self.log = Path(tempfile.gettempdir(), f"nextlong-hub-ray-{os.getpid()}.log")
        self._ray: Any = ray
        self._address = address
        self._processors = processors
        self._remote: Any = None
        self._aside: _Aside | None = None
        self._is_ours = True
        """Whether this process was in no cluster before."""

    @property
    def workers(self) -> int:
        """How many processors the cluster has now."""
        self._connect()
        return max(1, int(self._ray.cluster_resources().get("CPU", 0)))

    def run(self, tasks: Sequence[Task[Counts]]) -> Iterator[Receipt[Counts]]:
        """See `Executor.run`.

        Raises:
            NetworkError: there is no such cluster.
        """
        waiting = deque(tasks)
        if not waiting:
            return
        self._connect()
        running: dict[Any, Task[Counts]] = {}
        deaths, lost = Counter[str](), Counter[str]()
        last = time.monotonic()
        try:
            while waiting or running:
                room = _WINDOW_PER_CPU * self.workers  # nodes may join and leave
                while waiting and len(running) < room:
                    task = waiting.popleft()
                    running[self._remote.options(name=task.label).remote(task.to_json())] = task
                done, _ = self._ray.wait(list(running), num_returns=1, timeout=_WAIT_SECONDS)
                last = self._noted(last, is_idle=not done)
                for reference in done:
                    task = running.pop(reference)
                    try:
                        answer = pickle.loads(self._ray.get(reference))
                    except self._ray.exceptions.RayError as error:
                        self._count_death(task, error, deaths, lost)
                        waiting.appendleft(task)
                        continue
                    if isinstance(answer, BaseException):
                        raise answer
                    yield answer
        finally:
            for reference in running:
                self._ray.cancel(reference, force=False)

    def nodes(self, address: StorageAddress, probe: str) -> list[NodeFacts]:
        """See `nodes.Clustered`.

        Raises:
            NetworkError: there is no such cluster.
        """
        self._connect()
        pinned = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
        ask = self._ray.remote(num_cpus=0, max_retries=0)(look)
        asked = [
            (node, ask.options(scheduling_strategy=pinned(node["NodeID"], soft=False)).remote(address, probe))
            for node in self._ray.nodes()
            if node["Alive"] and node["Resources"].get("CPU")
        ]
        found = []
        for node, reference in asked:
            place = node["NodeManagerAddress"]
            try:
                facts = self._ray.get(reference, timeout=_PROBE_SECONDS)
                found.append(replace(facts, node=f"{facts.node} ({place})"))
            except (self._ray.exceptions.TaskUnschedulableError, self._ray.exceptions.NodeDiedError):
                continue  # nodes come and go: this one has gone
            except self._ray.exceptions.RayError as error:
                found.append(NodeFacts(node=place, fault=f"cannot run nextlong-hub ({_first_line(error)})"))
        return found

    def close(self) -> None:
        """Leave the cluster, unless the caller had joined it; one of our own ends, and with it all that runs."""
        if self._aside is None:
            return
        if self._is_ours:
            with self._aside.wholly():
                self._ray.shutdown()
        self._aside.leave()
        self._remote = self._aside = None

    def _connect(self) -> None:
        if self._remote is not None:
            return
        self._aside = _Aside(self)
        self._is_ours = not self._ray.is_initialized()
        options: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
        if self._address == LOCAL:
            options |= {
                "num_cpus": self._processors,
                "include_dashboard": False,
                "object_store_memory": _OBJECT_STORE_BYTES,
            }
        else:
            options |= {"address": self._address}
        try:
            if self._is_ours:
                with self._aside.wholly():
                    self._ray.init(**options)
        except Exception as error:  # Ray raises all kinds, and plain ones among them
            self.close()
            raise NetworkError(
                f"no cluster of Ray answers at {self._address} ({_first_line(error)}); start one with ray start --head "
                f"and run the command on one of its nodes, or take the address {LOCAL} for this machine alone"
            ) from error
        self._remote = self._ray.remote(num_cpus=1, max_retries=0)(perform_pickled)

    def _count_death(self, task: Task[Any], error: Exception, deaths: Counter[str], lost: Counter[str]) -> None:
        """Charge a task with the death of its worker, or of its node.

        Raises:
            WorkerError: it was one too many; or workers cannot run our tasks at all.
        """
        kinds = self._ray.exceptions
        if isinstance(error, kinds.RayTaskError):
            raise WorkerError(
                f"{task.label}: a worker of the cluster cannot run it ({_first_line(error)}); install the same "
                "nextlong-hub on every node"
            ) from error
        is_node = isinstance(error, kinds.NodeDiedError)
        counted, allowed = (lost, _LOST_NODES_ALLOWED) if is_node else (deaths, _DEATHS_ALLOWED)
        counted[task.label] += 1
        what = "its node was lost" if is_node else "its worker died"
        if counted[task.label] >= allowed:
            raise WorkerError(
                f"{task.label}: {what}, {allowed} times in all; most often that is want of memory: give nodes more, or "
                "fewer processors, then run the same command again: finished work is kept"
            ) from error
        _log.warning("%s: %s; try %d of %d", task.label, what, counted[task.label] + 1, allowed)

    def _noted(self, last: float, *, is_idle: bool) -> float:
        """Say that nothing happens, once a minute while no node has a processor; the time of what happened last."""
        now = time.monotonic()
        if not is_idle:
            return now
        if now - last >= _IDLE_SECONDS and not self._ray.cluster_resources().get("CPU", 0):
            _log.warning("no node of the cluster has had a processor for a minute; ray status says why; still waiting")
            return now
        return last


class _Log:
    """The log file as a stream; it is opened for each line, of which there are few."""

    takes_all = False
    """What every thread says is Ray's."""

    def __init__(self, executor: RayExecutor) -> None:
        self._executor = executor

    def write(self, text: str) -> int:
        """Append to the file."""
        self._executor.log.parent.mkdir(parents=True, exist_ok=True)
        with self._executor.log.open("a", encoding="utf-8") as file:
            return file.write(text)

    def flush(self) -> None:
        """Nothing is held back."""


class _Aside:
    """What Ray says in this process goes to a file: its threads print, and it logs."""

    def __init__(self, executor: RayExecutor) -> None:
        self._log = _Log(executor)
        self._handler = logging.StreamHandler(self._log)
        self._logger = logging.getLogger("ray")
        self._propagates = self._logger.propagate
        self._logger.addHandler(self._handler)
        self._logger.propagate = False
        self._streams = sys.stdout, sys.stderr
        self._ours = tuple(_ByThread(stream, self._log) for stream in self._streams)
        sys.stdout, sys.stderr = cast("tuple[TextIO, TextIO]", self._ours)

    @contextmanager
    def wholly(self) -> Iterator[None]:
        """While Ray starts or ends it says things in the calling thread, too."""
        self._log.takes_all = True
        try:
            yield
        finally:
            self._log.takes_all = False

    def leave(self) -> None:
        """Let this process have its streams back, unless somebody has replaced them since."""
        out, err = self._ours
        if sys.stdout is out:
            sys.stdout = self._streams[0]
        if sys.stderr is err:
            sys.stderr = self._streams[1]
        self._logger.removeHandler(self._handler)
        self._logger.propagate = self._propagates


class _ByThread:
    """A stream that is the log for the threads of Ray, and itself for all others."""

    def __init__(self, stream: TextIO, log: _Log) -> None:
        self._stream = stream
        self._log = log

    def __getattr__(self, name: str) -> Any:
        is_ray = self._log.takes_all or threading.current_thread().name.startswith("ray_")
        return getattr(self._log if is_ray and name in ("write", "flush") else self._stream, name)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1 if "Traceback" in str(error) else 0]


def _open(address: str) -> RayExecutor:
    name, _, processors = (address, "", "") if "://" in address else address.partition("/")
    if processors and not (name == LOCAL and processors.isdecimal() and int(processors)):
        raise RecipeError(f"the executor ray:{address} has no number of processors; write ray:local/2, or ray:local")
    return RayExecutor(name or AUTO, int(processors) if processors else None)


EXECUTOR = ExecutorKind(name="ray", summary="on a cluster of Ray: ray:auto, ray:host:port, ray:local/2", open=_open)
