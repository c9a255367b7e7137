"""How kernels are compiled: free of Python's lock, so that threads run beside each other, and kept for later runs.

Machine code that numba keeps is a pickle and is executed: it is read only from a folder that nobody else may write, and
only if its bytes have the digest that was kept with them. Whatever is wrong with what is kept, the kernel is compiled
anew.
"""

import hashlib
import logging
import os
import pickle
import stat
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from numba import njit
from numba.core import caching
from numba.core.errors import NumbaWarning

_caching: Any = caching  # no types of its own
_log = logging.getLogger(__name__)
_LONGEST_WAIT_SECONDS = 30
"""For another process that compiles the same kernel: ten times what the longest takes on a slow machine."""


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` when it is first called, and keep the machine code for later processes.

    Numba keeps it beside the module, else in the user's cache, or where `NUMBA_CACHE_DIR` says. A container that runs
    as a user without a home may have no such place: every process then compiles anew, some ten seconds of CPU.
    """
    return _kept(function, njit(nogil=True, error_model="numpy")(function))


def kernel_in_place(function: Callable[..., Any]) -> Callable[..., Any]:
    """As `kernel`, for a function that makes no array, not even for itself: it works on those that it is given.

    References to them are then not counted. Numba counts them on every call of one kernel by another, atomically,
    which took half the time of a kernel that calls others for each word of a text.
    """
    uncounted: Any = {"_nrt": False}
    try:
        compiled = njit(nogil=True, error_model="numpy", **uncounted)(function)
    except Exception:  # a numba without this option, which it does not promise
        return kernel(function)
    return _kept(function, compiled)


def _kept(function: Callable[..., Any], compiled: Any) -> Callable[..., Any]:
    """The compiled function, its machine code kept."""
    with suppress(Exception):  # RuntimeError where numba may write nowhere, anything from a numba that keeps otherwise
        compiled._cache = _KernelCache(function)
    return compiled  # type: ignore[no-any-return]


def is_kept(kernel: Callable[..., Any]) -> bool:
    """Whether a kernel needs no compiling in another process, or cannot be kept for one."""
    return bool(getattr(getattr(kernel, "_cache", None), "is_kept", lambda: True)())


def kernels_kept_in() -> str | None:
    """The folder where compiled kernels are kept for later processes; None when there is no place for them."""

    def probe() -> None:
        """A function that is inspected and never compiled."""

    path = getattr(getattr(kernel(probe), "stats", None), "cache_path", None)
    return None if path is None else str(path)


@cache
def others_may_write(folder: str) -> bool:
    """Whether somebody else may write into a folder, and so run code in every process that reads kernels from it.

    A group that no account but its own user's belongs to is nobody else.
    """
    if os.name == "nt":  # its permissions are not in the mode
        return False
    try:
        found = Path(folder).stat()
    except OSError:  # it is made when the first kernel is kept
        return False
    is_of_others = found.st_uid not in (0, os.getuid()) or bool(found.st_mode & stat.S_IWOTH)
    return is_of_others or (bool(found.st_mode & stat.S_IWGRP) and not _is_own_group(found.st_gid))


def _is_own_group(number: int) -> bool:
    """Whether a group holds no account but that of this user."""
    import grp
    import pwd

    try:
        name = pwd.getpwuid(os.getuid()).pw_name
        return number == pwd.getpwuid(os.getuid()).pw_gid and not set(grp.getgrgid(number).gr_mem) - {name}
    except KeyError:
        return False


class _CheckedFile(_caching.IndexDataCacheFile):  # type: ignore[misc]
    """The files of one kernel, each with the digest of its bytes before them."""

    def _dump(self, obj: Any) -> bytes:
        content: bytes = super()._dump(obj)
        return hashlib.sha256(content).digest() + content

    def _load_data(self, name: str) -> Any:
        return pickle.loads(_checked(Path(self._data_path(name)).read_bytes()))

    def _load_index(self) -> dict[Any, Any]:
        """What is kept, by signature; nothing where it is damaged, of another version, or of an older kernel."""
        try:
            with Path(self._index_path).open("rb") as file:
                if pickle.load(file) != self._version:
                    return {}
                stamp, overloads = pickle.loads(_checked(file.read()))
        except Exception:
            return {}
        return dict(overloads) if stamp == self._source_stamp else {}


def _checked(content: bytes) -> bytes:
    """Bytes behind their digest.

    Raises:
        ValueError: they are damaged.
    """
    size = hashlib.sha256().digest_size
    if hashlib.sha256(content[size:]).digest() != content[:size]:
        raise ValueError("its digest is another one")
    return content[size:]


class _KernelCache(_caching.FunctionCache):  # type: ignore[misc]
    """What is kept of one kernel. It never fails: what cannot be loaded is compiled, what cannot be kept is not.

    Of several processes that need a kernel at the same time one compiles it, and the others wait for what it keeps.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        locator = self._impl.locator
        self._cache_file = _CheckedFile(self._cache_path, self._impl.filename_base, locator.get_source_stamp())
        self._turn = FileLock(Path(self._cache_path) / f"{self._impl.filename_base}.lock")

    def is_kept(self) -> bool:
        """Whether there is machine code for some signature, or never will be, as there is no safe place for it."""
        return others_may_write(self._cache_path) or bool(self._cache_file._load_index())

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The machine code for a signature; None where there is none that can be trusted."""
        if others_may_write(self._cache_path):
            _tell(self._cache_path)
            return None
        kept = self._load(sig, target_context)
        if kept is None and self._wait():
            kept = self._load(sig, target_context)
            if kept is not None:
                self._turn.release(force=True)
        return kept

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the machine code for a signature, if it can be."""
        if not others_may_write(self._cache_path):
            with suppress(Exception), warnings.catch_warnings():  # a full disk, or what numba cannot pickle
                warnings.simplefilter("ignore", NumbaWarning)
                super().save_overload(sig, data)
        self._turn.release(force=True)

    def _load(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # an unpickler and a linker may raise anything
            return None

    def _wait(self) -> bool:
        """Wait for the turn to compile; whether it had to be waited for. A place without locks has no turns."""
        with suppress(Exception):
            self._impl.locator.ensure_cache_path()
            try:
                self._turn.acquire(timeout=0)
            except Timeout:
                self._turn.acquire(timeout=_LONGEST_WAIT_SECONDS)
                return True
        return False


@cache
def _tell(folder: str) -> None:
    if parent_process() is None:  # and not once for each worker
        _log.warning(
            "compiled kernels are neither read from nor kept in %s, as others may write there and kernels are code; "
            "each process compiles them anew: chmod go-w that folder, or set NUMBA_CACHE_DIR to one of your own",
            folder,
        )
