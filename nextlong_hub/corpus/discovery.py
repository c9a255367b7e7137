"""From the sources of a recipe to the pieces that workers read, in one total order.

Sources come in the order of their names, files in the order of their names within the source, row groups in the order
they have in their file: neither the order on a command line nor that of a file system can change a corpus.

Every file that a source holds is in a piece, or counted with the reason why it is not.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from nextlong_hub.corpus.endings import is_text, names_by_suffix, suffix_of
from nextlong_hub.corpus.formats.base import FORMATS, PieceLimits
from nextlong_hub.corpus.formats.blocks import COMPRESSED
from nextlong_hub.corpus.left_out import FilesLeftOut, LeftOut
from nextlong_hub.corpus.listing import CARD, Listing, list_source
from nextlong_hub.corpus.naming import is_hub_dataset, with_parts
from nextlong_hub.corpus.pieces import Piece
from nextlong_hub.corpus.remote import without_query
from nextlong_hub.corpus.settings import EVERY_PART, SourceSettings
from nextlong_hub.corpus.splits import TRAIN, Chosen, choose, held_out, is_card
from nextlong_hub.errors import DataError, RecipeError
from nextlong_hub.hub.address import DatasetAddress
from nextlong_hub.hub.files import configs_of_dataset, open_dataset, parts_of_dataset, resolve_commit, shard_count

PIECE_BYTES = 64 << 20
"""Bytes on disk of one piece, where a format can split or group its files."""

PIECE_TEXTS = 1000
"""Most files in one piece that holds several."""

_LICENCE = re.compile(r"(?:un)?licen[cs]e|copying|notice", re.IGNORECASE)
_METADATA = frozenset(
    {"config.json", "croissant.json", "dataset_dict.json", "dataset_info.json", "dataset_infos.json"}
    | {"generation_config.json", "index.json", "manifest.json", "metadata.json", "package.json", "state.json"}
    | {"special_tokens_map.json", "tokenizer.json", "tokenizer_config.json"}
)
"""Files of settings, which hold no documents where nobody names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSource:
    """One source, found."""

    settings: SourceSettings
    """Without what its path says besides the path, and with the configuration, split and commit that are read."""
    left_out: tuple[FilesLeftOut, ...]
    remark: str = ""
    """What a user may not expect of the files that are read, in a sentence; empty where there is nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All sources, found."""

    pieces: tuple[Piece, ...]
    """In corpus order."""
    sources: tuple[FoundSource, ...]
    """In the order of their names."""


def discover(
    sources: Sequence[SourceSettings], *, piece_bytes: int = PIECE_BYTES, piece_texts: int = PIECE_TEXTS
) -> list[Piece]:
    """List the files and datasets of all sources, as pieces in corpus order.

    Raises:
        RecipeError, DataError, StorageError, AuthError, NetworkError: see `find`.
    """
    return list(find(sources, PieceLimits(bytes=piece_bytes, texts=piece_texts)).pieces)


def find(sources: Sequence[SourceSettings], limits: PieceLimits | None = None) -> Found:
    """List the files and datasets of all sources, and what of them is not read.

    Raises:
        RecipeError: two sources have one name, or two formats one ending, or a path contradicts its settings.
        DataError: a source is not there, or holds no file of a format we read.
        StorageError: a folder may not be read.
        AuthError, NetworkError: the Hub refused or could not be reached.
    """
    repeated = [name for name, times in Counter(source.name for source in sources).items() if times > 1]
    if repeated:
        raise RecipeError(f"two sources are called {repeated[0]!r}; give each source of a corpus a name of its own")
    limits = limits or PieceLimits(bytes=PIECE_BYTES, texts=PIECE_TEXTS)
    pieces: list[Piece] = []
    found: list[FoundSource] = []
    for source in sorted(sources, key=lambda each: each.name):
        settings = with_parts(source)
        if is_hub_dataset(settings.path):
            own, one = _find_hub_dataset(settings)
        else:
            own, one = _find_files(settings, limits)
        pieces += own
        found.append(one)
    return Found(pieces=tuple(_with_distinct_prefixes(pieces)), sources=tuple(found))


