"""A cluster of two nodes loses a worker, a node and its driver: another driver finishes, and the bytes are the same."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from building import published, run_command

BUILD = ["build", "64k", "--samples", "16", "--set", "output.unit_documents=2", "--set", "retrieval.shard_chunks=1024"]
"""Thirty tasks and more: two rows to a unit, an index of several shards."""
SECONDS_FOR_A_NODE = 120
"""A lost node is noticed after a quarter of a minute, or a whole one."""


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head without processors; nodes are added."""
    pytest.importorskip("ray", reason="Ray is an extra")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_USAGE_STATS_REPORT_URL", "http://127.0.0.1:9/")
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **_SMALL})
    yield made
    made.shutdown()


_SMALL = {"object_store_memory": 80 << 20, "include_dashboard": False}


@contextmanager
def driving(cluster: Any, work: Path, output: Path) -> Iterator["subprocess.Popen[str]"]:
    """The command in a process of its own, which has another working folder than the nodes."""
    options = [
        "--engine",
        "ray",
        "--address",
        cluster.address,
        "--work-dir",
        str(work),
        "--output",
        str(output),
        "--json",
    ]
    code = "from nextlong_hub.cli import main; main()"
    command = [sys.executable, "-c", code, *BUILD, *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=output.parent, text=True, **pipes) as running:  # type: ignore[call-overload]
        try:
            yield running
        finally:
            running.kill()


def wait_until(is_so: Callable[[], object], running: "subprocess.Popen[str]") -> None:
    """Until something is so; the command may not end before."""
    until = time.monotonic() + SECONDS_FOR_A_NODE
    while not is_so():
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)


def receipts(work: Path) -> dict[Path, int]:
    """The receipts there are, and when they were written."""
    return {path: path.stat().st_mtime_ns for path in work.glob("receipts-*/*/*.json")}


def kill_a_busy_worker() -> bool:
    """Kill a worker of Ray that runs a task; whether there was one."""
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            title = (entry / "cmdline").read_text()
            if re.match("ray::(lex|fill|retrieve|tokenise|synthesise) ", title):
                os.kill(int(entry.name), signal.SIGKILL)
                return True
    return False


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of the cluster, which leaves files open
@pytest.mark.skipif(
    not Path("/proc/self/cmdline").is_file(), reason="workers are found by what the kernel tells of them"
)
def test_worker_node_and_driver_are_lost(cluster: Any, tmp_path: Path) -> None:
    """Only unfinished tasks run again, from another empty output folder, and every published byte is the same."""
    work = tmp_path / "work"
    nodes = [cluster.add_node(num_cpus=1, **_SMALL) for _ in range(2)]
    with driving(cluster, work, tmp_path / "one") as running:
        wait_until(kill_a_busy_worker, running)
        wait_until(lambda: len(receipts(work)) >= 3, running)
        cluster.remove_node(nodes[1], allow_graceful=False)
        wait_until(lambda: len(receipts(work)) >= 6, running)
        cluster.add_node(num_cpus=1, **_SMALL)
        wait_until(lambda: len(receipts(work)) >= 9, running)
    before = receipts(work)
    with driving(cluster, work, tmp_path / "two") as running:
        out, err = running.communicate(timeout=300)
    assert running.returncode == 0, err
    assert json.loads(out)["manifest"]["configs"]["64k"]["rows"] == 16
    after = receipts(work)
    assert {path: after[path] for path in before} == before
    assert len(after) > len(before)
    plain = run_command(*BUILD, "--output", tmp_path / "plain", "--num-proc", "2")
    assert plain.returncode == 0, plain.stderr
    assert published(tmp_path / "two") == published(tmp_path / "plain")
