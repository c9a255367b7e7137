"""The pictures of a card: drawn from the statistics, and listed from the text that shows them."""

import re
import zlib
from pathlib import Path

from nextlong_hub.stats import DatasetStats

ASSETS = "assets"
"""Folder of a card's pictures."""
PLOT_NAMES = ("lengths", "discards", "scores", "distances", "reuse", "sources")
"""Pictures that are generated, in the order of the card; `stats.plots.PLOTS` has the functions."""
OUR_PICTURES = frozenset(f"{ASSETS}/{name}.png" for name in PLOT_NAMES)
"""Their paths in a dataset."""

_PNG_BEGINS = b"\x89PNG\r\n\x1a\n"
_PNG_ENDS = b"IEND"
_SHOWN = re.compile(rf"(?<![\w/.-])(?:\./)?{ASSETS}/((?:[\w-][\w.-]*/)*[\w-][\w.-]*\.(?:png|jpe?g|gif|svg|webp))")


def draw_pictures(stats: DatasetStats) -> dict[str, bytes]:
    """Every picture that tells something, as PNG by its path in the dataset."""
    from nextlong_hub.stats import plots

    figures = {name: plots.PLOTS[name](stats) for name in PLOT_NAMES if plots.tells(name, stats)}
    return {f"{ASSETS}/{name}.png": plots.png(figure) for name, figure in figures.items() if figure is not None}


def pictures_of(card: str) -> list[str]:
    """The files of `assets/` that a card shows, each once, in order."""
    return list(dict.fromkeys(f"{ASSETS}/{name}" for name in _SHOWN.findall(card)))


def is_whole(picture: Path) -> bool:
    """Whether a picture is there and undamaged: of a PNG, every part has the checksum that stands behind it."""
    if not picture.is_file():
        return False
    content = picture.read_bytes()
    return picture.suffix != ".png" or _is_whole_png(content)


def _is_whole_png(content: bytes) -> bool:
    """Length, kind, data and CRC-32 of each part, up to the one that ends the file (PNG specification, §5.3)."""
    if not content.startswith(_PNG_BEGINS):
        return False
    place, kind = len(_PNG_BEGINS), b""
    while kind != _PNG_ENDS:
        end = place + 8 + int.from_bytes(content[place : place + 4])
        kind, checksum = content[place + 4 : place + 8], content[end : end + 4]
        if len(checksum) < 4 or zlib.crc32(content[place + 4 : end]) != int.from_bytes(checksum):
            return False
        place = end + 4
    return place == len(content)
