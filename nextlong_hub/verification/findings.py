"""What a verification has found so far, and what it checks with."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from nextlong_hub.corpus.texts import CorpusTexts
from nextlong_hub.producer import RowChecker
from nextlong_hub.recipe import Recipe
from nextlong_hub.synthesis.portability import Size
from nextlong_hub.tokenization import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is not as the manifest says."""

    place: str
    """File, and row where one is meant."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What was checked and what was found."""

    faults: tuple[Fault, ...]
    files: int
    rows: int
    segments: int
    encoded_rows: int
    """Rows whose text was encoded again."""
    rebuilt_rows: int
    """Rows whose text was rebuilt from the corpus."""


class Found(NamedTuple):
    """One document that a row holds; a row that is not packed is one."""

    id: str
    meta_document: str
    row: int
    """Number of the row in its configuration."""


@dataclass(slots=True)
class Check:
    """Counts and faults so far."""

    faults: list[Fault] = field(default_factory=list)
    files: int = 0
    rows: int = 0
    segments: int = 0
    encoded_rows: int = 0
    rebuilt_rows: int = 0
    not_exact: int = 0
    """Documents of one configuration whose text does not encode to their tokens, where the manifest admits some."""
    tokenizer: Tokenizer | None = None
    """The one whose ids the rows hold."""
    others: tuple[Tokenizer, ...] = ()
    """Others, under which rows must reach their target length, too."""
    made_for: int = 1
    """Tokenizers that the dataset was made for."""
    sizes: defaultdict[str, list[Size]] = field(default_factory=lambda: defaultdict(list))
    """Of the samples of one configuration, by the digest of a tokenizer."""
    recipe: Recipe | None = None
    """Of the configuration that is being checked."""
    checkers: dict[str, RowChecker] = field(default_factory=dict)
    """What checks its rows, by the name before the slash in a row's id."""
    corpora: dict[str, CorpusTexts] = field(default_factory=dict)
    """What they were made from, by the same name."""
    is_same_corpus: bool = False
    """Whether `corpora` were read from what the manifest says the rows were made from."""

    def fault(self, place: str, message: str) -> None:
        """Note one."""
        self.faults.append(Fault(place=place, message=message))

    def report(self) -> VerifyReport:
        """All that was counted and found."""
        return VerifyReport(
            faults=tuple(self.faults),
            files=self.files,
            rows=self.rows,
            segments=self.segments,
            encoded_rows=self.encoded_rows,
            rebuilt_rows=self.rebuilt_rows,
        )
