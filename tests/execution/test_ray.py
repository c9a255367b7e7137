"""Ray: the same bytes as on one machine, deaths of workers told and mended, and nothing of its own on stdout."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from building import make_request, published
from engine_tasks import DieAlways, DieOnce, FailStrangely, Number, Refuse, Square

from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.errors import BadDocumentError, NetworkError, RecipeError, WorkerError
from nextlong_hub.execution.nodes import ask_nodes, differing
from nextlong_hub.execution.open import Place, open_executor
from nextlong_hub.pipeline import BuildRequest, build
from nextlong_hub.recipe import load_recipe
from nextlong_hub.storage import StorageAddress


@pytest.fixture(scope="module")
def environment() -> Iterator[pytest.MonkeyPatch]:
    """Ray keeps to itself, and its workers find the tasks of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[1] / "support"))
        patch.setenv("RAY_AUTH_MODE", "disabled")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        yield patch


@pytest.fixture(scope="module")
def ray(environment: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A cluster of this machine with two processors."""
    pytest.importorskip("ray", reason="Ray is an extra")
    with closing(open_executor("ray:local/2")) as executor:
        executor.log = tmp_path_factory.mktemp("ray") / "engine.log"
        assert executor.workers == 2
        yield executor


@pytest.mark.slow
def test_the_demo_is_the_same_on_ray(ray: Any, tmp_path: Path) -> None:
    """64k of the embedded corpus, on a cluster and in this process: every published byte."""
    sources = (SourceSettings(name="demo", path="demo"),)
    request = BuildRequest(recipes=(load_recipe("64k"),), sources=sources, tokenizer="demo", rows={"64k": 4})
    build(request, tmp_path / "here")
    build(request, tmp_path / "there", executor=ray)
    assert published(tmp_path / "there") == published(tmp_path / "here")


@pytest.mark.slow
def test_each_node_is_asked(ray: Any, tmp_path: Path) -> None:
    """The one node of this cluster is this machine, and is fit."""
    address = StorageAddress.of(str(tmp_path))
    [node] = ask_nodes(ray, address.open(), address)
    assert (node.fault, differing(node)) == ("", {})


@pytest.mark.slow
def test_a_killed_worker_loses_nothing(ray: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its task runs again, and one line says so."""
    tasks = [Square(key=f"s{number}", output=tmp_path / f"s{number}", number=number) for number in range(5)]
    dying = DieOnce(key="once", output=tmp_path / "once", number=3, marker=tmp_path / "marker")
    receipts = {receipt.key: receipt for receipt in ray.run([dying, *tasks])}
    assert {key: receipt.counts for key, receipt in receipts.items()} == {
        "once": Number(number=3), **{f"s{number}": Number(number=number) for number in range(5)}
    }  # fmt: skip
    assert json.loads((tmp_path / "once").read_text()) == {"square": 9}
    assert [record.getMessage() for record in caplog.records] == ["test once: its worker died; try 2 of 3"]


@pytest.mark.slow
def test_a_task_that_always_kills_its_worker_is_named(ray: Any, tmp_path: Path) -> None:
    """After three tries, with what to do; the cluster can be used on."""
    tasks = [DieAlways(key="p", output=tmp_path / "p"), Square(key="s", output=tmp_path / "s", number=1)]
    with pytest.raises(WorkerError, match=r"^test p: its worker died, 3 times in all; .*finished work is kept$"):
        list(ray.run(tasks))
    assert [receipt.key for receipt in ray.run(tasks[1:])] == ["s"]


@pytest.mark.slow
def test_errors_arrive_as_themselves(ray: Any, tmp_path: Path) -> None:
    """An exception is a fact about data: it ends the run, with its class and its words, and is not tried again."""
    with pytest.raises(BadDocumentError, match=r"^notes.jsonl, line 7: invalid UTF-8; mend that line$"):
        list(ray.run([Refuse(key="a", output=tmp_path / "a")]))
    with pytest.raises(RuntimeError, match=r"^test a: HomelessError: the wheel came off$"):
        list(ray.run([FailStrangely(key="a", output=tmp_path / "a")]))


@pytest.mark.slow
def test_a_store_of_objects_is_all_that_machines_share(
    environment: pytest.MonkeyPatch, ray: Any, corpus_file: Path, tmp_path: Path
) -> None:
    """Ray with its work in S3, as moto plays it: the same bytes, and from another empty output folder no task again."""
    pytest.importorskip("s3fs", reason="s3:// is read by s3fs, an extra")
    moto = pytest.importorskip("moto.server", reason="moto plays the server of S3")
    boto3 = pytest.importorskip("boto3", reason="moto plays the server of S3")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    request = make_request(corpus_file)
    ray.close()  # workers have the variables of whoever starts the cluster
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
                patch.setenv(name, "testing")
            patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
            boto3.client("s3").create_bucket(Bucket="work")
            place = Place(executor=ray, work_dir=StorageAddress.of("s3://work/nl", tmp_path / "scratch"))
            build(request, tmp_path / "plain")
            build(request, tmp_path / "there", executor=place)
            build(request, tmp_path / "again", executor=place)
    finally:
        ray.close()
        server.stop()
    assert published(tmp_path / "there") == published(tmp_path / "plain")
    assert published(tmp_path / "again") == published(tmp_path / "plain")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("ray:ray://head:10001", r"run the command on the cluster: ray job submit -- nextlong-hub build"),
        ("ray:local/none", r"has no number of processors; write ray:local/2"),
    ],
)
def test_addresses_that_cannot_be(address: str, message: str) -> None:
    """They are refused before anything starts, with what to write instead."""
    with pytest.raises(RecipeError, match=message):
        open_executor(address)


def test_without_ray_the_command_to_install_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2, and the line to type."""
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(RecipeError, match=r'run pip install "nextlong-hub\[ray\]", here and on every node') as caught:
        open_executor("ray:auto")
    assert caught.value.exit_code == 2


@pytest.mark.slow
def test_no_cluster_is_said_so(environment: pytest.MonkeyPatch) -> None:
    """An address where nobody answers ends the command, with the ways to go on."""
    pytest.importorskip("ray", reason="Ray is an extra")
    environment.setenv("RAY_raylet_start_wait_time_s", "1")
    with closing(open_executor("ray:auto")) as executor, pytest.raises(NetworkError, match="start one with ray start"):
        list(executor.run([Square(key="a", output=Path("a"), number=1)]))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="workers are found by what the kernel tells of them")
def test_json_stays_json_while_a_worker_dies(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A worker is killed under `--json`: one JSON value on stdout, one line on stderr, and Ray's own in the log."""
    pytest.importorskip("ray", reason="Ray is an extra")
    options = ["--engine", "ray", "--address", "local", "--num-proc", "1", "--samples", "2", "--json"]
    code = "from nextlong_hub.cli import main; main()"
    command = [sys.executable, "-c", code, "build", "64k", *options, "--output", str(tmp_path / "out")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        while running.poll() is None and not (killed := kill_a_busy_worker(running.pid)):
            time.sleep(0.02)
        out, err = running.communicate(timeout=240)
    assert running.returncode == 0, err
    assert killed
    assert json.loads(out)["manifest"]["configs"]["64k"]["rows"] == 2
    assert [line for line in err.splitlines() if "its worker died; try 2 of 3" in line]
    assert "raylet" not in err
    assert "(raylet)" in (tmp_path / "out" / ".work" / "engine.log").read_text()


def kill_a_busy_worker(driver: int) -> bool:
    """Kill one worker of Ray that runs a task and was started by a process; whether there was one."""
    parents, titles = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                titles[int(entry.name)] = (entry / "cmdline").read_bytes().decode(errors="replace")
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    for process, title in titles.items():
        above = process
        while above in parents and above != driver:
            above = parents[above]
        if above == driver and re.match("ray::(ingest|lex|retrieve|tokenise|synthesise) ", title):
            os.kill(process, signal.SIGKILL)
            return True
    return False
