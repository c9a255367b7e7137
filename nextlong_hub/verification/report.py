"""Faults and counts of a verification, and the inputs that it checks against."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.corpus.ingest import FoundCorpus
from nextlong_hub.corpus.texts import CorpusTexts
from nextlong_hub.dataset.spelled import SpelledCounts
from nextlong_hub.method.repeats import COUNTS
from nextlong_hub.producer import RowChecker
from nextlong_hub.recipe import Recipe
from nextlong_hub.stats import DatasetStats, Overlap
from nextlong_hub.synthesis.portability import Size
from nextlong_hub.tokenization import Tokenizer
from nextlong_hub.tokenization.spelled import SpellingFinder


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One mismatch with the manifest."""

    place: str
    """File, and row where one is meant."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """How much different text a configuration holds; the shares are those of `stats.ChunkStats`."""

    config: str
    rows: int
    tokens: int
    unique_tokens: int
    repeated_share: float
    shared_share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofCounts:
    """What was derived again of the rows of a configuration; see `proof`."""

    config: str
    rows: int
    """Rows that were looked at."""
    of_rows: int
    """Rows that there are."""
    texts: int
    """Texts of those rows: a packed row has several."""
    proven: int
    """Texts of which everything was derived again, and is as it must be."""
    borders: int
    """Chunks whose borders in their document were found again."""
    scores: int
    """Negatives whose score and rank were found again."""
    encoded: int
    """Texts that were encoded again."""
    passed_over: Mapping[str, int]
    """Chunks with a better score than a negative of their row, by the reason for which they do not serve there."""
    open: Mapping[str, int]
    """Texts of which something was not proven, by what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """The result of a verification."""

    faults: tuple[Fault, ...]
    files: int
    rows: int
    segments: int
    encoded_rows: int
    """Rows whose text was encoded again."""
    encoded_twice: int
    """Texts among them that were encoded by the reference as well, where another program encoded all."""
    rebuilt_rows: int
    """Rows whose text was rebuilt from the corpus."""
    controls: tuple[str, ...] = ()
    """Configurations that were made to compare others with, not to train on."""
    contents: tuple[Contents, ...] = ()
    """Of each configuration with chunks; empty where there are faults."""
    overlaps: tuple[Overlap, ...] = ()
    """Of each two of them."""
    rewritten: tuple[str, ...] = ()
    """Files whose rows are those of the manifest but not their bytes, each with the program that wrote it anew."""
    foreign: tuple[str, ...] = ()
    """Files below `data/` and `recipes/` that are not of this dataset, and that nobody reads as its rows."""
    remarks: tuple[str, ...] = ()
    """What could not be checked, in sentences."""
    proofs: tuple[ProofCounts, ...] = ()
    """Of each configuration, where a proof was asked for."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


class RowDocument(NamedTuple):
    """One document of a row; a row that is not packed is one document."""

    id: str
    meta_document: str
    row: int
    """Number of the row in its configuration."""
    tokens: int

    @property
    def maker(self) -> str:
        """The name of the recipe that made it."""
        return self.id.partition("/")[0]


@dataclass(slots=True)
class Check:
    """The state of a running verification."""

    faults: list[Fault] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    files: int = 0
    rows: int = 0
    segments: int = 0
    encoded_rows: int = 0
    encoded_twice: int = 0
    """See `VerifyReport`."""
    rebuilt_rows: int = 0
    not_exact: int = 0
    """Documents of one configuration whose text does not encode to their tokens, where the manifest admits some."""
    controls: list[str] = field(default_factory=list)
    """Configurations that are controls."""
    rewritten: list[str] = field(default_factory=list)
    """See `VerifyReport`."""
    foreign: list[str] = field(default_factory=list)
    """See `VerifyReport`."""
    repeats: NDArray[np.int64] = field(default_factory=lambda: np.zeros(COUNTS, np.int64))
    """Of the documents of one configuration, as `count_repeats` counts them. Shape: COUNTS."""
    not_recounted: int = 0
    """Documents of one configuration whose repeats could not be counted."""
    spelled: defaultdict[str, SpelledCounts] = field(default_factory=lambda: defaultdict(SpelledCounts))
    """Of the rows of one configuration, by the digest of a tokenizer that the dataset was made for and that is here."""
    finders: dict[str, SpellingFinder] = field(default_factory=dict)
    """Look for special tokens of each of these tokenizers."""
    tokenizer: Tokenizer | None = None
    """The tokenizer whose ids the rows hold."""
    others: tuple[Tokenizer, ...] = ()
    """More tokenizers under which rows must reach their target length."""
    made_for: int = 1
    """Number of tokenizers that the dataset was made for."""
    sizes: defaultdict[str, list[Size]] = field(default_factory=lambda: defaultdict(list))
    """Sizes of the samples of one configuration, by the digest of a tokenizer."""
    recipe: Recipe | None = None
    """Recipe of the configuration that is being checked."""
    checkers: dict[str, RowChecker] = field(default_factory=dict)
    """Checkers of its rows, by the name before the slash in a row's id."""
    corpora: dict[str, CorpusTexts] = field(default_factory=dict)
    """The corpora of its rows, by the same name."""
    found: FoundCorpus | None = None
    """The given corpus, as it was found last."""
    is_same_corpus: bool = False
    """Whether `corpora` have the digest that the manifest names."""
    stats: DatasetStats | None = None
    """Of a dataset without faults."""
    proofs: list[ProofCounts] = field(default_factory=list)

    def fault(self, place: str, message: str) -> None:
        """Record a fault."""
        self.faults.append(Fault(place=place, message=message))

    def report(self) -> VerifyReport:
        """The result so far."""
        return VerifyReport(
            faults=tuple(self.faults),
            files=self.files,
            rows=self.rows,
            segments=self.segments,
            encoded_rows=self.encoded_rows,
            encoded_twice=self.encoded_twice,
            rebuilt_rows=self.rebuilt_rows,
            controls=tuple(self.controls),
            contents=tuple(_contents(self.stats)) if self.stats else (),
            overlaps=self.stats.overlaps if self.stats else (),
            rewritten=tuple(self.rewritten),
            foreign=tuple(self.foreign),
            remarks=tuple(dict.fromkeys(self.remarks)),
            proofs=tuple(self.proofs),
        )


def _contents(stats: DatasetStats) -> Iterator[Contents]:
    for config in stats.configs:
        if config.chunks is not None:
            yield Contents(
                config=config.config,
                rows=config.rows,
                tokens=config.tokens,
                unique_tokens=config.chunks.unique_tokens,
                repeated_share=config.chunks.repeated_share,
                shared_share=config.chunks.shared_share,
            )
