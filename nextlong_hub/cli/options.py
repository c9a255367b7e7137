"""Options and helpers that several commands share: examples, JSON output, interruption, the executor."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nextlong_hub.cli.completion import complete_paths
from nextlong_hub.core.signals import on_signal
from nextlong_hub.errors import RecipeError, argument

if TYPE_CHECKING:
    from nextlong_hub.execution.base import Executor
    from nextlong_hub.execution.open import Place

Command = TypeVar("Command", bound=Callable[..., Any])


def option_quiet(command: Command) -> Command:
    """Add `--quiet`."""
    return click.option("-q", "--quiet", is_flag=True, help="Show no progress.")(command)


def option_json(command: Command) -> Command:
    """Add `--json`, which the command takes as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")(command)


def option_encoder(command: Command) -> Command:
    """Add `--encoder`, which holds for the process and its workers: no command has to pass it on."""
    return click.option(
        "--encoder",
        type=click.Choice(["auto", "reference"]),
        expose_value=False,
        callback=_choose_encoder,
        help="Who makes token ids: a fast program where it was tried and gives those of the `tokenizers` library, or "
        "that library alone. [default: auto]",
    )(command)


def _choose_encoder(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        from nextlong_hub.tokenization.encoding import choose

        choose(value)


def option_num_proc(command: Command) -> Command:
    """Add `--num-proc`."""
    return click.option(
        "--num-proc",
        type=click.IntRange(min=1),
        metavar="N",
        show_default="the processors there are, 8 at most",
        help="Worker processes.",
    )(command)


def options_columns(command: Command) -> Command:
    """Add `--text-column` and `--id-column`."""
    command = click.option(
        "--id-column",
        metavar="NAME",
        help="Column of ids. [default: id, conversation_id, prompt_id, doc_id or uuid]",
    )(command)
    return click.option(
        "--text-column", metavar="NAME", help="Column of the text; message.content is a field of one. [default: text]"
    )(command)


def options_part(*, config: bool = True) -> Callable[[Command], Command]:
    """Add `--split` and `--revision`, and `--config` unless the command has another one of that name."""

    def add(command: Command) -> Command:
        command = click.option("--revision", metavar="NAME", help="Branch, tag or commit of a corpus on the Hub.")(
            command
        )
        command = click.option("--split", metavar="NAME", help="Split of the corpus to read. [default: train]")(command)
        if config:
            command = click.option(
                "--config", metavar="NAME", help="Configuration of the corpus to read; PATH:CONFIG@SPLIT says both."
            )(command)
        return command

    return add


def option_license(command: Command) -> Command:
    """Add `--license`."""
    return click.option(
        "--license",
        metavar="ID",
        help="Licence of the corpus, for the card: cc-by-4.0. What its rows, its card and its licence files say is "
        "read; an ID that asks for less is refused, unless you insist on it: 'mit!'. A recipe can say it by source.",
    )(command)


def option_limit(command: Command) -> Command:
    """Add the repeatable `--limit`, which the command takes as `limits`."""
    return click.option(
        "--limit",
        "limits",
        multiple=True,
        metavar="[NAME=]N",
        help="Stop reading a source after so many tokens (2B, of 4 bytes each) or documents (5000docs). Repeatable.",
    )(command)


def option_decontaminate(command: Command) -> Command:
    """Add the repeatable `--decontaminate`, which the command takes as `benchmarks`."""
    return click.option(
        "--decontaminate",
        "benchmarks",
        multiple=True,
        metavar="PATH",
        shell_complete=complete_paths,
        help="Leave out documents that share 13 words in a row with this benchmark: a file, folder, hf:// address or "
        "Hub dataset, USER/NAME:CONFIG@SPLIT; all columns, configurations and splits unless one is named. Name what "
        "you evaluate on: HELMET, RULER, LongBench v2 and Pro, MRCR, AA-LCR. Repeatable.",
    )(command)


def option_align(command: Command) -> Command:
    """Add `--align`."""
    return click.option(
        "--align",
        type=click.IntRange(min=1),
        metavar="N",
        help="Packed rows: each document takes a multiple of N tokens, with padding behind it on which no loss is "
        "taken: 2·D for context parallelism over D devices.",
    )(command)


def option_on_secret(command: Command) -> Command:
    """Add `--on-secret`."""
    return click.option(
        "--on-secret",
        type=click.Choice(["mask", "drop", "keep", "fail"]),
        help="What becomes of access tokens and private keys in the texts: put as many '*' in their place, leave the "
        "document out, keep them, or stop. All are counted. [default: mask]",
    )(command)


class _CorpusOption(click.Option):
    """Lists the registered file formats when its help is shown, and not before: the search takes time."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        from nextlong_hub.corpus.formats import FORMATS
        from nextlong_hub.corpus.pieces import DATASETS

        formats = ", ".join(name for name in FORMATS.names() if name not in DATASETS)
        self.help = f"File, folder, glob, URL or Hub dataset, USER/NAME:CONFIG@SPLIT; files are {formats}. Repeatable."
        return super().get_help_record(ctx)


def option_corpus(command: Command) -> Command:
    """Add the repeatable `--corpus`, which the command takes as `corpora`."""
    return click.option(
        "--corpus", "corpora", multiple=True, metavar="[NAME=]PATH", cls=_CorpusOption, shell_complete=complete_paths
    )(command)


def option_tokenizer(**more: Any) -> Callable[[Command], Command]:
    """Add `--tokenizer`; `more` goes to `click.option`."""
    return click.option("--tokenizer", metavar="NAME_OR_DIR", shell_complete=complete_paths, **more)


def option_output(**more: Any) -> Callable[[Command], Command]:
    """Add `--output`; `more` goes to `click.option`."""
    kind = click.Path(path_type=Path)
    return click.option("--output", type=kind, metavar="DIR", help="Dataset folder to make or to add to.", **more)


def resumable(output: Path) -> AbstractContextManager[None]:
    """Print a message when a run is interrupted: finished work is kept."""
    from nextlong_hub import terminal

    message = f"Interrupted. Finished work is kept in {output}: the same command resumes it."
    return on_signal(lambda: terminal.show_interruption(message))


def examples(*lines: str) -> str:
    """Format the examples at the end of a command's help."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def print_json(value: Any) -> None:
    """Print one JSON value on stdout."""
    from nextlong_hub import terminal

    terminal.show_json(value)


def options_scratch(command: Command) -> Command:
    """Add `--scratch` and `--scratch-bytes`."""
    for option in (
        click.option(
            "--scratch-bytes",
            type=click.IntRange(min=1),
            metavar="N",
            help="Most bytes of what a machine fetches. [default: half of what is free]",
        ),
        click.option(
            "--scratch",
            type=click.Path(path_type=Path),
            metavar="DIR",
            help="Folder of each machine for what it fetches of such a URL. [default: among temporary files]",
        ),
    ):
        command = option(command)
    return command


def options_engine(command: Command) -> Command:
    """Add `--engine`, `--address`, `--work-dir` and those of `options_scratch`."""
    command = options_scratch(command)
    for option in (
        click.option(
            "--work-dir",
            metavar="DIR_OR_URL",
            help="Where unfinished work lies: a folder that all machines see, or a URL such as s3://bucket/nl. "
            "[default: .work in the output folder]",
        ),
        click.option(
            "--address",
            metavar="ADDRESS",
            help="Of Ray: auto, HOST:PORT, or local, which starts a cluster of this machine alone. [default: auto]",
        ),
        click.option(
            "--engine",
            type=click.Choice(["local", "ray", "array"]),
            default="local",
            show_default=True,
            help="Work on processes of this machine, on a cluster of Ray, or in array jobs that run nextlong-hub work.",
        ),
    ):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineChoice:
    """What the options of `options_engine` say."""

    engine: str = "local"
    address: str | None = None
    work_dir: str | None = None
    scratch: Path | None = None
    scratch_bytes: int | None = None

    def open(self, num_proc: int | None) -> "Executor":
        """The executor.

        Raises:
            RecipeError: two options contradict each other, or Ray is not installed.
        """
        from nextlong_hub.execution.open import open_executor

        if self.engine != "ray" and self.address is not None:
            raise RecipeError(f"{argument('address')} is that of Ray; add {argument('engine', 'ray')}")
        if self.engine == "local":
            return executor_of(num_proc)
        if self.engine == "array":
            if self.work_dir is None or num_proc is not None:
                raise RecipeError(
                    f"array jobs find their tasks in {argument('work-dir')}: name one, and leave out "
                    f"{argument('num-proc')}"
                )
            return open_executor("array")
        address = self.address or "auto"
        if num_proc is None:
            return open_executor(f"ray:{address}")
        if address != "local":
            raise RecipeError(
                f"{argument('num-proc')} is for this machine; how many processors a cluster has is said where its "
                "nodes are started"
            )
        return open_executor(f"ray:local/{num_proc}")

    def place(self, executor: "Executor") -> "Place":
        """Where a run works that has this executor.

        Raises:
            RecipeError: two options contradict each other.
        """
        from nextlong_hub.execution.open import Place
        from nextlong_hub.storage import StorageAddress

        if self.work_dir is None:
            if self.scratch is not None or self.scratch_bytes is not None:
                raise RecipeError(f"{argument('scratch')} is for a {argument('work-dir')} that is a URL; name one")
            return Place(executor=executor)
        address = StorageAddress.of(self.work_dir, self.scratch, self.scratch_bytes)
        return Place(executor=executor, work_dir=address)


def executor_of(num_proc: int | None) -> "Executor":
    """The executor for `--num-proc` processes of this machine; None takes its number of processors, 8 at most."""
    from nextlong_hub.execution.local import default_workers
    from nextlong_hub.execution.open import open_executor

    workers = num_proc or default_workers()
    return open_executor("inline" if workers == 1 else f"local:{workers}")
