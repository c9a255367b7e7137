"""Where tokenizers come from: a folder, the Hub, or the package itself; code that comes with a model is never run."""

import copyreg
import hashlib
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import tokenizers

from nextlong_hub.core.confined import Limits, OutOfBudgetError, RefusedError, call_confined
from nextlong_hub.errors import DataError, RecipeError, StorageError
from nextlong_hub.hub.address import model_name
from nextlong_hub.hub.files import download_file, download_folder
from nextlong_hub.tokenization.soundness import require_sound
from nextlong_hub.tokenization.tokenizer import Tokenizer

EMBEDDED = "demo"
"""The tokenizer that comes with the package: GPT-2's."""

_EMBEDDED_FOLDER = ("nextlong_hub.builders", "demo/gpt2")
_TOKENIZER_FILE = "tokenizer.json"
LIMITS = Limits(cpu_seconds=300, wall_seconds=3600, memory_bytes=8 << 30)
"""What reading the files of a tokenizer may take; a large one takes seconds."""
_CONVERTIBLE_FILES = (
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "config.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "*.model",
    "*.tiktoken",
)
"""Files from which transformers may build a tokenizer without a `tokenizer.json`."""
TOKENIZER_FILES = (_TOKENIZER_FILE, *_CONVERTIBLE_FILES)
"""All that a tokenizer is opened from."""


def load_tokenizer(name_or_folder: str) -> Tokenizer:
    """Open a tokenizer: a folder, a Hub name (`user/model`, `user/model@revision`), or `demo` for the embedded GPT-2.

    An existing folder comes before a Hub name, the word `demo` before both (`./demo` is the folder). Without a
    `tokenizer.json`, transformers converts what there is; code that comes with a model is never run.

    Sets `TOKENIZERS_PARALLELISM=false` in this process unless it is set: our processes and threads share out the cores,
    and a process that forks later neither hangs nor prints a warning about it.

    Raises:
        RecipeError: there is no such folder or repository, or no tokenizer that can be used in it.
        AuthError: the Hub refused the credentials, or access to the repository must be requested.
        NetworkError: the Hub could not be reached.
        StorageError: a file cannot be read, or the Hub's cache cannot be written.
    """
    return _load(name_or_folder, known="")


