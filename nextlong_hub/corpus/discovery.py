"""From the sources of a recipe to the pieces that workers read, in one total order.

Sources come in the order of their names, files in the order of their names within the source, row groups in the order
they have in their file: neither the order on a command line nor that of a file system can change a corpus.
"""

import glob
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files as resources
from pathlib import Path

from nextlong_hub.core.files import read_json
from nextlong_hub.corpus.formats.base import FORMATS, PieceLimits
from nextlong_hub.corpus.formats.memory import MemorySource
from nextlong_hub.corpus.pieces import Piece
from nextlong_hub.corpus.reading import file_errors
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.errors import DataError, RecipeError
from nextlong_hub.hub.address import DatasetAddress, is_address, is_dataset_name
from nextlong_hub.hub.files import list_files, open_dataset, resolve_commit, shard_count

PIECE_BYTES = 64 << 20
"""Bytes on disk of one piece, where a format can split or group its files."""

PIECE_TEXTS = 1000
"""Most files in one piece that holds several."""

DEMO = "demo"
"""The path that stands for the embedded corpus; a folder of that name is `./demo`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listing:
    """The files of one source."""

    root: str
    """Absolute path or URL below which they lie."""
    bytes_of: dict[str, int]
    """Size of each file, by its name below the root."""
    are_named: bool
    """Whether a path or glob named them, not just the folder that holds them."""
    commit: str | None = None
    passed_over: Counter[str] = field(default_factory=Counter)
    """Files that were found and are never read, by kind."""


def discover(
    sources: Sequence[SourceSettings | MemorySource], *, piece_bytes: int = PIECE_BYTES, piece_texts: int = PIECE_TEXTS
) -> list[Piece]:
    """List the files and datasets of all sources, as pieces in corpus order.

    Raises:
        RecipeError: two sources have one name, or two formats one ending.
        DataError: a source is not there, or holds no file of a format we read.
        StorageError: a folder may not be read.
        AuthError, NetworkError: the Hub refused or could not be reached.
    """
    repeated = [name for name, times in Counter(source.name for source in sources).items() if times > 1]
    if repeated:
        raise RecipeError(f"two sources are called {repeated[0]!r}; give each source of a corpus a name of its own")
    pieces: list[Piece] = []
    for source in sorted(sources, key=lambda each: each.name):
        if isinstance(source, MemorySource):
            pieces.append(source.piece)
        elif _is_hub_dataset(source.path):
            pieces += _pieces_of_hub_dataset(source)
        else:
            pieces += _pieces_of_files(source, _list(source), PieceLimits(bytes=piece_bytes, texts=piece_texts))
    return _with_distinct_prefixes(pieces)


def _list(source: SourceSettings) -> _Listing:
    """List the files of one source."""
    path = source.path
    if path == DEMO:
        return _list_file(Path(str(resources("nextlong_hub.builders").joinpath("demo/corpus.parquet"))))
    if is_address(path):
        found = list_files(path, source.revision)
        passed_over: Counter[str] = Counter()
        return _Listing(
            root=found.root,
            bytes_of={name: size for name, size in found.bytes_of.items() if not _is_passed_over(name, passed_over)},
            are_named=not found.is_folder,
            commit=found.commit,
            passed_over=passed_over,
        )
    if os.path.lexists(path):
        return _list_folder(Path(path), source) if Path(path).is_dir() else _list_file(Path(path))
    if glob.has_magic(path):
        return _list_glob(path)
    raise DataError(
        f"source {source.name!r}: there is no file or folder {path}; check the path, or give hf://datasets/user/name/… "
        "or the user/name of a dataset on the Hub"
    )


def _list_file(path: Path) -> _Listing:
    with file_errors(str(path)):
        status = path.stat()
    if not path.is_file():
        raise DataError(f"{path} is neither a regular file nor a folder; only those are read")
    return _Listing(root=_absolute(path.parent), bytes_of={path.name: status.st_size}, are_named=True)


def _list_folder(folder: Path, source: SourceSettings) -> _Listing:
    """List a folder, or the part of a saved `datasets` folder that holds the split."""
    splits = read_json(folder / "dataset_dict.json")
    if isinstance(splits, dict) and "splits" in splits:
        if source.split not in splits["splits"]:
            raise DataError(
                f"{folder} has no split {source.split!r}; its splits are {', '.join(splits['splits'])}; set split"
            )
        folder = folder / source.split
    state = read_json(folder / "state.json")
    if isinstance(state, dict) and "_data_files" in state:
        names = [entry["filename"] for entry in state["_data_files"]]
    else:
        names = list(_walk(folder))
    return _listing(folder, names, are_named=False)


def _list_glob(pattern: str) -> _Listing:
    parts = Path(pattern).parts
    fixed = next(number for number, part in enumerate(parts) if glob.has_magic(part))
    root = Path(*parts[:fixed])
    paths = root.glob(str(Path(*parts[fixed:])))
    names = [path.relative_to(root).as_posix() for path in paths if not path.is_dir()]
    return _listing(root, names, are_named=True)


def _walk(folder: Path) -> Iterator[str]:
    """Give the names of all files below a folder; folders that are hidden or symbolic links are not entered."""

    def fail(error: OSError) -> None:
        raise error

    with file_errors(str(folder)):
        for parent, folders, names in os.walk(folder, onerror=fail):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                yield Path(parent, name).relative_to(folder).as_posix()


def _listing(root: Path, names: Iterable[str], *, are_named: bool) -> _Listing:
    """Keep the regular files that lie below `root`, with their sizes."""
    real_root = os.path.realpath(root)
    sizes: dict[str, int] = {}
    passed_over: Counter[str] = Counter()
    for name in names:
        path = root / name
        if _is_passed_over(name, passed_over):
            continue
        if path.is_symlink() and os.path.commonpath([real_root, os.path.realpath(path)]) != real_root:
            passed_over["symbolic links that leave the folder"] += 1
        elif not path.is_file():
            passed_over["pipes, devices and broken links"] += 1
        else:
            sizes[name] = path.stat().st_size
    return _Listing(root=_absolute(root), bytes_of=sizes, are_named=are_named, passed_over=passed_over)


def _is_passed_over(name: str, passed_over: Counter[str]) -> bool:
    if any(part.startswith(".") for part in name.split("/")):
        passed_over["hidden files"] += 1
    elif name.endswith(".tmp"):
        passed_over["unfinished files (*.tmp)"] += 1
    else:
        return False
    return True


def _pieces_of_files(source: SourceSettings, listing: _Listing, limits: PieceLimits) -> Iterator[Piece]:
    names_by_suffix = _names_by_suffix(are_named=listing.are_named)
    files: dict[str, list[Piece]] = {}
    for name in sorted(listing.bytes_of):
        suffix = _suffix(name.lower(), names_by_suffix)
        if suffix:
            _require_utf8(name)
            piece = Piece(
                source=source.name,
                format=names_by_suffix[suffix],
                location=f"{listing.root}/{name}",
                name=name,
                id_prefix=f"{name[: -len(suffix)]}/",
                text_column=source.text_column,
                id_column=source.id_column,
                record_columns=source.record_columns,
                revision=listing.commit,
            )
            files.setdefault(piece.format, []).append(piece)
    if not files:
        raise DataError(_nothing_found(source, listing, names_by_suffix))
    for name, pieces in files.items():
        yield from FORMATS[name].split(pieces, listing.bytes_of, limits)


def _pieces_of_hub_dataset(source: SourceSettings) -> list[Piece]:
    commit = resolve_commit(source.path, source.revision)
    shards = shard_count(open_dataset(source.path, source.config, source.split, commit))
    digits = len(str(shards - 1))
    return [
        Piece(
            source=source.name,
            format="hub",
            location=source.path,
            name=f"{source.path}/{index:0{digits}}",
            shard=(index, shards),
            id_prefix=f"{source.path}/{index:0{digits}}/",
            text_column=source.text_column,
            id_column=source.id_column,
            record_columns=source.record_columns,
            config=source.config,
            split=source.split,
            revision=commit,
        )
        for index in range(shards)
    ]


def _with_distinct_prefixes(pieces: list[Piece]) -> list[Piece]:
    """Give each file the shortest prefix that no other file has, so that generated ids are unique in the corpus.

    `part-7/` for the rows of `part-7.jsonl`; `part-7.jsonl/` where `part-7.parquet` lies beside it; the source's name
    in front of all of a source's prefixes where another source has one of them too.
    """
    prefixes = {(piece.source, piece.name, piece.id_prefix) for piece in pieces}
    files_with = Counter((source, prefix) for source, _, prefix in prefixes)
    pieces = [
        replace(piece, id_prefix=f"{piece.name}/")
        if not piece.members and files_with[piece.source, piece.id_prefix] > 1
        else piece
        for piece in pieces
    ]
    sources_with = Counter(name for _, name in {(piece.source, name) for piece in pieces for name in _names(piece)})
    shared = {piece.source for piece in pieces for name in _names(piece) if sources_with[name] > 1}
    pieces = [
        replace(piece, id_prefix=f"{piece.source}/{piece.id_prefix}") if piece.source in shared else piece
        for piece in pieces
    ]
    return sorted(pieces, key=lambda piece: (piece.source, piece.name, piece.first_row))


def _names(piece: Piece) -> Iterator[str]:
    """The prefixes of a piece's generated ids."""
    if piece.members:
        yield from (piece.id_prefix + member for member in piece.members)
    else:
        yield piece.id_prefix


