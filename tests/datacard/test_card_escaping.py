"""Names, licences and texts of a corpus are shown on a card and never act there, whatever they hold."""

import shlex
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from nextlong_hub.core.printable import visible, visible_line
from nextlong_hub.datacard.escaping import Markdown, code, escape, fenced, shell_word

HOSTILE = (
    "<script>alert(1)</script>",
    "</details></table><img src=x onerror=alert(1)>",
    "a | b || c",
    "`code` ``more`` ```\nfence",
    "{{ 7 * 7 }} {% raw %} {# no #}",
    "---\nlicense: mit\n---",
    "<!-- nextlong:auto:end overview -->",
    "[click](javascript:alert(1)) ![x](http://example.org/x.png)",
    "<https://example.org> https://example.org www.example.org a@example.org",
    "*bold* _slanted_ ~~gone~~ \\* $x^2$ $$y$$",
    "# heading",
    "- item",
    "+ item",
    "1. first",
    "2) second",
    "=====",
    "> quoted",
    "    indented",
    "a: b, 'c', \"d\", &amp; &lt; &#60;",
    "line\nbreak\r\nand\ttab\u2028\u2029\x0b\x0c",
    "\u202egnp.exe\u2066\u200b\ufeff",
    "\x1b[31mred\x1b]8;;http://example.org\x07",
    "lone \ud800 surrogate",
    "\x00",
    "",
)

texts = st.text(st.characters(), max_size=40) | st.text(alphabet="<>&|`*_[]()#~$\\{}!@:/-+=1.)\n \"'w", max_size=20)


class Reader(HTMLParser):
    """The tags and the text of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag, with its attributes if it has any."""
        self.tags.append(f"{tag} {attrs}" if attrs else tag)

    def handle_data(self, data: str) -> None:
        """Gather text."""
        self.text += data


def render(markdown: str) -> Reader:
    """Read Markdown as the Hub does: tables, strikethrough and raw HTML."""
    return Reader(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown))


def shown(text: str) -> str:
    """What a reader sees of a text on one line; HTML reads spaces at the ends and in rows as one."""
    return " ".join(visible_line(text).split())


def every_hostile(function: Callable[..., None]) -> Callable[..., None]:
    """Add the hostile strings to a law."""
    for text in HOSTILE:
        function = example(text=text)(function)
    return function


@every_hostile
@given(text=texts)
def test_a_value_in_a_sentence_is_its_text(text: str) -> None:
    """No tag but the one that breaks an address apart, and every character that can be seen."""
    found = render(f"Made from {escape(text)} and others.")
    assert set(found.tags) <= {"p", "wbr"}
    assert " ".join(found.text.split()) == " ".join(f"Made from {shown(text)} and others.".split())


@every_hostile
@given(text=texts)
def test_a_value_that_begins_a_line_is_its_text(text: str) -> None:
    """It becomes neither a heading nor a list, a rule, a quotation or a block of code."""
    found = render(f"before\n\n{escape(text)}\n\nafter")
    assert set(found.tags) <= {"p", "wbr"}
    assert " ".join(found.text.split()) == " ".join(f"before {shown(text)} after".split())


@every_hostile
@given(text=texts)
def test_a_value_in_a_table_is_one_cell(text: str) -> None:
    """It ends neither the cell nor the row, in plain type or in that of code."""
    found = render(f"| a | b |\n| --- | --- |\n| {escape(text)} | {code(text)} |\n")
    assert [tag for tag in found.tags if tag != "wbr"] == [
        *("table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td", "code")
    ]
    assert found.text.split() == f"a b {shown(text)} {shown(text)}".split()


@every_hostile
@given(text=texts)
def test_a_value_in_raw_html_is_its_text(text: str) -> None:
    """In a summary, and in an attribute."""
    found = Reader(f'<summary title="{escape(text)}">{escape(text)}</summary>')
    assert " ".join(found.text.split()) == shown(text)
    assert [tag.split()[0] for tag in found.tags if tag != "wbr"] == ["summary"]


@every_hostile
@given(text=texts)
def test_a_block_of_code_ends_where_it_ends(text: str) -> None:
    """Its fence is longer than any inside, and no comment in it looks like a marker of ours."""
    block = fenced(text, "sh")
    found = render(f"{block}\n\nafter\n")
    assert [tag.split()[0] for tag in found.tags] == ["pre", "code", "p"]
    assert "<!--" not in block
    assert visible(text).replace("<!--", "<! --") in block


@pytest.mark.parametrize("text", [text for text in HOSTILE if "\0" not in text and text and "\ud800" not in text])
def test_a_shell_reads_an_argument_back(text: str) -> None:
    """Quoted so that it stands on one line, and bash gives the program what was meant."""
    word = shell_word(text)
    assert word.isascii() and "\n" not in word and "`" not in word
    done = subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, check=True)
    assert done.stdout.decode() == text


@given(text=st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20))
def test_words_of_a_shell_are_single(text: str) -> None:
    """Quotes are closed and nothing is left to expand."""
    word = shell_word(text)
    if not word.startswith("$'"):
        assert shlex.split(word) == [text]


@pytest.mark.parametrize("sign", "&<>\"'|`*_[]#~$\\{}!@")
def test_no_sign_that_means_something_stands_by_itself(sign: str) -> None:
    """A name mentions nobody, opens nothing and closes nothing: its signs are entities."""
    assert escape(f"a{sign}b") == f"a&#{ord(sign)};b"
    assert escape(f"{sign}someone") == f"&#{ord(sign)};someone"


def test_what_is_markdown_already_stays() -> None:
    """Only values that our own code made are let through, and joining one with a string makes a string again."""
    assert escape(Markdown("**bold**")) == "**bold**"
    assert escape(Markdown("**") + "*") == "&#42;&#42;&#42;"


def test_ordinary_names_stay_readable() -> None:
    """A card is read as text, too."""
    for name in ("sqlite3-doc", "notes.jsonl", "hf://datasets/me/texts/data", "CC-BY-SA 4.0", "64k/doc/000019"):
        assert escape(name).replace("<wbr>", "") == name
