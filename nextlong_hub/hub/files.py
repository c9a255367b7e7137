"""Reading from the Hub: files by `hf://` address, datasets by name, and the files of a tokenizer or an encoder.

Token, endpoint and offline mode are read from the environment by huggingface_hub. A revision is resolved once, to a
commit, and every piece has that commit: commits made during a build do not change what it reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from nextlong_hub.errors import DataError
from nextlong_hub.hub.address import DatasetAddress
from nextlong_hub.hub.errors import hub_errors
from nextlong_hub.hub.wording import TOKENIZER, Wording

_MOST_SHARDS = 64
_CARD = "README.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFiles:
    """The files that an `hf://` address stands for."""

    root: str
    """Address, at a fixed commit, below which they lie."""
    commit: str
    """The commit that the revision stood for when the files were listed."""
    bytes_of: dict[str, int]
    """Size of each file, by its name below the root."""
    is_folder: bool
    """Whether a folder was named, rather than a file or a glob."""
    card: str | None = None
    """Address of the dataset's card, where all of the dataset was named."""


def list_files(url: str, revision: str | None) -> RemoteFiles:
    """List the files that an `hf://datasets/…` address of a file, folder or glob stands for; never a repository's card.

    Raises:
        DataError: it is no such address, or nothing is there.
        AuthError, NetworkError: see `hub_errors`.
    """
    address = DatasetAddress.parse(url)
    if address is None:
        raise DataError(f"{url!r} is no address of a dataset's files; write it as hf://datasets/user/name/path")
    commit = resolve_commit(address.name, address.revision or revision)
    base = str(DatasetAddress(name=address.name, revision=commit)).removeprefix("hf://")
    with hub_errors(url):
        root, files, is_folder = _list(base, address.path)
    has_card = root == base and address.path != _CARD and files.pop(_CARD, None) is not None
    return RemoteFiles(
        root=f"hf://{root}",
        commit=commit,
        bytes_of=files,
        is_folder=is_folder,
        card=f"hf://{root}/{_CARD}" if has_card else None,
    )


def read_card(url: str) -> str:
    """The text of a card by its address.

    Raises:
        DataError, AuthError, NetworkError: see `hub_errors`.
    """
    with hub_errors(url), open_file(url) as file:
        return file.read().decode("utf-8", "replace")


def top_files(name: str, commit: str | None) -> list[str]:
    """The names of the files at the top of a dataset repository, in order.

    Raises:
        DataError, AuthError, NetworkError: see `hub_errors`.
    """
    from huggingface_hub import HfFileSystem

    base = str(DatasetAddress(name=name, revision=commit)).removeprefix("hf://")
    with hub_errors(name, revision=commit):
        found: Any = HfFileSystem().ls(base, detail=True)
    return sorted(entry["name"].rpartition("/")[2] for entry in found if entry["type"] == "file")


def resolve_commit(name: str, revision: str | None) -> str:
    """Give the commit that `revision` of a dataset repository stands for now.

    Raises:
        DataError, AuthError, NetworkError: see `hub_errors`.
    """
    from huggingface_hub import HfApi

    with hub_errors(name, revision=revision):
        return str(HfApi().dataset_info(name, revision=revision).sha)


def open_file(url: str, *, cache_type: str = "readahead") -> IO[bytes]:
    """Open one file by its `hf://` address; bytes are fetched as they are read.

    Args:
        url: The file.
        cache_type: fsspec's name for how much more is fetched than is read: `readahead` for a reader that goes through
            the file, `none` for one that knows the ranges it wants.

    Raises:
        DataError, AuthError, NetworkError: see `hub_errors`.
    """
    from huggingface_hub import HfFileSystem

    with hub_errors(url):
        return HfFileSystem().open(url, "rb", cache_type=cache_type)  # type: ignore[no-any-return]


