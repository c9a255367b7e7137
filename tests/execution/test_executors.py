"""The engine: the same receipts wherever tasks run, and no worker's death hangs it or loses anything."""

import faulthandler
import hashlib
import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from engine_tasks import (
    Bundle,
    DieAlways,
    DieOnce,
    FailStrangely,
    FillFolder,
    Number,
    ReadMuch,
    Refuse,
    Square,
    TellPid,
    TellThreads,
    TestTask,
)

from nextlong_hub.core.files import write_checked_json
from nextlong_hub.errors import BadDocumentError, RecipeError, WorkerError
from nextlong_hub.execution.base import Receipt, Task, task_from_json
from nextlong_hub.execution.inline import InlineExecutor
from nextlong_hub.execution.local import LocalExecutor
from nextlong_hub.execution.open import EXECUTORS, open_executor
from nextlong_hub.execution.receipts import run_missing
from nextlong_hub.producer import RowSizes
from nextlong_hub.synthesis.tasks import SelectionCounts, SynthesisCounts

SECONDS_BEFORE_A_HANG_FAILS = 120


@pytest.fixture(autouse=True)
def _hangs_fail() -> Iterator[None]:
    """End the test run, with the stack of every thread, instead of blocking for ever."""
    faulthandler.dump_traceback_later(SECONDS_BEFORE_A_HANG_FAILS, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def two_workers() -> Iterator[LocalExecutor]:
    """An executor with two processes, which a test may kill."""
    with closing(LocalExecutor(2)) as executor:
        yield executor


MakeTask = Callable[..., TestTask]


@pytest.fixture
def task(tmp_path: Path) -> MakeTask:
    """Make a task that writes below `out` and may look at a marker file."""

    def make(kind: type[TestTask], number: int = 0, **more: Any) -> TestTask:
        key = f"{kind.__name__}-{number}"
        output = tmp_path / "out" / key
        return kind(key=key, output=output, number=number, marker=tmp_path / "marker", **more)

    return make


def by_key(receipts: list[Receipt]) -> dict[str, Receipt]:
    """Receipts without the time that they took."""
    assert len({receipt.key for receipt in receipts}) == len(receipts)
    return {receipt.key: replace(receipt, seconds=0) for receipt in receipts}


def test_the_same_receipts_inline_and_on_workers(task: MakeTask, two_workers: LocalExecutor) -> None:
    """Where tasks run shows in no receipt but its time, and each task gets exactly one."""
    tasks = [*(task(Square, number) for number in range(9)), task(FillFolder)]
    inline = by_key(list(InlineExecutor().run(tasks)))
    away = by_key(list(two_workers.run(tasks)))
    assert inline == away
    assert set(away) == {one.key for one in tasks}
    assert away["Square-3"].counts == Number(number=3)
    # sha256 and size of the file that holds {"square": 9}
    assert away["Square-3"].bytes == 18
    assert away["Square-3"].sha256 == "fe96d9f718dd968790ddeac531f02776c5c936ecbdb34a28cb3e3cbb484095c5"
    # sha256 of "<sha256 of the file> <its name>\0" for both files of the folder, each of which holds `FillFolder-0`
    files = [f"{hashlib.sha256(b'FillFolder-0').hexdigest()} {name}\0" for name in ("a", "b")]
    assert away["FillFolder-0"].sha256 == hashlib.sha256("".join(files).encode()).hexdigest()
    assert away["FillFolder-0"].bytes == 24


def test_tasks_run_on_workers_of_the_number_asked_for(task: MakeTask) -> None:
    """One process means this one; two means two others; nothing to do starts none."""
    alone = open_executor("inline")
    assert {receipt.counts.number for receipt in alone.run([task(TellPid, n) for n in range(3)])} == {os.getpid()}
    with closing(open_executor("local:2")) as executor:
        assert list(executor.run([])) == []
        pids = {receipt.counts.number for receipt in executor.run([task(TellPid, n) for n in range(8)])}
    assert os.getpid() not in pids
    assert 1 <= len(pids) <= 2


def test_a_worker_multiplies_on_one_thread(task: MakeTask, two_workers: LocalExecutor) -> None:
    """Workers share out the cores, so threads of theirs would only wait for each other."""
    assert [receipt.counts.number for receipt in two_workers.run([task(TellThreads)])] == [1]


def test_a_killed_worker_loses_nothing(task: MakeTask, two_workers: LocalExecutor, tmp_path: Path) -> None:
    """SIGKILL in the middle of a task: it runs again in another process, and every task still gives one receipt."""
    tasks = [task(DieOnce, 0), *(task(Square, number) for number in range(9))]
    receipts = by_key(list(two_workers.run(tasks)))
    assert set(receipts) == {one.key for one in tasks}
    assert json.loads((tmp_path / "out" / "DieOnce-0").read_text()) == {"square": 0}
    assert len(list(tmp_path.glob("marker.*"))) == 2


def test_a_worker_killed_while_idle_is_replaced(task: MakeTask, two_workers: LocalExecutor) -> None:
    """Workers that die between two runs do not stop the second one."""
    for pid in {receipt.counts.number for receipt in two_workers.run([task(TellPid, n) for n in range(4)])}:
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.5)  # the pool notices the deaths in a thread of its own
    assert set(by_key(list(two_workers.run([task(Square, n) for n in range(4)])))) == {f"Square-{n}" for n in range(4)}


