"""`audit`: a corpus is read through once, and everything is counted on the way."""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from nextlong_hub import corpus
from nextlong_hub.audit.copies import CopyCounter
from nextlong_hub.audit.counting import IdCounter, LanguageCounter, LengthCounter, RepetitionCounter
from nextlong_hub.audit.result import CorpusAudit, SourceAudit, TokenizerAudit
from nextlong_hub.audit.yields import yields_of
from nextlong_hub.corpus.discovery import FoundSource
from nextlong_hub.corpus.in_memory import Source, as_files
from nextlong_hub.corpus.limits import reading_order, rest_of
from nextlong_hub.corpus.secrets import SecretCounts, merged_secrets, scanned
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.errors import DataError, on_command_line
from nextlong_hub.execution.local import default_workers
from nextlong_hub.execution.progress import NullProgress, Progress, ProgressTracker
from nextlong_hub.method.periods import most_times
from nextlong_hub.records import Document
from nextlong_hub.tokenization import Tokenizer, load_tokenizer

_BATCH_DOCUMENTS = 256
_BATCH_CHARACTERS = 4_000_000


def audit(
    sources: Sequence[Source], tokenizers: Sequence[str] = (), *, progress: Progress | None = None
) -> CorpusAudit:
    """Read a corpus through and tell what is in it; nothing is written but a temporary folder.

    Bad documents and secrets are counted, never an error. The same corpus gives the same result.

    Args:
        sources: the corpus; a source with a limit is read as far as a build would read it.
        tokenizers: folders or names, each of which counts tokens; with none, lengths are in characters only.
        progress: hears of the stages.

    Raises:
        RecipeError: a tokenizer cannot be used, or two sources have one name.
        DataError: a source is not there, changes while it is read, or is a table without the columns it needs.
        StorageError: a file cannot be read, or the temporary folder not written.
        AuthError, NetworkError: the Hub refused, or could not be reached.
    """
    shown = progress or NullProgress()
    stages = ProgressTracker(shown)
    counters = [_TokenCounter(load_tokenizer(name)) for name in dict.fromkeys(tokenizers)]
    documents = _Documents()
    with TemporaryDirectory(prefix="nextlong-survey-") as scratch:
        with stages.stage("find corpus", None, "pieces"):
            settings, _ = as_files(sources, Path(scratch) / "memory")
            found = corpus.find(settings)
        for one in found.sources:
            if one.remark:
                stages.note(f"{one.settings.name}: {one.remark}")
        with stages.stage("read", None, "documents") as done, ThreadPoolExecutor(default_workers()) as pool:
            read = []
            for source in found.sources:
                reader = _SourceReader(source)
                for batch in _batches(reader.documents(found.pieces)):
                    documents.add(batch)
                    for counter in counters:
                        counter.add(batch, list(pool.map(counter.measure, batch)))
                    done(len(batch))
                read.append(reader.counts())
        audited = tuple(counter.audit(documents.characters.lengths().total, settings, shown) for counter in counters)
    return CorpusAudit(
        sources=tuple(read),
        documents=sum(one.documents for one in read),
        characters=documents.characters.lengths(),
        tokenizers=audited,
        copies=documents.copies.counts(),
        repeated_ids=documents.ids.repeated(),
        languages=documents.languages.languages(),
        secrets=merged_secrets(one.secrets for one in read),
    )


class _Documents:
    """What is counted of all documents under no tokenizer."""

    def __init__(self) -> None:
        self.characters = LengthCounter()
        self.copies = CopyCounter()
        self.ids = IdCounter()
        self.languages = LanguageCounter()

    def add(self, documents: Sequence[Document]) -> None:
        """Count some documents."""
        for document in documents:
            self.characters.add(len(document.text))
            self.copies.add(document.text)
            self.ids.add(document)
            self.languages.add(document)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """A document under one tokenizer."""

    tokens: int
    times: int
    """See `most_times`."""


