"""Translates errors around the Hub: a failure is classified, and the caller's table names its error and message.

huggingface_hub is imported when an error is there, so that readers of local files never load it.
"""

import errno
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from json import JSONDecodeError

from nextlong_hub.errors import AuthError, NextLongError, causes_of, come_from
from nextlong_hub.hub.address import endpoint, endpoint_fault, name_in, page_of
from nextlong_hub.hub.budget import spending
from nextlong_hub.hub.keyless import forget_token
from nextlong_hub.hub.redact import redacted
from nextlong_hub.hub.retry import Moved, NotTheHub, TooLarge, Transient, asked_seconds
from nextlong_hub.hub.transport import guard
from nextlong_hub.hub.wording import READING, Failure, Wording

_NETWORK_LIBRARIES = {"aiohttp", "httpcore", "httpcore2", "httpx", "httpx2", "requests", "urllib3"}
_TAKERS = {"huggingface_hub", "nextlong_hub.hub", *_NETWORK_LIBRARIES}
"""Who takes answers apart."""
_SHAPES = (JSONDecodeError, UnicodeDecodeError, AttributeError, IndexError, KeyError, RecursionError, TypeError)
"""What they raise for an answer of another shape."""
_EXCHANGE = "huggingface_hub._oidc"
_BUSY = (408, 429)
_UNKNOWN = 401
_XET_TRIES = 3
_NO_ANSWER_TRIES = 2
"""Something else than the Hub that answers is seldom gone by the next try."""
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_QUOTA_PHRASES = ("storage limit", "storage quota", "out of storage", "exceeded your storage")
_PROXY_PHRASES = ("SOCKS", "proxy URL")
_CARD_PHRASE = "Invalid metadata in README.md"


@contextmanager
def hub_errors(subject: str, wording: Wording = READING, *, revision: str | None = None) -> Iterator[None]:
    """Turn what a request to the Hub raises within the block into an error of ours.

    Args:
        subject: Name or address of the requested repository, as the user wrote it.
        wording: Which error and message each failure gets: `READING`, `WRITING`, `TOKENIZER` or `ENCODER`.
        revision: The requested branch, tag or commit.

    Raises:
        AuthError: there is no valid login, or it lacks the permission.
        NetworkError: the Hub cannot be reached, or huggingface_hub is in offline mode.
        DataError: there is no such repository, revision, file, configuration or split; or the Hub refuses the content.
        RecipeError: there is no such tokenizer or encoder, or `HF_ENDPOINT` is no address.
        StorageError: the account on the Hub, or a disk here, is full.
        Transient, Moved, TooLarge: only with `WRITING`.
    """
    if fault := endpoint_fault():
        raise fault
    guard()
    try:
        with spending():
            yield
    except (NextLongError, Transient, Moved, TooLarge):
        raise
    except Exception as error:
        known = _translated(error, subject, wording, revision)
        if known is None:
            raise
        raise known from error


def _translated(error: Exception, subject: str, wording: Wording, revision: str | None) -> Exception | None:
    """The error that stands for `error`; None when it is no failure of the Hub."""
    from huggingface_hub import constants

    evidence = _Evidence(error)
    if evidence.known is not None:
        return evidence.known
    failure = next((failure for failure, is_met in _CLASSIFICATION if is_met(evidence)), None)
    if failure is None:
        return None
    if evidence.status == _UNKNOWN:
        forget_token()
    entry = wording.get(failure) or (wording.get(Failure.REFUSED) if evidence.refusal is not None else None)
    if entry is None:
        return None
    kind, template = entry
    message = template.format(
        subject=subject,
        name=name_in(subject),
        page=page_of(subject),
        revision=revision,
        endpoint=endpoint(),
        home=constants.HF_HOME,
        status=evidence.status,
        reason=redacted(evidence.reason(failure)),
    )
    if not issubclass(kind, Transient):
        return kind(message)
    # hf_xet retries for minutes by itself; its errors are of no Python library.
    is_xet = failure is Failure.UNREACHABLE and not evidence.is_of_network
    tries = _XET_TRIES if is_xet else _NO_ANSWER_TRIES if failure is Failure.NO_ANSWER else 1
    return kind(message, asked_seconds(evidence.headers), tries=tries)


