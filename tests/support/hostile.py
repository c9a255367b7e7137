"""Documents whose words attack whoever looks at them: a terminal, a page, a notebook."""

from dataclasses import replace

from nextlong_hub.records import Document
from nextlong_hub.testing.worlds import make_documents

ATTACKS = (
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(2)">',
    "</pre></code></details><h1>owned</h1>",
    "\x1b[2J\x1b[31mred\x1b]0;title\x07",
    "\x9b2J",
    "safe \u202egnp.exe\u202c \u2066hidden\u2069",
    "| a | b |\n|---|---|\n[click](javascript:alert(3))",
    "$\\href{javascript:alert(4)}{x}$ \\(y\\)",
    "&lt;b&gt; &amp; \x08\r ``` {{ 7*7 }} [bold]rich[/bold]",
)
"""One of each kind."""

NEVER_SHOWN = ("\x1b[2J", "\x1b]", "\x9b", "\x07", "\x08", "\x00", "\u202e", "\u2066")
"""What no terminal and no page may get to see as it is."""


def hostile_documents(count: int = 12) -> list[Document]:
    """Documents that read like those of the tiny world, with attacks in every paragraph and in every id."""
    found = []
    for number, document in enumerate(make_documents(count, paragraphs=(3, 5))):
        attack = ATTACKS[number % len(ATTACKS)]
        lines = (
            f"{ATTACKS[(number + line) % len(ATTACKS)]} {text}" for line, text in enumerate(document.text.split("\n"))
        )
        found.append(replace(document, id=f"{number} {attack}", text="\n".join(lines)))
    return found
