"""What the manifest records of one configuration: its files, its recipe, and what was counted of its rows."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from nextlong_hub.core.config_names import ConfigName
from nextlong_hub.core.settings import explain
from nextlong_hub.dataset.corpus_record import Record
from nextlong_hub.recipe import Recipe, recorded_recipe
from nextlong_hub.retrieval import is_control, score_name

_NOTICED_SHARE = 0.01
"""A mix says why its documents have another share of the tokens where it differs by more."""

_Count = Annotated[int, Field(ge=0, lt=2**63)]
_Path = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$", max_length=400)]
"""Below the folder: no part of it begins with a dot, so none leads out of it."""


def _as_a_recipe(values: dict[str, Any]) -> dict[str, Any]:
    """The values of a recipe as they are, once they are known to be those of one."""
    try:
        recorded_recipe(values)
    except ValidationError as error:
        raise ValueError(explain(error, Recipe)) from error
    return values


_RecipeValues = Annotated[dict[str, Any], AfterValidator(_as_a_recipe)]


class TokenizerRecord(Record):
    """What counted the tokens."""

    name: str
    revision: str | None
    """Commit of a Hub tokenizer."""
    digest: str
    characters_per_token: float
    """Measured on an even sample of the corpus."""
    encoders: tuple[str, ...] = ()
    """The programs, with their versions, that encoded; `tokenizers` is the reference, and the others were found to give
    the same ids. They decide nothing: a rerun with another one finds the dataset complete. Empty in older manifests."""


class ReachRecord(Record):
    """What one tokenizer makes of the samples of one configuration."""

    rows: int
    """Samples; a packed row holds several."""
    reaching: int
    """Those with at least the target length of their recipe."""
    characters: int
    tokens: int
    rows_reaching: dict[str, int]
    """Those with at least 65536, 131072 and 524288 tokens, of any target length."""
    truncated_tokens: int
    """Tokens beyond the target length: what a trainer cuts off."""


class PortabilityRecord(Record):
    """What one tokenizer makes of all samples."""

    name: str
    revision: str | None
    """Commit of a Hub tokenizer."""
    digest: str
    vocabulary_size: int
    tokens_per_character: float
    """Of the samples."""
    rows_reaching: dict[str, int]
    """As in `configs`, over all of them."""
    truncated_share: float
    """Share of the tokens that lie beyond the target length."""
    configs: dict[str, ReachRecord]


class FileRecord(Record):
    """One published file."""

    path: _Path
    """Relative to the folder, with forward slashes."""
    sha256: str
    bytes: _Count
    rows: _Count
    tokens: _Count
    rows_sha256: str = ""
    """Digest of its rows, which does not depend on what wrote the file; see `row_digest`. Older manifests have none."""
    writer: str = ""
    """The program that wrote it, with its version: another one writes other bytes for equal rows."""


class SegmentRecord(Record):
    """What the rows of a configuration are made of."""

    meta: int
    """Segments that are meta-chunks."""
    negative: int
    """Segments that are hard negatives."""
    distinct_negatives: int
    """Different chunks among the negatives."""
    largest_reuse: int
    """Rows that share the most used negative."""
    reuse_gini: float
    """Inequality of reuse: 0 when every negative is used equally often."""
    score_quantiles: dict[str, float]
    """Scores of the negatives, as the retriever gave them."""
    negative_tokens: dict[str, int] = Field(default_factory=dict)
    """Tokens of the negatives by the source they came from."""


class SpreadRecord(Record):
    """How a quantity is spread."""

    mean: float
    quantiles: dict[str, float]
    """At 0, 5, 25, 50, 75, 95 and 100 %."""


class LinkRecord(Record):
    """How much of the samples of a configuration is meta-document; of a packed row each sample counts for itself."""

    samples: int
    links: SpreadRecord
    """Of a sample: one less than its meta-chunks."""
    meta_percent: SpreadRecord
    """Of a sample: tokens of meta-chunks in a hundred of all its tokens."""
    difficulty: SpreadRecord | None
    """Of a sample: how many chunks of other documents the retriever ranks above the best other chunk of its document,
    counted up to the number that was asked for; the mean over its meta-chunks. None where the retriever does not say
    it."""


class SelectionRecord(Record):
    """What the choice of negatives and the cut left out of the samples of a configuration."""

    passed_over: dict[str, int]
    """Retrieved chunks passed over, by reason (`guard.PassedOver`); near-copies of meta-chunks have their own count."""
    relaxed: int
    """Samples whose guard was relaxed, because the answers ended before they were full."""
    cut_samples: int
    """Samples whose cut took meta-chunks, or the end of one (`interleave.fill = "reference"`)."""
    cut_meta_chunks: int
    """Meta-chunks that such cuts took, wholly or in part."""


class StopWordsRecord(Record):
    """The languages whose stop words retrieval left out, as they were found in the corpus."""

    shares: dict[str, float]
    """Share of the chunks looked at that are in each language, by its code; empty where none was found, and every word
    counts."""
    chunks: int
    """Chunks looked at, spread evenly over the corpus."""


class SynthesisRecord(Record):
    """How the rows of a configuration came about."""

    eligible_documents: int
    """Documents that could be extended."""
    not_eligible: dict[str, int]
    """Documents that could not, by reason."""
    candidates: int
    """Meta-documents tried."""
    kept: int
    """Candidates that became a sample; those beyond the configuration's rows were not asked for."""
    left: int = 0
    """Those of them that stand in no row, as no more rows were asked for."""
    discarded: dict[str, int]
    """Candidates that did not, by reason."""
    given_up: int = 0
    """Documents that could be extended and were not tried for the rows that are missing, as too few of those before
    them gave one: see `meta_documents.patience`."""
    truncated: int
    """Samples whose text was cut to the target length."""
    truncated_tokens: int
    queries: int
    """Meta-chunks for which the retriever was asked."""
    unanswered: int
    """Queries for which no chunk was found."""
    recall: float | None
    """Share of the exact answers that approximate retrieval found, measured on a sample; None for exact retrieval."""
    near_duplicates: int
    """Retrieved chunks passed over as near-copies of a meta-chunk."""
    selection: SelectionRecord | None = None
    """None where nothing was retrieved, and in manifests of versions that did not count it."""
    stop_words: StopWordsRecord | None = None
    """None where the recipe names their languages, as that of every older manifest does, or nothing used them."""


