"""One run: the context that every stage gets."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from nextlong_hub.execution.base import Counts, Executor, Receipt, Task
from nextlong_hub.execution.inline import InlineExecutor
from nextlong_hub.execution.progress import NullProgress, ProgressTracker
from nextlong_hub.execution.receipts import run_missing
from nextlong_hub.execution.workspace import Workspace

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Where results and unfinished work lie, where tasks run, and where progress is reported."""

    output: Path
    """The dataset folder that is built."""
    workspace: Workspace
    executor: Executor
    progress: ProgressTracker
    _made: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def quiet(cls, work: Path, progress: ProgressTracker | None = None) -> "Run":
        """A run in this process that keeps its work in `work`; reports go to `progress`, or nowhere."""
        return cls(
            output=work,
            workspace=Workspace(work),
            executor=InlineExecutor(),
            progress=progress or ProgressTracker(NullProgress()),
        )

    def map(
        self,
        stage: str,
        tasks: Sequence[Task[Counts]],
        identity: str,
        before_first: Callable[[], None] | None = None,
    ) -> list[Receipt[Counts]]:
        """Run the tasks that have no valid receipt, as one stage; give all receipts, in the order of the tasks.

        Args:
            stage: its name in progress reports.
            tasks: of one class.
            identity: digest of what the tasks are made from; names the folder of their receipts.
            before_first: called once before the first task runs; not when there is nothing to run.

        Raises:
            WorkerError: see `Executor.run`.
        """
        done: dict[str, Receipt[Counts]] = {}
        folder = self.workspace.receipts(identity)
        is_begun = False

        def begin() -> None:
            nonlocal is_begun
            is_begun = True
            self.progress.skip()
            if before_first is not None:
                before_first()

        with self.stage(stage, len(tasks), tasks[0].noun if tasks else "tasks") as advance:
            for receipt in run_missing(self.executor, tasks, folder, begin):
                done[receipt.key] = receipt
                advance(1)
            if not is_begun:
                self.progress.skip()
        return [done[task.key] for task in tasks]

    def once(self, identity: str, make: Callable[[], Made]) -> Made:
        """The result of `make`, which is called once a run for each identity: configurations share it."""
        if identity not in self._made:
            self._made[identity] = make()
        made: Made = self._made[identity]
        return made

    def stage(self, name: str, total: int | None, noun: str) -> AbstractContextManager[Callable[[int], None]]:
        """One stage without tasks; see `ProgressTracker.stage`."""
        return self.progress.stage(name, total, noun)

    def note(self, text: str) -> None:
        """Tell people something that they would not expect; see `Progress.note`."""
        self.progress.note(text)

    def inline(self) -> "Run":
        """The same run with every task in this process, for inputs that no other process can read."""
        return replace(self, executor=InlineExecutor())