def _is_hub_dataset(path: str) -> bool:
    """Whether a path is the name of a dataset: what exists, or names a file by its ending, is a file."""
    is_file_name = _suffix(path.lower(), _names_by_suffix(are_named=True))
    return is_dataset_name(path) and not os.path.lexists(path) and not is_file_name


def _names_by_suffix(*, are_named: bool) -> dict[str, str]:
    """The name of the format that reads each ending; `are_named` as in a listing.

    Raises:
        RecipeError: two formats have one ending.
    """
    found: dict[str, str] = {}
    for one in FORMATS.values():
        for suffix in (*one.suffixes, *(one.suffixes_when_named if are_named else ())):
            if suffix in found:
                raise RecipeError(
                    f"the corpus formats {found[suffix]!r} and {one.name!r} both read *{suffix}; remove the package "
                    "that one of them comes from"
                )
            found[suffix] = one.name
    return found


def _suffix(name: str, suffixes: Iterable[str]) -> str:
    """The longest of `suffixes` that a name has; empty if it has none."""
    return max((suffix for suffix in suffixes if name.endswith(suffix)), key=len, default="")


def _absolute(folder: Path) -> str:
    return os.path.abspath(folder)  # noqa: PTH100 (Path.absolute keeps `..`)


def _require_utf8(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise DataError(f"the file name {os.fsencode(name)!r} is not UTF-8; rename the file") from error


def _nothing_found(source: SourceSettings, listing: _Listing, suffixes: Iterable[str]) -> str:
    patterns = ", ".join(f"*{suffix}" for suffix in suffixes)
    others = len(listing.bytes_of)
    passed_over = listing.passed_over + Counter({"files of other kinds": others} if others else {})
    counts = ", ".join(f"{kind}: {number}" for kind, number in sorted(passed_over.items()))
    seen = f" (not read: {counts})" if counts else ""
    return (
        f"source {source.name!r}: found no documents at {source.path}{seen}; looked for {patterns}; name a file, "
        "folder or glob that holds some"
    )


def default_name(path: str) -> str:
    """The name of a source without one: its file or folder without the ending, or the Hub dataset."""
    address = DatasetAddress.parse(path)
    if address is not None:
        return address.name.rpartition("/")[2]
    name = Path(path).name or Path(path).resolve().name
    stem = name.removesuffix(_suffix(name, _names_by_suffix(are_named=True)))
    return re.sub(r"[*?\[\]]+", "", stem).strip("-_. ") or "corpus"
