"""How much a corpus holds, told from its metadata and a small sample, without reading it through.

    pieces ▶ strata                 one for each file or Parquet row group, with its documents and bytes
           ▶ picks, evenly spaced   in corpus order, so that the sample looks like the whole
           ▶ texts                  a few from each stratum picked, spread over it as far as its format allows

Nothing here is random: the same corpus gives the same sample.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from nextlong_hub import corpus
from nextlong_hub.corpus.formats import FORMATS, Stratum
from nextlong_hub.corpus.formats.measuring import measure_by_reading
from nextlong_hub.corpus.pieces import Amount
from nextlong_hub.corpus.secrets import OnSecret, SecretCounts, merged_secrets, scanned
from nextlong_hub.errors import CorpusTooSmallError
from nextlong_hub.records import Document

MOST_DOCUMENTS = 4_000
MOST_BYTES = 16_000_000

_PICKS = 50

OnBadDocument = Literal["fail", "skip"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusSample:
    """Some documents of a corpus, and how much it seems to hold in all."""

    documents: float
    text_bytes: float
    """Of UTF-8."""
    texts: tuple[str, ...]
    """The documents looked at, in corpus order."""
    weights: tuple[float, ...]
    """How many documents of the corpus each of them stands for. Shape: (texts,)."""
    columns: Mapping[str, "ColumnsSeen"]
    """What the rows looked at have, by the name of their source; nothing of plain texts."""
    secrets: SecretCounts = field(default_factory=SecretCounts)
    """What was found in the documents looked at, those that are then left out included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnsSeen:
    """The columns or fields of a source, as far as it was looked at."""

    used: tuple[str, ...]
    """The text, the id, what rows say of their source and licence."""
    unused: tuple[str, ...]
    """Those that have a value somewhere and would not be read."""
    unread_members: tuple[str, ...]
    """Files within archives that no format reads, by their ending."""


def sample_corpus(
    pieces: Sequence[corpus.Piece],
    on_bad_document: OnBadDocument,
    limits: Mapping[str, Amount] = MappingProxyType({}),
    on_secret: OnSecret = "mask",
) -> CorpusSample:
    """Look at an even sample of a corpus: at most about 4,000 documents and 16 MB.

    Args:
        pieces: the corpus.
        on_bad_document: whether a bad document in the sample is an error.
        limits: the most that is read of a source, by its name.
        on_secret: what becomes of a secret in the sample.

    Raises:
        DataError: a file is damaged or has not the columns it needs, a remote source does not say how large it is, or
            there is a secret where none may be.
        CorpusTooSmallError: there is no document with text.
    """
    notes: defaultdict[str, corpus.ReadingNotes] = defaultdict(corpus.ReadingNotes)
    secrets: list[SecretCounts] = []

    def texts_of(piece: corpus.Piece) -> Iterator[str | None]:
        for result in corpus.read(piece, on_bad_document, notes[piece.source]):
            yield None if isinstance(result, corpus.Skipped) else result.text

    together: defaultdict[tuple[str, str], list[corpus.Piece]] = defaultdict(list)
    for piece in pieces:
        together[piece.source, piece.format].append(piece)
    by_source: defaultdict[str, list[Stratum]] = defaultdict(list)
    for (source, name), group in together.items():
        measure = FORMATS[name].measure or measure_by_reading
        by_source[source] += measure(group, texts_of)
    strata = [one for source, own in by_source.items() for one in _limited(own, limits.get(source))]
    total = sum(stratum.documents for stratum in strata)
    picks = _pick([stratum.documents for stratum in strata])
    texts: list[str] = []
    weights: list[float] = []
    left_out = 0.0
    met = 0
    for number, times in sorted(picks.items()):
        stands_for = total * times / sum(picks.values())
        drawn, seen = _draw(strata[number], times)
        scans = [
            scanned(Document(id="", text=text, source=""), on_secret, "a document of the sample") for text in drawn
        ]
        secrets += [SecretCounts(kinds=scan.kinds, documents=1) for scan in scans if scan.kinds]
        drawn = [scan.document.text for scan in scans if not scan.is_left_out]
        texts += drawn
        met += seen
        weights += [stands_for / seen] * len(drawn)
        left_out += stands_for * (1 - len(drawn) / max(1, seen))
    if not texts:
        raise CorpusTooSmallError("the corpus has no document with text; check the paths and text_column")
    columns = _seen(notes)
    if met >= round(total) and not limits:  # the sample is the whole corpus
        text_bytes = sum(len(text.encode()) for text in texts)
        return CorpusSample(
            documents=len(texts),
            text_bytes=text_bytes,
            texts=tuple(texts),
            weights=(1.0,) * len(texts),
            columns=columns,
            secrets=merged_secrets(secrets),
        )
    return CorpusSample(
        documents=total - left_out,
        text_bytes=sum(stratum.text_bytes for stratum in strata),
        texts=tuple(texts),
        weights=tuple(weights),
        columns=columns,
        secrets=merged_secrets(secrets),
    )


def _seen(notes: Mapping[str, corpus.ReadingNotes]) -> dict[str, ColumnsSeen]:
    """What reading has noted of each source that has columns, or archives."""
    return {
        source: ColumnsSeen(used=one.used, unused=tuple(sorted(one.columns)), unread_members=tuple(sorted(one.members)))
        for source, one in sorted(notes.items())
        if one.read or one.members
    }


def _limited(strata: Sequence[Stratum], most: Amount | None) -> list[Stratum]:
    """The strata of one source, each with its share of what is read."""
    documents, text_bytes = (sum(one.documents for one in strata), sum(one.text_bytes for one in strata))
    if most is None:
        return list(strata)
    share = most.documents / max(1.0, documents) if most.documents else most.text_bytes / max(1.0, text_bytes)
    share = min(1.0, share)
    return [replace(one, documents=one.documents * share, text_bytes=one.text_bytes * share) for one in strata]


def _pick(documents: Sequence[float]) -> Counter[int]:
    """Strata at evenly spaced documents of the corpus, each with how often it was met."""
    spacing = sum(documents) / _PICKS
    picks: Counter[int] = Counter()
    end = 0.0
    for number, count in enumerate(documents):
        end += count
        while count and sum(picks.values()) < _PICKS and (sum(picks.values()) + 0.5) * spacing <= end:
            picks[number] += 1
    return picks


def _draw(stratum: Stratum, times: int) -> tuple[list[str], int]:
    """The texts of one stratum, and how many documents were met for them."""
    texts: list[str] = []
    seen = size = 0
    for text in stratum.draw(MOST_DOCUMENTS // _PICKS * times):
        seen += 1
        if text is not None:
            texts.append(text)
            size += len(text.encode())
        if size >= MOST_BYTES // _PICKS * times:
            break
    return texts, seen
