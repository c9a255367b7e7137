"""Files that are either whole or absent: written aside, flushed to the disk, then renamed into place.

A reader, a crash or a full disk can therefore never leave half a file under its final name.

Windows replaces and removes no file that any process has open or mapped: `insist` waits for those that let go soon, and
`storage_errors` says what to do about the others.
"""

import errno
import gc
import hashlib
import io
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nextlong_hub.core.foreign import content_within_limits, parse_json
from nextlong_hub.errors import ConflictError, StorageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCK_BYTES = 1 << 20
_ASIDE = re.compile(r"\.(.+)\.\d+\.tmp")
_REMEDIES = {
    errno.ENOSPC: "free some space there, then run the same command again: finished work is kept",
    errno.EDQUOT: "raise the quota or free some space, then run the same command again: finished work is kept",
    errno.EROFS: "choose a folder on a file system that can be written",
    errno.EACCES: "choose another folder, or change the permissions",
    errno.EPERM: "choose another folder, or change the permissions",
    errno.EFBIG: "raise the limit on file sizes (ulimit -f), then run the same command again: finished work is kept",
    errno.EIO: "the disk failed: check it, then run the same command again; what was finished is checked before use",
    errno.EMFILE: "raise the limit on open files (ulimit -n), then run the same command again: finished work is kept",
    errno.ENFILE: "close other programs, then run the same command again: finished work is kept",
}
_DENIED = 5
_OPEN_ELSEWHERE = frozenset({32, 33, 1224})
"""What Windows calls a file that another handle, a lock or a map holds; often it says no more than `_DENIED`."""
_CLOSE_IT = "close what has it open or mapped (a notebook, a viewer, a virus scanner), then run the same command again"
_WAITS_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.8)


def remedy_of(error: OSError) -> str | None:
    """What to do about a storage fault of the operating system; None of any other fault."""
    return _REMEDIES.get(error.errno or 0)


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's storage faults around `path` into ours.

    Raises:
        StorageError: no space, no permission, a read-only file system, a failing disk, a limit of the system, or on
            Windows a file that is in use.
        ConflictError: a file stands where a folder is needed, or the other way round.
    """
    try:
        yield
    except OSError as error:
        code = _windows_code(error)
        if code == _DENIED and Path(error.filename2 or error.filename or "").is_dir():
            raise ConflictError(f"cannot write {path}: it is a folder; remove it or choose another path") from error
        if code == _DENIED or code in _OPEN_ELSEWHERE:
            denied = "" if code in _OPEN_ELSEWHERE else f", or {_REMEDIES[errno.EACCES]}"
            raise StorageError(f"cannot write {path}: {error.strerror}; {_CLOSE_IT}{denied}") from error
        if error.errno is not None and (advice := remedy_of(error)):
            raise StorageError(f"cannot write {path}: {os.strerror(error.errno)}; {advice}") from error
        if error.errno in (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP):
            raise ConflictError(
                f"cannot write {path}: {os.strerror(error.errno)}; remove what stands in the way or choose another path"
            ) from error
        raise


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; when the block ends well, flush it and rename it to `path`.

    When the block fails the temporary file is removed and `path` is left as it was.

    Raises:
        StorageError, ConflictError: see `storage_errors`.
    """
    aside = path.with_name(f".{path.name}.{_writer()}.tmp")
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield aside
            flush(aside)
            insist(lambda: aside.replace(path))
            _flush_folder(path.parent)
        finally:
            sweep(aside)


def _writer() -> str:
    """Digits that no other writer has at the same time, on this machine or on another one that sees the folder."""
    return f"{os.getpid()}{int.from_bytes(os.urandom(4)):010d}"


def insist(change: Callable[[], object]) -> None:
    """Rename or remove; where Windows says that the file is in use, again for a second and a half.

    Maps of this process that nothing uses any more are let go in between.

    Raises:
        OSError: it cannot be done.
    """
    for seconds in _WAITS_SECONDS:
        try:
            change()
            return
        except OSError as error:
            if _windows_code(error) not in {_DENIED, *_OPEN_ELSEWHERE}:
                raise
        gc.collect()
        time.sleep(seconds)
    change()


