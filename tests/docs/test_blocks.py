"""Every code block of README and of the pages is run, in the order of its page."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from page_blocks import NOT_RUN, Block, blocks_of, commands_of, missing_lines
from page_world import PageSession, fill_folder, running

from nextlong_hub.recipe import parse_recipe

CHECKOUT = Path(__file__).parents[2]
PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
RUN = [page for page in PAGES if any(block.is_run for block in blocks_of(page))]
FEW_TOKENS = {"512k": "525K", "prolong-512k": "1.5M"}
"""Tokens to build of a configuration in place of those that a page asks for: one row of 512K, or the three that one
sample takes; of others `140K`."""
LANGUAGES = {"bash", "console", "python", "text", "toml", "yaml"}
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

NOT_RUN_HERE = {
    "docs/explanations/retrieval.md": ["needs an encoder from the Hub"],
    "docs/how-to/cluster.md": ["needs a cluster of Ray", *3 * ["needs a Slurm cluster"]],
    "docs/how-to/train.md": ["needs GPUs", "needs a model and a GPU", "needs GPUs"],
}
"""All that the tests cannot run, by page; the reader sees it in the title of the block."""


def called(page: Path) -> str:
    """A page's path in the repository."""
    return page.relative_to(CHECKOUT).as_posix()


@pytest.fixture(scope="module")
def session() -> Iterator[PageSession]:
    """A process that runs the blocks, and a Hub with all that pages name."""
    yield from running()


def test_what_is_not_run_is_listed() -> None:
    """A block that the tests leave out says so to the reader, and is counted here."""
    found = {
        called(page): [
            block.title.removeprefix(f"{NOT_RUN}: ") for block in blocks_of(page) if not (block.is_run or block.origin)
        ]
        for page in PAGES
    }
    assert {page: titles for page, titles in found.items() if titles} == NOT_RUN_HERE


@pytest.mark.parametrize("page", PAGES, ids=called)
def test_every_block_is_of_a_kind_that_is_run(page: Path) -> None:
    """Shell, Python and recipes; text only where it is what Python prints."""
    blocks = blocks_of(page)
    assert {block.language for block in blocks} <= LANGUAGES
    for before, block in zip([None, *blocks], blocks, strict=False):
        if block.language == "text":
            assert before and (before.language, block.title) == ("python", "prints")
        if block.language == "bash":
            assert not block.is_run


def test_an_excerpt_stands_in_its_file() -> None:
    """Every line of it, in that order."""
    excerpts = [block for page in PAGES for block in blocks_of(page) if block.origin]
    assert excerpts
    for block in excerpts:
        there = (CHECKOUT / block.origin).read_text(encoding="utf-8")
        for line in filter(None, block.content.splitlines()):
            assert f"\n{line}\n" in there, line
            there = there[there.index(f"\n{line}\n") + len(line) + 1 :]


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN, ids=called)
def test_the_blocks_of_a_page_run(page: Path, session: PageSession, tmp_path: Path) -> None:
    """A reader who types what a page says sees what it says."""
    fill_folder(tmp_path)
    printed = ""
    for block in blocks_of(page):
        if not block.is_run:
            continue
        if block.language == "toml":
            assert parse_recipe(block.content.encode(), block.title)
            (tmp_path / block.title).write_text(block.content, encoding="utf-8")
        elif block.language == "python":
            code, printed, errors = session.run(tmp_path, python=block.content)
            assert code == 0, errors
        elif block.language == "text":
            assert printed.splitlines() == block.content.splitlines()
        else:
            type_in(block, session, tmp_path)


def type_in(block: Block, session: PageSession, folder: Path) -> None:
    """Run the commands of a block and compare what they print.

    `pip install` and `make` are compared with the project's own list instead: its extras, and the targets there are.
    """
    commands = list(commands_of(block))
    assert commands
    for number, command in enumerate(commands):
        program, *arguments = command.words
        if program == "pip":
            [wanted] = [word for word in arguments if not word.startswith("-") and word != "install"]
            name, extras = re.fullmatch(r"([\w-]+)(?:\[([\w,-]+)\])?", wanted).groups()  # type: ignore[union-attr]
            assert (
                name == PROJECT["name"]
                and set((extras or "").split(",")) - {""} <= PROJECT["optional-dependencies"].keys()
            )
        elif program == "make":
            assert all(f"\n{name}:" in (CHECKOUT / "Makefile").read_text(encoding="utf-8") for name in arguments)
        else:
            assert program == "nextlong-hub"
            code, printed, errors = session.run(folder, arguments=[*with_few_tokens(arguments)])
            assert code == (block.exit_code if number == len(commands) - 1 else 0), printed + errors
            assert missing_lines(command.output, errors + printed) == [], errors + printed


def with_few_tokens(arguments: list[str]) -> Iterator[str]:
    """The arguments with as many tokens as the small corpora can give in place of those that a page asks for."""
    for before, word in zip(["", *arguments], arguments, strict=False):
        config, equals, _ = word.rpartition("=")
        yield f"{config}{equals}{FEW_TOKENS.get(config, '140K')}" if before == "--tokens" else word
