"""The secret scan of a push: access tokens and keys in the files that are about to be published, beside their rows."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from nextlong_hub.secret_scan import HUB_TOKEN, find_secrets

_PARQUET_TAIL_BYTES = 8


def places_of_secrets(folder: Path, paths: Iterable[str]) -> list[str]:
    """Find secrets, and whatever looks like a token of the Hub; returns the places, by file and line.

    In a Parquet file only the metadata is searched, footer and schema, and no row; in any other file every byte.

    Args:
        folder: The dataset folder.
        paths: Files in it, relative to the folder.

    Raises:
        OSError, pyarrow.ArrowException: a file cannot be read.
    """
    return [place for path in paths for place in _places(folder / path, path)]


def _places(file: Path, name: str) -> list[str]:
    if file.suffix == ".parquet":
        return [f"{name}, in its metadata"] if _starts(_parquet_metadata(file)) else []
    text = file.read_bytes().decode("latin-1")
    lines = sorted({text.count("\n", 0, start) + 1 for start in _starts(text)})
    return [f"{name}, line {number}" for number in lines]


def _starts(text: str) -> set[int]:
    """Where what must not be published begins."""
    return {secret.spans[0][0] for secret in find_secrets(text)} | {one.start() for one in HUB_TOKEN.finditer(text)}


def _parquet_metadata(file: Path) -> str:
    """The footer as it is in the file, and the metadata of the Arrow schema, which the footer holds encoded."""
    with file.open("rb") as handle:
        handle.seek(-_PARQUET_TAIL_BYTES, 2)
        footer_bytes = int.from_bytes(handle.read(4), "little")
        handle.seek(-_PARQUET_TAIL_BYTES - footer_bytes, 2)
        footer = handle.read(footer_bytes)
    return "\n".join(part.decode("latin-1") for part in (footer, *_schema_metadata(pq.read_schema(file))))


def _schema_metadata(schema: pa.Schema) -> Iterable[bytes]:
    holders = [schema, *schema]
    while holders:
        holder = holders.pop()
        for key, value in (holder.metadata or {}).items():
            yield from (key, value)
        inner = getattr(holder, "type", None)
        if inner is not None:
            holders += [inner.field(number) for number in range(inner.num_fields)]