def remove(path: Path) -> None:
    """Remove a file or a folder that must not stay; one that is not there is good.

    Raises:
        StorageError, ConflictError: see `storage_errors`.
    """
    with storage_errors(path):
        if path.is_dir() and not path.is_symlink():
            insist(lambda: shutil.rmtree(path))
        else:
            insist(lambda: path.unlink(missing_ok=True))


def sweep(path: Path) -> None:
    """Remove a file or a folder that nobody needs; what cannot be removed now stays for a later run to sweep."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            insist(lambda: path.unlink(missing_ok=True))


def left_aside_of(path: Path) -> Path | None:
    """The file that was being written when a killed process left `path`; None if `written_aside` never made that.

    True only while no process writes there.
    """
    match = _ASIDE.fullmatch(path.name)
    return path.with_name(match[1]) if match else None


def is_left_aside(path: Path) -> bool:
    """Whether a file is what a killed process left of `written_aside`; true only while no process writes there."""
    return left_aside_of(path) is not None


def flush(path: Path) -> None:
    """Wait until a file's content is on the disk."""
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write `content` to `path`, whole or not at all."""
    with written_aside(path) as aside, aside.open("wb") as handle:
        handle.write(content)


def write_array(path: Path, values: "NDArray[Any]") -> None:
    """Write `values` as a `.npy` file, whole or not at all; `np.save` hides that a disk is full.

    Raises:
        StorageError: see `storage_errors`.
    """
    import numpy as np

    content = io.BytesIO()
    np.save(content, values)
    write_bytes(path, content.getbuffer())


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented UTF-8 JSON with a final newline, whole or not at all.

    A lone surrogate, as in a file name that is not UTF-8, becomes its JSON escape and is read back as it was.
    """
    write_bytes(path, json_bytes(value))


def json_bytes(value: Any) -> bytes:
    """What `write_json` writes."""
    content = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    return content.encode("utf-8", "backslashreplace")


def read_json(path: Path) -> Any:
    """Read a JSON file; None when there is none, or when it does not hold JSON (a leftover of another tool)."""
    try:
        return parse_json(content_within_limits(path))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def write_checked_json(path: Path, value: Any) -> None:
    """Write `value` on one line with its own digest, for `read_checked_json`: what is kept to be believed later."""
    write_bytes(path, checked_json_bytes(value))


def checked_json_bytes(value: Any) -> bytes:
    """What `write_checked_json` writes."""
    content = json.dumps({"digest": digest_of(value), "value": value}, ensure_ascii=False)
    return f"{content}\n".encode("utf-8", "backslashreplace")


def read_checked_json(path: Path) -> Any:
    """Read what `write_checked_json` wrote; None when there is none, or when it was changed since."""
    return _checked(read_json(path))


def parse_checked_json(content: bytes) -> Any:
    """The value in what `write_checked_json` wrote; None when it was changed since."""
    try:
        return _checked(parse_json(content))
    except ValueError:
        return None


def _checked(content: Any) -> Any:
    if not isinstance(content, dict) or content.keys() != {"digest", "value"}:
        return None
    return content["value"] if digest_of(content["value"]) == content["digest"] else None


def sha256_of(path: Path) -> str:
    """The sha256 of a file's bytes, in hexadecimal; the Hub's own name for a large file."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while block := handle.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def sha256_of_folder(folder: Path) -> tuple[str, int]:
    """One sha256 over the names and bytes of all files below a folder, and their size together in bytes."""
    digest = hashlib.sha256()
    size = 0
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        size += path.stat().st_size
        digest.update(f"{sha256_of(path)} {path.relative_to(folder).as_posix()}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest(), size


def digest_of(value: Any) -> str:
    """Twelve hexadecimal digits that stand for any JSON value: same value, same digits, on every machine."""
    canonical = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _windows_code(error: OSError) -> int | None:
    """What Windows itself called the fault; None elsewhere."""
    return getattr(error, "winerror", None)


def _flush_folder(folder: Path) -> None:
    """Make a rename outlive a power cut: the new name is part of the folder, not of the file."""
    if os.name == "nt":  # Windows opens no folders
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:  # some network file systems cannot flush a folder; the rename itself has happened
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
