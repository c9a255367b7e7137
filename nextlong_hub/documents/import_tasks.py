"""What a worker does to import rows.

    survey         one MDS shard                   ▶  what its rows are like: counts, no tokens
    import_shard   the same shard                  ▶  its documents, a row each
    import_texts   documents of a chunk store      ▶  rows, each a document with its tokens

Each is pure: its output depends on the task's inputs and parameters and on nothing else.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.files import sha256_of, write_json
from nextlong_hub.corpus.store import open_store
from nextlong_hub.dataset import shards
from nextlong_hub.documents.mds_folder import MdsRow, Shard, read_rows
from nextlong_hub.errors import DataError
from nextlong_hub.execution.base import Task
from nextlong_hub.recipe import Recipe
from nextlong_hub.records import PackedDocument, PackedRow, Sample, Segment
from nextlong_hub.tokenization import Frame, Tokenizer
from nextlong_hub.tokenization.tasks import open_tokenizer


def survey(task: Task) -> dict[str, Any]:
    """Look through one MDS shard before anything is made of it.

    Parameters: `shard`, `bos`, `eos`: the tokenizer's, None where it has none. The output holds, for each row, its
    number of documents and of their tokens.
    """
    shard = Shard.from_json(task.parameters["shard"])
    bos, eos = task.parameters["bos"], task.parameters["eos"]
    counts: Counter[str] = Counter()
    rows = []
    longest = 0
    for row in read_rows(shard):
        first, last = row.input_ids[row.spans[:, 0]], row.input_ids[row.spans[:, 1] - 1]
        tokens = int(np.diff(row.spans).sum())
        rows.append([len(row.spans), tokens])
        counts["documents"] += len(row.spans)
        counts["begin"] += int((first == bos).sum()) if bos is not None else 0
        counts["end"] += int((last == eos).sum()) if eos is not None else 0
        counts["single_tokens"] += int((np.diff(row.spans) == 1).sum())
        counts["outside_tokens"] += len(row.input_ids) - tokens
        longest = max(longest, tokens)
    write_json(Path(task.output), rows)
    return {
        **{name: counts[name] for name in ("documents", "begin", "end", "single_tokens", "outside_tokens")},
        "rows": len(rows),
        "longest_tokens": longest,
        "most_documents": max((documents for documents, _ in rows), default=0),
        "sha256": sha256_of(shard.path),
    }


def import_shard(task: Task) -> dict[str, Any]:
    """Decode the documents of one MDS shard, each a row of its own.

    Parameters: `shard`, `recipe`, `frame`, `source`, `tokenizer`, `tokenizer_digest`.
    """
    recipe = Recipe.model_validate(task.parameters["recipe"])
    bench = _Bench.of(task, recipe)
    shard = Shard.from_json(task.parameters["shard"])
    found = [document for row in read_rows(shard) for document in _documents(row, shard, task.parameters["source"])]
    decoded = [bench.decode(document) for document in found]
    masked = task.parameters["masked"]
    if recipe.pack:
        table = shards.to_packed_table([one.packed(recipe) for one in decoded], tokens=True, masked=masked)
    else:
        table = shards.to_table([one.sample(recipe) for one in decoded], tokens=True)
    shards.write_table(Path(task.output), table, recipe.output)
    return _counts(decoded) | {"row_bytes": sum(shards.row_sizes(table))}


def import_texts(task: Task) -> dict[str, Any]:
    """Encode whole documents, each a row of its own.

    Parameters: `recipe`, `start`, `stop` (document numbers), `frame`, `tokenizer`, `tokenizer_digest`.
    """
    recipe = Recipe.model_validate(task.parameters["recipe"])
    bench = _Bench.of(task, recipe)
    store = open_store(task)
    texts = store.texts(np.arange(task.parameters["start"], task.parameters["stop"]))  # each document is one chunk
    encoded = []
    without_tokens = 0
    for number, text in texts.items():
        identity, source = store.document(number)
        ids = bench.tokenizer.encode(text)
        without_tokens += not len(ids)
        if len(ids):
            ids = bench.frame.around(ids)
            encoded.append(
                _Decoded(id=identity, source=source, text=text, ids=ids, mask=None, framed=bench.frame.tokens)
            )
    table = shards.to_table([one.sample(recipe) for one in encoded], tokens=True)
    shards.write_table(Path(task.output), table, recipe.output)
    longest = max((len(one.ids) for one in encoded), default=0)
    return _counts(encoded) | {
        "row_bytes": sum(shards.row_sizes(table)),
        "no_tokens": without_tokens,
        "longest_tokens": longest,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """One document of a shard."""

    id: str
    source: str
    ids: NDArray[np.int32]
    mask: NDArray[np.int8] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decoded:
    """One document with its text."""

    id: str
    source: str
    text: str
    ids: NDArray[np.int32]
    mask: NDArray[np.int8] | None
    framed: int
    """How many of the tokens stand around the text."""
    is_exact: bool = True
    """Encoding the text gives the tokens."""

    def sample(self, recipe: Recipe) -> Sample:
        """As a row that is not packed."""
        return Sample(
            id=f"{recipe.name}/{self.id}",
            text=self.text,
            input_ids=self.ids,
            meta_document=self.id,
            source=self.source,
            segments=(self._whole(),),
            truncated_tokens=0,
        )

    def packed(self, recipe: Recipe) -> PackedRow:
        """As a row of one document, to be packed."""
        name = f"{recipe.name}/{self.id}"
        place = PackedDocument(
            id=name,
            source=self.source,
            meta_document=self.id,
            offset=0,
            start=0,
            end=len(self.text),
            tokens=len(self.ids),
        )
        return PackedRow(
            id=name,
            text=self.text,
            input_ids=self.ids,
            loss_mask=self.mask,
            documents=(place,),
            segments=(self._whole(),),
        )

    def _whole(self) -> Segment:
        """Nothing is known of how the text was made: it is one segment."""
        return Segment(
            role="meta",
            document=self.id,
            chunk=0,
            start=0,
            end=len(self.text),
            tokens=len(self.ids) - self.framed,
            rank=0,
            score=0.0,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    tokenizer: Tokenizer
    frame: Frame

    @classmethod
    def of(cls, task: Task, recipe: Recipe) -> "_Bench":
        """What a task names."""
        bos, eos = task.parameters["frame"]
        return cls(tokenizer=open_tokenizer(task), frame=Frame(bos=bos, eos=eos))

    def decode(self, document: _Found) -> _Decoded:
        """The text of a document; exact where encoding it gives its tokens back, which are kept either way.

        Raises:
            DataError: a token is none of the tokenizer's.
        """
        start = self.frame.bos is not None
        stop = len(document.ids) - (self.frame.eos is not None)
        try:
            text = self.tokenizer.decode(document.ids[start:stop])
        except DataError as error:
            raise DataError(f"{document.id}: {error}") from error
        again = self.frame.around(self.tokenizer.encode(text))
        return _Decoded(
            id=document.id,
            source=document.source,
            text=text,
            ids=document.ids,
            mask=document.mask,
            framed=self.frame.tokens,
            is_exact=np.array_equal(again, document.ids),
        )


def _documents(row: MdsRow, shard: Shard, source: str) -> Iterator[_Found]:
    """The documents of a row, called after their shard, row and place."""
    name = f"{shard.name}/{row.number:06d}"
    folder = PurePosixPath(shard.name).parent.name
    for number, (start, end) in enumerate(row.spans.tolist()):
        yield _Found(
            id=name if len(row.spans) == 1 else f"{name}#{number}",
            source=row.domain or folder or source,
            ids=row.input_ids[start:end],
            mask=None if row.mask is None else row.mask[start:end],
        )


def _counts(documents: list[_Decoded]) -> dict[str, Any]:
    by_source: Counter[str] = Counter()
    characters: Counter[str] = Counter()
    for document in documents:
        by_source[document.source] += 1
        characters[document.source] += len(document.text)
    return {
        "kept": len(documents),
        "tokens": sum(len(document.ids) for document in documents),
        "not_exact": sum(not document.is_exact for document in documents),
        "sources": {name: [count, characters[name]] for name, count in sorted(by_source.items())},
    }
