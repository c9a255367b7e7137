"""A dataset folder while it is written: its lock, what may be overwritten, and how its manifest is invalidated."""

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from filelock import FileLock, Timeout

from nextlong_hub.core.files import insist, is_left_aside, storage_errors, sweep, write_bytes, write_json
from nextlong_hub.core.ownership import OwnFiles, first_link_below
from nextlong_hub.dataset.manifest import MANIFEST_NAME, Manifest, read_manifest
from nextlong_hub.errors import ConflictError, argument
from nextlong_hub.execution.open import Place, Travelling, Where, open_executor
from nextlong_hub.execution.placed import placed
from nextlong_hub.execution.progress import NullProgress, Progress, ProgressTracker
from nextlong_hub.execution.run import Run
from nextlong_hub.execution.workspace import WORK_NAME, Workspace
from nextlong_hub.recipe import recorded_toml

CARD_NAME = "README.md"
EVALUATION_NAME = "riffle.json"
"""What a folder that is evaluated with has in place of a manifest; see the room `evaluation`."""
_KINDS = {MANIFEST_NAME: "a dataset to train on", EVALUATION_NAME: "rows to evaluate with, made by riffle"}
_MARK = "nextlong-hub.json"
_LEFT_SECONDS = 3600.0
"""After so long without a write, a file aside is one that was left."""
_OWN = "own-files.jsonl"
"""The names of the files that runs have made outside `.work`."""

_log = logging.getLogger(__name__)


@contextmanager
def open_run(
    output: Path,
    executor: Where = "inline",
    progress: Progress | None = None,
    *,
    makes: str = MANIFEST_NAME,
) -> Iterator[Run]:
    """Take the output folder for this process alone, making it if need be.

    Args:
        output: the dataset folder.
        executor: where tasks run, and where unfinished work lies; it is closed only where its address is given.
        progress: is told of each stage; None shows nothing.
        makes: the file by which what is made is known: one folder is a dataset or an evaluation, never both.

    Raises:
        ConflictError: the folder holds something that is not ours, or of the other kind, or another process is writing
            it.
        StorageError: it cannot be written.
        RecipeError: there is no executor of that address, or no package for the storage of unfinished work.
    """
    for other, what in _KINDS.items():
        if other != makes and (output / other).is_file():
            raise ConflictError(f"{output} holds {what}; choose another folder with {argument('output')}")
    place = executor if isinstance(executor, Place) else Place(executor=executor)
    with ExitStack() as opened:
        workspace = opened.enter_context(locked(output))
        chosen = place.executor
        if isinstance(chosen, str):
            chosen = opened.enter_context(closing(open_executor(chosen)))
        if isinstance(chosen, Travelling):
            chosen.log = workspace.work / "engine.log"
        if place.work_dir is not None or isinstance(chosen, Travelling):
            chosen, workspace = placed(chosen, place.work_dir, workspace.work, output)
            if workspace.shared != workspace.work.absolute():
                _sweep(workspace.shared, older=_LEFT_SECONDS)
        if characters := pattern_characters(output):
            _log.warning(
                "load_dataset will not read %s: it takes %s in a path for a pattern; rename the folder, now or later",
                output,
                " ".join(characters),
            )
        tracker = ProgressTracker(progress or NullProgress())
        yield Run(output=output, workspace=workspace, executor=chosen, progress=tracker)


def pattern_characters(output: Path) -> str:
    """The characters of a folder's whole path that `datasets` takes for a pattern (huggingface/datasets#7468)."""
    return "".join(character for character in "*?[]" if character in str(output.absolute()))


def load_path(output: Path) -> str:
    """A folder as `load_dataset` must be told it: the bare name of a format, such as `json`, would mean that format."""
    datasets = find_spec("datasets")
    formats = [Path(place) / "packaged_modules" for place in (datasets and datasets.submodule_search_locations) or ()]
    is_format = len(output.parts) == 1 and any((place / output).is_dir() for place in formats)
    return f"./{output}" if is_format else str(output)


