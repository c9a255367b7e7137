"""From a prepared world and its corpus to tokens: training documents, rows of the arms, and questions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from benchmarks.teaches.batches import Rows
from benchmarks.teaches.contexts import ContextMaker, Contexts
from benchmarks.teaches.items import Items
from benchmarks.teaches.replay import Framing, RowTable, replay
from benchmarks.teaches.riffled import Riffled, read_riffle
from benchmarks.teaches.spans import Spans, encode, open_tokenizer
from benchmarks.teaches.split import BEGINNING, held_out, read_corpus
from benchmarks.teaches.world import World, checked
from nextlong_hub.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Everything that training and asking need."""

    framing: Framing
    documents: Sequence[Rows]
    """Of the training part, whole. Shape of each: (tokens,)."""
    rows: Mapping[str, tuple[Rows, NDArray[np.bool_]]]
    """By arm: its rows, and which of them are samples."""
    contexts: Mapping[str, Contexts]
    """By part."""
    riffled: Riffled


def load(world: World, arms: Sequence[str], corpus_file: Path, other_file: Path | None, workers: int) -> Loaded:
    """Read, encode and compare everything.

    Raises:
        DataError: a corpus is not the one that was prepared from, an arm was not prepared, or a row is another one.
    """
    if missing := [name for name in arms if name not in world.rows]:
        raise DataError(f"arm {missing[0]} was not prepared in {world.folder}; run `prepare` with it")
    tokenizer = open_tokenizer(world.tokenizer_file)
    framing = framing_of(tokenizer)
    corpus = read_corpus(checked(corpus_file, world.corpus))
    tables = {name: RowTable.load(world.rows_file(name)) for name in arms}
    items = {part: Items.load(world.items_file(part)) for part in world.parts}
    trained = Spans.whole(corpus.texts, np.flatnonzero(~held_out(corpus.sources)))
    spans = [trained, items["held"].spans(), *(table.spans for table in tables.values())]
    tokens = encode(corpus.texts, Spans.joined(spans), world.tokenizer_file, workers)
    tokens_of = {"held": tokens}
    if world.other:
        if other_file is None:
            raise DataError("questions about another corpus were prepared; give its file with --other")
        texts = read_corpus(checked(other_file, world.other)).texts
        tokens_of["other"] = encode(texts, items["other"].spans(), world.tokenizer_file, workers)
    length = world.preset.target_length
    return Loaded(
        framing=framing,
        documents=tokens.of(trained),
        rows={
            name: (replay(table, tokens, framing, length), table.meta_document >= 0) for name, table in tables.items()
        },
        contexts={
            part: ContextMaker(
                items=items[part], tokens=tokens_of[part], framing=framing, preset=world.preset, tokenizer=tokenizer
            ).contexts()
            for part in world.parts
        },
        riffled=read_riffle(world.riffle_file),
    )


def framing_of(tokenizer: Tokenizer) -> Framing:
    """The tokens that stand between spans.

    Raises:
        DataError: a newline is not a token of its own, or there is none to begin with.
    """
    newline, beginning = tokenizer.encode("\n", add_special_tokens=False).ids, tokenizer.token_to_id(BEGINNING)
    if len(newline) != 1 or beginning is None:
        raise DataError(f"the tokenizer lacks {BEGINNING}, or a newline is not one token of it; prepare again")
    return Framing(beginning=beginning, newline=newline[0])