class RepeatRecord(Record):
    """What the rows of a configuration repeat of themselves: runs of so many tokens that their document held before.

    In a packed row each document counts by itself. Special tokens that the recipe adds are left out.
    """

    run_tokens: int
    runs: int
    """Of all rows; they overlap."""
    near: int
    """Those that occurred before in their document, the last time fewer than 1,024 tokens back."""
    farther: int
    """From 1,024 to 4,095 tokens back: what a model learns to copy from there it learns from these."""
    far: int
    """4,096 tokens back or more."""


class OnEndRecord(Record):
    """How often on end some 1 to 13 tokens stand in the rows of a configuration; see `method.periods`."""

    most_times: int
    """In any row; 1 where nothing stands there three times."""
    rows: dict[str, int]
    """Rows by how often at least: 1, 3, 8, 16, 32, 64, 128 and 256 times, each row in the last that it reaches."""
    masked_rows: int
    """Rows with 32 times or more: OLMo-core and MaxText leave all their tokens out of the loss."""


class SpelledRecord(Record):
    """Rows whose text spells special tokens of the tokenizer: text here, control tokens to a stock AutoTokenizer."""

    rows: int
    tokens: dict[str, int]
    """How often each one is spelled, of the ten that are spelled most often."""
    more_tokens: int = 0
    """How often others are."""

    def __str__(self) -> str:
        names = ", ".join(f"{name!r}" for name in self.tokens)
        return f"spell special tokens as text ({names}{', …' if self.more_tokens else ''})"


class TakenRecord(Record):
    """Documents of the corpus that rows extend or hold."""

    documents: int
    digest: str
    """Of their ids."""


class IngredientRecord(Record):
    """One part of a configuration that takes rows of others."""

    rows: int
    """Samples or, of its own part, whole documents."""
    tokens: int = 0
    """Of all of them; the real proportions are these. 0 in older manifests."""
    made: int = 0
    """Rows of the ingredient that there were to choose from. 0 in older manifests."""
    apart: dict[str, str] = Field(default_factory=dict)
    """As `ConfigRecord.apart`, of the ingredient."""
    stop_words: StopWordsRecord | None = None
    """As `SynthesisRecord.stop_words`, of the ingredient."""
    recipe: _RecipeValues
    """The resolved recipe that made these rows."""


class PackingRecord(Record):
    """How documents share the rows of a configuration."""

    documents: int
    """Documents in all rows."""
    continued_documents: int
    """Those that go on where another ended: later pieces of a document longer than a row."""
    fill: float
    """Share of the tokens that the rows could hold which they do hold, padding among them."""
    align: int = 0
    """Each document takes a multiple of so many tokens; 0: as many as it has."""
    padding_tokens: int = 0
    """Tokens of padding behind documents, in all rows."""
    padding_id: int | None = None
    """The id of such a token; None where nothing is padded."""


