"""Array jobs: a driver that lays tasks out, and jobs that know nothing but the work folder."""

import itertools
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from building import make_request, published
from engine_tasks import FailStrangely, Number, Refuse, Square, TestTask

from nextlong_hub import cli
from nextlong_hub.errors import DataError, RecipeError, WorkerError
from nextlong_hub.execution.array import ArrayExecutor, Share, work
from nextlong_hub.execution.open import Place, open_executor
from nextlong_hub.execution.placed import PlacedTask
from nextlong_hub.execution.roots import Roots
from nextlong_hub.pipeline import build
from nextlong_hub.storage import StorageAddress

FOR_EVER = 1e9


def jobs(pool: ThreadPoolExecutor, address: StorageAddress, count: int) -> list[Future[int]]:
    """Start the jobs of an array."""
    shares = [Share(index=index, count=count) for index in range(count)]
    return [pool.submit(work, address, share, FOR_EVER, lambda _: time.sleep(0.02)) for share in shares]


def placed(address: StorageAddress, task: TestTask) -> PlacedTask:
    """The task as a run gives it to an executor."""
    roots = Roots.away(Path(address.place))
    return PlacedTask(
        key=task.key,
        output=task.output,
        task=task.to_json(roots),
        name=task.label,
        storage=address,
        receipts="receipts",
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folder", "memory"])
def test_array_jobs_make_the_same_bytes(kind: str, corpus_file: Path, tmp_path: Path) -> None:
    """Two jobs do the tasks of a whole build between them, and leave when it ends."""
    place = str(tmp_path / "work") if kind == "folder" else f"memory://{tmp_path.name}"
    address = StorageAddress.of(place, tmp_path / "scratch")
    request = make_request(corpus_file)
    build(request, tmp_path / "plain")
    with ThreadPoolExecutor(2) as pool:
        running = jobs(pool, address, 2)
        executor = ArrayExecutor(poll_seconds=0.02)
        with closing(executor):
            build(request, tmp_path / "out", executor=Place(executor=executor, work_dir=address))
        done = [job.result() for job in running]
    assert published(tmp_path / "out") == published(tmp_path / "plain")
    assert min(done) > 3
    assert list(address.open().list("tasks")) == ["tasks/end"]


def test_each_job_does_its_share(tmp_path: Path) -> None:
    """Of nine tasks and three jobs each does three; what is done is not done again."""
    address = StorageAddress.of(str(tmp_path))
    tasks = [Square(key=f"s{n}", output=tmp_path / "out" / f"s{n}", number=n) for n in range(9)]
    with ThreadPoolExecutor(3) as pool:
        running = jobs(pool, address, 3)
        executor = ArrayExecutor(poll_seconds=0.02)
        receipts = list(executor.run([placed(address, task) for task in tasks]))
        executor.close()
        assert [job.result() for job in running] == [3, 3, 3]
    assert {receipt.key: receipt.counts for receipt in receipts} == {f"s{n}": Number(number=n) for n in range(9)}


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        (Refuse, DataError, r"^notes.jsonl, line 7: invalid UTF-8; mend that line$"),
        (FailStrangely, WorkerError, r"^test a: HomelessError: the wheel came off$"),
    ],
)
def test_what_a_task_raises_ends_the_build(
    kind: type[TestTask], error: type[Exception], message: str, tmp_path: Path
) -> None:
    """In the words of the job, and the job goes on."""
    address = StorageAddress.of(str(tmp_path))
    with ThreadPoolExecutor(1) as pool:
        [job] = jobs(pool, address, 1)
        executor = ArrayExecutor(poll_seconds=0.02)
        with pytest.raises(error, match=message):
            list(executor.run([placed(address, kind(key="a", output=tmp_path / "a"))]))
        executor.close()
        assert job.result() == 0


def test_a_task_that_always_ends_its_job_is_named(tmp_path: Path) -> None:
    """A job that finds that three jobs have begun a task and none has finished it does not try it again."""
    address = StorageAddress.of(str(tmp_path))
    executor = ArrayExecutor(poll_seconds=0.02)
    task = Square(key="s", output=tmp_path / "s", number=1)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(list, executor.run([placed(address, task)]))
        while "tasks/0000000.json" not in address.open().list("tasks"):
            time.sleep(0.01)
        address.open().write("tasks/0000000.tries", b"3")
        assert work(address, Share(index=0, count=1), 1, lambda _: None) == 0
        with pytest.raises(WorkerError, match=r"^test s: its job died 3 times, as for want of memory$"):
            running.result()
    assert not task.output.exists()


def test_a_job_leaves_when_nothing_comes(tmp_path: Path) -> None:
    """The end of an earlier build is not the end of the next one; after the time that was given the job leaves."""
    address = StorageAddress.of(str(tmp_path))
    address.open().write("tasks/end", b"of an earlier one")
    waited = itertools.count()
    assert work(address, Share(index=0, count=1), 10, lambda _: next(waited) and None) == 0
    assert next(waited) == 5


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what was done; an index outside the array and an engine without a work folder are refused."""
    assert cli.run(["work", "--work-dir", str(tmp_path), "--index", "2", "--count", "2"]) == 2
    assert "--index is 2, and jobs of --count 2 are 0 to 1" in capsys.readouterr().err
    assert cli.run(["build", "64k", "--engine", "array", "--output", str(tmp_path / "out")]) == 2
    assert "array jobs find their tasks in --work-dir: name one" in capsys.readouterr().err
    with pytest.raises(RecipeError, match="has no address"):
        open_executor("array:4")
