"""The last door: whatever nobody foresaw leaves the command line as one line and an exit code, not as a traceback.

The line says what was being done, what came, and what to do; `--debug`, or `NEXTLONG_DEBUG=1`, shows where as well.
A fault of the system, such as a full disk, has the exit code of its kind; all else is exit code 1.
"""

import errno
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from typing import Any, NoReturn

import click

from nextlong_hub.core.files import remedy_of
from nextlong_hub.core.memory import address_space_bytes
from nextlong_hub.core.printable import size, visible
from nextlong_hub.errors import DataError, NextLongError, OutOfMemoryError, StorageError, causes_of, on_command_line
from nextlong_hub.execution.progress import STAGE_NOTE
from nextlong_hub.hub.address import endpoint_fault
from nextlong_hub.hub.redact import without_secrets

DEBUG_VARIABLE = "NEXTLONG_DEBUG"

_WANT_OF_MEMORY = (
    "bad_alloc",
    "can't start new thread",
    "cannot allocate memory",
    "failed to launch worker thread",
    "failed to map segment",
    "libllvmlite",
    "unable to allocate",
)
"""What libraries say, in lower case, when the system gives them no more memory."""
_LEAST_ADDRESS_SPACE = 5 * 2**28
"""Bytes. With fewer LLVM or OpenBLAS ended the process themselves, now and then, in builds of the smallest dataset."""
_VANISHED = (errno.ENOENT, errno.ENOTDIR, errno.ESTALE)
_LONGEST = 400
"""Characters of a foreign message that are shown."""


@dataclass(slots=True)
class Door:
    """What the last door has to know of the command that is run."""

    command: str
    """As it was typed: `build`."""
    debug: bool = False
    """Show where an error came from."""

    def leave(self, error: BaseException) -> int:
        """Print one error and give the exit code."""
        known = self._known(error)
        message = on_command_line(known.message)
        if self.debug:
            self._print(visible("".join(traceback.format_exception(error))).rstrip())
        try:
            from nextlong_hub import terminal

            terminal.show_error(message)
        except Exception:  # too few open files or too little memory for it, too
            self._print(f"Error: {visible(message)}")
        return known.exit_code

    def _known(self, error: BaseException) -> NextLongError:
        """What an exception means; one of ours says it itself, unless want of memory is behind it."""
        want_of_memory = next(filter(_is_want_of_memory, causes_of(error)), None)
        if isinstance(error, NextLongError) and want_of_memory is None:
            return error
        if fault := endpoint_fault():
            return fault
        notes = [note for cause in causes_of(error) for note in getattr(cause, "__notes__", ())]
        stage = next((f" {note}" for note in notes if note.startswith(STAGE_NOTE)), "")
        doing = f"{self.command} stopped{stage}"
        shown = want_of_memory or error
        came = " ".join(str(shown).split())[:_LONGEST]
        what = f"{type(shown).__name__}{': ' if came else ''}{came}"
        if want_of_memory is not None:
            return OutOfMemoryError(
                f"{doing}: there was too little memory ({what}); run it again with a smaller "
                "--num-proc, or raise the limit on memory: finished work is kept"
            )
        if isinstance(error, OSError) and (advice := remedy_of(error)):
            place = f"{error.filename}: " if error.filename is not None else ""
            return StorageError(f"{doing}: {place}{os.strerror(error.errno or 0)}; {advice}")
        if isinstance(error, OSError) and error.errno in _VANISHED:
            return DataError(
                f"{doing}: {error.filename or 'a file'} is not there; if it was removed or renamed meanwhile, "
                "run the same command again: finished work is kept"
            )
        hint = "" if self.debug else "run it again with --debug to see where, and "
        return NextLongError(f"{doing}: {what}; nobody foresaw this: {hint}report it")

    @staticmethod
    def _print(text: str) -> None:
        with suppress(OSError, ValueError, AttributeError):  # standard error may be full, closed or missing
            sys.stderr.write(f"{without_secrets(text)}\n")
            sys.stderr.flush()


def _is_want_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    return not isinstance(error, NextLongError) and any(phrase in str(error).lower() for phrase in _WANT_OF_MEMORY)


def _require_address_space() -> None:
    """Make sure that the libraries can be loaded at all: with too little memory some of them end the process.

    Raises:
        OutOfMemoryError: the limit of `ulimit -v` is below what they take.
    """
    limit = address_space_bytes()
    if limit is not None and limit < _LEAST_ADDRESS_SPACE:
        raise OutOfMemoryError(
            f"this process may map no more than {size(limit)} of memory (ulimit -v), and it takes at least "
            f"{size(_LEAST_ADDRESS_SPACE)}, shared libraries included; raise that limit"
        )


def with_memory(callback: Callable[..., Any]) -> Callable[..., Any]:
    """What a command does, done only where there is enough memory for it; its help needs none."""

    @wraps(callback)
    def called(*arguments: Any, **options: Any) -> Any:
        _require_address_space()
        return callback(*arguments, **options)

    return called


def leave_at_once(code: int) -> NoReturn:
    """End the process without what Python does at its end, which crashes or never ends when memory ran out.

    The workers are killed: their outputs are whole or absent.
    """
    if "multiprocessing" in sys.modules:
        from multiprocessing import active_children

        for worker in active_children():
            with suppress(OSError, ValueError):
                worker.kill()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)


def _set_debug(context: click.Context, option: click.Parameter, value: bool) -> None:
    if value and isinstance(context.obj, Door):
        context.obj.debug = True


option_debug = click.Option(
    ["--debug"],
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_set_debug,
    help="Show where an error came from.",
)
"""For every command; it tells the `Door` that is the object of the context."""


def open_streams() -> None:
    """Point standard streams that were closed at nothing: a file that is opened later would be taken for one."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))


def flush_streams() -> None:
    """Write what standard streams hold; one that fails is pointed at nothing, as Python tries once more at its end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                nothing = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nothing, stream.fileno())
                os.close(nothing)
