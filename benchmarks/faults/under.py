"""Run a command under a limit of the system, of which Python's `preexec_fn` is no safe place in a threaded program.

python -IS under.py files=16 memory=300000000 -- nextlong-hub build

files=N memory=BYTES file=BYTES umask=OCTAL closed=FD full=FD powerless=1
"""

import ctypes
import os
import resource
import sys
from collections.abc import Callable

_PR_CAPBSET_DROP = 24
_FORGET_RIGHTS_ON_FILES = (1, 2)
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, by which root reads and writes what nobody may."""


def _limit(kind: int) -> Callable[[str], None]:
    def limit(value: str) -> None:
        resource.setrlimit(kind, (int(value), int(value)))

    return limit


def _powerless(value: str) -> None:
    for right in _FORGET_RIGHTS_ON_FILES:
        ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, right, 0, 0, 0)


def _full(value: str) -> None:
    os.dup2(os.open("/dev/full", os.O_WRONLY), int(value))


_LIMITS: dict[str, Callable[[str], object]] = {
    "files": _limit(resource.RLIMIT_NOFILE),
    "memory": _limit(resource.RLIMIT_AS),
    "file": _limit(resource.RLIMIT_FSIZE),
    "umask": lambda value: os.umask(int(value, 8)),
    "closed": lambda value: os.close(int(value)),
    "full": _full,
    "powerless": _powerless,
}

if __name__ == "__main__":
    end = sys.argv.index("--")
    for word in sys.argv[1:end]:
        name, _, wanted = word.partition("=")
        _LIMITS[name](wanted)
    os.execvp(sys.argv[end + 1], sys.argv[end + 1 :])
