"""Texts in, token ids out, and the piece of a text that is exactly the target length.

The only door to `tokenizers` and `transformers`. No special token is ever added, and text that spells one
(`<|endoftext|>`) stays text: a document cannot forge a document boundary.

Why cutting the ids would not do: the first T ids of a long text need not be the ids of any prefix of it. The cut may
fall inside a character (three tokens for one emoji) or a pre-token (two newlines are one token at the end of a text and
two before a letter), and decoded ids are not the text (NFC, the `▁` put in front). So the cut is made in the text, and
what is kept is encoded again from its first character: the promise has been seen to hold, for any tokenizer.
"""

import hashlib
import os
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
from numpy.typing import NDArray

from nextlong_hub.errors import AuthError, DataError, NetworkError, RecipeError, StorageError
from nextlong_hub.files import storage_errors
from nextlong_hub.records import Reason
from nextlong_hub.token_offsets import (
    Spellings,
    TokenSpans,
    byte_alphabet,
    byte_level_spelling,
    sentencepiece_spelling,
)

EMBEDDED = "demo"
"""The tokenizer that comes with the package: GPT-2's."""

_EMBEDDED_FOLDER = ("nextlong_hub.builders", "demo/gpt2")
_TOKENIZER_FILE = "tokenizer.json"
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
"""What transformers may need to build a tokenizer for which there is no `tokenizer.json`."""