def open_dataset(name: str, config: str | None, split: str, commit: str | None) -> Any:
    """Open a Hub dataset for streaming.

    Raises:
        DataError: it has no such configuration or split, or `datasets` cannot read it.
        AuthError, NetworkError: see `hub_errors`.
    """
    import datasets

    with hub_errors(name, revision=commit):
        return datasets.load_dataset(name, config, split=split, revision=commit, streaming=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetParts:
    """What there is of a dataset on the Hub."""

    config: str
    """The configuration that was asked for, or the only one."""
    configs: tuple[str, ...]
    splits: tuple[str, ...]
    """Of that configuration."""


def configs_of_dataset(name: str, commit: str | None) -> tuple[str, ...]:
    """The configurations of a dataset on the Hub.

    Raises:
        DataError: `datasets` cannot read it.
        AuthError, NetworkError: see `hub_errors`.
    """
    import datasets

    with hub_errors(name, revision=commit):
        return tuple(datasets.get_dataset_config_names(name, revision=commit))


def parts_of_dataset(name: str, config: str | None, commit: str | None) -> DatasetParts:
    """The configurations of a dataset on the Hub, and the splits of one of them.

    Raises:
        DataError: it has no such configuration, or `datasets` cannot read it.
        AuthError, NetworkError: see `hub_errors`.
    """
    import datasets

    with hub_errors(name, revision=commit):
        builder = datasets.load_dataset_builder(name, config, revision=commit)
        splits = builder.config.data_files or builder.info.splits or {}
        return DatasetParts(
            config=builder.config.name, configs=tuple(sorted(builder.builder_configs)), splits=tuple(map(str, splits))
        )


def shard_count(dataset: Any) -> int:
    """Number of pieces that a streamed dataset is read in: each opens it anew, so it is bounded."""
    return max(1, min(_MOST_SHARDS, int(dataset.num_shards)))


def download_file(repository: str, file: str, revision: str | None, wording: Wording = TOKENIZER) -> Path | None:
    """Download one file of a model repository into huggingface_hub's cache; `wording` says what it is part of.

    Returns:
        The file, in a folder named after the commit; None when the repository has no such file.

    Raises:
        RecipeError, AuthError, NetworkError, StorageError: see `hub_errors`.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import RemoteEntryNotFoundError

    with hub_errors(repository, wording, revision=revision):
        try:
            return Path(hf_hub_download(repository, file, revision=revision))
        except RemoteEntryNotFoundError:
            return None


def download_folder(
    repository: str, patterns: Sequence[str], revision: str | None, wording: Wording = TOKENIZER
) -> Path:
    """Download the files of a model repository that match any of the patterns; `wording` says what they are.

    Returns:
        The folder in huggingface_hub's cache, named after the commit.

    Raises:
        RecipeError, AuthError, NetworkError, StorageError: see `hub_errors`.
    """
    from huggingface_hub import snapshot_download

    with hub_errors(repository, wording, revision=revision):
        return Path(snapshot_download(repository, revision=revision, allow_patterns=list(patterns)))


def _list(base: str, path: str) -> tuple[str, dict[str, int], bool]:
    """Give the folder below which the files lie, their sizes by name, and whether that folder itself was named."""
    from huggingface_hub import HfFileSystem

    filesystem = HfFileSystem()
    parts = path.split("/") if path else []
    fixed = next((number for number, part in enumerate(parts) if set(part) & set("*?[")), None)
    found: Any
    if fixed is not None and not filesystem.exists("/".join([base, *parts])):  # type: ignore[no-untyped-call]
        root = "/".join([base, *parts[:fixed]])
        found = filesystem.glob(f"{base}/{path}", detail=True)
        is_folder = False
    else:
        root = "/".join([base, *parts])
        entry = filesystem.info(root)
        if entry["type"] == "file":
            return root.rpartition("/")[0], {parts[-1]: entry["size"]}, False
        found = filesystem.find(root, detail=True)
        is_folder = True
    files = {key: entry for key, entry in found.items() if entry["type"] == "file"}
    return root, {key.removeprefix(f"{root}/"): entry["size"] for key, entry in files.items()}, is_folder