class _Evidence:
    """The facts of an error by which its failure is classified.

    Args:
        error: What huggingface_hub, `datasets` or fsspec raised.
    """

    def __init__(self, error: Exception) -> None:
        from huggingface_hub import errors

        self.hub = errors
        self.causes = list(causes_of(error))
        self.refusal = next((cause for cause in self.causes if _status(cause) is not None), None)
        """The first error of the chain that holds an answer with a status."""
        self.status = _status(self.refusal)
        self.headers: Mapping[str, str] = getattr(getattr(self.refusal, "response", None), "headers", {})
        self.numbers = [cause.errno for cause in self.causes if isinstance(cause, OSError)]
        """`errno` of each `OSError` of the chain."""
        self.is_of_network = come_from(_NETWORK_LIBRARIES, self.causes)

    def has(self, *kinds: type[BaseException]) -> bool:
        """Whether an error of the chain is of one of these classes."""
        return any(isinstance(cause, kinds) for cause in self.causes)

    def says(self, phrase: str) -> bool:
        """Whether the message of an error of the chain holds a phrase."""
        return any(phrase in str(cause) for cause in self.causes)

    @property
    def is_keyless(self) -> bool:
        """Whether the exchange of a CI job's identity for a token was refused, or could not be tried."""
        is_exchange = any(_passed_through(cause, _EXCHANGE) for cause in self.causes)
        is_refused = self.status is not None and self.status < 500 and self.status not in _BUSY
        return type(self.causes[0]).__name__ == "OIDCError" or (is_exchange and is_refused)

    @property
    def known(self) -> NextLongError | None:
        """An error of ours that a library has wrapped."""
        return next((one for one in self.causes if isinstance(one, NextLongError)), None)

    @property
    def other_shape(self) -> BaseException | None:
        """What was raised for an answer of another shape than those of the Hub have; None where none had."""
        disbelieved = next((one for one in self.causes if isinstance(one, NotTheHub)), None)
        shapes = (one for one in self.causes if isinstance(one, _SHAPES) and _raised_in(one) in _TAKERS)
        return disbelieved or next(shapes, None)

    def reason(self, failure: Failure) -> str:
        """What the Hub or the library says about a failure, on one line."""
        if failure is Failure.BAD_CARD:
            text = next(str(cause) for cause in self.causes if _CARD_PHRASE in str(cause))
            return "; ".join(line.removeprefix("- ") for line in text.split("\n")[1:])
        if isinstance(self.other_shape, NotTheHub):
            return str(self.other_shape)
        if failure is Failure.NO_ANSWER:
            return f"{type(self.other_shape).__name__}: {' '.join(str(self.other_shape).split())}"
        if failure is Failure.UNREADABLE:
            return " ".join(str(self.causes[0]).split())
        if failure is Failure.KEYLESS:
            return self.answer or " ".join(str(self.causes[0]).split()).partition(". ")[0]
        last = self.causes[-1]
        return self.answer or str(last).strip().split("\n")[0] or type(last).__name__

    @property
    def answer(self) -> str:
        """What the Hub says about its refusal, on one line; empty when there was no answer."""
        words = self.headers.get("X-Error-Message") or getattr(self.refusal, "server_message", None)
        return " ".join(str(words or self.refusal or "").split())


def _status(error: BaseException | None) -> int | None:
    """Status of the answer that an error holds."""
    return getattr(getattr(error, "response", None), "status_code", None)


def is_unknown_login(error: AuthError) -> bool:
    """Whether the Hub refused a request because it does not know its token."""
    return any(_status(cause) == _UNKNOWN for cause in causes_of(error))


