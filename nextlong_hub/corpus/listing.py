"""The files of one source: those that may be read, and each other one with the reason why not.

a path, a folder, a glob     here; links of a Hugging Face cache lead into its `blobs`
hf://…                       on the Hub, at one commit
s3://…, https://…            by fsspec
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.resources import files as resources
from pathlib import Path, PurePosixPath

from nextlong_hub.core.files import read_json
from nextlong_hub.corpus import remote
from nextlong_hub.corpus.left_out import LeftOut
from nextlong_hub.corpus.patterns import has_magic, without_braces
from nextlong_hub.corpus.reading import file_errors
from nextlong_hub.corpus.settings import EVERY_PART, SourceSettings
from nextlong_hub.errors import DataError, argument
from nextlong_hub.execution.workspace import WORK_NAME
from nextlong_hub.hub.address import is_address
from nextlong_hub.hub.files import list_files, read_card

DEMO = "demo"
"""The path that stands for the embedded corpus; a folder of that name is `./demo`."""
CARD = "README.md"
_OUTPUTS = "output folders of nextlong-hub"
MOST_CARD_BYTES = 1 << 16
"""What is read of a card that lies on another server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The files of one source."""

    root: str
    """Absolute path or URL below which they lie."""
    bytes_of: dict[str, int]
    """Size of each file, by its name below the root."""
    are_named: bool
    """Whether a path or glob named them, not just the folder that holds them."""
    is_saved: bool = False
    """Whether `datasets` wrote them with `save_to_disk`, and says itself which files there are."""
    commit: str | None = None
    revisions: dict[str, str] = field(default_factory=dict)
    """What a server says of the version of each file, by its name."""
    query: str = ""
    """What follows the name in the URL of a file."""
    card: str = ""
    """The card of the dataset that the folder is; empty where there is none."""
    left_out: LeftOut = field(default_factory=LeftOut)


def list_source(source: SourceSettings) -> Listing:
    """List the files of a source.

    Raises:
        DataError: nothing is there.
        StorageError: a folder may not be read.
        AuthError, NetworkError: the Hub refused or could not be reached.
    """
    path = source.path
    if path == DEMO:
        return _list_file(Path(str(resources("nextlong_hub.builders").joinpath("demo/corpus.parquet"))))
    if is_address(path):
        return _list_on_hub(source)
    if remote.is_url(path):
        return _list_by_url(path)
    here = os.path.expanduser(path)  # noqa: PTH111 (Path.expanduser fails where there is no such user)
    if os.path.lexists(here):
        return _list_folder(Path(here), source) if Path(here).is_dir() else _list_file(Path(here))
    if has_magic(here):
        return _list_glob(here)
    raise DataError(
        f"source {source.name!r}: there is no file or folder {path}; check the path, or give hf://datasets/user/name/… "
        "or the user/name of a dataset on the Hub"
    )


def _list_on_hub(source: SourceSettings) -> Listing:
    found = list_files(source.path, source.revision)
    left_out = LeftOut()
    kept = {name: size for name, size in found.bytes_of.items() if not _is_passed_over(name, left_out)}
    card = ""
    if found.card is not None:
        left_out.add("cards", CARD)
        card = read_card(found.card)
    return Listing(
        root=found.root,
        bytes_of=kept,
        are_named=not found.is_folder,
        commit=found.commit,
        card=card,
        left_out=left_out,
    )


def _list_by_url(url: str) -> Listing:
    found = remote.list_files(url)
    left_out = LeftOut()
    kept = {name: size for name, size in found.bytes_of.items() if not _is_passed_over(name, left_out)}
    has_card = found.is_folder and CARD in kept
    return Listing(
        root=found.root,
        bytes_of=kept,
        are_named=not found.is_folder,
        card=remote.read_text(f"{found.root}/{CARD}", MOST_CARD_BYTES) if has_card else "",
        revisions=found.revisions,
        query=found.query,
        left_out=left_out,
    )


def _list_file(path: Path) -> Listing:
    with file_errors(str(path)):
        status = path.stat()
    if not path.is_file():
        raise DataError(f"{path} is neither a regular file nor a folder; only those are read")
    return Listing(root=_absolute(path.parent), bytes_of={path.name: status.st_size}, are_named=True)


def _list_folder(folder: Path, source: SourceSettings) -> Listing:
    """List a folder, or the part of a saved `datasets` folder that holds the split."""
    left_out = LeftOut()
    splits = read_json(folder / "dataset_dict.json")
    if isinstance(splits, dict) and "splits" in splits and source.split == EVERY_PART:
        return _list_saved(folder, splits["splits"], left_out)
    if isinstance(splits, dict) and "splits" in splits:
        split = source.split or "train"
        if split not in splits["splits"]:
            raise DataError(
                f"{folder} has no split {split!r}; its splits are {', '.join(splits['splits'])}; name one with "
                f"{argument('split')} "
                "(split in a recipe)"
            )
        for other in splits["splits"]:
            if other != split:
                for name in _walk(folder / other, LeftOut()):
                    left_out.add(f"files of the split {other!r}", f"{other}/{name}")
        folder = folder / split
    return _list_saved(folder, [""], left_out)


def _list_saved(folder: Path, parts: Iterable[str], left_out: LeftOut) -> Listing:
    """List some parts of a saved `datasets` folder, the empty name for the folder itself, or all of any other."""
    saved: list[str] = []
    names: list[str] = []
    for part in parts:
        names += [(PurePosixPath(part) / name).as_posix() for name in _walk(folder / part, left_out)]
        state = read_json(folder / part / "state.json")
        if isinstance(state, dict) and "_data_files" in state:
            saved += [(PurePosixPath(part) / entry["filename"]).as_posix() for entry in state["_data_files"]]
    if not saved:
        return _listing(folder, names, left_out, are_named=False)
    for name in set(names) - set(saved):
        left_out.add("files that `datasets` keeps beside a saved dataset", name)
    return _listing(folder, saved, left_out, are_named=False, is_saved=True)


def _list_glob(pattern: str) -> Listing:
    parts = Path(pattern).parts
    fixed = next(number for number, part in enumerate(parts) if has_magic(part))
    root = Path(*parts[:fixed])
    paths = {path for one in without_braces(str(Path(*parts[fixed:]))) for path in root.glob(one) if not path.is_dir()}
    found = {path.relative_to(root) for path in paths}
    below = {folder for path in found for folder in path.parents} - {Path()}
    outputs = {folder for folder in below if _is_output(root / folder)}
    left_out = LeftOut()
    for output in outputs:
        if outputs.isdisjoint(output.parents):
            left_out.add(_OUTPUTS, output.as_posix())
    names = [path.as_posix() for path in found if outputs.isdisjoint(path.parents)]
    return _listing(root, names, left_out, are_named=True)


def _walk(folder: Path, left_out: LeftOut) -> Iterator[str]:
    """Give the names of all files below a folder; folders that are hidden, links or outputs of ours are not entered."""

    def fail(error: OSError) -> None:
        raise error

    with file_errors(str(folder)):
        for parent, folders, names in os.walk(folder, onerror=fail):
            below = Path(parent).relative_to(folder)
            entered = []
            for name in folders:
                path = Path(parent, name)
                if name.startswith("."):
                    reason = "hidden files and folders"
                elif path.is_symlink():
                    reason = "symbolic links to folders"
                elif _is_output(path):
                    reason = _OUTPUTS
                else:
                    entered.append(name)
                    continue
                if name != WORK_NAME:
                    left_out.add(reason, (below / name).as_posix())
            folders[:] = entered
            for name in names:
                yield (below / name).as_posix()


def _is_output(folder: Path) -> bool:
    """Whether a folder is a dataset that we build, finished or not."""
    manifest = read_json(folder / "manifest.json")
    is_finished = isinstance(manifest, dict) and manifest.get("tool") == "nextlong-hub"
    return is_finished or (folder / WORK_NAME).is_dir()


def _listing(
    root: Path, names: Iterable[str], left_out: LeftOut, *, are_named: bool, is_saved: bool = False
) -> Listing:
    """Keep the regular files that lie below `root`, or in the cache that it is a snapshot of, with their sizes."""
    homes = [os.path.realpath(root), *_blobs_of(root)]
    sizes: dict[str, int] = {}
    for name in names:
        path = root / name
        if _is_passed_over(name, left_out):
            continue
        if path.is_symlink() and not _is_within(os.path.realpath(path), homes):
            left_out.add("symbolic links that leave the folder", name)
        elif not path.is_file():
            left_out.add("pipes, devices and broken links", name)
        else:
            sizes[name] = path.stat().st_size
    card = ""
    if not are_named and CARD in sizes:
        card = (root / CARD).read_text("utf-8", "replace")
    return Listing(
        root=_absolute(root),
        bytes_of=sizes,
        are_named=are_named,
        is_saved=is_saved,
        card=card,
        left_out=left_out,
    )


def _blobs_of(root: Path) -> list[str]:
    """Where the files lie of a snapshot in huggingface_hub's cache: `…/snapshots/<commit>` links to `…/blobs`."""
    path = Path(_absolute(root))
    for folder in (path, *path.parents):
        if folder.parent.name == "snapshots" and (folder.parent.parent / "blobs").is_dir():
            return [os.path.realpath(folder.parent.parent / "blobs")]
    return []


def _is_within(path: str, folders: Iterable[str]) -> bool:
    return any(os.path.commonpath([folder, path]) == folder for folder in folders)


def _is_passed_over(name: str, left_out: LeftOut) -> bool:
    if any(part.startswith(".") for part in name.split("/")):
        left_out.add("hidden files and folders", name)
    elif name.endswith((".tmp", ".incomplete", ".part")):
        left_out.add("unfinished files (*.tmp, *.incomplete, *.part)", name)
    else:
        return False
    return True


def _absolute(folder: Path) -> str:
    return os.path.abspath(folder)  # noqa: PTH100 (Path.absolute keeps `..`)
