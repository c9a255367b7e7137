"""The code blocks of a page, and the process that runs them.

A page is run from top to bottom in a folder of its own, which holds what the page calls the reader's own files; names
of the Hub are repositories of a local one. So a block is run as it stands.

    console    lines behind `$ ` are commands; the lines below one are its output, `…` for what is left out
    python     is run; names of earlier blocks of the page are there
    text       with the title `prints`: what the Python before it prints
    toml       with a file's name as title: is that file from there on

A title that begins with `Not run here` is seen by the reader and by the tests, which have a list of all such blocks.
One that begins with `From` names the file of the repository in which the lines of the block stand.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

_FENCE = re.compile(r"^( *)```([a-z]+)(?: title=\"([^\"]*)\")?\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
_ANY_FENCE = re.compile(r"^ *(?:```|~~~)", re.MULTILINE)
NOT_RUN = "Not run here"
_FROM = "From "
_ENDS_WITH = "Ends with exit code "


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block."""

    language: str
    title: str
    """What the reader sees above it; empty for most."""
    content: str

    @property
    def is_run(self) -> bool:
        """Whether the tests run it."""
        return not self.title.startswith((NOT_RUN, _FROM))

    @property
    def origin(self) -> str:
        """The file that it is an excerpt of; empty for none."""
        return self.title.removeprefix(_FROM) if self.title.startswith(_FROM) else ""

    @property
    def exit_code(self) -> int:
        """Of its last command."""
        return int(self.title.removeprefix(_ENDS_WITH)) if self.title.startswith(_ENDS_WITH) else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command line of a console block, and what the page says that it prints."""

    words: tuple[str, ...]
    output: tuple[str, ...]


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page.

    Raises:
        ValueError: one is written in a way that would be passed over.
    """
    text = page.read_text(encoding="utf-8")
    found = [Block(language=one[2], title=one[3] or "", content=dedent(one[4])) for one in _FENCE.finditer(text)]
    if 2 * len(found) != len(_ANY_FENCE.findall(text)):
        raise ValueError(f"{page}: a fenced block says less than a language, or more than a language and a title")
    return found


def commands_of(block: Block) -> Iterator[Command]:
    """The command lines of a console block."""
    for typed in re.split(r"^\$ ", block.content, flags=re.MULTILINE)[1:]:
        line, output = re.match(r"((?:[^\n]*\\\n)*[^\n]*)\n?(.*)", typed, re.DOTALL).groups()  # type: ignore[union-attr]
        yield Command(
            words=tuple(shlex.split(line.replace("\\\n", " "), comments=True)), output=tuple(output.splitlines())
        )


def missing_lines(told: tuple[str, ...], printed: str) -> list[str]:
    """Lines that a page tells and that were not printed, in that order; spaces count once, `…` stands for anything."""
    rest = [" ".join(line.split()) for line in printed.splitlines()]
    missing = []
    for line in told:
        wanted = ".*".join(map(re.escape, " ".join(line.split()).split("…")))
        place = next((place for place, one in enumerate(rest) if re.fullmatch(wanted, one)), None)
        if place is None:
            missing.append(line)
        else:
            rest = rest[place + 1 :] if line.strip("… ") else rest[place:]
    return missing
