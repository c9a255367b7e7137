"""What a worker does to import rows.

SurveyShard    one MDS shard                   ▶  what its rows are like: counts, no tokens
ImportShard    the same shard                  ▶  its documents, a row each
ImportTexts    documents of a chunk store      ▶  rows, each a document with its tokens
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.files import sha256_of, write_json
from nextlong_hub.corpus.secrets import OnSecret, SecretCounts, merged_secrets, scanned
from nextlong_hub.corpus.store import open_store
from nextlong_hub.dataset.write_tasks import PackableDocument, UnitCounts, write_documents, write_samples
from nextlong_hub.documents.lineage import segments_of, whole_segment
from nextlong_hub.documents.mds_folder import MdsRow, Shard, read_rows
from nextlong_hub.errors import DataError
from nextlong_hub.execution.base import InputPath, Task
from nextlong_hub.recipe import Recipe
from nextlong_hub.records import Discarded, Document, PackedRow, Reason, Sample, Segment
from nextlong_hub.tokenization import SpecialTokens, Tokenizer
from nextlong_hub.tokenization.tasks import TokenizerReference


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyCounts:
    """What the rows of one shard are like."""

    rows: int
    documents: int
    begin: int
    """Documents whose first token is the tokenizer's bos_token."""
    end: int
    """Documents whose last token is its eos_token."""
    single_tokens: int
    """Documents of one token."""
    outside_tokens: int
    """Tokens that belong to no document."""
    longest_tokens: int
    """Of a row."""
    most_documents: int
    """In a row."""
    sha256: str
    """Of the shard's file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyShard(Task[SurveyCounts]):
    """Look through one MDS shard before anything is made of it.

    The output holds, for each row, its number of documents and of their tokens.
    """

    stage: ClassVar[str] = "survey"

    shard: Shard
    bos: int | None
    """The tokenizer's bos_token; None where it has none."""
    eos: int | None

    def run(self) -> SurveyCounts:
        """See `Task.run`."""
        counts: Counter[str] = Counter(documents=0, begin=0, end=0, single_tokens=0, outside_tokens=0)
        rows = []
        longest = 0
        for row in read_rows(self.shard):
            first, last = row.input_ids[row.spans[:, 0]], row.input_ids[row.spans[:, 1] - 1]
            tokens = int(np.diff(row.spans).sum())
            rows.append([len(row.spans), tokens])
            counts["documents"] += len(row.spans)
            counts["begin"] += int((first == self.bos).sum()) if self.bos is not None else 0
            counts["end"] += int((last == self.eos).sum()) if self.eos is not None else 0
            counts["single_tokens"] += int((np.diff(row.spans) == 1).sum())
            counts["outside_tokens"] += len(row.input_ids) - tokens
            longest = max(longest, tokens)
        write_json(self.output, rows)
        return SurveyCounts(
            **counts,
            rows=len(rows),
            longest_tokens=longest,
            most_documents=max((documents for documents, _ in rows), default=0),
            sha256=sha256_of(self.shard.path),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportCounts(UnitCounts):
    """What became of the documents of one task."""

    tokens: int
    not_exact: int
    """Documents whose text does not encode to their tokens."""
    sources: dict[str, tuple[int, int]]
    """Documents and characters by source."""
    secrets: dict[str, SecretCounts]
    """By source, of MDS rows; those in texts were counted when the texts were read."""
    longest_tokens: int
    """Of a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportShard(Task[ImportCounts]):
    """Decode the documents of one MDS shard, each a row of its own."""

    stage: ClassVar[str] = "import"

    shard: Shard
    source: str
    """What a document's source is called where the shard does not say it."""
    masked: bool
    recipe: Recipe
    tokenizer: TokenizerReference
    special_tokens: SpecialTokens

    def run(self) -> ImportCounts:
        """See `Task.run`."""
        decoder = _Decoder(tokenizer=self.tokenizer.open(), special_tokens=self.special_tokens)
        found = [document for row in read_rows(self.shard) for document in _documents(row, self.shard, self.source)]
        decoded = [decoder.decode(document) for document in found]
        secrets = _secrets(decoded, self.recipe.on_secret, self.shard)
        if self.recipe.pack:
            pieces = [PackableDocument(rows=(one.packed(self.recipe),), truncated_tokens=0) for one in decoded]
            counts = write_documents(self.output, pieces, self.recipe, masked=self.masked)
        else:
            counts = write_samples(self.output, [one.sample(self.recipe) for one in decoded], self.recipe)
        return _counts(counts, decoded, secrets)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportTexts(Task[ImportCounts]):
    """Encode whole documents, each a row of its own."""

    stage: ClassVar[str] = "import"

    store: InputPath
    start: int
    """First document."""
    stop: int
    recipe: Recipe
    tokenizer: TokenizerReference

    def run(self) -> ImportCounts:
        """See `Task.run`."""
        tokenizer, store = self.tokenizer.open(), open_store(self.store)
        texts = store.texts(np.arange(self.start, self.stop))  # each document is one chunk
        encoded = []
        outcomes: list[Sample | Discarded] = []
        for number, text in texts.items():
            identity, source = store.document(number)
            ids = tokenizer.encode(text)
            if not len(ids):
                outcomes.append(Discarded(meta_document=identity, reason=Reason.NO_TOKENS, tokens=0))
                continue
            kept = store.segments(number)
            segments = segments_of(identity, kept, text, tokenizer) if kept else None
            encoded.append(
                _DecodedDocument(
                    id=identity, source=source, text=text, ids=ids, mask=None, special_tokens=0, segments=segments
                )
            )
            outcomes.append(encoded[-1].sample(self.recipe))
        return _counts(write_samples(self.output, outcomes, self.recipe), encoded)


@dataclass(frozen=True, slots=True, kw_only=True)
class _EncodedDocument:
    """One document of a shard."""

    id: str
    source: str
    ids: NDArray[np.int32]
    mask: NDArray[np.int8] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _DecodedDocument:
    """One document with its text."""

    id: str
    source: str
    text: str
    ids: NDArray[np.int32]
    mask: NDArray[np.int8] | None
    special_tokens: int
    """How many of the tokens are special tokens around the text."""
    is_exact: bool = True
    """Encoding the text gives the tokens."""
    segments: tuple[Segment, ...] | None = None
    """Those that its row has already; None where it is one."""

    def sample(self, recipe: Recipe) -> Sample:
        """As a row that is not packed."""
        whole = whole_segment(self.id, len(self.text), len(self.ids) - self.special_tokens)
        return Sample(
            id=f"{recipe.name}/{self.id}",
            text=self.text,
            input_ids=self.ids,
            meta_document=self.id,
            source=self.source,
            segments=self.segments or (whole,),
            truncated_tokens=0,
        )

    def packed(self, recipe: Recipe) -> PackedRow:
        """As a row of one document, to be packed."""
        return PackedRow.of(self.sample(recipe), loss_mask=self.mask)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decoder:
    """What every document of a shard is decoded with."""

    tokenizer: Tokenizer
    special_tokens: SpecialTokens

    def decode(self, document: _EncodedDocument) -> _DecodedDocument:
        """The text of a document; exact where encoding it gives its tokens back, which are kept either way.

        Raises:
            DataError: a token is none of the tokenizer's.
        """
        start = self.special_tokens.bos is not None
        stop = len(document.ids) - (self.special_tokens.eos is not None)
        try:
            text = self.tokenizer.decode(document.ids[start:stop])
        except DataError as error:
            raise DataError(f"{document.id}: {error}") from error
        again = self.special_tokens.around(self.tokenizer.encode(text))
        return _DecodedDocument(
            id=document.id,
            source=document.source,
            text=text,
            ids=document.ids,
            mask=document.mask,
            special_tokens=self.special_tokens.tokens,
            is_exact=np.array_equal(again, document.ids),
        )


def _documents(row: MdsRow, shard: Shard, source: str) -> Iterator[_EncodedDocument]:
    """The documents of a row, called after their shard, row and place."""
    name = f"{shard.name}/{row.number:06d}"
    folder = PurePosixPath(shard.name).parent.name
    for number, (start, end) in enumerate(row.spans.tolist()):
        yield _EncodedDocument(
            id=name if len(row.spans) == 1 else f"{name}#{number}",
            source=row.domain or folder or source,
            ids=row.input_ids[start:end],
            mask=None if row.mask is None else row.mask[start:end],
        )


def _secrets(documents: list[_DecodedDocument], on_secret: OnSecret, shard: Shard) -> dict[str, SecretCounts]:
    """The secrets in the documents of a shard, by source; they are counted or refused.

    Raises:
        DataError: there is one, and `on_secret` is `fail`.
    """
    found: dict[str, list[SecretCounts]] = {}
    for one in documents:
        scan = scanned(Document(id=one.id, text=one.text, source=one.source), on_secret, str(shard.path))
        if scan.kinds:
            found.setdefault(one.source, []).append(SecretCounts(kinds=scan.kinds, documents=1))
    return {source: merged_secrets(counts) for source, counts in sorted(found.items())}


def _counts(
    written: UnitCounts, documents: list[_DecodedDocument], secrets: Mapping[str, SecretCounts] | None = None
) -> ImportCounts:
    sources: dict[str, tuple[int, int]] = {}
    for document in documents:
        count, characters = sources.get(document.source, (0, 0))
        sources[document.source] = (count + 1, characters + len(document.text))
    return written.extended(
        ImportCounts,
        tokens=sum(len(document.ids) for document in documents),
        not_exact=sum(not document.is_exact for document in documents),
        sources=dict(sorted(sources.items())),
        secrets=dict(secrets or {}),
        longest_tokens=max((len(document.ids) for document in documents), default=0),
    )
