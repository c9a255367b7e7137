"""The opt-in that needs no import: one file in site-packages registers us whenever the interpreter starts.

    enable()    writes nextlong_hub_autoload.pth; from Python 3.15 on also nextlong_hub_autoload.start (PEP 829), which
                then takes its place
    disable()   removes both
    status()    tells which files are there

Code at start-up is a thing to be asked for, never to be shipped: the wheel holds no such file. The file is one readable
line, finds nothing to do once the package is gone, and `NEXTLONG_HUB_NO_AUTOLOAD=1` silences it for one process.
"""

import os
import sys
import sysconfig
from dataclasses import dataclass, replace
from pathlib import Path

from nextlong_hub.core.files import write_bytes
from nextlong_hub.errors import StorageError
from nextlong_hub.load_dataset import register as registration

_NAME = "nextlong_hub_autoload"
_COMMENT = "# Written by `nextlong-hub autoload enable`, removed by `nextlong-hub autoload disable`."
_FIRST_WITH_START_FILES = (3, 15)


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoloadStatus:
    """Whether an environment registers us at every start, and how it came to be so."""

    enabled: bool
    """Every file is there, with the content that this version writes."""
    changed: bool
    """The call that returned this wrote or removed a file."""
    files: tuple[Path, ...]
    """The files of ours that are there, up to date or not."""
    site_packages: Path
    """The folder they belong in."""
    switched_off: bool
    """`NEXTLONG_HUB_NO_AUTOLOAD` is set here: the files do nothing in processes that inherit it."""


def enable(site_packages: Path | None = None) -> AutoloadStatus:
    """Register at every start of this environment's interpreter, from its next start on.

    Args:
        site_packages: The environment's folder for installed packages; None: that of the running interpreter.

    Raises:
        StorageError: the folder cannot be written.
    """
    before = status(site_packages)
    if before.enabled:
        return before
    for path, content in _wanted(before.site_packages).items():
        try:
            write_bytes(path, content)
        except (OSError, StorageError) as error:
            raise _refused(path, error) from error
    return replace(status(before.site_packages), changed=True)


def disable(site_packages: Path | None = None) -> AutoloadStatus:
    """Leave nothing of ours in an environment's start-up.

    Args:
        site_packages: As for `enable`.

    Raises:
        StorageError: a file cannot be removed.
    """
    before = status(site_packages)
    for path in before.files:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise _refused(path, error) from error
    return replace(status(before.site_packages), changed=bool(before.files))


def status(site_packages: Path | None = None) -> AutoloadStatus:
    """Look, and change nothing.

    Args:
        site_packages: As for `enable`.
    """
    folder = site_packages or Path(sysconfig.get_path("purelib"))
    wanted = _wanted(folder)
    return AutoloadStatus(
        enabled=all(path.is_file() and path.read_bytes() == content for path, content in wanted.items()),
        changed=False,
        files=tuple(path for suffix in (".pth", ".start") if (path := folder / (_NAME + suffix)).exists()),
        site_packages=folder,
        switched_off=bool(os.environ.get(registration.NO_AUTOLOAD)),
    )


def _wanted(folder: Path) -> dict[Path, bytes]:
    """The files of an enabled environment, and what is in them."""
    module, function = registration.__name__, registration.register_at_startup.__name__
    package = module.partition(".")[0]
    # Asking the finders first costs nothing; without it a removed package would be reported at every start.
    off = f"os.environ.get({registration.NO_AUTOLOAD!r})"
    found = f"any(f.find_spec({package!r}, None, None) for f in sys.meta_path if hasattr(f, 'find_spec'))"
    call = f"import os, sys; {off} or {found} and __import__({module!r}, fromlist=[{function!r}]).{function}()"
    wanted = {folder / f"{_NAME}.pth": f"{_COMMENT}\n{call}\n".encode()}
    if sys.version_info >= _FIRST_WITH_START_FILES:
        wanted[folder / f"{_NAME}.start"] = f"{_COMMENT}\n{module}:{function}\n".encode()
    return wanted


def _refused(path: Path, error: Exception) -> StorageError:
    cause = error.__cause__ or error
    reason = (cause.strerror if isinstance(cause, OSError) else None) or str(cause)
    return StorageError(
        f"cannot change {path}: {reason}; run this in a virtual environment of your own (python -m venv), or put"
        " `import nextlong_hub` into the program"
    )
