"""Tiny test data: a corpus of a few dozen short documents and a recipe with short rows.

    write_corpus(folder / "corpus.jsonl", make_documents(40))
    request = BuildRequest(
        recipes=(tiny_recipe(),),
        sources=(SourceSettings(name="world", path=str(folder / "corpus.jsonl")),),
        tokenizer="demo",
    )
    build(request, folder / "dataset")

A build takes about a second. The texts depend only on the seed.
"""

import json
import random
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nextlong_hub.recipe import Recipe
from nextlong_hub.records import Document

_TOPICS = (
    "harbour anchor tide sailor mast keel rudder lantern rope deck gull storm cargo captain bay reef compass hull wave "
    "pilot ferry dock canvas oar current lighthouse",
    "orchard apple blossom graft branch ladder basket cider pear bee hive pruning frost root soil harvest juice press "
    "cellar plum leaf gardener seedling fence spade",
    "engine piston valve boiler steam gauge lever wheel axle brake signal track station coal whistle tunnel bridge "
    "timetable carriage gear driver platform ticket rail",
    "violin bow string melody rhythm chord tuning concert hall score rehearsal conductor choir organ flute drum tempo "
    "harmony audience encore verse singer",
)
_COMMON = (
    "the a of and in to with for by from at on under over when before after while every many few old new small large "
    "first last often never always slowly early later near far between because found made kept told gave held moved "
    "carried opened closed repaired counted measured returned"
)


def tiny_recipe(**overrides: Any) -> Recipe:
    """A recipe of 512 tokens a row, cut into chunks of 256 characters, two meta-documents a unit.

    Args:
        overrides: values of `Recipe`; a mapping changes single settings of its section:
            `tiny_recipe(name="other", interleave={"fill": "reference"})`.

    Raises:
        pydantic.ValidationError: there is no such setting, or it has a wrong value.
    """
    values: dict[str, Any] = {
        "name": "tiny",
        "target_length": 512,
        "chunking": {"chunk_characters": 256},
        "output": {"unit_documents": 2},
    }
    for key, value in overrides.items():
        values[key] = {**values.get(key, {}), **value} if isinstance(value, Mapping) else value
    return Recipe.model_validate(values)


def make_documents(
    count: int = 40, *, seed: int = 0, paragraphs: tuple[int, int] = (2, 6), source: str = "world"
) -> list[Document]:
    """Documents about four topics, so that each has similar documents and no copies.

    Args:
        count: how many; their ids are `d000`, `d001`, …
        seed: other seeds give other texts.
        paragraphs: fewest and most paragraphs of a document, of about 190 characters each.
        source: name of their source.
    """
    return [
        Document(id=f"d{number:03}", text=_text(random.Random(f"{seed}/{number}"), number, paragraphs), source=source)
        for number in range(count)
    ]


def write_corpus(path: Path, documents: Iterable[Document]) -> Path:
    """Write documents as JSON Lines or, when `path` ends in `.parquet`, as Parquet, with columns `id` and `text`."""
    rows = [{"id": document.id, "text": document.text} for document in documents]
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows, pa.schema([("id", pa.string()), ("text", pa.string())])), path)
    else:
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        path.write_text("".join(lines), encoding="utf-8", newline="")
    return path


def _text(chance: random.Random, number: int, paragraphs: tuple[int, int]) -> str:
    topic = _TOPICS[number % len(_TOPICS)].split()
    common = _COMMON.split()
    return "\n".join(
        " ".join(
            " ".join(chance.choice(topic if chance.random() < 0.45 else common) for _ in range(11)).capitalize() + "."
            for _ in range(3)
        )
        for _ in range(chance.randint(*paragraphs))
    )
