"""A dataset folder while it is written: its lock, what may be overwritten, and how its manifest is invalidated."""

import glob
import logging
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from importlib.resources import files
from itertools import dropwhile
from pathlib import Path

from filelock import FileLock, Timeout

from nextlong_hub.core.files import insist, is_left_aside, storage_errors, sweep, write_bytes, write_json
from nextlong_hub.dataset.manifest import (
    MANIFEST_NAME,
    Manifest,
    read_manifest,
)
from nextlong_hub.errors import ConflictError
from nextlong_hub.execution.base import Executor
from nextlong_hub.execution.open import open_executor
from nextlong_hub.execution.progress import NullProgress, Progress, ProgressTracker
from nextlong_hub.execution.run import Run
from nextlong_hub.execution.workspace import WORK_NAME, Workspace
from nextlong_hub.recipe import recorded_toml

CARD_NAME = "README.md"
_MARK = "nextlong-hub.json"

_log = logging.getLogger(__name__)


@contextmanager
def open_run(output: Path, executor: Executor | str = "inline", progress: Progress | None = None) -> Iterator[Run]:
    """Take the output folder for this process alone, making it if need be.

    Args:
        output: the dataset folder.
        executor: where tasks run; it is closed only where its address is given.
        progress: is told of each stage; None shows nothing.

    Raises:
        ConflictError: the folder holds something that is not ours, or another process is writing it.
        StorageError: it cannot be written.
        RecipeError: there is no executor of that address.
    """
    with ExitStack() as opened:
        workspace = opened.enter_context(locked(output))
        if isinstance(executor, str):
            executor = opened.enter_context(closing(open_executor(executor)))
        if characters := pattern_characters(output):
            _log.warning(
                "load_dataset will not read %s: it takes %s in a path for a pattern; rename the folder, now or later",
                output,
                " ".join(characters),
            )
        tracker = ProgressTracker(progress or NullProgress())
        yield Run(output=output, workspace=workspace, executor=executor, progress=tracker)


def pattern_characters(output: Path) -> str:
    """The characters of a folder's whole path that `datasets` takes for a pattern (huggingface/datasets#7468)."""
    return "".join(character for character in "*?[]" if character in str(output.absolute()))


@contextmanager
def locked(output: Path) -> Iterator[Workspace]:
    """Take the output folder for this process alone, making it if need be.

    Raises:
        ConflictError: the folder holds something that is not ours, or another process is writing it.
        StorageError: it cannot be written.
    """
    work = output / WORK_NAME
    refuse_foreign(output)
    with storage_errors(output):
        work.mkdir(parents=True, exist_ok=True)
        write_json(work / _MARK, {"tool": "nextlong-hub"})
        lock = FileLock(work / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise ConflictError(
                f"another process is writing {output}; wait for it to end or choose another --output"
            ) from error
    try:
        _sweep(work)
        yield Workspace(work)
    finally:
        lock.release()


def _sweep(work: Path) -> None:
    """Remove what killed processes were writing: with the lock held, no other process writes."""
    for path in [path for path in work.rglob(".*.tmp") if is_left_aside(path)]:
        sweep(path)


def invalidate(output: Path, workspace: Workspace) -> None:
    """Move the manifest away before a file that it names changes: without it, the folder is no finished dataset.

    `kept_manifest` still finds it, so that the next run knows what else the folder holds. The card is moved, too, and
    replaced by one that says that the dataset is unfinished: `load_dataset` finds no configuration in it.
    """
    manifest, card = output / MANIFEST_NAME, output / CARD_NAME
    if manifest.is_file():
        with storage_errors(workspace.invalidated):
            workspace.invalidated.mkdir(exist_ok=True)
            if card.is_file() and not is_placeholder(card):
                insist(lambda: card.replace(workspace.invalidated / CARD_NAME))
            write_bytes(card, _placeholder())
            insist(lambda: manifest.replace(workspace.invalidated / MANIFEST_NAME))


def is_placeholder(card: Path) -> bool:
    """Whether a card only says that the dataset is unfinished; see `invalidate`."""
    return card.is_file() and card.read_bytes() == _placeholder()


def _placeholder() -> bytes:
    return files("nextlong_hub.cards").joinpath("unfinished.md").read_bytes()


def kept_manifest(output: Path, workspace: Workspace) -> Manifest | None:
    """The manifest of the folder or, after a run that was interrupted while it published, the invalidated one.

    Raises:
        DataError: it is damaged or of another version.
    """
    return read_manifest(output) or read_manifest(workspace.invalidated)


def refuse_foreign(output: Path) -> None:
    """Make sure that `output` is absent, empty, or a folder that nextlong-hub made.

    Raises:
        ConflictError: it is a file, or holds something else.
    """
    with storage_errors(output):
        if output.is_dir():
            foreign = sorted(entry.name for entry in output.iterdir())
            if foreign and not _is_ours(output, foreign):
                raise ConflictError(
                    f"{output} already holds {', '.join(foreign[:3])}{' …' if len(foreign) > 3 else ''} and was not "
                    "made by nextlong-hub; choose an empty or new folder with --output"
                )
        elif output.exists():
            raise ConflictError(f"{output} is a file, but a folder is needed; choose another --output")


def _is_ours(output: Path, names: list[str]) -> bool:
    """Whether our mark or manifest is there, or nothing but what a run killed before it set its mark leaves."""
    work = output / WORK_NAME
    begun = names == [WORK_NAME] and work.is_dir() and all(e.name.startswith(f".{_MARK}.") for e in work.iterdir())
    return begun or (work / _MARK).is_file() or read_manifest(output) is not None


def public_path(path: str) -> str:
    """A path without the folders of this machine: what is published names the file, not where its user keeps it.

    Of a pattern the part with wildcards is kept. Hub names and addresses are public as they are.
    """
    here = Path(path).expanduser()
    if here.exists():
        return here.name if here.name not in ("", "..") else here.resolve().name
    if glob.has_magic(path) and not path.startswith("hf://"):
        return Path(*dropwhile(lambda part: not glob.has_magic(part), here.parts)).as_posix()
    return path


def recipe_files(manifest: Manifest) -> dict[str, bytes]:
    """The resolved recipes behind a dataset, ingredients of its mixtures included, as TOML, by name."""
    return {
        values["name"]: recorded_toml(values).encode()
        for config in manifest.configs.values()
        for values in (*(part.recipe for part in config.mixture.values()), config.recipe)
    }
