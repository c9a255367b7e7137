"""The command line: each command parses its arguments, calls one library function, and prints the result.

    build  fit  import_rows            make a dataset folder
    inspect  view  stats               show rows and statistics
    survey                             show what is in a corpus
    riffle                             make rows to evaluate with
    work                               a share of a build, as a job of an array
    card  verify  push  export         describe, check, publish and convert a dataset
    autoload  doctor                   the Python environment; doctor_checks: what `doctor` checks
    options                            options and helpers that several commands share
    hf_command                         our commands as commands of `hf`
    completion                         what the tab key completes
    arguments                          the arguments of `build` as a `BuildRequest`
    door                               what leaves as one line and an exit code, whatever it was
    reports/                           the printed result of each command

Only click and light modules are imported at the top, everything else inside the commands: `--help` must be instant.
Results go to stdout, progress and errors to stderr; every error is one line and an exit code (see `errors`).
"""

import logging
import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from nextlong_hub._version import __version__
from nextlong_hub.cli import (
    autoload,
    build,
    card,
    doctor,
    export,
    fit,
    import_rows,
    inspect,
    push,
    riffle,
    stats,
    survey,
    verify,
    view,
    work,
)
from nextlong_hub.cli.completion import options_completion
from nextlong_hub.cli.door import (
    DEBUG_VARIABLE,
    Door,
    flush_streams,
    leave_at_once,
    open_streams,
    option_debug,
    with_memory,
)
from nextlong_hub.cli.options import examples
from nextlong_hub.core.memory import collect_seldom
from nextlong_hub.core.signals import SigtermReceived, signal_behind, signals_as_exceptions
from nextlong_hub.errors import OutOfMemoryError
from nextlong_hub.hub.budget import spending

_NAMES = ("nextlong-hub", "hf-nextlong")
_INTERRUPTED = 130
_TERMINATED = 143


def main() -> NoReturn:
    """Run the command line and leave with its exit code; the entry point of `nextlong-hub` and `hf-nextlong`."""
    name = Path(sys.argv[0]).name
    collect_seldom()
    open_streams()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a file name need not fit the terminal's encoding
    with signals_as_exceptions():
        code = run(sys.argv[1:], name if name in _NAMES else _NAMES[0])
    if code == OutOfMemoryError.exit_code:
        leave_at_once(code)
    flush_streams()
    sys.exit(code)


def run(arguments: list[str], name: str = _NAMES[0]) -> int:
    """Run one command and return its exit code."""
    logging.getLogger("nextlong_hub").addHandler(_NOTES)
    command = next((one for one in arguments if one in commands.commands), name)
    door = Door(command, debug=bool(os.environ.get(DEBUG_VARIABLE)))
    try:
        with spending():
            outcome = commands.main(arguments, name, standalone_mode=False, obj=door)
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.ClickException as error:
        from nextlong_hub import terminal

        terminal.show_usage_error(error)
        return error.exit_code
    except click.Abort as error:
        # click takes an EOFError for Ctrl-D, and it may be that of a file that ends too early.
        return door.leave(error.__cause__) if isinstance(error.__cause__, EOFError) else _INTERRUPTED
    except (SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        signalled = signal_behind(error)
        if signalled is None:
            return door.leave(error)
        return _TERMINATED if isinstance(signalled, SigtermReceived) else _INTERRUPTED
    return outcome if isinstance(outcome, int) else 0


class _Notes(logging.Handler):
    """Shows warnings of the library on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one warning."""
        from nextlong_hub import terminal

        terminal.show_note(record.getMessage())


_NOTES = _Notes(logging.WARNING)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples(
        "nextlong-hub build        # the embedded demo, into ./nextlong",
        "nextlong-hub build 128k --corpus docs.jsonl --tokenizer ./llama3 --tokens 1B",
        "nextlong-hub verify nextlong",
    ),
)
@options_completion
@click.version_option(__version__, "-V", "--version", message="%(prog)s %(version)s")
def commands() -> None:
    """Turn a pile of short documents into a long-context dataset that load_dataset reads."""


for _command in (
    survey.survey,
    build.build,
    inspect.inspect,
    view.view,
    stats.stats,
    card.card,
    verify.verify,
    fit.fit,
    export.export,
    riffle.riffle,
    import_rows.import_command,
    work.work,
    push.push,
    autoload.autoload,
    doctor.doctor,
):
    _command.params.append(option_debug)
    if _command.callback is not None and _command not in (autoload.autoload, doctor.doctor):
        _command.callback = with_memory(_command.callback)
    commands.add_command(_command)
commands.params.append(option_debug)
