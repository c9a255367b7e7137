"""What is known about a dataset once it was measured: frozen, and plain enough for JSON."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar of a histogram."""

    lower: float
    """Smallest value that counts here."""
    upper: float
    """Smallest value that counts in a higher bar; equal to `lower` where the bar stands for one value."""
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """How a quantity is spread."""

    count: int
    minimum: float
    mean: float
    maximum: float
    quantiles: dict[str, float]
    """At `5%`, `25%`, `50%`, `75%` and `95%`. Exact for up to 4,096 different values, else within 0.25 %."""
    histogram: tuple[Bar, ...]
    """Ascending, without empty bars; 48 at most."""

    @property
    def median(self) -> float:
        """The value in the middle."""
        return self.quantiles["50%"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankScores:
    """BM25 scores of the negatives at neighbouring ranks."""

    first_rank: int
    """From 1: the best negative of its meta-chunk."""
    last_rank: int
    scores: Distribution


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """A chunk that serves as a negative in many rows."""

    document: str
    chunk: int
    """Number of the chunk in its document, from 0."""
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReuseStats:
    """How often the same chunk serves as a negative; within one row it never does twice."""

    distinct: int
    """Different chunks among the negatives."""
    largest: int
    """Rows that share the most used chunk."""
    gini: float
    """Inequality of reuse: 0 when every chunk is used equally often, near 1 when few chunks do all the work."""
    chunks_by_uses: Distribution | None
    """Uses of a chunk, over the different chunks; None without negatives."""
    hubs: tuple[Hub, ...]
    """The ten most used chunks, most used first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentStats:
    """What rows are made of."""

    meta_chunks: int
    negatives: int
    meta_tokens: int
    negative_tokens: int
    other_tokens: int
    """Tokens that begin in no segment: separators and special tokens."""
    negatives_per_meta_chunk: Distribution | None
    scores: Distribution | None
    """BM25 scores of all negatives; None without negatives."""
    scores_by_rank: tuple[RankScores, ...]
    """In ascending order of rank; higher ranks share wider bands."""
    distance_tokens: Distribution | None
    """Tokens of the negatives between a meta-chunk and the next one of its row: what a model must bridge. None where no
    row has two meta-chunks."""
    distance_characters: Distribution | None
    """The same in characters of `text`, separators included."""
    reuse: ReuseStats


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTokens:
    """Tokens that came from one source."""

    name: str
    rows: int
    """Rows whose meta-document came from it."""
    meta_tokens: int
    """Tokens of those rows' meta-chunks; of a row without segments, all its tokens."""
    negative_tokens: int | None
    """Tokens of the negatives that came from it; None where nothing says where negatives came from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackingStats:
    """How packed rows are filled."""

    documents: int
    """Texts in all rows."""
    documents_per_row: Distribution
    document_tokens: Distribution
    """Lengths of the texts, in tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeStats:
    """What became of the candidates, from the manifest."""

    candidates: int
    """Meta-documents, or texts to fit, that were tried."""
    kept: int
    truncated: int
    truncated_tokens: int
    discarded: dict[str, int]
    """By reason."""
    not_eligible: dict[str, int]
    """Documents that were no candidates, by reason."""
    queries: int
    unanswered: int
    near_duplicates: int
    """Retrieved chunks passed over as near-copies of a meta-chunk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigStats:
    """One configuration."""

    config: str
    target_length: int | None
    """In tokens, of a mixture its longest rows'; None where no manifest says it."""
    rows: int
    tokens: int
    characters: int
    bytes: int | None
    """Size of the files; None for tables that came from elsewhere."""
    on_target: int | None
    """Rows of exactly their recipe's target length."""
    lengths: Distribution | None
    """Tokens of a row; None without rows."""
    segments: SegmentStats | None
    """None where rows have no `segments`."""
    packing: PackingStats | None
    """None where rows are not packed."""
    sources: tuple[SourceTokens, ...]
    """Most tokens first."""
    outcome: OutcomeStats | None
    """None where no manifest says it, and for a mixture, whose rows were made for its ingredients."""

    @property
    def characters_per_token(self) -> float:
        """How much text a token stands for."""
        return self.characters / self.tokens if self.tokens else 0.0

    @property
    def fill(self) -> float | None:
        """Share of the target that rows fill, on average."""
        return self.tokens / (self.rows * self.target_length) if self.rows and self.target_length else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetStats:
    """All configurations of a dataset."""

    configs: tuple[ConfigStats, ...]
    """In the order of the manifest, or of their names."""

    def __getitem__(self, config: str) -> ConfigStats:
        """The configuration of that name.

        Raises:
            KeyError: there is none.
        """
        for stats in self.configs:
            if stats.config == config:
                return stats
        raise KeyError(config)

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return asdict(self)