def _load(name_or_folder: str, *, known: str) -> Tokenizer:
    """See `load_tokenizer`; one whose digest is `known` was found sound before."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if name_or_folder == EMBEDDED:
        package, folder = _EMBEDDED_FOLDER
        content = files(package).joinpath(folder, _TOKENIZER_FILE).read_bytes()
        return _from_json(content, _Origin(EMBEDDED, EMBEDDED, None, _digest(content)), EMBEDDED)
    path = Path(name_or_folder).expanduser()
    if path.exists():
        return _from_folder(path, _Origin(name_or_folder, str(path.resolve()), None, known))
    hub_name = model_name(name_or_folder)
    if hub_name is None:
        raise RecipeError(
            f"there is no folder {name_or_folder} to load a tokenizer from; give a folder that holds "
            f"{_TOKENIZER_FILE}, the name of a Hub repository, or {EMBEDDED!r} for the embedded GPT-2"
        )
    return _from_hub(*hub_name, name=name_or_folder, known=known)


def reopen(location: str, digest: str, name: str | None = None) -> Tokenizer:
    """Open a tokenizer that another process has opened.

    Args:
        location: `Tokenizer.location` there.
        digest: `Tokenizer.digest` there.
        name: its name; None for its location.

    Raises:
        DataError: the files have changed in the meantime.
    """
    tokenizer = _load(location, known=digest)
    if tokenizer.digest != digest:
        raise DataError(
            f"the tokenizer {name or location} had the digest {digest} when this run started and now has "
            f"{tokenizer.digest}; put the old files back, or start again with a new output folder"
        )
    tokenizer.name = name or location
    return tokenizer


def folder_of(tokenizer: Tokenizer, patterns: Sequence[str]) -> Path:
    """The folder where a tokenizer's files lie; those of a Hub tokenizer that match `patterns` are fetched first.

    Raises:
        AuthError, NetworkError, RecipeError, StorageError: see `load_tokenizer`.
    """
    if tokenizer.location == EMBEDDED:
        package, folder = _EMBEDDED_FOLDER
        return Path(str(files(package).joinpath(folder)))
    if tokenizer.revision is None:
        return Path(tokenizer.location)
    repository = tokenizer.location.rpartition("@")[0]
    return download_folder(repository, [*TOKENIZER_FILES, *patterns], tokenizer.revision)


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep transformers from warning the user, and from announcing on import that there is no PyTorch."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    with warnings.catch_warnings(action="ignore"):
        yield


def auto_tokenizer(folder: Path) -> Any:
    """The tokenizer that transformers makes of a folder; code that comes with a model is never run.

    Raises:
        RecipeError: it cannot open the folder; the message is the first line of its error.
    """
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False, local_files_only=True)
    except Exception as error:  # tokenizer classes raise errors of many classes on files they cannot read
        raise RecipeError((str(error).strip().splitlines() or [type(error).__name__])[0]) from error


class _Origin(NamedTuple):
    """Where a tokenizer comes from; see `Tokenizer`."""

    name: str
    location: str
    revision: str | None
    known: str
    """The digest of one that was found sound before."""


def _from_folder(folder: Path, origin: _Origin) -> Tokenizer:
    if not folder.is_dir():
        raise RecipeError(f"the tokenizer {folder} is a file; give the folder that holds {_TOKENIZER_FILE}")
    file = folder / _TOKENIZER_FILE
    if file.is_file():
        try:
            content = file.read_bytes()
        except OSError as error:
            raise StorageError(f"cannot read {file}: {error.strerror}; change its permissions") from error
        return _from_json(content, origin, str(file))
    if not any(match for pattern in _CONVERTIBLE_FILES for match in folder.glob(pattern)):
        raise RecipeError(
            f"the folder {folder} holds no tokenizer; give one that holds {_TOKENIZER_FILE} "
            "(a tokenizer writes it with save_pretrained)"
        )
    return _from_json(_convert(folder), origin, str(folder))


def _from_json(content: bytes, origin: _Origin, place: str) -> Tokenizer:
    digest = _digest(content)
    if digest != origin.known:
        try:
            require_sound(content)
        except ValueError as error:
            raise RecipeError(
                f"{place} is not opened: {error}; download it again (`git lfs pull` if it is a Git LFS pointer of some "
                "hundred bytes), or use another tokenizer"
            ) from error
    try:
        backend = tokenizers.Tokenizer.from_buffer(content)
    except Exception as error:  # tokenizers raises nothing narrower
        raise RecipeError(
            f"{place} is no tokenizer that tokenizers {tokenizers.__version__} can read ({error}); download it again "
            "(`git lfs pull` if it is a Git LFS pointer of some hundred bytes), or upgrade tokenizers"
        ) from error
    return Tokenizer(backend, name=origin.name, location=origin.location, revision=origin.revision, digest=digest)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


def _convert(folder: Path) -> bytes:
    """The `tokenizer.json` that transformers makes of the older files in a folder.

    A tokenizer that stays slow is refused: it cannot say where a token lies in the text, so no segment's tokens could
    be counted, and it encodes in Python, in a time that grows faster than the text (huggingface/transformers#28629).
    """
    try:
        kind, content = call_confined(convert_here, str(folder), LIMITS)
    except (RefusedError, OutOfBudgetError) as error:
        raise RecipeError(
            f"{folder} holds no {_TOKENIZER_FILE}, and transformers cannot make one of the other files "
            f"({error}); give a folder that holds {_TOKENIZER_FILE}"
        ) from error
    if content is None:
        raise RecipeError(
            f"the tokenizer in {folder} ({kind}) is a slow one, which cannot tell where its tokens lie in the text; "
            f"give one that has a {_TOKENIZER_FILE}"
        )
    return str(content).encode()


def convert_here(folder: str) -> tuple[str, str | None]:
    """The class of the tokenizer that transformers makes of a folder, and its `tokenizer.json` unless it is a slow one.

    Raises:
        RecipeError: see `auto_tokenizer`.
    """
    with quiet_transformers():
        found = auto_tokenizer(Path(folder))
    return type(found).__name__, str(found.backend_tokenizer.to_str()) if found.is_fast else None


def _from_hub(repository: str, revision: str | None, *, name: str, known: str) -> Tokenizer:
    file = download_file(repository, _TOKENIZER_FILE, revision)
    folder = download_folder(repository, _CONVERTIBLE_FILES, revision) if file is None else file.parent
    commit = folder.name
    return _from_folder(folder, _Origin(name, f"{repository}@{commit}", commit, known))


def _travel(tokenizer: Tokenizer) -> tuple[Callable[..., Tokenizer], tuple[str, str, str]]:
    return reopen, (tokenizer.location, tokenizer.digest, tokenizer.name)


copyreg.pickle(Tokenizer, _travel)  # a tokenizer is pickled as the place of its files, and opened anew