class ConversationRecord(Record):
    """What is learnt from the conversations of a configuration."""

    messages: dict[str, int]
    """In all rows, by role."""
    learnt_tokens: int
    """Tokens of all rows on which the loss is taken."""
    unanswered: int
    """Conversations whose end was left out because no answer followed, among all that were made."""
    not_learnt: int = 0
    """Answers that are in the text and not trained on, as their data says, among all conversations that were made."""
    unused: dict[str, int] = Field(default_factory=dict)
    """Conversations with a field of the row or of a turn that has a value and that nothing used, or that the chat
    template did not write, by its name, among all that were made."""
    template: str = ""
    """Which chat template it is: the name of one that comes with the package, or whose it is; its text stands in the
    recipe. Empty where an older version did not say it."""
    with_inputs: int = 0
    """Conversations whose chat template was given more than words, among all that were made; the column
    `template_inputs` holds it."""


class PreviewRecord(Record):
    """Small rows beside those of a configuration that the Hub's viewer cannot show; see `dataset.preview`."""

    name: str
    """As `load_dataset` knows it."""
    largest_row_bytes: _Count
    """Text and tokens of the largest whole row."""
    file: FileRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class MixShare:
    """How much of a mix is ordinary documents, by tokens."""

    share: float
    wanted: float
    """What the recipe asks for."""
    reason: str
    """Why it is another one, as the end of a sentence; empty where they hardly differ."""


class ConfigRecord(Record):
    """One configuration of the dataset."""

    recipe: _RecipeValues
    fingerprint: str
    rows: _Count
    tokens: _Count
    segments: SegmentRecord
    synthesis: SynthesisRecord | None
    """None for a mixture: its rows were made for its ingredients."""
    mixture: dict[ConfigName, IngredientRecord]
    """By the name before the slash in the id of a row, or of a document of one; empty unless the configuration takes
    rows of others."""
    packing: PackingRecord | None = None
    """None unless a row holds several documents."""
    conversations: ConversationRecord | None = None
    """None unless the documents are conversations."""
    taken: dict[str, TakenRecord] = Field(default_factory=dict)
    """Documents that its rows extend or hold, by the recipe that made the row; empty in older manifests, and where rows
    take none."""
    apart: dict[str, str] = Field(default_factory=dict)
    """What its rows were kept apart from when they were made: a digest of the documents that each other recipe had
    taken by then. Empty for a mixture."""
    links: LinkRecord | None = None
    """None where no row is a sample with hard negatives, and in older manifests."""
    repeats: tuple[RepeatRecord, ...] = ()
    """For runs of 8 and of 32 tokens; empty in manifests of versions that did not count them."""
    on_end: OnEndRecord | None = None
    """None in manifests of versions that did not count it."""
    spelled: SpelledRecord | None = None
    """None in manifests of versions that did not count it."""
    spelled_elsewhere: dict[str, SpelledRecord] = Field(default_factory=dict)
    """Under each further tokenizer that the rows were made for, by its digest; special tokens are its own."""
    not_exact: int = 0
    """Imported documents whose text does not encode to their tokens; the tokens are those that were imported."""
    files: tuple[FileRecord, ...] = Field(min_length=1)
    preview: PreviewRecord | None = None
    """None where the viewer shows the rows themselves, and in manifests of versions that made none."""

    @property
    def published_files(self) -> tuple[FileRecord, ...]:
        """Its Parquet files, the preview behind those of its rows."""
        return (*self.files, *([self.preview.file] if self.preview else ()))

    @property
    def row_recipes(self) -> dict[str, Recipe]:
        """The recipe behind each row, by the name before the slash in the row's id."""
        recipes = [part.recipe for part in self.mixture.values()] or [self.recipe]
        return {values["name"]: recorded_recipe(values) for values in recipes}

    @property
    def row_stop_words(self) -> dict[str, StopWordsRecord]:
        """The stop words that followed the corpus, by the name before the slash in the ids of the rows."""
        own = {str(self.recipe["name"]): self.synthesis.stop_words} if self.synthesis else {}
        found = {name: part.stop_words for name, part in self.mixture.items()} or own
        return {name: record for name, record in found.items() if record is not None}

    @property
    def mix_share(self) -> MixShare | None:
        """How much is ordinary documents; None unless they stand beside samples."""
        wanted = recorded_recipe(self.recipe).mix
        own = self.mixture.get(str(self.recipe["name"]))
        if wanted is None or own is None or not self.tokens:
            return None
        share = own.tokens / self.tokens
        differs = abs(share - wanted.documents) > _NOTICED_SHARE
        reason = "samples and documents are never split, and so few rows cannot be shared out closer" if differs else ""
        return MixShare(share=share, wanted=wanted.documents, reason=reason)

    @property
    def score_name(self) -> str:
        """What the scores of the negatives are called, by the retrievers that gave them."""
        recipes = [recipe for recipe in self.row_recipes.values() if recipe.mix is None]
        return " or ".join(dict.fromkeys(score_name(recipe.retrieval) for recipe in recipes))

    @property
    def is_control(self) -> bool:
        """Whether rows were made to compare others with, not to train on: see `Retriever.is_control`."""
        return any(is_control(recipe.retrieval) for recipe in self.row_recipes.values())
