"""What is done once in a process of the tests, and not once for each of its hundreds of builds."""

import os
from importlib.resources import files
from typing import Any

from nextlong_hub.datacard import rendering
from nextlong_hub.execution import base
from nextlong_hub.stats import DatasetStats
from nextlong_hub.tokenization import ENCODER_VARIABLE, Tokenizer, loading


def pytest_configure() -> None:
    """As a plugin of pytest, for checks that have no conftest."""
    be_thrifty()


def be_thrifty() -> None:
    """Draw, parse and give back less often from now on; what is built has the same bytes.

    * Pictures of a card are drawn once for the same numbers: they are half of what a build of a tiny world costs. That
      the same numbers give the same bytes is a promise of its own, tested where pictures are drawn.
    * The embedded tokenizer is parsed once, since nothing changes it: a third of what such a build costs.
    * The reference encodes, unless a test says otherwise: to try the fast encoder starts a process for each tokenizer.
    * Freed memory is not handed back after each task: in a process full of libraries that costs more than the task.
    """
    _draw_once()
    _parse_once()
    os.environ.setdefault(ENCODER_VARIABLE, "reference")
    base.release_memory = lambda: False


def _draw_once() -> None:
    draw, drawn = rendering.draw_pictures, dict[str, dict[str, bytes]]()

    def draw_once(stats: DatasetStats) -> dict[str, bytes]:
        if (numbers := repr(stats)) not in drawn:
            drawn[numbers] = draw(stats)
        return dict(drawn[numbers])

    rendering.draw_pictures = draw_once


def _parse_once() -> None:
    embedded = files("nextlong_hub.builders").joinpath("demo/gpt2/tokenizer.json").read_bytes()
    parse, parsed = loading._from_json, list[Tokenizer]()

    def parse_once(content: bytes, origin: Any, place: str) -> Tokenizer:
        if content != embedded:
            return parse(content, origin, place)
        parsed[:] = parsed or [parse(content, origin, place)]
        return Tokenizer(
            parsed[0]._backend,
            name=origin.name,
            location=origin.location,
            revision=origin.revision,
            digest=parsed[0].digest,
        )

    loading._from_json = parse_once