def _find_files(source: SourceSettings, limits: PieceLimits) -> tuple[list[Piece], FoundSource]:
    """The pieces of files, and what lies beside them."""
    listing = list_source(source)
    left_out = listing.left_out
    formats, suffixes = _readable(listing)
    try:
        chosen = _choose(source, listing, suffixes, left_out)
    except DataError as error:
        raise DataError(f"source {source.name!r}, {without_query(source.path)}: {error.message}") from error
    if not chosen.names:
        raise DataError(_nothing_found(source, left_out, names_by_suffix(are_named=listing.are_named)))
    files: dict[str, list[Piece]] = {}
    for name in chosen.names:
        _require_utf8(name)
        suffix = suffixes[name]
        piece = Piece(
            source=source.name,
            format=formats[suffix],
            location=f"{listing.root}/{name}",
            query=listing.query,
            name=name,
            id_prefix=f"{name[: len(name) - len(suffix)]}/",
            text_column=source.text_column,
            id_column=source.id_column,
            record_columns=source.record_columns,
            revision=listing.commit or listing.revisions.get(name),
            most=source.most,
        )
        files.setdefault(piece.format, []).append(piece)
    if source.most is not None:  # a large file is not looked into before it is known to be needed
        limits = replace(limits, bytes=max(listing.bytes_of.values()) + 1)
    pieces = [piece for name, own in files.items() for piece in FORMATS[name].split(own, listing.bytes_of, limits)]
    settings = source.model_copy(
        update={
            "path": _unpinned(source.path) if listing.commit else source.path,
            "config": chosen.config,
            "split": source.split if listing.is_saved else chosen.split,
            "revision": listing.commit,
        }
    )
    remark = held_out(chosen.names) if listing.are_named and source.split is None else ""
    return pieces, FoundSource(settings=settings, left_out=left_out.records(), remark=remark)


def _unpinned(address: str) -> str:
    """An `hf://` address without its revision, which is a setting of its own once it is known as a commit."""
    parsed = DatasetAddress.parse(address)
    return str(replace(parsed, revision=None)) if parsed else address


def _readable(listing: Listing) -> tuple[Mapping[str, str], dict[str, str]]:
    """The formats by ending, and the files that have one of the endings; the others are left out."""
    every = names_by_suffix(are_named=True)
    named = {name: suffix for name in listing.bytes_of if (suffix := suffix_of(name, every))}
    if listing.are_named:
        suffixes, about = named, dict[str, str]()
    else:
        named = {name: suffix for name, suffix in named.items() if PurePosixPath(name).name not in _METADATA}
        about = _about_the_data(listing, named)
        plain = names_by_suffix(are_named=False)
        documents = {name: suffix for name, suffix in named.items() if name not in about}
        # Endings that mostly hold something else are read where nothing else is there to be read.
        suffixes = {name: suffix for name, suffix in documents.items() if suffix in plain} or documents
    for name in listing.bytes_of:
        if name not in suffixes:
            listing.left_out.add(about.get(name) or _kind(name), name)
    return every, suffixes


def _about_the_data(listing: Listing, suffixes: Mapping[str, str]) -> dict[str, str]:
    """The cards and licences among the texts of a folder, which say what the data are, and what they are called."""
    has_data = any(not is_text(suffix) for suffix in suffixes.values())
    found = {}
    for name in (name for name, suffix in suffixes.items() if is_text(suffix)):
        path = PurePosixPath(name)
        if path.name == CARD and _is_card_at(name, listing, has_data):
            found[name] = "cards"
        elif len(path.parts) == 1 and _LICENCE.match(path.name):
            found[name] = "licences"
    return found


def _is_card_at(name: str, listing: Listing, has_data: bool) -> bool:
    """Whether a `README.md` is a card: by its header, or because it stands at the top of a folder of data."""
    if name == CARD and has_data:
        return True
    if "://" in listing.root:
        return False
    return is_card(Path(listing.root, name).read_text("utf-8", "replace"))


