"""Encoders of texts: a folder, or a repository of the Hub; code that comes with a model is never run.

Which library opens one is told by its files: model2vec one that adds up vectors of tokens, by the type in `config.json`
or the first module in `modules.json`; sentence-transformers any other that has a `modules.json`. Weights are read from
safetensors only, for other formats can hold code.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.files import digest_of, read_json, sha256_of
from nextlong_hub.errors import DataError, RecipeError
from nextlong_hub.hub.address import model_name
from nextlong_hub.hub.files import download_file, download_folder
from nextlong_hub.hub.wording import ENCODER

Encode = Callable[[Sequence[str]], NDArray[np.floating[Any]]]
"""Takes texts and returns a vector each. Shape: (texts, dimension)."""

_PATTERNS = ("*.json", "*.txt", "*.model", "*.safetensors")
_TEXTS_TOGETHER = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class _Library:
    """A library that opens encoders."""

    name: str
    """As it is installed."""
    module: str
    extra: str
    """Of nextlong-hub."""
    open: Callable[[Path], Encode]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundEncoder:
    """An encoder whose files are here."""

    folder: Path
    location: str
    """The folder, or `repository@commit`: where another process finds it."""
    digest: str
    """Of its files."""
    library: _Library


def find_encoder(name: str) -> FoundEncoder:
    """Find an encoder, fetch its files, and make sure that its library is installed; it is not opened yet.

    Raises:
        RecipeError: there is no such folder or repository, no known library wrote it, or that one is not installed.
        AuthError, NetworkError, StorageError: the Hub refused it, cannot be reached, or its cache cannot be written.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _found(folder, str(folder.resolve()), _library_of(name, folder.joinpath))
    named = model_name(name)
    if named is None or folder.exists():
        raise RecipeError(
            f"there is no encoder {name}; name a folder of model2vec or sentence-transformers, or a repository of the "
            "Hub such as minishlab/potion-base-8M"
        )
    repository, revision = named
    library = _library_of(name, lambda file: download_file(repository, file, revision, ENCODER))
    here = download_folder(repository, _PATTERNS, revision, ENCODER)
    return _found(here, f"{repository}@{here.name}", library)


@lru_cache(maxsize=1)
def open_encoder(location: str, digest: str) -> Encode:
    """Open an encoder that `find_encoder` has found, here or in another process; kept open for the next call.

    Raises:
        DataError: its files have changed since.
        RecipeError: its library cannot open it; or see `find_encoder`.
        AuthError, NetworkError, StorageError: see `find_encoder`.
    """
    found = find_encoder(location)
    if found.digest != digest:
        raise DataError(
            f"the encoder {location} had the digest {digest} when this run started and now has {found.digest}; put the "
            "old files back, or run the build again"
        )
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        return found.library.open(found.folder)
    except Exception as error:  # such libraries raise errors of many classes on files they cannot read
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise RecipeError(
            f"{found.library.name} cannot open the encoder {location} ({reason}); download it again (`git lfs pull` if "
            "its files are Git LFS pointers), with weights as safetensors"
        ) from error


def _found(folder: Path, location: str, library: _Library) -> FoundEncoder:
    if find_spec(library.module) is None:
        raise RecipeError(
            f"the encoder {location} is opened by {library.name}, which is not installed; run "
            f'pip install "nextlong-hub[{library.extra}]"'
        )
    files = sorted({path for pattern in _PATTERNS for path in folder.rglob(pattern) if path.is_file()})
    digests = [(path.relative_to(folder).as_posix(), sha256_of(path)) for path in files]
    return FoundEncoder(folder=folder, location=location, digest=digest_of(digests), library=library)


def _library_of(name: str, find: Callable[[str], Path | None]) -> _Library:
    """The library that opens an encoder; `find` gives the place of one of its files, where it has that one."""
    config, modules = (
        read_json(path) if (path := find(file)) is not None else None for file in ("config.json", "modules.json")
    )
    if isinstance(config, dict) and config.get("model_type") == "model2vec":
        return _MODEL2VEC
    if isinstance(modules, list) and modules and isinstance(modules[0], dict):
        is_static = str(modules[0].get("type")).endswith("StaticEmbedding")
        return _MODEL2VEC if is_static else _SENTENCE_TRANSFORMERS
    raise RecipeError(
        f"{name} holds no encoder of texts: neither a config.json of model2vec nor a modules.json of "
        "sentence-transformers is there; name another folder or repository"
    )


def _open_model2vec(folder: Path) -> Encode:
    from model2vec import StaticModel

    model = StaticModel.from_pretrained(str(folder))

    def encode(texts: Sequence[str]) -> NDArray[np.floating[Any]]:
        # An average takes any number of tokens, so nothing is cut off.
        vectors = model.encode(list(texts), max_length=None, use_multiprocessing=False)
        return np.asarray(vectors).reshape(len(texts), -1)

    return encode


def _open_sentence_transformers(folder: Path) -> Encode:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(
        str(folder), local_files_only=True, trust_remote_code=False, model_kwargs={"use_safetensors": True}
    )

    def encode(texts: Sequence[str]) -> NDArray[np.floating[Any]]:
        vectors = model.encode(list(texts), batch_size=_TEXTS_TOGETHER, convert_to_numpy=True, show_progress_bar=False)
        return np.asarray(vectors).reshape(len(texts), -1)

    return encode


_MODEL2VEC = _Library(name="model2vec", module="model2vec", extra="dense", open=_open_model2vec)
_SENTENCE_TRANSFORMERS = _Library(
    name="sentence-transformers",
    module="sentence_transformers",
    extra="sentence-transformers",
    open=_open_sentence_transformers,
)