@pytest.mark.slow
def test_a_task_that_always_kills_its_worker_is_named(task: MakeTask, two_workers: LocalExecutor) -> None:
    """The run ends with an error that names that task, never a neighbour, and the executor can be used again."""
    neighbours = [task(Square, number, slow=True) for number in range(6)]
    tasks = [neighbours[0], task(DieAlways), *neighbours[1:]]
    with pytest.raises(WorkerError, match=r"^test DieAlways-0: its worker process was killed 3 times.*smaller num_"):
        list(two_workers.run(tasks))
    assert [receipt.key for receipt in two_workers.run([task(Square, 7)])] == ["Square-7"]


@pytest.mark.parametrize("address", ["inline", "local:2"])
def test_our_errors_arrive_as_themselves(task: MakeTask, address: str) -> None:
    """An exception of ours keeps its class, message and attributes on its way from a worker."""
    with closing(open_executor(address)) as executor, pytest.raises(BadDocumentError) as caught:
        list(executor.run([task(Refuse)]))
    assert str(caught.value) == "notes.jsonl, line 7: invalid UTF-8; mend that line"
    assert (caught.value.place, caught.value.reason, caught.value.remedy) == (
        "notes.jsonl, line 7",
        "invalid UTF-8",
        "mend that line",
    )


def test_an_exception_that_cannot_travel_is_not_taken_for_a_death(task: MakeTask, two_workers: LocalExecutor) -> None:
    """What cannot be unpickled here still says what happened, and where."""
    with pytest.raises(RuntimeError, match=r"^test FailStrangely-0: HomelessError: the wheel came off$"):
        list(two_workers.run([task(FailStrangely)]))


def test_an_executor_works_on_after_an_error(task: MakeTask, two_workers: LocalExecutor) -> None:
    """A failed task ends its run, not the workers; what was in flight does not turn up in the next run."""
    with pytest.raises(BadDocumentError):
        list(two_workers.run([task(Refuse), *(task(Square, n) for n in range(3))]))
    assert set(by_key(list(two_workers.run([task(Square, 5)])))) == {"Square-5"}


class Counting:
    """Runs tasks here and remembers which."""

    workers = 1

    def __init__(self) -> None:
        self.ran: list[str] = []

    def run(self, tasks: list[Task]) -> Iterator[Receipt]:
        """Remember what is asked for."""
        self.ran += [one.key for one in tasks]
        return InlineExecutor().run(tasks)

    def close(self) -> None:
        """Nothing to let go."""


def ran(tasks: list[Task], folder: Path) -> list[str]:
    """Which of the tasks had to run."""
    executor = Counting()
    receipts = list(run_missing(executor, tasks, folder))
    assert sorted(receipt.key for receipt in receipts) == sorted(one.key for one in tasks)
    return executor.ran


def truncate(path: Path) -> None:
    """Lose the last byte."""
    path.write_bytes(path.read_bytes()[:-1])


def flip_a_bit(path: Path) -> None:
    """Same size, other content."""
    content = bytearray(path.read_bytes())
    content[5] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [Path.unlink, truncate, flip_a_bit])
