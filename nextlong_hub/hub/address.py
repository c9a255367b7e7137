"""Names and addresses of datasets on the Hub: `user/name` and `hf://datasets/user/name[@revision][/path]`."""

import os
import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, unquote, urlsplit

from nextlong_hub.errors import DataError, RecipeError
from nextlong_hub.hub.redact import without_secrets

_HUB = "https://huggingface.co"
_SCHEME = "hf://"
_DATASETS = f"{_SCHEME}datasets/"
_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)
_ADDRESS = re.compile(
    rf"(?:{_DATASETS})?(?P<name>{_NAME.pattern})"
    r"(?:@(?P<revision>refs/(?:convert|pr)/[^/]+|[^/]+))?(?:/(?P<path>.*))?",
    re.ASCII,
)
_MODEL = re.compile(r"(?P<repository>\w[\w.-]*(?:/\w[\w.-]*)?)(?:@(?P<revision>\w[\w./-]*))?")
_OTHER_KINDS = re.compile(r"(?:hf://)?(models?|spaces?|buckets?|kernels?)/")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetAddress:
    """A place in a dataset repository of the Hub; `str()` writes it as an `hf://` address."""

    name: str
    """`user/name`."""
    revision: str | None = None
    """Branch, tag or commit; None when the address names none."""
    path: str = ""
    """File, folder or glob in the repository; empty for all of it."""

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read an address; None when the text is no address of a dataset."""
        match = _ADDRESS.fullmatch(text.rstrip("/"))
        if match is None or not text.startswith(_DATASETS):
            return None
        revision = match["revision"]
        return cls(name=match["name"], revision=unquote(revision) if revision else None, path=match["path"] or "")

    def __str__(self) -> str:
        revision = f"@{quote(self.revision, safe='')}" if self.revision else ""
        return f"{_DATASETS}{self.name}{revision}" + (f"/{self.path}" if self.path else "")


def model_name(text: str) -> tuple[str, str | None] | None:
    """Repository and revision of `user/model` or `user/model@revision`; None when a text has no such form."""
    match = _MODEL.fullmatch(text)
    return None if match is None else (match["repository"], match["revision"])


def is_dataset_name(text: str) -> bool:
    """Whether a text has the form `user/name`."""
    return _NAME.fullmatch(text) is not None


def is_address(text: str) -> bool:
    """Whether a text is meant as an address on the Hub, of a dataset or not."""
    return text.startswith(_SCHEME)


def dataset_name(text: str) -> str:
    """Read `USER/NAME` from a name or from the address of a whole dataset.

    Raises:
        DataError: it is neither.
    """
    plain = text.removeprefix(_SCHEME).removeprefix("datasets/")
    if is_dataset_name(plain):
        return plain
    kind = _OTHER_KINDS.match(text)
    if kind:
        raise DataError(f"{text} is one of the Hub's {kind[1]}, and only a dataset can hold this; name it as USER/NAME")
    raise DataError(f"{text!r} cannot be the name of a dataset; write it as USER/NAME")


def name_in(subject: str) -> str:
    """The dataset's `user/name` in a name or an address, either with or without a path behind it."""
    match = _ADDRESS.match(subject)
    return match["name"] if match else subject


def page_of(subject: str) -> str:
    """The web page of a dataset; `subject` is its name, or the address of anything in it."""
    return f"{endpoint()}/datasets/{name_in(subject)}"


def endpoint() -> str:
    """The address of the Hub as it is shown and written: without a user and a password."""
    from huggingface_hub import constants

    return without_secrets(constants.ENDPOINT)


def endpoint_fault() -> RecipeError | None:
    """What is wrong with `HF_ENDPOINT`, with which huggingface_hub may not even be imported; None if nothing is."""
    try:
        address = urlsplit(os.environ.get("HF_ENDPOINT") or _HUB)
        _ = address.port
    except ValueError as error:
        return _no_server(str(error))
    if address.scheme not in ("http", "https") or not address.hostname:
        return _no_server("it must begin with https:// or http:// and name a host")
    return None


def _no_server(reason: str) -> RecipeError:
    return RecipeError(f"HF_ENDPOINT is no address of a server ({reason}); correct or unset it")
