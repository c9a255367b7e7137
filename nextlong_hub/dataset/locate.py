"""From a path, name or URL to the configurations that lie there and the files of each.

What a dataset says about itself goes first: our manifest, then the `configs:` of its card, then its folders.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO, Any

import pyarrow as pa

from nextlong_hub.core.foreign import parse_yaml
from nextlong_hub.dataset.manifest import MANIFEST_NAME, Manifest, parse_manifest
from nextlong_hub.errors import DataError
from nextlong_hub.hub.address import DatasetAddress, is_address, is_dataset_name, page_of
from nextlong_hub.hub.files import list_files, open_file, read_bytes

_CARD = "README.md"
_ONLY_CONFIG = "default"
_MOST_BYTES_READ = 64 << 20
"""Of a card or a manifest on the Hub."""
_CARD_HEADER = re.compile(r"\A\s*---\r?\n(.*?\n)---\r?\n", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetLocation:
    """Where the configurations of one dataset lie."""

    name: str
    """As the user named it."""
    folder: Path | None
    """None when it is on the Hub."""
    commit: str | None
    """Of a dataset on the Hub."""
    page: str | None = None
    """Address of a dataset's page on the Hub."""
    manifest: Manifest | None
    configs: Mapping[str, tuple[str, ...]]
    """The files of each configuration, in row order, relative to `folder`, or to the dataset on the Hub."""
    root: str
    """The folder, or the address on the Hub at its commit, below which the files lie."""
    open: Callable[[str], IO[bytes]]
    """Open one of the files for reading."""

    def refuse_preview(self, config: str) -> None:
        """Make sure that nobody takes a preview for rows.

        Raises:
            DataError: `config` is the name of one.
        """
        for name, preview in self.manifest.previews.items() if self.manifest else ():
            if preview.name == config:
                raise DataError(
                    f"{config} of {self.name} is no data: for the Hub's viewer it holds the beginnings of rows of "
                    f"{name}; name that, or read the preview with load_dataset"
                )


def locate(where: str | Path, revision: str | None = None) -> DatasetLocation:
    """Find a dataset; a path that is there goes before a Hub name.

    Args:
        where: A dataset folder, a folder of Parquet files or one of them, `user/name`, or `hf://datasets/user/name`.
        revision: Branch, tag or commit of a dataset on the Hub.

    Raises:
        DataError: nothing is there, or no Parquet file.
        AuthError, NetworkError: the Hub refused, or could not be reached.
    """
    name, path = str(where), Path(where)
    if not is_address(name) and path.exists():
        if revision is not None:
            raise DataError(f"{name} is a local path and has no revision {revision!r}; leave it out")
        return _local(name, path)
    if is_address(name):
        return _remote(name, name, revision)
    if is_dataset_name(name):
        return _remote(name, str(DatasetAddress(name=name)), revision)
    raise DataError(f"there is no {name}; give a dataset folder, a Parquet file, or a dataset on the Hub as user/name")


def _local(name: str, path: Path) -> DatasetLocation:
    folder = path if path.is_dir() else path.parent
    found = (file.relative_to(folder) for file in folder.rglob("*.parquet")) if path.is_dir() else [Path(path.name)]
    files = sorted(file.as_posix() for file in found if not any(part.startswith(".") for part in file.parts))

    def read(file: str) -> bytes | None:
        return (folder / file).read_bytes() if path.is_dir() and (folder / file).is_file() else None

    manifest, configs = _configs(name, files, read)
    return DatasetLocation(
        name=name,
        folder=folder,
        commit=None,
        manifest=manifest,
        configs=configs,
        root=str(folder),
        open=lambda file: pa.OSFile(str(folder / file), "rb"),
    )


def _remote(name: str, url: str, revision: str | None) -> DatasetLocation:
    found = list_files(url, revision)
    files = sorted(file for file in found.bytes_of if file.endswith(".parquet"))

    def open_at(file: str) -> IO[bytes]:
        # What is wanted is known to the byte (a footer, the columns of a row group): reading ahead would only cost.
        return open_file(f"{found.root}/{file}", cache_type="none")

    def read(file: str) -> bytes | None:
        if not found.is_folder or file not in (*found.bytes_of, _CARD):
            return None
        try:
            return read_bytes(f"{found.root}/{file}", _MOST_BYTES_READ)
        except DataError:
            if file == _CARD:  # it is never listed, so only opening it tells whether there is one
                return None
            raise

    manifest, configs = _configs(name, files, read)
    return DatasetLocation(
        name=name,
        folder=None,
        commit=found.commit,
        page=page_of(url),
        manifest=manifest,
        configs=configs,
        root=found.root,
        open=open_at,
    )


def _configs(
    name: str, files: list[str], read: Callable[[str], bytes | None]
) -> tuple[Manifest | None, dict[str, tuple[str, ...]]]:
    """The manifest, if it is ours, and the files of each configuration."""
    content = read(MANIFEST_NAME)
    manifest = parse_manifest(content, f"{name}/{MANIFEST_NAME}") if content is not None else None
    if manifest is not None:
        configs = {config: tuple(file.path for file in record.files) for config, record in manifest.configs.items()}
        return manifest, configs
    if not files:
        raise DataError(f"{name} holds no Parquet file; give a dataset folder, or build one with `nextlong-hub build`")
    return None, _configs_of_card(read(_CARD), files) or _configs_of_folders(files)


def _configs_of_card(card: bytes | None, files: list[str]) -> dict[str, tuple[str, ...]]:
    """What the card's header says, in its order, the default first; only training rows, only Parquet."""
    header = _CARD_HEADER.match((card or b"").decode("utf-8", "replace"))
    if header is None:
        return {}
    entries = _parse_header(header[1])
    found: dict[str, tuple[str, ...]] = {}
    for entry in sorted(entries, key=lambda entry: entry.get("default") is not True):
        patterns = _patterns(entry.get("data_files"), str(entry.get("data_dir") or "."))
        chosen = [file for file in files if any(fnmatchcase(file, pattern) for pattern in patterns)]
        if chosen:
            found[str(entry.get("config_name", _ONLY_CONFIG))] = tuple(chosen)
    return found


def _parse_header(header: str) -> list[dict[str, Any]]:
    try:
        content = parse_yaml(header)
    except ValueError:
        return []
    entries = content.get("configs") if isinstance(content, dict) else None
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _patterns(data_files: Any, data_dir: str) -> list[str]:
    """Patterns of the files of a card's configuration: of its split `train`, else of its first."""
    if isinstance(data_files, list) and data_files and all(isinstance(entry, dict) for entry in data_files):
        chosen = next((entry for entry in data_files if entry.get("split") == "train"), data_files[0])
        data_files = chosen.get("path")
    if data_files is None:
        data_files = "*"
    listed = [data_files] if isinstance(data_files, str) else data_files if isinstance(data_files, list) else []
    return [PurePosixPath(data_dir, str(pattern)).as_posix() for pattern in listed]


def _configs_of_folders(files: list[str]) -> dict[str, tuple[str, ...]]:
    """Files that lie together belong together: `data/128k/…` is the configuration `128k`."""
    found: dict[str, list[str]] = {}
    for file in files:
        folder = PurePosixPath(file).parent.name
        found.setdefault(_ONLY_CONFIG if folder in ("", "data") else folder, []).append(file)
    return {config: tuple(listed) for config, listed in found.items()}