def test_kept_receipts_are_used_again_while_their_output_is_whole(
    task: MakeTask, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    """The second run does nothing; after a file is lost or damaged only its own task runs, and mends it."""
    tasks = [task(Square, number) for number in range(4)]
    assert ran(tasks, tmp_path / "receipts") == [one.key for one in tasks]
    assert ran(tasks, tmp_path / "receipts") == []
    whole = tasks[2].output.read_bytes()
    damage(tasks[2].output)
    assert ran(tasks, tmp_path / "receipts") == ["Square-2"]
    assert tasks[2].output.read_bytes() == whole
    assert ran(tasks, tmp_path / "receipts") == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"stage": "test"}'], ids=["empty", "cut", "list", "other keys"])
def test_a_broken_receipt_is_no_receipt(task: MakeTask, tmp_path: Path, content: str) -> None:
    """A task whose receipt cannot be read runs again."""
    assert ran([task(Square, 1)], tmp_path / "receipts") == ["Square-1"]
    (tmp_path / "receipts" / "test" / "Square-1.json").write_text(content)
    assert ran([task(Square, 1)], tmp_path / "receipts") == ["Square-1"]


def test_a_receipt_of_a_folder_needs_the_folder(task: MakeTask, tmp_path: Path) -> None:
    """A folder that is gone, or replaced by a file, is made anew."""
    one = task(FillFolder)
    assert ran([one], tmp_path / "receipts") == ["FillFolder-0"]
    assert ran([one], tmp_path / "receipts") == []
    one.output.rename(tmp_path / "elsewhere")
    assert ran([one], tmp_path / "receipts") == ["FillFolder-0"]


@pytest.mark.parametrize("damage", ["change", "cut", "remove", "add"])
def test_a_receipt_of_a_folder_speaks_for_every_file_in_it(task: MakeTask, tmp_path: Path, damage: str) -> None:
    """A folder in which one file was changed, cut, removed or added is made anew."""
    one = task(FillFolder)
    ran([one], tmp_path / "receipts")
    file = one.output / "b"
    if damage == "remove":
        file.unlink()
    else:
        new_name = file.with_name("c") if damage == "add" else file
        new_name.write_bytes({"change": b"FillFolder-1", "cut": b"fill_", "add": b""}[damage])
    assert ran([one], tmp_path / "receipts") == ["FillFolder-0"]


def test_a_receipt_that_was_changed_is_not_believed(task: MakeTask, tmp_path: Path) -> None:
    """A flipped digit in a receipt's counts costs a rerun, never a wrong count."""
    one = task(Square, 4)
    ran([one], tmp_path / "receipts")
    [kept] = (tmp_path / "receipts").rglob("*.json")
    kept.write_bytes(kept.read_bytes().replace(b'"number": 4', b'"number": 5'))
    assert ran([one], tmp_path / "receipts") == ["Square-4"]


def test_an_interrupted_run_keeps_what_was_done(task: MakeTask, tmp_path: Path) -> None:
    """Receipts are kept one by one: a caller that stops after three tasks finds three done."""
    tasks = [task(Square, number) for number in range(4)]
    running = run_missing(InlineExecutor(), tasks, tmp_path / "receipts")
    assert [next(running).key for _ in range(3)] == ["Square-0", "Square-1", "Square-2"]
    running.close()
    assert ran(tasks, tmp_path / "receipts") == ["Square-3"]


def test_a_moved_output_folder_keeps_its_receipts(task: MakeTask, tmp_path: Path) -> None:
    """A receipt gives the path that was asked for now, not the one of the day on which it was written."""
    one = task(Square, 3)
    list(run_missing(InlineExecutor(), [one], tmp_path / "receipts"))
    (tmp_path / "out").rename(tmp_path / "moved")
    moved = replace(one, output=tmp_path / "moved" / "Square-3")
    [receipt] = run_missing(Counting(), [moved], tmp_path / "receipts")
    assert receipt.output == moved.output
    assert ran([moved], tmp_path / "receipts") == []


def test_every_input_is_declared(tmp_path: Path) -> None:
    """Marked paths and addresses are inputs, wherever they stand in a task, and nothing else is."""
    task = ReadMuch(
        key="k",
        output=tmp_path / "out",
        one=Path("a"),
        address="hf://datasets/u/n/b",
        several=(Path("c"), Path("d")),
        by_name={"x": Path("e")},
        bundles=(Bundle(file=Path("f"), label="no"),),
        maybe=Bundle(file=Path("g"), label="no"),
    )
    assert task.inputs == {
        "one": "a",
        "address": "hf://datasets/u/n/b",
        "several.0": "c",
        "several.1": "d",
        "by_name.x": "e",
        "bundles.0.file": "f",
        "maybe.file": "g",
    }


