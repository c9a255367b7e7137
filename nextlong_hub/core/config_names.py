"""Names of configurations: each is a folder on every file system, so what one of them cannot hold is no name.

Windows reserves some names, whatever their ending, and drops a final dot; Windows and macOS tell no capital from a
small letter.
"""

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, Field

_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)

PREVIEW_ENDING = "-preview"
"""Behind the name of a configuration: the preview of it, see `dataset.preview`."""

ONE_FOLDER = "differ in capitals only, and would be one folder on Windows and macOS; rename one"
"""What is said of two names that `same_folder` finds."""


def _is_portable(name: str) -> str:
    if name.endswith("."):
        raise ValueError("the name of a folder on Windows cannot end in a dot; leave the dot out")
    if _RESERVED.fullmatch(name):
        raise ValueError(f"Windows reserves this name for a device; choose another, such as {'my-' + name!r}")
    if name.endswith(PREVIEW_ENDING):
        raise ValueError(f"a name that ends in {PREVIEW_ENDING!r} is that of a preview; choose another")
    return name


ConfigName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"), AfterValidator(_is_portable)]
"""A name that is a folder of its own on Linux, macOS and Windows; see `same_folder` for several."""


def same_folder(names: Iterable[str]) -> tuple[str, str] | None:
    """The first two names that are one folder where capitals do not count; None when there are none."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            return other, name
    return None
