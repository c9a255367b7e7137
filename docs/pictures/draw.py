"""Draw the pictures of README and of the site from a real row and a real run: `python docs/pictures/draw.py`.

    row.svg, row-dark.svg          one row: its strip, and where its first segments come from
    method.svg, method-dark.svg    how that row was made: chunks, hard negatives, interleaving
    terminal.svg                   the commands a newcomer types first, and what they print

Everything in them is read from a build of the embedded corpus, which gives the same bytes everywhere; a test draws them
again and compares.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from io import StringIO
from pathlib import Path

import pyarrow.parquet as pq
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

FOLDER = Path(__file__).parent

BUILD = ("build", "128k", "--samples", "4", "--num-proc", "1", "--quiet")
_SHOWN = (
    ("nextlong-hub build 128k --samples 4", BUILD),
    ("nextlong-hub inspect nextlong 128k 1", ("inspect", "nextlong", "128k", "1")),
    ("nextlong-hub verify nextlong", ("verify", "nextlong", "--quiet")),
)
_COLUMNS = 112
_UNSTEADY = ("time to ", "Other stages", "Peak memory", "Not read of")
"""Lines of the terminal that are of the machine, or of no help to a newcomer."""
_ELIDED = ("candidates", "kept", "truncated", "tokens cut", "discarded", "queries", "unanswered", "near-duplicates")
"""Lines that the picture has no room for; one dotted line stands for them."""

_FONTS = "system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif"
_WIDTH = 1000
_CARDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Colours:
    """What is drawn in which colour; those of the page of rows."""

    meta: str
    shades: tuple[str, ...]
    """Of hard negatives, from the best rank to the last ones."""
    ink: str
    quiet: str
    """Words of less weight."""
    line: str
    paper: str


LIGHT = Colours(
    meta="#0a5896",
    shades=("#b4530f", "#cc7431", "#dc9a62", "#e7bb93", "#efd5bb"),
    ink="#1d2026",
    quiet="#5a5f6b",
    line="#c9ccd3",
    paper="#f6f6f4",
)
DARK = Colours(
    meta="#74b6f2",
    shades=("#f0a35c", "#c98545", "#9d6a3a", "#755031", "#533c2b"),
    ink="#e6e4df",
    quiet="#a3a6ae",
    line="#4a4d57",
    paper="#23262e",
)
_TERMINAL = TerminalTheme(
    (27, 30, 38),
    (226, 228, 232),
    [
        (27, 30, 38),
        (236, 110, 104),
        (124, 196, 122),
        (222, 184, 94),
        (116, 182, 242),
        (200, 146, 220),
        (98, 196, 200),
        (226, 228, 232),
    ],
    [
        (124, 130, 142),
        (240, 130, 124),
        (144, 212, 142),
        (236, 202, 120),
        (146, 200, 250),
        (216, 170, 232),
        (126, 212, 216),
        (255, 255, 255),
    ],
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A segment of the row with its text."""

    number: int
    is_meta: bool
    document: str
    chunk: int
    rank: int
    score: float
    tokens: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The row that is drawn."""

    name: str
    tokens: int
    document: str
    parts: tuple[Part, ...]

    @property
    def meta(self) -> list[Part]:
        """Its meta-chunks."""
        return [part for part in self.parts if part.is_meta]

    def negatives_of(self, meta: Part) -> list[Part]:
        """The hard negatives behind a meta-chunk, by rank."""
        found = []
        for part in self.parts[meta.number + 1 :]:
            if part.is_meta:
                break
            found.append(part)
        return found


def main() -> None:
    """Build, run and draw."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in pictures(Path(folder)).items():
            (FOLDER / name).write_text(content, encoding="utf-8")


def pictures(folder: Path) -> dict[str, str]:
    """Every picture by its name.

    Args:
        folder: where the dataset is built that they show.
    """
    terminal = terminal_picture(folder)
    row = longest_row(folder / "nextlong")
    return {
        "terminal.svg": terminal,
        "row.svg": row_picture(row, LIGHT),
        "row-dark.svg": row_picture(row, DARK),
        "method.svg": method_picture(row, LIGHT),
        "method-dark.svg": method_picture(row, DARK),
    }


def longest_row(dataset: Path) -> Row:
    """The row with the most meta-chunks, of several the first."""
    rows = pq.read_table(dataset / "data" / "128k").drop_columns(["input_ids"]).to_pylist()
    row = max(rows, key=lambda one: sum(part["role"] == "meta" for part in one["segments"]))
    parts = tuple(
        Part(
            number=number,
            is_meta=part["role"] == "meta",
            document=part["document"],
            chunk=part["chunk"],
            rank=part["rank"],
            score=part["score"],
            tokens=part["tokens"],
            text=" ".join(row["text"][part["start"] : part["end"]].split()),
        )
        for number, part in enumerate(row["segments"])
    )
    return Row(name=row["id"], tokens=row["token_count"], document=row["meta_document"], parts=parts)


