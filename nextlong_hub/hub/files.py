"""Reading from the Hub: files by `hf://` address, datasets by name, and the files of a tokenizer or an encoder.

Token, endpoint and offline mode are read from the environment by huggingface_hub. A revision is resolved once, to a
commit, and every piece has that commit: commits made during a build do not change what it reads.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from nextlong_hub.errors import DataError
from nextlong_hub.hub.address import DatasetAddress
from nextlong_hub.hub.changes import ListedContent, RemoteFile
from nextlong_hub.hub.errors import hub_errors
from nextlong_hub.hub.listing import DATASET, tree_of
from nextlong_hub.hub.retry import NotTheHub
from nextlong_hub.hub.wording import TOKENIZER, Wording

_MOST_SHARDS = 64
_CARD = "README.md"
_MOST_CARD_BYTES = 8 << 20
_BLOCK_BYTES = 1 << 20
_DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHA256_DIGITS = 64
_SMALL_BYTES = 5 << 20
"""Files up to this size are fetched in one request, so that their content can be compared with the listing."""


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
    from huggingface_hub import HfApi

    api = HfApi()
    with hub_errors(address.name, revision=address.revision or revision):
        info = api.dataset_info(address.name, revision=address.revision or revision)
    with hub_errors(url):
        below, files, is_folder = _list(api, address, info)
    commit = str(info.sha)
    has_card = not below and address.path != _CARD and files.pop(_CARD, None) is not None
    root = str(DatasetAddress(name=address.name, revision=commit, path=below))
    return RemoteFiles(
        root=root,
        commit=commit,
        bytes_of=files,
        is_folder=is_folder,
        card=f"{root}/{_CARD}" if has_card else None,
    )


def read_card(url: str) -> str:
    """The text of a card by its address, as far as any card goes.

    Raises:
        DataError, AuthError, NetworkError: see `hub_errors`.
    """
    with hub_errors(url), open_file(url) as file:
        return file.read(_MOST_CARD_BYTES).decode("utf-8", "replace")


def read_bytes(url: str, most_bytes: int) -> bytes:
    """All of a small file by its address.

    Raises:
        DataError: it is not small; or see `hub_errors`.
        AuthError, NetworkError: see `hub_errors`.
    """
    with hub_errors(url), open_file(url) as file:
        size = int(file.size)  # type: ignore[attr-defined]
        if size > most_bytes:
            raise DataError(f"{url} has {size:,} bytes, and at most {most_bytes:,} are read of it; correct it there")
        return file.read()


def top_files(name: str, commit: str | None) -> list[str]:
    """The names of the files at the top of a dataset repository, in order.

    Raises:
        DataError, AuthError, NetworkError: see `hub_errors`.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    with hub_errors(name, revision=commit):
        found = HfApi().list_repo_tree(name, repo_type=DATASET, revision=commit)
        return sorted(entry.path for entry in found if isinstance(entry, RepoFile))


def resolve_commit(name: str, revision: str | None) -> str:
    """Give the commit that `revision` of a dataset repository stands for now.

    Raises:
        DataError, AuthError, NetworkError: see `hub_errors`.
    """
    from huggingface_hub import HfApi

    with hub_errors(name, revision=revision):
        return str(HfApi().dataset_info(name, revision=revision).sha)


def open_file(url: str, *, cache_type: str = "readahead") -> IO[bytes]:
    """Open one file by its `hf://` address; bytes are fetched as they are read, those of a small file at once.

    What comes is compared with the listing of the dataset: always the size of the file and of each part, and its
    digest where it is small or read from its beginning to its end.

    Args:
        url: The file.
        cache_type: fsspec's name for how much more is fetched than is read: `readahead` for a reader that goes through
            the file, `none` for one that knows the ranges it wants.

    Raises:
        DataError, AuthError, NetworkError: see `hub_errors`.
    """
    from huggingface_hub import HfFileSystem

    with hub_errors(url):
        filesystem = HfFileSystem()
        is_small = cache_type != "none" and filesystem.info(url)["size"] <= _SMALL_BYTES
        return filesystem.open(url, "rb", cache_type="all" if is_small else cache_type)  # type: ignore[no-any-return]


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
            return _with_content_of_name(
                lambda again: Path(hf_hub_download(repository, file, revision=revision, force_download=again))
            )
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
        return _with_content_of_name(
            lambda again: Path(
                snapshot_download(repository, revision=revision, allow_patterns=list(patterns), force_download=again)
            )
        )


def _list(api: Any, address: DatasetAddress, info: Any) -> tuple[str, dict[str, int], bool]:
    """Give the folder below which the files lie, their sizes by name, and whether that folder itself was named.

    Raises:
        FileNotFoundError: there is none.
        Exception: whatever huggingface_hub raises.
    """
    from fsspec.utils import glob_translate
    from huggingface_hub.hf_api import RepoFile

    path, parts = address.path, address.path.split("/") if address.path else []
    entry = _entry(api, address, info) if path else None
    if isinstance(entry, RepoFile):
        return "/".join(parts[:-1]), {parts[-1]: int(entry.size)}, False
    fixed = next((number for number, part in enumerate(parts) if set(part) & set("*?[")), None)
    if entry is None and path and fixed is None:
        raise FileNotFoundError(path)
    is_glob = entry is None and fixed is not None
    below = "/".join(parts[:fixed]) if is_glob else path
    wanted = re.compile(glob_translate(path)) if is_glob else None
    files = tree_of(api, address.name, info, below)
    return (
        below,
        {
            name.removeprefix(f"{below}/" if below else ""): file.size_bytes
            for name, file in files.items()
            if wanted is None or wanted.match(name)
        },
        not is_glob,
    )


def _entry(api: Any, address: DatasetAddress, info: Any) -> Any:
    """The file or folder of an address as the Hub describes it; None where there is none, which two answers must say.

    Raises:
        NotTheHub: they contradict each other.
        Exception: whatever huggingface_hub raises.
    """
    path = address.path
    is_named = any(f"{one.rfilename}/".startswith(f"{path}/") for one in info.siblings or ())
    for _ in range(2):
        found = api.get_paths_info(address.name, [path], repo_type=DATASET, revision=info.sha)
        entry = next((one for one in found if one.path == path), None)
        if entry is not None or not is_named:
            return entry
    raise NotTheHub(f"it knows nothing of {path}, which it says {address.name} has")


def _with_content_of_name(download: Callable[[bool], Path]) -> Path:
    """A file or folder in the cache of huggingface_hub, which calls each content by its digest: they must agree.

    Args:
        download: Gives its path; with True it is downloaded although it is there.

    Raises:
        NotTheHub: a file has another content, although it was downloaded again.
        Exception: whatever huggingface_hub raises.
    """
    for again in (False, True):
        place = download(again)
        files = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
        wrong = [path.name for path in files if not _has_content_of_name(path.resolve())]
        if not wrong:
            break
    else:
        raise NotTheHub(f"{wrong[0]} has not the content that the Hub lists")
    return place


def _has_content_of_name(blob: Path) -> bool:
    """Whether a file of the cache has the digest that it is called by; one that is called otherwise is no blob."""
    if not _DIGEST.fullmatch(blob.name):
        return True
    sha256 = blob.name if len(blob.name) == _SHA256_DIGITS else None
    content = ListedContent(RemoteFile(size_bytes=blob.stat().st_size, oid=blob.name, sha256=sha256))
    with blob.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            content.update(block)
    return content.is_listed
