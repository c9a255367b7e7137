"""`riffle.json`: what a folder holds, and what it was made of; written last, so that without it nothing is finished."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nextlong_hub.core.files import digest_of, read_json, sha256_of, write_json
from nextlong_hub.dataset.folder import EVALUATION_NAME

CONFIG = "riffle"


def data_path(number: int) -> str:
    """Where a shard lies in its folder."""
    return f"data/{CONFIG}/test-{number:05}.parquet"


def write_record(folder: Path, content: Mapping[str, Any]) -> None:
    """Write the record with its own digest.

    Raises:
        StorageError: it cannot be written.
    """
    write_json(folder / EVALUATION_NAME, {**content, "digest": digest_of(dict(content))})


def read_record(folder: Path) -> dict[str, Any] | None:
    """The record of a finished folder; None if there is none, or it is not as it was written."""
    content = read_json(folder / EVALUATION_NAME)
    if not isinstance(content, dict) or not isinstance(content.get("files"), list):
        return None
    digest = content.pop("digest", None)
    return content if digest == digest_of(content) else None


def damaged_files(folder: Path, content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The files that are not as they were written: their names, and what is wrong with each."""
    for file in content["files"]:
        path = folder / file["path"]
        if not path.is_file():
            yield file["path"], "is missing"
        elif path.stat().st_size != file["bytes"] or sha256_of(path) != file["sha256"]:
            yield file["path"], "is not the file that was written: its size or sha256 is another"
