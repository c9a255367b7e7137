"""Completion in the shell: what can stand where the cursor is, and the script that makes bash, zsh or fish ask.

    --show-completion SHELL       prints the script
    --install-completion SHELL    puts it where the shell looks for it

The shell runs our command at each press of the tab key, so nothing heavy is imported here.
"""

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem, get_completion_class

Command = TypeVar("Command", bound=Callable[..., Any])

_SHELLS = ("bash", "zsh", "fish")
_ZSH_FOLDER = "~/.zfunc"


def options_completion(command: Command) -> Command:
    """Add `--show-completion` and `--install-completion`."""
    for name, callback, words in (
        (
            "--install-completion",
            _install,
            "Complete commands, options and names in this shell from now on.",
        ),
        ("--show-completion", _show, "Print what --install-completion installs."),
    ):
        command = click.option(
            name,
            type=click.Choice(_SHELLS),
            is_eager=True,
            expose_value=False,
            callback=callback,
            metavar="|".join(_SHELLS),
            help=words,
        )(command)
    return command


def complete_paths(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Files and folders, as the shell itself completes them."""
    return [CompletionItem(incomplete, type="file")]


def complete_recipes(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The recipes that come with the package."""
    from importlib.resources import files

    entries = files("nextlong_hub.builders").iterdir()
    names = (entry.name.removesuffix(".toml") for entry in entries if entry.name.endswith(".toml"))
    return _beginning_with(incomplete, sorted(names))


def complete_formats(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The registered export formats."""
    from nextlong_hub.exports.base import FORMATS

    return _beginning_with(incomplete, FORMATS.names())


def complete_configs(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The configurations of the dataset folder that was named before."""
    folder = next((context.params[name] for name in ("where", "dataset") if context.params.get(name)), None)
    try:
        configs = json.loads(Path(folder or "", "manifest.json").read_bytes())["configs"]
    except (OSError, ValueError, KeyError, TypeError):  # no folder of ours: nothing is known of it
        return []
    return _beginning_with(incomplete, configs)


def _beginning_with(start: str, names: Iterable[str]) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(start)]


def _show(context: click.Context, _parameter: click.Parameter, shell: str | None) -> None:
    if shell and not context.resilient_parsing:
        click.echo(_script(context, shell))
        context.exit()


def _install(context: click.Context, _parameter: click.Parameter, shell: str | None) -> None:
    if not shell or context.resilient_parsing:
        return
    from nextlong_hub import terminal
    from nextlong_hub.core.files import write_bytes

    path, needs = _place(shell, str(context.info_name))
    write_bytes(path, f"{_script(context, shell)}\n".encode())
    terminal.show_verbatim(f"Wrote {path}; it is used from the next start of {shell} on{needs}")
    context.exit()


def _place(shell: str, program: str) -> tuple[Path, str]:
    """Where a shell looks for completions of a user, and what else it needs."""
    home = Path.home()
    if shell == "fish":
        return Path(
            os.environ.get("XDG_CONFIG_HOME") or home / ".config", "fish", "completions", f"{program}.fish"
        ), "."
    if shell == "zsh":
        lines = f"fpath+={_ZSH_FOLDER}; autoload -Uz compinit; compinit"
        return Path(_ZSH_FOLDER).expanduser() / f"_{program}", f", if ~/.zshrc has the line\n  {lines}"
    data = os.environ.get("XDG_DATA_HOME") or home / ".local" / "share"
    folder = os.environ.get("BASH_COMPLETION_USER_DIR") or Path(data, "bash-completion")
    return Path(folder, "completions", program), ", where the package bash-completion is installed."


def _script(context: click.Context, shell: str) -> str:
    kind = get_completion_class(shell)
    if kind is None:  # a shell that this click does not know
        raise click.UsageError(f"click {shell} completion is not there; upgrade click")
    program = str(context.info_name)
    variable = f"_{program}_COMPLETE".replace("-", "_").upper()
    return kind(context.command, {}, program, variable).source()
