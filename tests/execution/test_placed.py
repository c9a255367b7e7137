"""A run whose files lie in a storage: the same bytes, resumed from anywhere, and nothing done twice."""

import itertools
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from building import make_request, published

from nextlong_hub.errors import StorageError
from nextlong_hub.execution.base import Counts, Receipt, Task
from nextlong_hub.execution.inline import InlineExecutor
from nextlong_hub.execution.open import Place
from nextlong_hub.execution.placed import PlacedTask
from nextlong_hub.pipeline import BuildRequest, build
from nextlong_hub.storage import StorageAddress


class Machines:
    """Runs tasks here, from their JSON, as machines with a scratch each would; remembers which."""

    workers = 1

    def __init__(self, stop_after: int | None = None) -> None:
        self.ran: list[str] = []
        self._stop_after = stop_after

    def run(self, tasks: Sequence[Task[Counts]]) -> Iterator[Receipt[Counts]]:
        """See `Executor.run`; stops like a driver that is lost."""
        for task in tasks:
            if len(self.ran) == self._stop_after:
                raise ConnectionAbortedError
            assert isinstance(task, PlacedTask)
            self.ran.append(task.label)
            yield task.perform()

    def close(self) -> None:
        """Nothing to release."""


@pytest.fixture(params=["folder", "memory"])
def work_dir(request: pytest.FixtureRequest, tmp_path: Path) -> StorageAddress:
    """Where unfinished work lies: a folder that all see, or a store of objects and a scratch of the workers."""
    place = str(tmp_path / "work") if request.param == "folder" else f"memory://{tmp_path.name}/{next(_NUMBERS)}"
    return StorageAddress(place=place, scratch=str(tmp_path / "scratch"))


_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def request_(corpus_file: Path) -> BuildRequest:
    """Eight rows."""
    return make_request(corpus_file)


@pytest.fixture(scope="module")
def plain(request_: BuildRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset of one machine, with its work; nobody may change it."""
    output = tmp_path_factory.mktemp("plain") / "dataset"
    build(request_, output)
    return output


def run(request: BuildRequest, output: Path, work_dir: StorageAddress, stop_after: int | None = None) -> list[str]:
    """Build, or go on; which tasks were run."""
    machines = Machines(stop_after)
    try:
        build(request, output, executor=Place(executor=machines, work_dir=work_dir))
    except ConnectionAbortedError:
        assert stop_after is not None
    return machines.ran


def test_the_bytes_are_the_same_and_nothing_is_done_twice(
    request_: BuildRequest, plain: Path, work_dir: StorageAddress, tmp_path: Path
) -> None:
    """A build, the same again, and one more from another empty output folder: only the first runs tasks."""
    ran = run(request_, tmp_path / "out", work_dir)
    assert len(set(ran)) == len(ran) > 12
    assert published(tmp_path / "out") == published(plain)
    assert run(request_, tmp_path / "out", work_dir) == []
    again = run(request_, tmp_path / "elsewhere", work_dir)
    assert [label for label in again if not label.startswith(("lex", "merge", "fill"))] == []
    assert published(tmp_path / "elsewhere") == published(plain)


@pytest.mark.parametrize("stop_after", [1, 7, 12])
def test_a_driver_that_is_lost_is_followed_by_another(
    stop_after: int, request_: BuildRequest, plain: Path, work_dir: StorageAddress, tmp_path: Path
) -> None:
    """From another empty output folder, no finished task runs again, and the bytes are the same."""
    first = run(request_, tmp_path / "out", work_dir, stop_after)
    second = run(request_, tmp_path / "elsewhere", work_dir)
    assert len(first) == stop_after
    assert [label for label in first if label in second] == []
    assert published(tmp_path / "elsewhere") == published(plain)


def test_the_engine_may_change_half_way(request_: BuildRequest, plain: Path, tmp_path: Path) -> None:
    """What one machine has begun a cluster finishes, and the other way round."""
    half = shutil.copytree(plain, tmp_path / "half")
    for path in [*half.rglob("unit-00002*"), half / "manifest.json"]:
        path.unlink()
    ran = run(request_, half, StorageAddress(place=str((half / ".work").absolute())))
    assert {label.partition("-")[0] for label in ran} <= {"retrieve unit", "synthesise unit", "write tiny"}
    assert published(half) == published(plain)
    (half / "manifest.json").unlink()
    build(request_, half, executor=_Refusing())
    assert published(half) == published(plain)


class _Refusing(InlineExecutor):
    def run(self, tasks: Sequence[Task[Counts]]) -> Iterator[Receipt[Counts]]:
        """Nothing may be left to do."""
        assert list(tasks) == []
        return iter(())


def test_the_receipt_comes_last(
    request_: BuildRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work_dir: StorageAddress
) -> None:
    """A worker that dies before its output is published, the third, leaves no receipt: its task runs again."""
    storage = work_dir.open()
    names: list[str] = []
    publish: Callable[[str], None] = storage.publish

    def dying(name: str) -> None:
        names.append(name)
        if len(names) == 3:
            raise StorageError("the machine is gone")
        publish(name)

    monkeypatch.setattr(storage, "publish", dying)  # that of workers: a driver opens its own
    with pytest.raises(StorageError, match="the machine is gone"):
        run(request_, tmp_path / "out", work_dir)
    monkeypatch.undo()
    assert run(request_, tmp_path / "out", work_dir)[:2] == ["merge vocabulary", "fill shard-00000"]
