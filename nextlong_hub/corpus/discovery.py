"""From the sources of a recipe to the pieces that workers read, in one total order.

Sources come in the order of their names, files in the order of their names within the source, row groups in the order
they have in their file: neither the order on a command line nor that of a file system can change a corpus.
"""

import glob
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from importlib.resources import files as resources
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from nextlong_hub.core.files import read_json
from nextlong_hub.corpus.formats.lines import is_damage
from nextlong_hub.corpus.formats.memory import MemorySource
from nextlong_hub.corpus.pieces import Format, Piece
from nextlong_hub.corpus.reading import file_errors, open_any, source_errors
from nextlong_hub.corpus.rows import SOURCE_COLUMN
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.errors import DataError, RecipeError
from nextlong_hub.hub.address import DatasetAddress, is_address, is_dataset_name
from nextlong_hub.hub.files import list_files, open_dataset, resolve_commit, shard_count

PIECE_BYTES = 64 << 20
"""Compressed bytes of one piece of a large Parquet file, and of one group of plain texts."""

PIECE_TEXTS = 1000
"""Most plain texts in one piece."""

DEMO = "demo"
"""The path that stands for the embedded corpus; a folder of that name is `./demo`."""

_FORMATS: dict[str, Format] = {
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".jsonl": "jsonl",
    ".jsonl.gz": "jsonl",
    ".jsonl.zst": "jsonl",
    ".ndjson": "jsonl",
    ".ndjson.gz": "jsonl",
    ".ndjson.zst": "jsonl",
    ".txt": "text",
    ".md": "text",
}
_FORMATS_WHEN_NAMED: dict[str, Format] = {".json": "jsonl", ".json.gz": "jsonl", ".json.zst": "jsonl"}
"""Read as JSON Lines only where a path or glob asks for them: in a folder they mostly describe other files."""

_FOOTERS_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listing:
    """The files of one source."""

    root: str
    """Absolute path or URL below which they lie."""
    bytes_of: dict[str, int]
    """Size of each file, by its name below the root."""
    are_named: bool
    """Whether a path or glob named them, rather than the folder they lie in."""
    commit: str | None = None
    passed_over: Counter[str] = field(default_factory=Counter)
    """What was there and is never read, by kind."""