def test_a_task_travels_as_json(tmp_path: Path) -> None:
    """What comes back from its JSON form is the same task, of the same class."""
    bundle = Bundle(file=Path("f"), label="ü")
    task = ReadMuch(
        key="k", output=tmp_path, one=Path("a"), address="b", several=(), by_name={"x": Path("e")}, bundles=(bundle,)
    )
    again = task_from_json(task.to_json())
    assert (type(again), again) == (ReadMuch, task)
    assert json.loads(task.to_json())["task"] == "engine_tasks:ReadMuch"


def test_only_tasks_are_made_from_json() -> None:
    """A name that is no task's is refused before anything runs."""
    with pytest.raises(TypeError, match="engine_tasks:Bundle is no task"):
        task_from_json('{"task": "engine_tasks:Bundle", "fields": {"file": "a", "label": "b"}}')


def test_an_executor_is_opened_by_its_address() -> None:
    """The registered names are known; others, and numbers that are none, are refused with what there is."""
    assert EXECUTORS.names()[:4] == ("array", "inline", "local", "ray")
    with closing(open_executor("local:3")) as executor:
        assert executor.workers == 3
    assert open_executor("inline").workers == 1
    with pytest.raises(
        RecipeError, match=r"no executor 'lokal'; there are: array, inline, local, ray.* \(did you mean 'local'\?\)"
    ):
        open_executor("lokal:2")
    with pytest.raises(RecipeError, match="local:zero has no number of processes; write local:8"):
        open_executor("local:zero")


def test_a_receipt_is_below_one_kilobyte(tmp_path: Path) -> None:
    """With the counts of the most talkative stage at their largest there is room to spare."""
    counts = SynthesisCounts(
        discarded=dict.fromkeys(["too_few_negatives", "below_target", "over_target", "no_exact_cut"], 10**6),
        **dict.fromkeys(
            ["candidates", "kept", "truncated", "truncated_tokens", "row_bytes", "near_duplicates"], 10**12
        ),
        selection=SelectionCounts(
            passed_over=dict.fromkeys(["ranked_too_high", "like_another_negative"], 10**6),
            relaxed=4,
            cut_samples=4,
            cut_meta_chunks=10**4,
        ),
        sizes=RowSizes(target_length=524_288, rows=((10**7, 524_288, 600_000),) * 4),
    )
    receipt = Receipt(
        stage="synthesise", key="unit-00000", output=tmp_path, sha256="0" * 64, bytes=10**9, seconds=9999.999,
        counts=counts,
    )  # fmt: skip
    write_checked_json(tmp_path / "receipt.json", receipt.to_json())
    assert 0 < (tmp_path / "receipt.json").stat().st_size < 1024


def _both_executors(folder: Path, answers: Any) -> None:
    """What a process of a pool or of a data loader meets."""
    for executor in (LocalExecutor(2), InlineExecutor()):
        task = Square(key="a", output=folder / "a.json", number=3)
        try:
            answers.put([receipt.counts for receipt in executor.run([task])])
        except WorkerError as error:
            answers.put(str(error))


@pytest.mark.slow
def test_a_daemonic_process_is_told_what_works_and_it_does(tmp_path: Path) -> None:
    """Python lets such a process start none; `inline` needs none."""
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    process = context.Process(target=_both_executors, args=(tmp_path, answers), daemon=True)
    process.start()
    refused, made = answers.get(timeout=60), answers.get(timeout=60)
    process.join()
    assert 'take executor="inline"' in refused
    assert made == [Number(number=3)]


def test_without_semaphores_all_work_is_done_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A sandbox without /dev/shm gives the same receipts in one process, and it is told once."""

    def lacking(*arguments: object, **options: object) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr("multiprocessing.synchronize.SemLock.__init__", lacking)
    with closing(LocalExecutor(2)) as executor:
        for stage in ("one", "two"):
            tasks = [TellPid(key=f"{stage}-{number}", output=tmp_path / f"{stage}-{number}") for number in range(3)]
            assert {receipt.counts.number for receipt in executor.run(tasks)} == {os.getpid()}
        assert executor.workers == 1
    assert caplog.text.count("no worker processes can be started here") == 1