class _TokenCounter:
    """What is counted of all documents under one tokenizer."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._lengths = LengthCounter()
        self._repetition = RepetitionCounter()

    def measure(self, document: Document) -> _Measured:
        """Look at one document; may be called in any thread."""
        ids = self._tokenizer.encode(document.text)
        return _Measured(tokens=len(ids), times=most_times(ids))

    def add(self, documents: Sequence[Document], measured: Sequence[_Measured]) -> None:
        """Count some documents."""
        for document, one in zip(documents, measured, strict=True):
            self._lengths.add(one.tokens)
            self._repetition.add(document, one.times)

    def audit(self, characters: int, sources: Sequence[SourceSettings], progress: Progress) -> TokenizerAudit:
        """What was counted, and what a build would give."""
        lengths = self._lengths.lengths()
        problem = ""
        try:
            yields = yields_of(sources, self._tokenizer.name, progress) if lengths.total else ()
        except DataError as error:  # all else is counted by now: that a dry run cannot be had is one thing to tell
            yields, problem = (), on_command_line(error.message)
        folder = Path(self._tokenizer.location)
        return TokenizerAudit(
            name=folder.name if folder.is_absolute() else self._tokenizer.name,
            digest=self._tokenizer.digest,
            lengths=lengths,
            characters_per_token=round(characters / lengths.total, 4) if lengths.total else 0.0,
            repetition=self._repetition.repetition(),
            yields=yields,
            problem=problem or ("" if yields else "no document has a token"),
        )


class _SourceReader:
    """Reads one source as a build that skips bad documents would, and keeps account."""

    def __init__(self, source: FoundSource) -> None:
        self._source = source
        self._notes = corpus.ReadingNotes()
        self._left_out: Counter[str] = Counter()
        self._secrets: list[SecretCounts] = []
        self._documents = self._characters = self._text_bytes = 0

    def documents(self, pieces: Sequence[corpus.Piece]) -> Iterator[Document]:
        """The documents, their secrets masked, up to the limit of the source."""
        settings = self._source.settings
        numbers: Sequence[int] = range(len(pieces))
        if settings.most is not None:
            numbers = reading_order(pieces, settings.name)
        left = settings.most
        for number in numbers:
            if pieces[number].source != settings.name:
                continue
            documents, text_bytes = self._documents, self._text_bytes
            yield from self._read(replace(pieces[number], most=left))
            if left is not None:
                left = rest_of(left, self._documents - documents, self._text_bytes - text_bytes)
                if left is None:
                    return

    def _read(self, piece: corpus.Piece) -> Iterator[Document]:
        for result in corpus.read(piece, "skip", self._notes):
            if isinstance(result, corpus.Skipped):
                self._left_out[result.reason] += 1
                continue
            self._documents += 1
            self._characters += len(result.text)
            self._text_bytes += len(result.text.encode())
            scan = scanned(result, "mask", piece.location)
            if scan.kinds:
                self._secrets = [merged_secrets([*self._secrets, SecretCounts(kinds=scan.kinds, documents=1)])]
            yield scan.document

    def counts(self) -> SourceAudit:
        """What was read, and what was not."""
        settings = self._source.settings
        return SourceAudit(
            name=settings.name,
            documents=self._documents,
            characters=self._characters,
            text_bytes=self._text_bytes,
            left_out=dict(sorted(self._left_out.items())),
            files=self._source.left_out,
            columns=self._notes.used,
            unused=dict(sorted(self._notes.columns.items())),
            members=dict(sorted(self._notes.members.items())),
            numbered=self._notes.numbered,
            limit=settings.limit or "",
            secrets=merged_secrets(self._secrets),
        )


def _batches(documents: Iterator[Document]) -> Iterator[list[Document]]:
    """The same documents, so many at a time that all processors have work, and memory is bounded."""
    batch: list[Document] = []
    characters = 0
    for document in documents:
        batch.append(document)
        characters += len(document.text)
        if len(batch) == _BATCH_DOCUMENTS or characters >= _BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch
