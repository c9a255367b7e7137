"""What a failed call to the Hub means: try again, look again, or give up with a known error."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from huggingface_hub import constants, errors

from nextlong_hub.errors import (
    AuthError,
    ConflictError,
    DataError,
    NetworkError,
    NextLongError,
    StorageError,
    causes_of,
    come_from,
)
from nextlong_hub.hub.redact import redacted
from nextlong_hub.hub.retry import Transient, TryCounter, asked_seconds, counted_tries

_NETWORK_LIBRARIES = {"httpcore", "httpcore2", "httpx", "httpx2", "requests", "urllib3"}
_XET_TRIES = 3
_FULL = (errno.ENOSPC, errno.EDQUOT)
_WORDS_OF_A_QUOTA = ("storage limit", "storage quota", "out of storage", "exceeded your storage")


class Moved(Exception):
    """Somebody else changed the repository in the meantime: look again."""


class TooLarge(Exception):
    """The Hub does not take so much at once."""


@contextmanager
def hub_errors(name: str) -> Iterator[TryCounter]:
    """Say what a refusal of the Hub, or its silence, means for the dataset `name`; count huggingface_hub's own tries.

    Raises:
        Transient: worth another try.
        Moved: the branch has another head by now, or what was to be made is there already.
        TooLarge: the request is larger than the Hub takes.
        AuthError: there is no valid login, or it does not reach so far.
        DataError: the Hub does not take this; or there is no such repository.
        StorageError: the account on the Hub, or a disk here, is full.
        NetworkError: offline mode.
    """
    with counted_tries() as counter:
        try:
            yield counter
        except (NextLongError, Transient, Moved, TooLarge):
            raise
        except Exception as error:
            known = _understood(error, name)
            if known is None:
                raise
            if isinstance(known, Transient):
                known.tries = max(known.tries, counter.most)
            raise known from error


def page_of(name: str) -> str:
    """The address of a dataset's page."""
    return f"{constants.ENDPOINT}/datasets/{name}"


def _understood(error: Exception, name: str) -> Exception | None:
    causes = list(causes_of(error))
    response = next((r for r in (getattr(cause, "response", None) for cause in causes) if r is not None), None)
    status = getattr(response, "status_code", None)
    if any(isinstance(cause, errors.OfflineModeIsEnabled) for cause in causes):
        return NetworkError("HF_HUB_OFFLINE is set, and the Hub is needed; unset it, then run the same command again")
    full = next((c for c in causes if isinstance(c, OSError) and c.errno in _FULL), None)
    if full is not None or any("No space left on device" in str(cause) for cause in causes):
        return StorageError(
            f"no space is left for huggingface_hub's files in {constants.HF_HOME}; free some, or set HF_HOME to a "
            "folder with space, then run the same command again"
        )
    if any(isinstance(cause, errors.GatedRepoError) for cause in causes):
        return AuthError(f"{name} is gated; accept its conditions at {page_of(name)}, then run the same command again")
    if status is not None:
        return _refusal(status, response, redacted(_words(error, response)), name)
    is_of_library = come_from(_NETWORK_LIBRARIES, causes)
    if is_of_library or any(isinstance(cause, ConnectionError | TimeoutError) for cause in causes):
        reason = redacted(str(causes[-1])).strip().split("\n")[0] or type(causes[-1]).__name__
        # What hf_xet raises comes from no library of Python's, and it has tried for minutes by then.
        return Transient(
            f"the Hub at {constants.ENDPOINT} could not be reached ({reason})", tries=1 if is_of_library else _XET_TRIES
        )
    if any(isinstance(cause, errors.HFValidationError) for cause in causes):
        return DataError(f"{name!r} cannot be the name of a dataset: {redacted(str(error)).split(chr(10))[0]}")
    if isinstance(error, ValueError) and "Invalid metadata in README.md" in str(error):
        reason = "; ".join(line.removeprefix("- ") for line in str(error).split("\n")[1:])
        return DataError(f"the Hub does not take the card: {redacted(reason)}; correct README.md and push again")
    return None


def _refusal(status: int, response: Any, words: str, name: str) -> Exception:
    """What an answer with an error status means."""
    page = page_of(name)
    if status == 413:
        return TooLarge(f"the Hub says the request is too large ({words})")
    if status in (409, 412):
        return Moved(words)
    if status in (408, 429) or status >= 500:
        return Transient(f"the Hub answered {status}", asked_seconds(response.headers))
    if any(text in words.lower() for text in _WORDS_OF_A_QUOTA):
        return StorageError(f"the Hub has no more space for {name}: {words}; see {constants.ENDPOINT}/settings/billing")
    if status == 401:
        return AuthError(
            f"the Hub does not know you ({words}); run `hf auth login` with a token that may write to {page}"
        )
    if status == 403:
        return AuthError(
            f"your token may not do this at {page} ({words}); use one with write access, or --create-pr to propose it"
        )
    if status == 404:
        return DataError(f"there is no {page} that you can see ({words}); check the name and `hf auth whoami`")
    return DataError(f"the Hub does not take this: {status}, {words}")


def conflict(name: str, rounds: int, reason: str) -> ConflictError:
    """The error when others change a repository faster than one can follow."""
    return ConflictError(
        f"{name} was changed by somebody else {rounds} times while this was being published ({reason}); nothing half "
        "was published: run the same command again"
    )


def _words(error: Exception, response: Any) -> str:
    """What the Hub says about a refusal, on one line."""
    said = response.headers.get("X-Error-Message") or getattr(error, "server_message", None) or str(error)
    return " ".join(str(said).split())