_HUB_NAME = re.compile(r"(?P<repository>\w[\w.-]*(?:/\w[\w.-]*)?)(?:@(?P<revision>\w[\w./-]*))?")
_TEXTS_PER_BATCH = 256
_REACH_CHARACTERS = 64
"""How far from the first guess a cut is sought. Farther out, no prefix can be expected to make up the difference."""
_WINDOW_CHARACTERS = 512
"""How much text before the guess is encoded to predict where the exact cuts are."""
_TRIED_CUTS = 8
"""How many predicted cuts are checked on the whole text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A prefix of a text that has exactly the target length."""

    characters: int
    """Length of the kept prefix."""
    input_ids: NDArray[np.int32]
    """What encoding the kept prefix by itself gives. Shape: (target,)."""
    token_starts: NDArray[np.int64]
    """First character of each token, ascending; tokens that share a character share a start. Shape: (target,)."""
    total_tokens: int
    """Tokens of the whole text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfitted:
    """A text from which no prefix of exactly the target length was found."""

    total_tokens: int
    """Tokens of the whole text."""
    reason: Reason
    """`BELOW_TARGET`, or `NO_EXACT_CUT`: another ending of the text may well have one."""


class Tokenizer:
    """A fast tokenizer that sees nothing but text; made by `load_tokenizer`, and cheap to send to another process."""

    def __init__(
        self, backend: tokenizers.Tokenizer, *, name: str, location: str, revision: str | None, digest: str
    ) -> None:
        self.name = name
        """As it was asked for."""
        self.location = location
        """What `load_tokenizer` needs to find the same files from any working folder: an absolute path, or a Hub name
        with its commit."""
        self.revision = revision
        """The Hub commit it came from, None for a local one."""
        self.digest = digest
        """Twelve hexadecimal digits over the content that decides the ids, wherever it lies."""
        backend.no_truncation()
        backend.no_padding()
        backend.encode_special_tokens = True
        if getattr(backend.model, "dropout", None) is not None:
            backend.model.dropout = None  # training noise: the same text must have the same ids
        backend.post_processor = None  # without special tokens, all it does is to move a token's start past its spaces
        self._backend = backend

    def __reduce__(self) -> tuple[Callable[..., "Tokenizer"], tuple[str, str, str]]:
        return _reopen, (self.location, self.name, self.digest)

    @property
    def vocabulary_size(self) -> int:
        """Number of tokens, special ones included; every id is below the largest id + 1."""
        return int(self._backend.get_vocab_size(with_added_tokens=True))

    def encode(self, text: str) -> NDArray[np.int32]:
        """The ids of a text, without special tokens. Shape: (tokens,)."""
        encoding = self._backend.encode_batch_fast([text], add_special_tokens=False)[0]  # does not track characters
        return np.array(encoding.ids, np.int32)

    def count(self, texts: Sequence[str], *, threads: int = 1) -> list[int]:
        """How many tokens each text has by itself.

        Args:
            texts: Any number of them; memory is bounded by the longest few hundred.
            threads: Encode on this many threads at once; more than 1 is for the only busy process of a machine.
        """
        batches = [list(texts[start : start + _TEXTS_PER_BATCH]) for start in range(0, len(texts), _TEXTS_PER_BATCH)]
        if threads <= 1 or len(batches) <= 1:
            return list(chain.from_iterable(map(self._lengths, batches)))
        with ThreadPoolExecutor(threads) as pool:
            return list(chain.from_iterable(pool.map(self._lengths, batches)))

    def fit(self, text: str, target: int) -> Fitted | Unfitted:
        """Keep the prefix of a text that has exactly `target` tokens when it is encoded by itself (NExtLong, Alg. 1).

        The first cut tried is the end of the text's own token number `target`. When that prefix has another number of
        tokens, the nearest exact cut within 64 characters is taken, of two equally near the longer.

        Raises:
            RecipeError: the target is below 1.
        """
        if target < 1:
            raise RecipeError(f"a target length of {target} tokens was asked for; it must be at least 1")
        whole_ids = self.encode(text)
        total_tokens = len(whole_ids)
        if total_tokens < target:
            return Unfitted(total_tokens=total_tokens, reason=Reason.BELOW_TARGET)
        spans = self._spans(text, whole_ids)
        whole_ids, whole_starts, guess = whole_ids[:target], spans.starts[:target], int(spans.ends[target - 1])
        del spans
        if total_tokens == target:
            return Fitted(
                characters=len(text), input_ids=whole_ids, token_starts=whole_starts, total_tokens=total_tokens
            )
        for characters, input_ids in self._tried_cuts(text, guess, target):
            if len(input_ids) == target:
                # The same ids from the first character on cover the same characters; only other ids need a second look.
                same = np.array_equal(input_ids, whole_ids)
                starts = whole_starts if same else self._spans(text[:characters], input_ids).starts
                return Fitted(
                    characters=characters, input_ids=input_ids, token_starts=starts, total_tokens=total_tokens
                )
        return Unfitted(total_tokens=total_tokens, reason=Reason.NO_EXACT_CUT)

    def _tried_cuts(self, text: str, guess: int, target: int) -> Iterator[tuple[int, NDArray[np.int32]]]:
        """The prefixes worth trying, best first, each with the ids it has by itself."""
        guess_ids = self.encode(text[:guess])
        yield guess, guess_ids
        for characters in self._predict_cuts(text, guess, len(guess_ids), target)[:_TRIED_CUTS]:
            yield characters, self.encode(text[:characters])

    def _predict_cuts(self, text: str, guess: int, guess_tokens: int, target: int) -> list[int]:
        """Where the prefix should have `target` tokens, nearest to the guess first.

        Encoding the whole prefix for each place would cost a hundred times as much as the fit itself. Only its last
        characters are encoded, and the guess, whose number of tokens is known, tells what lies before them. This holds
        where the tokens around the cut do not depend on text farther back, so it is a prediction and is checked.
        """
        start = max(0, guess - _WINDOW_CHARACTERS)
        near = [cut for step in range(1, _REACH_CHARACTERS + 1) for cut in (guess + step, guess - step)]
        near = [cut for cut in near if start < cut <= len(text)]
        guess_window, *windows = self._lengths([text[start:cut] for cut in (guess, *near)])
        before = guess_tokens - guess_window
        return [cut for cut, tokens in zip(near, windows, strict=True) if before + tokens == target]

    def _spans(self, text: str, ids: NDArray[np.int32]) -> TokenSpans:
        """Where the tokens of a text lie: told from their spellings, or by encoding it again, twice as dear."""
        spans = self._spellings.spans(text, ids) if self._spellings else None
        if spans is None:
            offsets = self._backend.encode(text, add_special_tokens=False).offsets  # tuples: no other access there is
            pairs = np.fromiter(chain.from_iterable(offsets), np.int64, 2 * len(offsets))
            spans = TokenSpans(starts=pairs[::2], ends=pairs[1::2])
        return spans

    @cached_property
    def _spellings(self) -> Spellings | None:
        """None where a token does not always spell the same bytes (BERT leaves out white space and case)."""
        added = {number: token.content.encode() for number, token in self._backend.get_added_tokens_decoder().items()}
        vocabulary = self._backend.get_vocab(with_added_tokens=False).items()
        if isinstance(self._backend.decoder, tokenizers.decoders.ByteLevel):
            alphabet = byte_alphabet()
            spelled = {number: byte_level_spelling(token, alphabet) for token, number in vocabulary}
        elif isinstance(self._backend.model, tokenizers.models.BPE | tokenizers.models.Unigram):
            spelled = {number: sentencepiece_spelling(token) for token, number in vocabulary}
        else:
            return None
        return Spellings((added | spelled).items())  # Gemma lists the `▁▁` of its vocabulary as added too

    def _lengths(self, texts: list[str]) -> list[int]:
        return [len(encoding) for encoding in self._backend.encode_batch_fast(texts, add_special_tokens=False)]


def load_tokenizer(name_or_folder: str) -> Tokenizer:
    """Open a tokenizer: a folder, a Hub name (`user/model`, `user/model@revision`), or `demo` for the embedded GPT-2.

    An existing folder comes before a Hub name, the word `demo` before both (`./demo` is the folder). Without a
    `tokenizer.json`, transformers converts what there is; code that comes with a model is never run.

    Sets `TOKENIZERS_PARALLELISM=false` in this process unless it is set: our processes and threads share out the cores,
    and a process that forks later neither hangs nor prints a warning about it.

    Raises:
        RecipeError: there is no such folder or repository, or no tokenizer that can be used in it.
        AuthError: the Hub refused the credentials, or access to the repository must be asked for.
        NetworkError: the Hub could not be reached.
        StorageError: a file cannot be read, or the Hub's cache cannot be written.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if name_or_folder == EMBEDDED:
        package, folder = _EMBEDDED_FOLDER
        content = files(package).joinpath(folder, _TOKENIZER_FILE).read_bytes()
        return _from_json(content, EMBEDDED, name=EMBEDDED, location=EMBEDDED, revision=None)
    path = Path(name_or_folder).expanduser()
    if path.exists():
        return _from_folder(path, name=name_or_folder, location=str(path.resolve()), revision=None)
    hub_name = _HUB_NAME.fullmatch(name_or_folder)
    if hub_name is None:
        raise RecipeError(
            f"there is no folder {name_or_folder} to load a tokenizer from; give a folder that holds "
            f"{_TOKENIZER_FILE}, the name of a Hub repository, or {EMBEDDED!r} for the embedded GPT-2"
        )
    return _from_hub(hub_name["repository"], hub_name["revision"], name=name_or_folder)


def _reopen(location: str, name: str, digest: str) -> Tokenizer:
    """Open in this process what another one has opened.

    Raises:
        DataError: the files have changed in the meantime.
    """
    tokenizer = load_tokenizer(location)
    if tokenizer.digest != digest:
        raise DataError(
            f"the tokenizer {name} had the digest {digest} when this run started and has {tokenizer.digest} now; put "
            "the old files back, or start again with a new output folder"
        )
    tokenizer.name = name
    return tokenizer


def _from_folder(folder: Path, *, name: str, location: str, revision: str | None) -> Tokenizer:
    if not folder.is_dir():
        raise RecipeError(f"the tokenizer {folder} is a file; give the folder that holds {_TOKENIZER_FILE}")
    file = folder / _TOKENIZER_FILE
    if file.is_file():
        try:
            content = file.read_bytes()
        except OSError as error:
            raise StorageError(f"cannot read {file}: {error.strerror}; change its permissions") from error
        return _from_json(content, str(file), name=name, location=location, revision=revision)
    if not any(match for pattern in _CONVERTIBLE_FILES for match in folder.glob(pattern)):
        raise RecipeError(
            f"the folder {folder} holds no tokenizer; give one that holds {_TOKENIZER_FILE} "
            "(a tokenizer writes it with save_pretrained)"
        )
    content = _convert(folder)
    return _from_json(content, str(folder), name=name, location=location, revision=revision)


def _from_json(content: bytes, origin: str, *, name: str, location: str, revision: str | None) -> Tokenizer:
    try:
        backend = tokenizers.Tokenizer.from_buffer(content)
    except Exception as error:  # tokenizers raises nothing narrower
        raise RecipeError(
            f"{origin} is no tokenizer that tokenizers {tokenizers.__version__} can read ({error}); download it again "
            "(`git lfs pull` if it is a Git LFS pointer of some hundred bytes), or upgrade tokenizers"
        ) from error
    digest = hashlib.sha256(content).hexdigest()[:12]
    return Tokenizer(backend, name=name, location=location, revision=revision, digest=digest)


def _convert(folder: Path) -> bytes:
    """The `tokenizer.json` that transformers makes of the older files in a folder.

    A tokenizer that stays slow is refused: it cannot say where a token lies in the text, so no segment's tokens could
    be counted, and it encodes in Python, in a time that grows faster than the text (huggingface/transformers#28629).
    """
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")  # or it announces on import that there is no PyTorch
    with warnings.catch_warnings(action="ignore"):
        from transformers import AutoTokenizer

        try:
            found: Any = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False, local_files_only=True)
        except Exception as error:  # whatever a tokenizer class raises on files it does not like
            reason = str(error).strip().splitlines() or [type(error).__name__]
            raise RecipeError(
                f"{folder} holds no {_TOKENIZER_FILE}, and transformers cannot make one of the other files "
                f"({reason[0]}); give a folder that holds {_TOKENIZER_FILE}"
            ) from error
    if not found.is_fast:
        raise RecipeError(
            f"the tokenizer in {folder} ({type(found).__name__}) is a slow one, which cannot tell where its tokens lie "
            f"in the text; give one that has a {_TOKENIZER_FILE}"
        )
    return str(found.backend_tokenizer.to_str()).encode()


def _from_hub(repository: str, revision: str | None, *, name: str) -> Tokenizer:
    from huggingface_hub import hf_hub_download, snapshot_download
    from huggingface_hub.errors import RemoteEntryNotFoundError

    with _hub_errors(repository, revision):
        try:
            folder = Path(hf_hub_download(repository, _TOKENIZER_FILE, revision=revision)).parent
        except RemoteEntryNotFoundError:
            patterns = list(_CONVERTIBLE_FILES)
            folder = Path(snapshot_download(repository, revision=revision, allow_patterns=patterns))
    commit = folder.name
    return _from_folder(folder, name=name, location=f"{repository}@{commit}", revision=commit)


@contextmanager
def _hub_errors(repository: str, revision: str | None) -> Iterator[None]:
    """Turn what a download may raise into our errors."""
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        with storage_errors(Path(constants.HF_HUB_CACHE)):
            yield
    except GatedRepoError as error:
        raise AuthError(
            f"the tokenizer {repository} is gated and this account has no access; ask for it at "
            f"{constants.ENDPOINT}/{repository}, then `hf auth login`"
        ) from error
    except RevisionNotFoundError as error:
        raise RecipeError(
            f"the repository {repository} has no revision {revision}; give a branch, tag or commit"
        ) from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise RecipeError(
            f"{repository} is neither a folder here nor a repository on {constants.ENDPOINT}; check the name, and "
            "if the repository is private, `hf auth login` with an account that may read it"
        ) from error
    except HfHubHTTPError as error:
        if error.response is not None and error.response.status_code in (401, 403):
            raise AuthError(
                f"the Hub refused to hand out the tokenizer {repository} ({error}); `hf auth login` with an account "
                "that may read it"
            ) from error
        raise NetworkError(f"the Hub failed on the tokenizer {repository} ({error}); try again later") from error
    except OSError as error:
        raise NetworkError(
            f"there is no folder {repository} here, the Hub's cache holds no such tokenizer, and {constants.ENDPOINT} "
            f"cannot be reached ({error}); check the connection, or give a local folder"
        ) from error
