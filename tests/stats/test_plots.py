"""Pictures: the same bytes for the same numbers, nothing where there is nothing, and nothing left behind."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pyarrow as pa
import pytest
from hostile import ATTACKS
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.image import imread

from nextlong_hub.dataset.schema import SEGMENT_TYPE
from nextlong_hub.stats import DatasetStats, OutcomeStats, measure, measure_tables, plots
from nextlong_hub.stats.shape import ConfigStats

PNG = b"\x89PNG\r\n\x1a\n"


def table(tokens: int, source: str, negatives: int = 3) -> pa.Table:
    """Two rows of two meta-chunks, each followed by negatives."""
    roles = ["meta", *["negative"] * negatives] * 2
    parts = [
        {
            "role": role,
            "document": f"d{place}",
            "chunk": 0,
            "start": place,
            "end": place + 1,
            "tokens": tokens // len(roles),
            "rank": place % (negatives + 1),
            "score": float(place),
        }
        for place, role in enumerate(roles)
    ]
    return pa.table(
        {
            "token_count": pa.array([tokens, tokens], pa.int32()),
            "source": [source, "other"],
            "segments": pa.array([parts, parts], pa.list_(SEGMENT_TYPE)),
        }
    )


def outcome(**discarded: int) -> OutcomeStats:
    """What became of a hundred candidates."""
    return OutcomeStats(
        candidates=100,
        kept=100 - sum(discarded.values()),
        truncated=0,
        truncated_tokens=0,
        discarded=discarded,
        not_eligible={},
        queries=0,
        unanswered=0,
        near_duplicates=0,
    )


def config(name: str = "128k", **changes: Any) -> ConfigStats:
    """Statistics with something to draw for every picture."""
    made = measure_tables(name, [table(1000, "web")])
    values = {field: getattr(made, field) for field in made.__slots__}
    return ConfigStats(**{**values, "target_length": 1000, "on_target": 2, "outcome": outcome(no_tokens=8), **changes})


@pytest.mark.parametrize("name", list(plots.PLOTS))
def test_the_same_numbers_give_the_same_bytes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn twice, also under other settings of matplotlib; neither a date nor a version is in the file."""
    stats = DatasetStats(configs=(config("64k"), config("128k")), portability=())
    first = plots.PLOTS[name](stats)
    assert isinstance(first, plots.Picture)
    once = plots.png(first)
    monkeypatch.setitem(mpl.rcParams, "font.size", 33.0)
    monkeypatch.setitem(mpl.rcParams, "axes.facecolor", "red")
    second = plots.PLOTS[name](stats)
    assert second is not None
    assert once == plots.png(second) == plots.png(first) == first._repr_png_()
    assert once.startswith(PNG)
    assert b"tEXt" not in once
    assert mpl.rcParams["font.size"] == 33.0


