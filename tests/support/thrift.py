"""What is done once in a process of the tests, and not once for each of its hundreds of builds."""

import json
import os
import zlib
from collections.abc import Callable
from hashlib import sha256
from importlib.resources import files
from itertools import count
from pathlib import Path
from typing import Any

import tokenizers

from nextlong_hub.core.confined import Limits
from nextlong_hub.datacard import rendering
from nextlong_hub.execution import base, local
from nextlong_hub.stats import DatasetStats, plots
from nextlong_hub.tokenization import ENCODER_VARIABLE, Tokenizer, chat_templates, loading, tokenizer
from nextlong_hub.tokenization.split_points import SplitPoints


def pytest_configure() -> None:
    """As a plugin of pytest, for checks that have no conftest."""
    be_thrifty()


def be_thrifty() -> None:
    """Draw, parse and give back less often from now on; what is built has the same bytes, except pictures.

    * A picture of a card is a pixel, another one for other numbers: to draw them is half of what a build of a tiny
      world costs. That the same numbers give the same bytes is a promise of its own, tested where pictures are drawn.
    * The embedded tokenizer is parsed once, since nothing changes it: a third of what such a build costs.
    * What transformers reads of the files of a chat tokenizer is asked once for the same files: two seconds each time.
    * The reference encodes, unless a test says otherwise: to try the fast encoder starts a process for each tokenizer.
    * Nothing waits for the disk: no test pulls the plug. Those of durability listen to what is flushed.
    * A command that names no number of workers starts none: to start one costs a second. Tests of workers name it.
    * Freed memory is not handed back after each task: in a process full of libraries that costs more than the task.
    """
    _draw_little()
    _parse_once()
    _ask_once()
    os.environ.setdefault(ENCODER_VARIABLE, "reference")
    base.release_memory = lambda: False
    local.default_workers = lambda: 1
    os.fsync = lambda descriptor: None


def _draw_little() -> None:
    draw, png, drawn = rendering.draw_pictures, plots.png, dict[str, dict[str, bytes]]()

    def draw_little(stats: DatasetStats) -> dict[str, bytes]:
        if (numbers := json.dumps(stats.to_json(), sort_keys=True)) not in drawn:
            places = count()
            plots.png = lambda figure: _pixel(f"picture {next(places)} of {numbers}")
            try:
                drawn[numbers] = draw(stats)
            finally:
                plots.png = png
        return dict(drawn[numbers])

    rendering.draw_pictures = draw_little


def _pixel(meaning: str) -> bytes:
    """A PNG of one pixel that has a digest of its meaning in it."""
    parts = {
        b"IHDR": (1).to_bytes(4) * 2 + bytes([8, 0, 0, 0, 0]),
        b"tEXt": b"Comment\0" + sha256(meaning.encode()).hexdigest().encode(),
        b"IDAT": zlib.compress(b"\0\0"),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4) for kind, data in parts.items()
    )


def _ask_once() -> None:
    ask, answers = chat_templates.call_confined, dict[tuple[tuple[str, bytes], ...], Any]()

    def ask_once(function: Callable[[Any], Any], folder: str, limits: Limits) -> Any:
        files = tuple((path.name, path.read_bytes()) for path in sorted(Path(folder).iterdir()) if path.is_file())
        if files not in answers:
            answers[files] = ask(function, folder, limits)
        return answers[files]

    chat_templates.call_confined = ask_once


def _parse_once() -> None:
    embedded = files("nextlong_hub.builders").joinpath("demo/gpt2/tokenizer.json").read_bytes()
    parse, parsed = loading._from_json, list[Tokenizer]()
    prove, proven = tokenizer.prove, dict[int, SplitPoints]()

    def prove_once(backend: tokenizers.Tokenizer) -> SplitPoints:
        if not parsed or backend is not parsed[0]._backend:
            return prove(backend)
        return proven.get(0) or proven.setdefault(0, prove(backend))

    def parse_once(content: bytes, origin: Any, place: str) -> Tokenizer:
        if content != embedded:
            return parse(content, origin, place)
        parsed[:] = parsed or [parse(content, origin, place)]
        another = Tokenizer(
            parsed[0]._backend,
            name=origin.name,
            location=origin.location,
            revision=origin.revision,
            digest=parsed[0].digest,
        )
        another._spellings = parsed[0]._spellings
        return another

    loading._from_json, tokenizer.prove = parse_once, prove_once