def _choose(source: SourceSettings, listing: Listing, suffixes: Mapping[str, str], left_out: LeftOut) -> Chosen:
    """The files of the configuration and split; where files are named, or saved by `datasets`, they are chosen."""
    names = {name: is_text(suffix) for name, suffix in suffixes.items()}
    is_whole = {source.split, source.config} <= {None, EVERY_PART}
    if listing.is_saved or (listing.are_named and is_whole):
        return Chosen(names=tuple(sorted(names)), config=None, split=None)
    if not names:
        return Chosen(names=(), config=None, split=None)
    return choose(names, listing.card, source.config, source.split, left_out)


def _find_hub_dataset(source: SourceSettings) -> tuple[list[Piece], FoundSource]:
    """The shards of a dataset on the Hub, and the configurations and splits that it has besides."""
    commit = resolve_commit(source.path, source.revision)
    if EVERY_PART in (source.config, source.split):
        return _every_part(source, commit)
    split = source.split or TRAIN
    shards = shard_count(open_dataset(source.path, source.config, split, commit))
    parts = parts_of_dataset(source.path, source.config, commit)
    digits = len(str(shards - 1))
    pieces = [
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
            split=split,
            revision=commit,
            most=source.most,
        )
        for index in range(shards)
    ]
    left_out = LeftOut()
    for other in parts.splits:
        if other != split:
            left_out.add("other splits", other)
    for other in parts.configs:
        if other != parts.config:
            left_out.add("other configurations", other)
    is_plain = len(parts.configs) < 2 and source.config is None
    settings = source.model_copy(
        update={"config": None if is_plain else parts.config, "split": split, "revision": commit}
    )
    return pieces, FoundSource(settings=settings, left_out=left_out.records())


def _every_part(source: SourceSettings, commit: str | None) -> tuple[list[Piece], FoundSource]:
    """The shards of all configurations of a dataset on the Hub, or of all splits of one."""
    is_every = source.config == EVERY_PART
    pieces: list[Piece] = []
    for config in configs_of_dataset(source.path, commit) if is_every else (source.config,):
        splits = parts_of_dataset(source.path, config, commit).splits
        wanted = splits if source.split == EVERY_PART else {source.split or TRAIN}.intersection(splits)
        for split in sorted(wanted):
            part = source.model_copy(update={"config": config, "split": split, "revision": commit})
            own, _ = _find_hub_dataset(part)
            for piece in own:
                name = "/".join(filter(None, (source.path, config, split, piece.name.rpartition("/")[2])))
                pieces.append(replace(piece, name=name, id_prefix=f"{name}/"))
    if not pieces:
        raise DataError(
            f"source {source.name!r}: no configuration of {source.path} has a split {source.split or TRAIN!r}"
        )
    return pieces, FoundSource(settings=source.model_copy(update={"revision": commit}), left_out=())


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


def _require_utf8(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise DataError(f"the file name {os.fsencode(name)!r} is not UTF-8; rename the file") from error


def _kind(name: str) -> str:
    """Why a file is not read, by its name."""
    path = PurePosixPath(name)
    if path.name in _METADATA:
        return "files of settings and metadata"
    if len(path.parts) == 1 and _LICENCE.match(name):
        return "licences"
    if suffix_of(name, names_by_suffix(are_named=True)):
        return f"*{path.suffix} beside other data, read where a glob names it"
    return f"*{path.suffix}, which no format reads" if path.suffix else "files without an ending"


def _nothing_found(source: SourceSettings, left_out: LeftOut, suffixes: Iterable[str]) -> str:
    plain = [suffix for suffix in suffixes if not suffix.endswith(COMPRESSED[1:]) or suffix.count(".") < 2]
    patterns = ", ".join(f"*{suffix}" for suffix in plain)
    counts = "; ".join(f"{kind}: {number}" for kind, number in left_out.counts().items())
    seen = f" (not read: {counts})" if counts else ""
    return (
        f"source {source.name!r}: found no documents at {without_query(source.path)}{seen}; looked for {patterns} "
        f"(or with {', '.join(COMPRESSED[1:])} behind it); name a file, folder or glob that holds some"
    )
