"""The failures of a request to the Hub, and the error and message of each, by what was attempted.

A message is a template over `subject` (the requested repository, as the user named it), `name` and `page` of the
dataset, `revision`, `endpoint`, `home` (the folder of huggingface_hub), `status` (of the answer), and `reason` (what
the Hub or the library says).
"""

from collections.abc import Mapping
from enum import Enum, auto

from nextlong_hub.errors import AuthError, DataError, NetworkError, RecipeError, StorageError, argument
from nextlong_hub.hub.retry import Moved, TooLarge, Transient


class Failure(Enum):
    """How a request to the Hub can fail."""

    OFFLINE = auto()
    """`HF_HUB_OFFLINE` is set."""
    DISK_FULL = auto()
    """No space for files of huggingface_hub on this machine."""
    GATED = auto()
    """The conditions of the repository are not accepted."""
    HIDDEN = auto()
    """The repository is private or missing: without permission the Hub does not say which."""
    BAD_TOKEN = auto()
    """The login holds characters that no header of a request can."""
    KEYLESS = auto()
    """The keyless login of a CI job failed."""
    UNAUTHENTICATED = auto()
    """No login, or one that the Hub does not know."""
    FORBIDDEN = auto()
    """The login lacks the permission."""
    NO_REPOSITORY = auto()
    NO_REVISION = auto()
    NO_ENTRY = auto()
    """The repository has no such file or folder."""
    NO_FILE = auto()
    """A `FileNotFoundError` without an answer of the Hub: from its listing, or of a local file."""
    BUSY = auto()
    """The Hub could not do it now: 408, 429, or a fault of its own."""
    MOVED = auto()
    """The branch has another head by now, or what was to be created exists already."""
    TOO_LARGE = auto()
    """The request is larger than the Hub takes."""
    QUOTA = auto()
    """The account on the Hub is full."""
    REFUSED = auto()
    """Any other answer with an error status; stands in for those that a table does not name."""
    PROXY = auto()
    """The proxy that the environment names is none that can be used here."""
    NO_ANSWER = auto()
    """What came is no answer of a Hub, whatever its status says: a proxy or the login page of a network sent it."""
    UNREACHABLE = auto()
    """There was no answer."""
    DISK = auto()
    """Another fault of the file system on this machine, such as a missing permission."""
    INCOMPLETE = auto()
    """An `OSError` without a number: how huggingface_hub reports a file that did not arrive whole."""
    BAD_NAME = auto()
    """The Hub allows no such name."""
    BAD_CARD = auto()
    """The Hub does not accept the header of the card."""
    UNREADABLE = auto()
    """`datasets` cannot read what is there, or not with this configuration, split or revision."""


Wording = Mapping[Failure, tuple[type[Exception], str]]
"""Error and message of each failure; one that is missing is no failure of the Hub here, and is not translated."""

_DISK_FULL = (
    StorageError,
    "no space is left for huggingface_hub's files in {home}; free some, or set HF_HOME to a folder with space, then "
    "run the same command again",
)
_BAD_TOKEN = (
    AuthError,
    "the token of your login holds a character that no token has; copy it again from {endpoint}/settings/tokens, into "
    "HF_TOKEN or with `hf auth login`",
)
_KEYLESS = (
    AuthError,
    "the keyless login that HF_OIDC_RESOURCE asks for failed ({reason}); name there datasets/USER/NAME, add this job "
    "as a trusted publisher in the settings of that dataset, and let the job have `id-token: write` or an "
    "HF_OIDC_ID_TOKEN for the audience {endpoint}; or unset HF_OIDC_RESOURCE and set HF_TOKEN",
)
_PROXY = (
    NetworkError,
    "the proxy that the environment names cannot be used for {subject}: {reason}; correct or unset ALL_PROXY, "
    "HTTPS_PROXY and HTTP_PROXY, or for a SOCKS proxy `pip install socksio` (`pysocks` for huggingface_hub before 1.0)",
)
_NO_ANSWER = (
    "what came from {endpoint} for {subject} is no answer of a Hub, but that of a proxy or of a network's login page, "
    "it seems ({reason})"
)
_BAD_NAME = (DataError, "{name!r} cannot be the name of a dataset: {reason}")

_READ_REFUSED = (
    AuthError,
    "the Hub does not let you read {subject}: it is private, or there is none; check the name, or run `hf auth login` "
    "with an account that can see {page}",
)
_READ_NOTHING = (DataError, "there is nothing at {subject}; see {page}/tree/main for the files there are")
_READ_UNREACHABLE = (
    NetworkError,
    "the Hub at {endpoint} could not be reached for {subject} ({reason}); check the connection, then run the same "
    "command again: finished work is kept",
)