@contextmanager
def locked(output: Path) -> Iterator[Workspace]:
    """Take the output folder for this process alone, making it if need be.

    Raises:
        ConflictError: the folder holds something that is not ours, or another process is writing it.
        StorageError: it cannot be written.
    """
    work = output / WORK_NAME
    refuse_foreign(output)
    _refuse_links(work)
    with storage_errors(output):
        work.mkdir(parents=True, exist_ok=True)
        write_json(work / _MARK, {"tool": "nextlong-hub"})
        lock = FileLock(work / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise ConflictError(
                f"another process is writing {output}; wait for it to end or choose another {argument('output')}"
            ) from error
    try:
        _sweep(work)
        yield Workspace(work)
    finally:
        lock.release()


def _refuse_links(work: Path) -> None:
    """Make sure that sweeping stays among what is ours: a folder from elsewhere may hold links.

    Raises:
        ConflictError: unfinished work lies behind a link, in a folder that holds something else; or there is a link in
            it, which no run makes.
    """
    with storage_errors(work):
        if work.is_symlink() and work.is_dir() and any(work.iterdir()) and not (work / _MARK).is_file():
            raise ConflictError(
                f"{work} is a symbolic link to a folder that nextlong-hub did not make; remove the link, or let it "
                "lead to an empty folder"
            )
        if (work / _MARK).is_file() and (link := first_link_below(work)):
            raise ConflictError(f"{link} is a symbolic link, which no run of nextlong-hub makes; remove it")


def own_files(
    output: Path, manifest: Manifest | None, listed: Iterable[str] = (), *, may_replace: bool | None = None
) -> OwnFiles:
    """Which files of a dataset folder are ours: those that its runs have noted, and those of its manifest.

    Args:
        output: the folder.
        manifest: what it holds; None where nothing is finished.
        listed: names that are ours besides.
        may_replace: see `OwnFiles`.
    """
    work = output / WORK_NAME
    files = (MANIFEST_NAME, CARD_NAME, *(names_of(manifest) if manifest is not None else ()))
    return OwnFiles(output, work / _OWN if work.is_dir() else None, (*files, *listed), may_replace=may_replace)


def names_of(manifest: Manifest) -> tuple[str, ...]:
    """The files that a manifest stands for, without card and pictures: shards and recipes."""
    return (*(file.path for file in manifest.files), *(f"recipes/{name}.toml" for name in recipe_files(manifest)))


def _sweep(work: Path, older: float | None = None) -> None:
    """Remove what killed processes were writing: with the lock held, no other process of this machine writes.

    Args:
        work: the folder.
        older: only what was last written so many seconds ago: workers of other machines may still write there.
    """
    for path in [path for path in work.rglob(".*.tmp") if is_left_aside(path)]:
        with suppress(FileNotFoundError):
            if older is None or path.stat().st_mtime < time.time() - older:
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
                    f"made by nextlong-hub; choose an empty or new folder with {argument('output')}"
                )
        elif output.exists():
            raise ConflictError(f"{output} is a file, but a folder is needed; choose another {argument('output')}")


def _is_ours(output: Path, names: list[str]) -> bool:
    """Whether our mark or manifest is there, or nothing but what a run killed before it set its mark leaves."""
    work = output / WORK_NAME
    begun = names == [WORK_NAME] and work.is_dir() and all(e.name.startswith(f".{_MARK}.") for e in work.iterdir())
    return begun or (work / _MARK).is_file() or read_manifest(output) is not None


def recipe_files(manifest: Manifest) -> dict[str, bytes]:
    """The resolved recipes behind a dataset, ingredients of its mixtures included, as TOML, by name."""
    return {
        values["name"]: recorded_toml(values).encode()
        for config in manifest.configs.values()
        for values in (*(part.recipe for part in config.mixture.values()), config.recipe)
    }
