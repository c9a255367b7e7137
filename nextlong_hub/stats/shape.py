"""What is known about a dataset once it was measured: frozen, and plain enough for JSON."""

from collections.abc import Iterable
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
    """At `5%`, `25%`, `50%`, `75%` and `95%`: the smallest value that so many do not exceed. Exact where there are up
    to 4,096 different values, else within 0.25 %."""
    histogram: tuple[Bar, ...]
    """Ascending, without empty bars; 48 at most. A value within 0.25 % of a border may count on its other side where
    there are more than 4,096 different ones."""

    @property
    def median(self) -> float:
        """The value in the middle."""
        return self.quantiles["50%"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankScores:
    """Scores of the negatives at neighbouring ranks."""

    first_rank: int
    """From 1: the best negative of its meta-chunk."""
    last_rank: int
    scores: Distribution


@dataclass(frozen=True, slots=True, kw_only=True)
class ReusedChunk:
    """A chunk that serves as a negative in many rows."""

    document: str
    chunk: int
    """Number of the chunk in its document, from 0."""
    rows: int
    """Its uses; a packed row may use it once in each document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReuseStats:
    """How often the same chunk serves as a negative; within one sample it never does twice."""

    distinct: int
    """Different chunks among the negatives."""
    largest: int
    """Uses of the most used chunk: rows or, of packed rows, documents that share it."""
    gini: float
    """Inequality of reuse: 0 when every chunk is used equally often, near 1 when few chunks do all the work."""
    chunks_by_uses: Distribution | None
    """Uses of a chunk, over the different chunks; None without negatives."""
    hubs: tuple[ReusedChunk, ...]
    """The ten most used chunks, most used first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkStats:
    """How much different text there is: a chunk of a document counts once, however often it stands in rows."""

    different: int
    """Different chunks, meta-chunks and negatives; a document that is there whole is one."""
    unique_tokens: int
    """Tokens of the different chunks, each counted once, at its longest: a row's end may cut one. Separators and
    special tokens are not among them."""
    repeated_share: float
    """Tokens of segments beyond these, as a share of the tokens of all segments: the rest of a chunk's uses."""
    shared_share: float | None
    """Share of the tokens of all segments whose chunk stands in another configuration, too, in rows of another recipe;
    None where others were not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """What two configurations have in common. Rows of one recipe in both, as an ingredient's, are not compared."""

    one: str
    other: str
    documents: int
    """Documents that rows of both extend or hold whole."""
    chunks: int
    """Different chunks, meta-chunks and negatives, in rows of both."""
    one_share: float
    """Share of the tokens of segments of `one` whose chunk `other` has, too."""
    other_share: float
    """The same of `other`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentStats:
    """The meta-chunks and negatives that rows are made of."""

    meta_chunks: int
    negatives: int
    meta_tokens: int
    negative_tokens: int
    other_tokens: int
    """Tokens that begin in no segment: separators and special tokens."""
    negatives_per_meta_chunk: Distribution | None
    score_name: str
    """What their retriever calls the scores: `BM25 score`."""
    scores: Distribution | None
    """Of all negatives; None without negatives."""
    scores_by_rank: tuple[RankScores, ...]
    """In ascending order of rank; higher ranks share wider bands."""
    scores_by_recipe: dict[str, tuple[RankScores, ...]]
    """The same of the rows of each recipe, by its name, where rows of several stand together; else empty. Long rows
    reach ranks that short ones do not, so scores of all together jump where the short ones end."""
    distance_tokens: Distribution | None
    """Tokens of the negatives between a meta-chunk and the next one of its row: what a model must bridge. None where no
    row has two meta-chunks."""
    distance_characters: Distribution | None
    """The same in characters of `text`, separators included."""
    reuse: ReuseStats


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkStats:
    """How much of a sample is its meta-document; of a packed row each sample counts for itself."""

    links: Distribution
    """Of a sample: one less than its meta-chunks."""
    meta_percent: Distribution
    """Of a sample: tokens of meta-chunks in a hundred of all its tokens."""
    difficulty: Distribution | None
    """Of a sample: how many chunks of other documents the retriever ranks above the best other chunk of its document,
    counted up to the number that was asked for; the mean over its meta-chunks. None where no retriever said it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationStats:
    """What was said in the conversations of all rows, by role in alphabetical order."""

    messages: dict[str, int]
    message_tokens: dict[str, int]
    """Tokens that begin in the content of messages; all others are the chat template's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerStats:
    """What one tokenizer makes of all samples, from the manifest."""

    name: str
    characters_per_token: float
    rows_reaching: dict[str, int]
    """Samples of at least 65536, 131072 and 524288 tokens, of any target length."""
    truncated_share: float
    """Share of the tokens that lie beyond the target length."""
    samples: dict[str, int]
    """By configuration; a packed row holds several."""
    samples_on_target: dict[str, int]
    """Those of at least their target length, by configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTokens:
    """Tokens that came from one source."""

    name: str
    rows: int
    """Rows with a meta-document of it; a packed row counts for each of its sources."""
    meta_tokens: int
    """Tokens of those documents' meta-chunks; of one without, all its tokens."""
    negative_tokens: int | None
    """Tokens of the negatives that came from it; None where no manifest says where negatives came from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackingStats:
    """How packed rows are filled."""

    documents: int
    """Texts in all rows."""
    documents_per_row: Distribution
    document_tokens: Distribution
    """Lengths of the texts, in tokens, without padding."""
    padding_tokens: int
    """Behind the texts, in all rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MixStats:
    """Samples, and whole ordinary documents beside them."""

    samples: int
    documents: int
    """Ordinary ones."""
    document_tokens: int
    """Of the ordinary documents."""
    share: float
    """Of the ordinary documents in all tokens."""
    wanted_share: float
    """What the recipe asks for."""
    reason: str
    """Why it is another one, as the end of a sentence; empty where it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatStats:
    """What rows repeat of themselves: shares of their runs of so many tokens, which overlap.

    A repeat occurred before in its document, the last time so far back. In a packed row each document counts by itself.
    """

    run_tokens: int
    runs: int
    """Of all rows."""
    near: float
    """Share of the runs that repeat one from fewer than 1,024 tokens back."""
    farther: float
    """From 1,024 to 4,095 tokens back."""
    far: float
    """From 4,096 tokens back or more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionStats:
    """What the choice of negatives and the cut left out of samples, from the manifest."""

    passed_over: dict[str, int]
    """Retrieved chunks passed over by choices of the recipe, by reason."""
    relaxed: int
    """Samples whose guard was relaxed, because the answers ended before they were full."""
    cut_samples: int
    """Samples whose cut took meta-chunks, or the end of one."""
    cut_meta_chunks: int
    """Meta-chunks that such cuts took, wholly or in part."""


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
    selection: SelectionStats | None = None
    """None where nothing was retrieved, or the manifest does not say it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigStats:
    """One configuration."""

    config: str
    target_length: int | None
    """In tokens, of a mixture its longest rows'; None where no manifest says it."""
    rows: int
    tokens: int
    characters: int
    """Of `text`, up to where its last segment or document ends; 0 where nothing says it."""
    characters_per_token: float
    """How much text a token stands for."""
    bytes: int | None
    """Size of the files; None for tables that came from elsewhere."""
    on_target: int | None
    """Rows of exactly their recipe's target length; None where no manifest says it, and of packed rows, which are
    filled as far as whole documents go: see `fill`."""
    over_target: int | None
    """Longer rows: where they were made for several tokenizers."""
    fill: float | None
    """Tokens of all rows in the sum of their target lengths; None where no manifest says it, and without rows."""
    lengths: Distribution | None
    """Tokens of a row; None without rows."""
    segments: SegmentStats | None
    """None where rows have no meta-chunks or negatives."""
    chunks: ChunkStats | None
    """None where rows have no meta-chunks or negatives."""
    links: LinkStats | None
    """None where no row is a sample with hard negatives."""
    conversations: ConversationStats | None
    """None where no segment is a message."""
    learnt_tokens: int | None
    """Tokens on which the loss is taken; None where there is no loss mask and it is taken on all."""
    packing: PackingStats | None
    """None where rows are not packed."""
    mix: MixStats | None
    """None unless ordinary documents stand beside samples; they are not among `segments`."""
    sources: tuple[SourceTokens, ...]
    """Most tokens first."""
    outcome: OutcomeStats | None
    """None where no manifest says it, and for a mixture, whose rows were made for its ingredients."""
    is_control: bool = False
    """Rows were made to compare others with, not to train on."""
    repeats: tuple[RepeatStats, ...] = ()
    """For runs of 8 and of 32 tokens, where rows have so many; empty where neither manifest nor tokens tell it."""
    spelled_rows: int | None = None
    """Rows whose text spells special tokens of the tokenizer; None where no manifest says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetStats:
    """All configurations of a dataset."""

    configs: tuple[ConfigStats, ...]
    """In the order of the manifest, or of their names."""
    portability: tuple[TokenizerStats, ...]
    """Of each tokenizer for which the samples were made; empty where no manifest says it."""
    overlaps: tuple[Overlap, ...] = ()
    """Of each two configurations that were measured."""
    unique_tokens: int = 0
    """Of all configurations together, as `ChunkStats.unique_tokens`."""

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


def score_names(configs: Iterable[ConfigStats]) -> list[str]:
    """Names of the scores of hard negatives in some configurations, each once."""
    return list(dict.fromkeys(one.segments.score_name for one in configs if one.segments and one.segments.negatives))