READING: Wording = {
    Failure.OFFLINE: (
        NetworkError,
        "{subject} is on the Hub, and HF_HUB_OFFLINE is set; unset it, or name local files",
    ),
    Failure.DISK_FULL: _DISK_FULL,
    Failure.GATED: (AuthError, "{subject} is gated; accept its conditions at {page}, then run `hf auth login`"),
    Failure.HIDDEN: _READ_REFUSED,
    Failure.UNAUTHENTICATED: _READ_REFUSED,
    Failure.FORBIDDEN: _READ_REFUSED,
    Failure.QUOTA: _READ_REFUSED,
    Failure.NO_REPOSITORY: (
        DataError,
        "there is no dataset {subject} on the Hub; check the name, or give the path of a local file",
    ),
    Failure.NO_REVISION: (
        DataError,
        "{subject} has no revision {revision!r}; see {page}/tree/main for those there are",
    ),
    Failure.NO_ENTRY: _READ_NOTHING,
    Failure.NO_FILE: _READ_NOTHING,
    Failure.REFUSED: _READ_UNREACHABLE,
    Failure.BAD_TOKEN: _BAD_TOKEN,
    Failure.KEYLESS: _KEYLESS,
    Failure.PROXY: _PROXY,
    Failure.NO_ANSWER: (
        NetworkError,
        _NO_ANSWER + "; check the connection, then run the same command again: finished work is kept",
    ),
    Failure.UNREACHABLE: _READ_UNREACHABLE,
    Failure.BAD_NAME: _BAD_NAME,
    Failure.UNREADABLE: (
        DataError,
        f"{{subject}} cannot be read: {{reason}}; name another of its parts with {argument('config')}, "
        f"{argument('split')} or {argument('revision')} "
        "(config, split, revision in a recipe), or read its files as they are: hf://datasets/{name}",
    ),
}
"""Reading a dataset; only huggingface_hub itself retries."""

_WRITE_UNAUTHENTICATED = (
    AuthError,
    "the Hub does not know you ({reason}); run `hf auth login` with a token that may write to {page}",
)
_WRITE_NOTHING = (DataError, "there is no {page} that you can see ({reason}); check the name and `hf auth whoami`")

WRITING: Wording = {
    Failure.OFFLINE: (
        NetworkError,
        "HF_HUB_OFFLINE is set, and the Hub is needed; unset it, then run the same command again",
    ),
    Failure.DISK_FULL: _DISK_FULL,
    Failure.GATED: (
        AuthError,
        "{subject} is gated; accept its conditions at {page}, then run the same command again",
    ),
    Failure.HIDDEN: _WRITE_UNAUTHENTICATED,
    Failure.UNAUTHENTICATED: _WRITE_UNAUTHENTICATED,
    Failure.FORBIDDEN: (
        AuthError,
        f"your token may not do this at {{page}} ({{reason}}); use one with write access, or "
        f"{argument('create-pr', True)} to propose it",
    ),
    Failure.NO_REPOSITORY: _WRITE_NOTHING,
    Failure.NO_REVISION: _WRITE_NOTHING,
    Failure.NO_ENTRY: _WRITE_NOTHING,
    Failure.BUSY: (Transient, "the Hub answered {status}"),
    Failure.MOVED: (Moved, "{reason}"),
    Failure.TOO_LARGE: (TooLarge, "the Hub says the request is too large ({reason})"),
    Failure.QUOTA: (
        StorageError,
        "the Hub has no more space for {subject}: {reason}; see {endpoint}/settings/billing",
    ),
    Failure.REFUSED: (DataError, "the Hub does not take this: {status}, {reason}"),
    Failure.BAD_TOKEN: _BAD_TOKEN,
    Failure.KEYLESS: _KEYLESS,
    Failure.PROXY: _PROXY,
    Failure.NO_ANSWER: (Transient, _NO_ANSWER),
    Failure.UNREACHABLE: (Transient, "the Hub at {endpoint} could not be reached ({reason})"),
    Failure.BAD_NAME: _BAD_NAME,
    Failure.BAD_CARD: (DataError, "the Hub does not take the card: {reason}; correct README.md and push again"),
}
"""Listing and changing a repository; `Transient` where another try may succeed."""


def _downloading(kind: str) -> Wording:
    """The wording of a download of model files; `kind` is what they are to be."""
    refused = (
        AuthError,
        f"the Hub refused to hand out the {kind} {{subject}} ({{reason}}); `hf auth login` with an account that may "
        "read it",
    )
    unknown = (
        RecipeError,
        "{subject} is neither a folder here nor a repository on {endpoint}; check the name, and if the repository is "
        "private, `hf auth login` with an account that may read it",
    )
    unreachable = (
        NetworkError,
        f"there is no folder {{subject}} here, the Hub's cache holds no such {kind}, and {{endpoint}} cannot be "
        "reached ({reason}); check the connection, or give a local folder",
    )
    return {
        Failure.OFFLINE: unreachable,
        Failure.DISK_FULL: _DISK_FULL,
        Failure.GATED: (
            AuthError,
            f"the {kind} {{subject}} is gated and this account has no access; ask for it at {{endpoint}}/{{subject}}, "
            "then `hf auth login`",
        ),
        Failure.HIDDEN: unknown,
        Failure.UNAUTHENTICATED: refused,
        Failure.FORBIDDEN: refused,
        Failure.NO_REPOSITORY: unknown,
        Failure.NO_REVISION: (
            RecipeError,
            "the repository {subject} has no revision {revision}; give a branch, tag or commit",
        ),
        Failure.REFUSED: (NetworkError, f"the Hub failed on the {kind} {{subject}} ({{reason}}); try again later"),
        Failure.NO_FILE: unreachable,
        Failure.BAD_TOKEN: _BAD_TOKEN,
        Failure.KEYLESS: _KEYLESS,
        Failure.PROXY: _PROXY,
        Failure.NO_ANSWER: unreachable,
        Failure.UNREACHABLE: unreachable,
        Failure.INCOMPLETE: unreachable,
        Failure.DISK: (
            StorageError,
            "huggingface_hub's files in {home} cannot be written ({reason}); change their permissions, or set HF_HOME "
            "to a folder that can be written, then run the same command again",
        ),
        Failure.BAD_NAME: unknown,
    }


TOKENIZER = _downloading("tokenizer")
"""Downloading a tokenizer into the cache of huggingface_hub."""
ENCODER = _downloading("encoder")
"""Downloading an encoder of texts, likewise."""