def discover(
    sources: Sequence[SourceSettings | MemorySource], *, piece_bytes: int = PIECE_BYTES, piece_texts: int = PIECE_TEXTS
) -> list[Piece]:
    """Find everything there is to read, as pieces in corpus order.

    Raises:
        RecipeError: two sources have one name.
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
            pieces += _pieces_of_files(source, _list(source), piece_bytes, piece_texts)
    return _with_distinct_prefixes(pieces)


def _list(source: SourceSettings) -> _Listing:
    """Find the files of one source."""
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


def _pieces_of_files(source: SourceSettings, listing: _Listing, piece_bytes: int, piece_texts: int) -> list[Piece]:
    formats = _FORMATS | (_FORMATS_WHEN_NAMED if listing.are_named else {})
    format_of = {name: _format(name, formats) for name in sorted(listing.bytes_of)}
    rows = [name for name, kind in format_of.items() if kind not in (None, "text")]
    texts = [name for name, kind in format_of.items() if kind == "text"]
    if not rows and not texts:
        raise DataError(_nothing_found(source, listing, formats))
    for name in (*rows, *texts):
        _require_utf8(name)
    common = Piece(
        source=source.name,
        format="text",
        location=listing.root,
        name="",
        text_column=source.text_column,
        id_column=source.id_column,
        record_columns=source.record_columns,
        revision=listing.commit,
    )
    tables = [
        replace(common, format=kind, location=f"{listing.root}/{name}", name=name, id_prefix=f"{_stem(name, formats)}/")
        for name in rows
        if (kind := format_of[name]) is not None
    ]
    return [
        *_split_tables(tables, listing.bytes_of, piece_bytes),
        *_group_texts(texts, listing.bytes_of, common, piece_bytes, piece_texts),
    ]


def _split_tables(pieces: list[Piece], bytes_of: dict[str, int], piece_bytes: int) -> list[Piece]:
    """Split large Parquet files into ranges of row groups; several footers are fetched at once."""

    def split(piece: Piece) -> list[Piece]:
        is_large = piece.format == "parquet" and bytes_of[piece.name] > piece_bytes
        return _split_row_groups(piece, piece_bytes) if is_large else [piece]

    with ThreadPoolExecutor(_FOOTERS_AT_ONCE) as pool:
        return [part for parts in pool.map(split, pieces) for part in parts]


def _split_row_groups(piece: Piece, piece_bytes: int) -> list[Piece]:
    """Close a piece once its columns reach `piece_bytes`; a damaged footer stays for `read` to refuse."""
    with source_errors(piece), open_any(piece.location) as handle:
        try:
            metadata = pq.read_metadata(handle)
        except (OSError, pa.ArrowInvalid) as error:
            if not is_damage(error):
                raise
            return [piece]
    wanted = {*(piece.record_columns or [piece.text_column]), piece.id_column, SOURCE_COLUMN}
    parts: list[Piece] = []
    first = first_row = row = size = 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        columns = (group.column(index) for index in range(group.num_columns))
        size += sum(
            column.total_compressed_size for column in columns if column.path_in_schema.partition(".")[0] in wanted
        )
        row += group.num_rows
        if size >= piece_bytes or number == metadata.num_row_groups - 1:
            parts.append(replace(piece, row_groups=(first, number + 1), first_row=first_row))
            first, first_row, size = number + 1, row, 0
    return parts


def _group_texts(
    names: list[str], bytes_of: dict[str, int], common: Piece, piece_bytes: int, piece_texts: int
) -> Iterator[Piece]:
    """Group plain texts in order; a group is closed before it passes either limit."""
    group: list[str] = []
    size = 0
    for name in names:
        if group and (len(group) == piece_texts or size + bytes_of[name] > piece_bytes):
            yield replace(common, name=group[0], members=tuple(group))
            group, size = [], 0
        group.append(name)
        size += bytes_of[name]
    if group:
        yield replace(common, name=group[0], members=tuple(group))


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
    """Make sure that ids we give are unique in the corpus: the shortest prefix that no other file has.

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
    """What a piece's ids begin with."""
    if piece.members:
        yield from (piece.id_prefix + member for member in piece.members)
    else:
        yield piece.id_prefix


def _is_hub_dataset(path: str) -> bool:
    """Whether a path is the name of a dataset: what exists, or names a file by its ending, is a file."""
    is_file_name = _format(path, _FORMATS | _FORMATS_WHEN_NAMED) is not None
    return is_dataset_name(path) and not os.path.lexists(path) and not is_file_name


def _format(name: str, formats: dict[str, Format]) -> Format | None:
    suffixes = [suffix for suffix in formats if name.lower().endswith(suffix)]
    return formats[max(suffixes, key=len)] if suffixes else None


def _stem(name: str, formats: dict[str, Format]) -> str:
    suffixes = [suffix for suffix in formats if name.lower().endswith(suffix)]
    return name[: -len(max(suffixes, key=len))]


def _absolute(folder: Path) -> str:
    return os.path.abspath(folder)  # noqa: PTH100 (Path.absolute keeps `..`)


def _require_utf8(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise DataError(f"the file name {os.fsencode(name)!r} is not UTF-8; rename the file") from error


def _nothing_found(source: SourceSettings, listing: _Listing, formats: dict[str, Format]) -> str:
    patterns = ", ".join(f"*{suffix}" for suffix in formats)
    others = len(listing.bytes_of)
    passed_over = listing.passed_over + Counter({"files of other kinds": others} if others else {})
    counts = ", ".join(f"{kind}: {number}" for kind, number in sorted(passed_over.items()))
    seen = f" (not read: {counts})" if counts else ""
    return (
        f"source {source.name!r}: found no documents at {source.path}{seen}; looked for {patterns}; name a file, "
        "folder or glob that holds some"
    )


_ENDINGS = re.compile(r"\.(?:parquet|arrow|(?:jsonl|ndjson|json)(?:\.gz|\.zst)?|txt|md)$")


def default_name(path: str) -> str:
    """What a source is called that was given no name: file or folder without its ending, or Hub dataset."""
    address = DatasetAddress.parse(path)
    if address is not None:
        return address.name.rpartition("/")[2]
    name = Path(path).name or Path(path).resolve().name
    return re.sub(r"[*?\[\]]+", "", _ENDINGS.sub("", name)).strip("-_. ") or "corpus"