def row_picture(row: Row, colours: Colours) -> str:
    """The strip of a row, and below it its first segments, one card each."""
    documents = len({part.document for part in row.parts if not part.is_meta})
    body = [
        _words(0, 18, f"{row.tokens:,} tokens", colours.ink, size=17, weight=600),
        _words(
            160,
            18,
            f"{len(row.meta)} meta-chunks of one document, {len(row.parts) - len(row.meta)} hard negatives "
            f"from {documents} others",
            colours.quiet,
        ),
        *_strip(row.parts, 0, 34, 44, colours),
    ]
    first = row.parts[:_CARDS]
    scale = _WIDTH / sum(part.tokens for part in row.parts)
    end = sum(part.tokens for part in first) * scale
    body.append(
        f'<path d="M0 80 L0 104 L{_WIDTH} 104 L{end:.1f} 80" fill="{colours.line}" fill-opacity="0.35" stroke="none"/>'
    )
    gap = 10
    width = (_WIDTH - gap * (_CARDS - 1)) / _CARDS
    for place, part in enumerate(first):
        body += _card(part, place * (width + gap), 104, width, colours)
    y = 104 + _CARD_HEIGHT + 24
    x = 0.0
    for colour, words in (
        (colours.meta, "meta-chunk: a piece of the document that is extended"),
        (colours.shades[0], "hard negative: the most similar chunk of another document, with its score; paler by rank"),
    ):
        body.append(f'<rect x="{x:.0f}" y="{y - 11}" width="14" height="14" rx="2" fill="{colour}"/>')
        body.append(_words(x + 20, y + 1, words, colours.quiet))
        x += 400
    label = f"Row {row.name}: a strip of its segments, and where the first {_CARDS} come from"
    return _svg(y + 12, label, body)


def method_picture(row: Row, colours: Colours) -> str:
    """The three steps that made the row."""
    shown = row.meta[:3]
    body: list[str] = []
    titles = (
        (0, "1  Cut a document into meta-chunks"),
        (330, "2  Find hard negatives for each, in all other documents"),
    )
    body += [_words(x, 16, words, colours.ink, size=15, weight=600) for x, words in titles]
    height, gap = 62, 12
    for place, meta in enumerate(shown):
        y = 32 + place * (height + gap)
        body.append(f'<rect x="0" y="{y}" width="290" height="{height}" rx="5" fill="{colours.meta}"/>')
        body.append(_words(12, y + 24, f"{meta.document}, chunk {meta.chunk}", colours.paper, size=14, weight=600))
        body.append(_words(12, y + 46, _short(meta.text, 36), colours.paper))
        body.append(
            f'<path d="M294 {y + height / 2} h26 m-7 -5 l7 5 l-7 5" fill="none" stroke="{colours.quiet}" '
            'stroke-width="1.6"/>'
        )
        for number, negative in enumerate(row.negatives_of(meta)[:3]):
            x = 330 + number * 226
            colour = colours.shades[number]
            body.append(
                f'<rect x="{x}" y="{y}" width="218" height="{height}" rx="5" fill="{colours.paper}" '
                f'stroke="{colour}" stroke-width="1.6"/>'
            )
            body.append(_words(x + 10, y + 24, _short(negative.document, 19), colours.ink, size=13, weight=600))
            body.append(_words(x + 208, y + 24, f"{negative.score:.1f}", colour, size=13, weight=600, anchor="end"))
            body.append(_words(x + 10, y + 46, _short(negative.text, 27), colours.quiet))
    y = 32 + len(shown) * (height + gap) + 4
    if len(row.meta) > len(shown):
        body.append(_words(0, y + 6, f"… and {len(row.meta) - len(shown)} more", colours.quiet))
        y += 14
    y += 26
    body.append(
        _words(0, y, f"3  Interleave, and stop at exactly {row.tokens:,} tokens", colours.ink, size=15, weight=600)
    )
    body += _strip(row.parts, 0, y + 34, 40, colours)
    scale = _WIDTH / sum(part.tokens for part in row.parts)
    left = 0.0
    for part in row.parts:
        if part.is_meta:
            body.append(_words(left, y + 26, f"chunk {part.chunk}", colours.meta, size=13, weight=600))
        left += part.tokens * scale
    label = f"How row {row.name} was made: {len(row.meta)} chunks of one document, each followed by its hard negatives"
    return _svg(y + 78, label, body)


