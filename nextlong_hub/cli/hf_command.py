"""`hf nextlong`: our command line as a command of Hugging Face's own.

`hf` runs what its folder of extensions describes by a manifest each; `hf extensions install` puts there
what it finds on GitHub. What pip has installed already only needs the manifest:

    enable_hf()     writes it; `hf nextlong` and `hf --help` then know us
    disable_hf()    removes it
    hf_status()     tells whether it is there

The folder belongs to the user, the program to one Python environment: the last to be enabled is the one that runs.
Nothing is left to do when the package is removed, for `hf` passes over a manifest whose program is gone.
"""

import sys
import sysconfig
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from nextlong_hub.core.files import read_json, remove, write_json
from nextlong_hub.errors import ConflictError
from nextlong_hub.hub.extensions import extensions_folder

_SHORT_NAME = "nextlong"
_NAME = f"hf-{_SHORT_NAME}"
_OWNER = "_pip"
"""No account of GitHub can have this name, so `hf extensions update` never puts a stranger's program in our place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HfStatus:
    """Whether `hf nextlong` runs the program of this environment, and how it came to be so."""

    enabled: bool
    """It does."""
    changed: bool
    """The call that returned this wrote or removed the manifest."""
    manifest: Path
    """The file that tells `hf` of us, there or not."""
    program: Path
    """What `hf nextlong` is to run."""


def enable_hf() -> HfStatus:
    """Make `hf nextlong` run the program of this environment.

    Raises:
        ConflictError: this `hf` has no extensions, another one of that name is installed, or our program is not.
        StorageError: the manifest cannot be written.
    """
    before = hf_status()
    if before.enabled:
        return before
    if not before.program.is_file():
        raise ConflictError(f"there is no {before.program} for hf to run; install nextlong-hub with pip first")
    there = read_json(before.manifest)
    if before.manifest.parent.exists() and not _is_ours(there):
        raise ConflictError(
            f"{before.manifest.parent} holds another extension of that name; `hf extensions remove {_SHORT_NAME}` first"
        )
    write_json(before.manifest, _wanted(before.program))
    return replace(hf_status(), changed=True)


def disable_hf() -> HfStatus:
    """Let `hf` know nothing of us; an extension of that name that is not ours stays.

    Raises:
        ConflictError: this `hf` has no extensions.
        StorageError: the manifest cannot be removed.
    """
    before = hf_status()
    if not _is_ours(read_json(before.manifest)):
        return before
    remove(before.manifest.parent)
    return replace(hf_status(), changed=True)


def hf_status() -> HfStatus:
    """Look, and change nothing.

    Raises:
        ConflictError: this `hf` has no extensions.
    """
    program = Path(sysconfig.get_path("scripts")) / (f"{_NAME}.exe" if sys.platform == "win32" else _NAME)
    manifest = extensions_folder() / _NAME / "manifest.json"
    there = read_json(manifest)
    runs = there["executable_path"] if _is_ours(there) else None
    return HfStatus(
        enabled=runs == str(program) and program.is_file(), changed=False, manifest=manifest, program=program
    )


def _is_ours(manifest: object) -> bool:
    return isinstance(manifest, dict) and manifest.get("owner") == _OWNER and "executable_path" in manifest


def _wanted(program: Path) -> dict[str, str]:
    """What `hf` reads of an extension."""
    return {
        "owner": _OWNER,
        "repo": _NAME,
        "repo_id": f"{_OWNER}/{_NAME}",
        "short_name": _SHORT_NAME,
        "executable_path": str(program),
        "type": "python",
        "installed_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "description": "Turn short documents into a long-context dataset.",
    }
