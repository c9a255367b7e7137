"""What an audit finds: plain data, for the terminal, the page, JSON and Python."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from nextlong_hub.corpus.left_out import FilesLeftOut
from nextlong_hub.corpus.secrets import SecretCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Documents of one length, up to twice it."""

    shortest: int
    """A power of two, or 0: documents have at least this length and less than twice it."""
    documents: int
    total: int
    """Characters or tokens of all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """How long documents are, in characters or in tokens."""

    total: int
    """Of all documents."""
    longest: int
    """Of one."""
    buckets: tuple[Bucket, ...]
    """From the shortest to the longest that there are, those without a document between them included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatingDocument:
    """A document that would have a row masked."""

    source: str
    id: str
    times: int
    """How often some 1 to 13 of its tokens stand on end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """Runs of some 1 to 13 tokens that repeat on end: see `method.periods`."""

    most_times: int
    """In any document; 1 where none repeats, 0 where there are none."""
    documents: int
    """Documents in which some stand 32 times on end: the loss of a row that holds such a place is masked."""
    worst: tuple[RepeatingDocument, ...]
    """The first ones by how often, at most five."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Yield:
    """What a build of one configuration would give, as its dry run estimates it."""

    config: str
    target_length: int
    """Tokens."""
    extendable: int
    """Documents of the corpus that can be extended."""
    rows: int
    tokens: int
    problem: str
    """Why there are fewer rows than the tokens of the corpus would fill; empty where there is nothing to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerAudit:
    """The corpus under one tokenizer."""

    name: str
    """Its name on the Hub, or that of its folder, without the path: an audit is shared."""
    digest: str
    """See `Tokenizer.digest`."""
    lengths: Lengths
    """In tokens."""
    characters_per_token: float
    """0 where there are no tokens."""
    repetition: Repetition
    yields: tuple[Yield, ...]
    """Of each configuration by itself; empty where none can be estimated."""
    problem: str
    """Why none can, with arguments as options; empty where they are there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAudit:
    """What was read of one source, and what was not."""

    name: str
    documents: int
    characters: int
    text_bytes: int
    """Of UTF-8."""
    left_out: Mapping[str, int]
    """Documents that a build leaves out or stops at, by reason: empty, malformed."""
    files: tuple[FilesLeftOut, ...]
    """Files that are not read."""
    columns: tuple[str, ...]
    """Columns or fields that are read; none of plain texts."""
    unused: Mapping[str, int]
    """Values of columns that are not read, by column."""
    members: Mapping[str, int]
    """Files within archives that are not read, by ending."""
    numbered: int
    """Rows without an id."""
    limit: str
    """The most that was to be read; empty where it was all."""
    secrets: SecretCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """Documents that repeat an earlier one, in an even sample of about 16,000 or more: see `audit.copies`."""

    documents: int
    """Documents that were compared."""
    same: int
    """Those of them whose text an earlier one has."""
    near: int
    """Those that share 0.8 of their different runs of five words with an earlier one."""
    is_whole: bool
    """Whether the sample is the whole corpus."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedIds:
    """Documents whose id an earlier one of the corpus has, in an even sample of at most 65,536 ids."""

    ids: int
    """Ids that were compared."""
    documents: int
    """Documents with an id of these that came before."""
    is_whole: bool
    """Whether these are all ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Languages:
    """The languages of an even sample of at most 1,024 documents, by their stop words: see `retrieval.bm25`."""

    documents: int
    """Documents looked at, 2,048 characters from the middle of each."""
    shares: Mapping[str, float]
    """Share of them in each language that one in twenty or more is in; the others are in none that is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusAudit:
    """What is in a corpus."""

    sources: tuple[SourceAudit, ...]
    """In the order of their names."""
    documents: int
    characters: Lengths
    """In characters."""
    tokenizers: tuple[TokenizerAudit, ...]
    copies: Copies
    repeated_ids: RepeatedIds
    languages: Languages
    secrets: SecretCounts = field(default_factory=SecretCounts)

    @property
    def left_out(self) -> int:
        """Documents that were left out, of all sources and for any reason."""
        return sum(sum(source.left_out.values()) for source in self.sources)

    def to_json(self) -> dict[str, Any]:
        """The same as values that JSON has."""
        return asdict(self)