def terminal_picture(folder: Path) -> str:
    """A terminal with the first commands and what they print."""
    console = Console(record=True, width=_COLUMNS, file=StringIO(), force_terminal=True, color_system="truecolor")
    for number, (typed, arguments) in enumerate(_SHOWN):
        if number:
            console.print()
        console.print(Text.assemble(("$ ", "bright_black"), (typed, "bold")))
        lines = list(_steady(printed(arguments, folder)))
        while not Text.from_ansi(lines[-1]).plain.strip():  # a terminal's last codes stand on a line of their own
            lines.pop()
        for line in lines:
            console.print(Text.from_ansi(line), soft_wrap=False, no_wrap=True, overflow="crop")
    return console.export_svg(title="nextlong-hub", theme=_TERMINAL, code_format=_TERMINAL_FORMAT, unique_id="terminal")


def printed(arguments: Iterable[str], folder: Path) -> str:
    """What a command prints on a terminal of its own."""
    environment = os.environ | {
        "COLUMNS": str(_COLUMNS),
        "FORCE_COLOR": "1",
        "TERM": "xterm-256color",
        "HF_HUB_OFFLINE": "1",
        "NEXTLONG_ENCODER": "reference",  # the picture does not name a version of the other
    }
    environment.pop("NO_COLOR", None)
    script = (
        "import sys; from nextlong_hub.cli import run; sys.stdout.isatty = lambda: True; sys.exit(run(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def _steady(text: str) -> Iterator[str]:
    """The lines that are the same on every machine, no two empty ones in a row."""
    before = ""
    for line in text.splitlines():
        plain = Text.from_ansi(line).plain.strip()
        if plain.startswith(_ELIDED):
            plain, line = "⋮", "⋮"
        if plain.startswith(_UNSTEADY) or (plain == before and plain in ("", "⋮")):
            continue
        before = plain
        yield line


def _strip(parts: Iterable[Part], x: float, y: float, height: float, colours: Colours) -> Iterator[str]:
    """One bar a segment, as wide as its tokens; meta-chunks are taller."""
    drawn = list(parts)
    scale = _WIDTH / sum(part.tokens for part in drawn)
    last = max(part.rank for part in drawn)
    for part in drawn:
        width = part.tokens * scale
        inset = 0 if part.is_meta else 6
        colour = colours.meta if part.is_meta else colours.shades[min(4, int(5 * ((part.rank - 1) / last) ** 0.5))]
        yield (
            f'<rect x="{x:.2f}" y="{y + inset}" width="{width - min(0.8, width / 4):.2f}" '
            f'height="{height - 2 * inset}" fill="{colour}"/>'
        )
        x += width


_CARD_HEIGHT = 128


def _card(part: Part, x: float, y: float, width: float, colours: Colours) -> Iterator[str]:
    colour = colours.meta if part.is_meta else colours.shades[0]
    role = "meta-chunk" if part.is_meta else f"negative, rank {part.rank}"
    yield f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_CARD_HEIGHT}" rx="5" fill="{colours.paper}"/>'
    yield f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="5" fill="{colour}"/>'
    yield _words(x + 10, y + 27, role, colour, size=14, weight=600)
    yield _words(x + 10, y + 48, _short(f"{part.document}", 24), colours.ink, size=13, weight=600)
    yield _words(x + 10, y + 66, f"chunk {part.chunk}, {part.tokens} tokens", colours.quiet)
    for line, words in enumerate(_wrapped(part.text, 24, 2)):
        yield _words(x + 10, y + 88 + 17 * line, words, colours.ink)
    if not part.is_meta:
        yield _words(x + width - 10, y + 27, f"{part.score:.0f}", colour, anchor="end")


def _wrapped(text: str, characters: int, lines: int) -> list[str]:
    """The first lines of a text, the last one cut short."""
    found: list[str] = []
    rest = text.split()
    while rest and len(found) < lines:
        if len(found) == lines - 1:
            found.append(_short(" ".join(rest), characters))
            break
        line = rest.pop(0)
        while rest and len(line) + 1 + len(rest[0]) <= characters:
            line += f" {rest.pop(0)}"
        found.append(_short(line, characters))
    return found


def _short(text: str, characters: int) -> str:
    return text if len(text) <= characters else text[: characters - 1].rstrip() + "…"


def _words(
    x: float, y: float, text: str, colour: str, *, size: int = 13, weight: int = 400, anchor: str = "start"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="{size}" font-weight="{weight}" '
        f'text-anchor="{anchor}">{escape(text)}</text>'
    )


def _svg(height: float, label: str, body: Iterable[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-4 -4 {_WIDTH + 8} {height + 8:.0f}" role="img" '
        f'aria-label="{escape(label)}" font-family="{_FONTS}">\n'
        f"<title>{escape(label)}</title>\n" + "\n".join(body) + "\n</svg>\n"
    )


_TERMINAL_FORMAT = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="A terminal">
<style>
.{unique_id}-matrix {{ font-size: {char_height}px; line-height: {line_height}px;
font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: system-ui, Helvetica, Arial, sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""

if __name__ == "__main__":
    main()
