"""A look at any dataset, here or on the Hub: its files, its card, and the footers of some of its Parquet files.

No row is read. Of a dataset on the Hub the listing is asked for, the card is fetched, and of at most 40 files the last
bytes.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from nextlong_hub.corpus.splits import header_of, parts_of
from nextlong_hub.dataset.folder import CARD_NAME
from nextlong_hub.errors import DataError
from nextlong_hub.hub.address import DatasetAddress, dataset_name, is_address, is_dataset_name
from nextlong_hub.hub.files import list_files, open_file, read_card

MOST_FOOTERS = 40
_TAIL_BYTES = 1 << 18
"""Fetched at first: the footer of nearly every file is in it."""
_MOST_FOOTER_BYTES = 64 << 20
_END_BYTES = 8
"""Behind a footer: its length, and the mark of Parquet."""
_DATA = (".parquet", ".jsonl", ".json", ".csv", ".tsv", ".arrow", ".txt", ".tar", ".zip", ".gz", ".zst", ".xz", ".bz2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was seen of a dataset."""

    name: str
    """As it was named."""
    files: Mapping[str, int]
    """Size of every file in bytes, by its name; those of a card's own name not among them."""
    card: str | None
    parts: Mapping[tuple[str, str], tuple[str, ...]]
    """The files of data by configuration and split."""
    footers: Mapping[str, pq.FileMetaData]
    """Of the Parquet files that were looked at."""
    unreadable: Mapping[str, str]
    """Files whose footer could not be read, each with why."""

    @property
    def data(self) -> tuple[str, ...]:
        """The files of data, each once."""
        return tuple(dict.fromkeys(file for files in self.parts.values() for file in files))

    @property
    def parquet(self) -> tuple[str, ...]:
        """Those of them that are Parquet."""
        return tuple(file for file in self.data if file.endswith(".parquet"))

    @property
    def unnamed(self) -> list[str]:
        """Files with an ending of data that belong to no configuration."""
        endings = tuple({PurePosixPath(file).suffix for file in self.data if PurePosixPath(file).suffix})
        return [file for file in self.files if endings and file.endswith(endings) and file not in set(self.data)]


def look_at(where: str) -> Look:
    """Look at a dataset.

    Args:
        where: a folder, `user/name`, or `hf://datasets/user/name[@revision]`; a path that is there goes before a name.

    Raises:
        DataError: nothing is there.
        AuthError, NetworkError: the Hub refused, or could not be reached.
    """
    folder = Path(where)
    if not is_address(where) and folder.is_dir():
        found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
        kept = {name: path for name, path in found.items() if not any(part[0] == "." for part in name.split("/"))}
        files = {name: path.stat().st_size for name, path in kept.items()}
        card = kept[CARD_NAME].read_text(encoding="utf-8", errors="replace") if CARD_NAME in kept else None
        return _looked(where, str(folder), files, card, is_remote=False)
    if not is_address(where) and not is_dataset_name(where):
        raise DataError(f"there is no folder {where}; give one, or a dataset on the Hub as user/name")
    address = DatasetAddress.parse(where) or DatasetAddress(name=dataset_name(where))
    listed = list_files(str(address), None)
    card = read_card(listed.card) if listed.card else None
    return _looked(where, listed.root, listed.bytes_of, card, is_remote=True)


def _looked(name: str, root: str, files: Mapping[str, int], card: str | None, *, is_remote: bool) -> Look:
    of_data = [file for file in files if file.endswith(_DATA)]
    if not header_of(card or "").get("configs"):  # then `datasets` takes the files of the ending that most have
        endings = Counter(PurePosixPath(file).suffix for file in of_data)
        of_data = [file for file in of_data if PurePosixPath(file).suffix == endings.most_common(1)[0][0]]
    parts = parts_of(of_data, card or "")
    footers: dict[str, pq.FileMetaData] = {}
    unreadable: dict[str, str] = {}
    for file in _chosen([file for file in of_data if file.endswith(".parquet")], parts):
        place = f"{root}/{file}"
        with open_file(place, cache_type="none") if is_remote else Path(place).open("rb") as opened:
            try:
                footers[file] = _footer(opened, files[file])
            except (pa.ArrowException, OSError, ValueError) as error:
                if is_remote and isinstance(error, OSError) and type(error) is not OSError:
                    raise  # what the Hub or the network said
                unreadable[file] = " ".join(str(error).split())
    others = {file: size for file, size in files.items() if file != CARD_NAME}
    return Look(name=name, files=others, card=card, parts=parts, footers=footers, unreadable=unreadable)


def _chosen(files: Sequence[str], parts: Mapping[tuple[str, str], tuple[str, ...]]) -> list[str]:
    """The files whose footers are read: the first of each part, then others, spread evenly."""
    there = set(files)
    first = [next((name for name in own if name in there), None) for own in parts.values()]
    chosen = list(dict.fromkeys(name for name in first if name))[:MOST_FOOTERS]
    rest = [name for name in files if name not in set(chosen)]
    number = min(len(rest), MOST_FOOTERS - len(chosen))
    return [*chosen, *(rest[index * len(rest) // number] for index in range(number))]


def _footer(file: IO[bytes], size: int) -> pq.FileMetaData:
    """The footer of a Parquet file, of which only the end is read.

    Raises:
        ValueError: it is too long to be read.
        OSError, pyarrow.ArrowException: it is no Parquet, or cannot be read.
    """
    tail = _last(file, size, _TAIL_BYTES)
    needed = int.from_bytes(tail[-_END_BYTES:-4], "little") + _END_BYTES if tail.endswith(b"PAR1") else 0
    if needed > _MOST_FOOTER_BYTES:
        raise ValueError(f"its footer has {needed:,} bytes, of which at most {_MOST_FOOTER_BYTES:,} are read")
    if len(tail) < needed <= size:
        tail = _last(file, size, needed)
    return pq.read_metadata(BytesIO(tail))


def _last(file: IO[bytes], size: int, number: int) -> bytes:
    file.seek(max(0, size - number))
    return file.read(min(size, number))