def _passed_through(error: BaseException, module: str) -> bool:
    """Whether an error came through a module."""
    return any(frame.f_globals.get("__name__") == module for frame, _ in traceback.walk_tb(error.__traceback__))


def _raised_in(error: BaseException) -> str:
    """The package that raised an error, the standard library left aside; of ours the room, too."""
    modules = [str(frame.f_globals.get("__name__", "")) for frame, _ in traceback.walk_tb(error.__traceback__)]
    packages = [(module.partition(".")[0], module) for module in modules]
    outside = [(top, module) for top, module in packages if top not in sys.stdlib_module_names]
    if not outside:
        return ""
    top, module = outside[-1]
    return ".".join(module.split(".")[:2]) if top == __name__.partition(".")[0] else top


_CLASSIFICATION: tuple[tuple[Failure, Callable[[_Evidence], bool]], ...] = (
    (Failure.OFFLINE, lambda e: e.has(e.hub.OfflineModeIsEnabled)),
    (Failure.NO_ANSWER, lambda e: e.has(NotTheHub)),
    (
        Failure.DISK_FULL,
        lambda e: any(number in _DISK_FULL for number in e.numbers) or e.says("No space left on device"),
    ),
    (Failure.KEYLESS, lambda e: e.is_keyless),
    # `datasets` drops the cause and keeps these words of it.
    (Failure.GATED, lambda e: e.has(e.hub.GatedRepoError) or e.says("is a gated dataset")),
    (Failure.BAD_CARD, lambda e: e.has(ValueError) and e.says(_CARD_PHRASE)),
    (Failure.TOO_LARGE, lambda e: e.status == 413),
    (Failure.MOVED, lambda e: e.status in (409, 412)),
    (Failure.BUSY, lambda e: e.status in _BUSY or (e.status or 0) >= 500),
    (Failure.QUOTA, lambda e: any(phrase in e.answer.lower() for phrase in _QUOTA_PHRASES)),
    (Failure.HIDDEN, lambda e: e.status == 401 and e.has(e.hub.RepositoryNotFoundError)),
    (Failure.UNAUTHENTICATED, lambda e: e.status == 401),
    (Failure.FORBIDDEN, lambda e: e.status == 403),
    (Failure.NO_REVISION, lambda e: e.has(e.hub.RevisionNotFoundError)),
    (Failure.NO_REPOSITORY, lambda e: e.has(e.hub.RepositoryNotFoundError)),
    (Failure.NO_ENTRY, lambda e: e.status == 404),
    # A `LocalEntryNotFoundError` says that the cache holds nothing and that the Hub could not be reached.
    (Failure.NO_ENTRY, lambda e: e.has(e.hub.EntryNotFoundError) and not e.has(e.hub.LocalEntryNotFoundError)),
    (Failure.REFUSED, lambda e: e.refusal is not None),
    (Failure.BAD_NAME, lambda e: e.has(e.hub.HFValidationError)),
    (Failure.BAD_TOKEN, lambda e: e.has(UnicodeEncodeError) or e.says("Illegal header value")),
    (Failure.PROXY, lambda e: any(e.says(phrase) for phrase in _PROXY_PHRASES)),
    (Failure.UNREACHABLE, lambda e: e.is_of_network or e.has(ConnectionError, TimeoutError)),
    (Failure.UNREACHABLE, lambda e: e.has(e.hub.HfHubHTTPError, e.hub.LocalEntryNotFoundError)),
    (Failure.NO_FILE, lambda e: e.has(FileNotFoundError)),
    (Failure.NO_ANSWER, lambda e: e.other_shape is not None),
    (Failure.UNREADABLE, lambda e: e.has(ValueError) or come_from({"datasets"}, e.causes)),
    (Failure.INCOMPLETE, lambda e: None in e.numbers),
    (Failure.DISK, lambda e: bool(e.numbers)),
)
"""The test for each failure; the first that holds decides."""