@pytest.mark.parametrize("name", list(plots.PLOTS))
def test_pictures_are_drawn_in_the_middle_between_light_and_dark(name: str, tmp_path: Path) -> None:
    """The background lets the page through, and text is told from white and from the near-black of a dark page."""
    figure = plots.PLOTS[name](config())
    assert figure is not None
    (tmp_path / "it.png").write_bytes(plots.png(figure))
    pixels = imread(tmp_path / "it.png")
    assert pixels.shape[1] == 1200
    assert pixels[..., 3].min() == 0
    assert (pixels[..., 3] == 0).mean() > 0.4
    ink = np.array([int(plots.INK[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    assert contrast(ink, np.ones(3)) > 3.5
    assert contrast(ink, np.array([13, 17, 23]) / 255) > 4.5


def contrast(one: "np.ndarray[Any, Any]", other: "np.ndarray[Any, Any]") -> float:
    """Contrast of two colours after WCAG 2."""
    weights = np.array([0.2126, 0.7152, 0.0722])
    light = sorted(
        float(weights @ np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)) for c in (one, other)
    )
    return (light[1] + 0.05) / (light[0] + 0.05)


def test_nothing_to_draw_is_none() -> None:
    """Without rows there is no picture at all; plain rows have a length and nothing else."""
    empty = DatasetStats(configs=(measure_tables("empty", []),), portability=())
    assert [draw(empty) for draw in plots.PLOTS.values()] == [None] * 6
    plain = measure_tables("plain", [pa.table({"text": ["a", "b"], "input_ids": [[1], [2, 3]]})])
    assert [name for name, draw in plots.PLOTS.items() if draw(plain)] == ["lengths"]
    no_negatives = measure_tables("alone", [table(1000, "web", negatives=0)])
    assert [name for name, draw in plots.PLOTS.items() if draw(no_negatives)] == ["lengths", "sources"]


@pytest.mark.slow
def test_a_picture_fits_what_it_must_tell() -> None:
    """With many sources, reasons and configurations all that is written stays inside, and the bars below the names."""
    rows = [table(1000, f"source number {number:02} of a corpus of many") for number in range(20)]
    many = measure_tables("a configuration with a long name", rows)
    discarded = outcome(**{f"reason_{number:02}_in_words": 2 for number in range(13)})
    stats = DatasetStats(
        configs=tuple(config(f"{number}k", sources=many.sources, outcome=discarded) for number in range(5)),
        portability=(),
    )
    for draw in plots.PLOTS.values():
        figure = draw(stats)
        assert figure is not None
        inside = figure.bbox
        plots.png(figure)
        for legend in figure.legends:
            box = legend.get_window_extent()
            assert inside.x0 <= box.x0 < box.x1 <= inside.x1
            assert all(axes.get_window_extent().y1 <= box.y0 for axes in figure.axes)
            assert len(legend.get_texts()) == 6
            assert legend.get_texts()[-1].get_text() in ("16 others", "9 others")


def test_names_of_a_corpus_are_drawn_as_they_are() -> None:
    """Mathematics, markup and escapes in names are letters, and what no font has raises no warning."""
    attacks = [*ATTACKS, "$\\frac{1}{0}$", "名前 🙂", ""]
    tables = [table(1000, attack) for attack in attacks]
    stats = measure({"".join(attacks[start::3]): tables for start in range(3)})
    for draw in (plots.lengths, plots.scores, plots.sources):
        figure = draw(stats)
        assert figure is not None
        assert plots.png(figure).startswith(PNG)
    figure = plots.sources(measure_tables("x", [table(1000, "_hidden")]))
    assert figure is not None
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["_hidden", "other"]


@pytest.mark.parametrize("name", [name for name in plots.PLOTS if name != "scores"])
def test_a_picture_of_one_bar_tells_nothing(name: str) -> None:
    """All rows on target, nothing discarded, one source, one distance, no negative twice: a number says it."""
    same = measure_tables("128k", [table(1000, "other").slice(0, 1)])
    values = {field: getattr(same, field) for field in same.__slots__}
    one = ConfigStats(**{**values, "target_length": 1000, "on_target": 1, "outcome": outcome()})
    assert not plots.tells(name, one)
    other = ConfigStats(**{**values, "outcome": outcome(no_tokens=8)})
    more = measure_tables("64k", [table(1000, "web"), table(900, "web", negatives=2)])
    assert plots.tells(name, DatasetStats(configs=(other, more), portability=()))


def test_parts_of_a_whole_have_colours_of_their_own() -> None:
    """Those of meta-chunks and negatives mean these; a source is neither."""
    figure = plots.sources(config())
    assert figure is not None
    colours = {patch.get_facecolor() for patch in figure.legends[0].get_patches()}
    assert not colours & {to_rgba(plots.META_COLOUR), to_rgba(plots.NEGATIVE_COLOUR)}


@pytest.mark.slow
def test_no_state_of_pyplot_is_touched() -> None:
    """Drawing neither imports pyplot nor registers a figure there, so nothing keeps a picture alive."""
    code = (
        "import sys, pyarrow as pa\n"
        "from nextlong_hub.stats import plots\n"
        "from nextlong_hub.stats import measure\n"
        "figure = plots.lengths(measure({'x': [pa.table({'text': ['a'], 'input_ids': [[1]]})]}))\n"
        "assert plots.png(figure)\n"
        "assert 'matplotlib.pyplot' not in sys.modules, 'pyplot was imported'\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)


def test_a_target_lies_inside_the_scale() -> None:
    """However near or far the rows are from it, the target of each configuration is seen."""
    figure = plots.lengths(config(target_length=1 << 19))
    assert isinstance(figure, Figure)
    low, high = figure.axes[0].get_xlim()
    assert low < 1000 < 1 << 19 < high
