"""The manifest: what a dataset folder holds, what it was made from, and the one moment at which it becomes valid.

`manifest.json` is written last. Without it a folder is unfinished work; with it every file is named with its sha256,
and nothing in it depends on the clock, the machine or the number of workers, but for the names of the programs that
encoded (`TokenizerRecord.encoders`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, field_validator

from nextlong_hub.core.config_names import ONE_FOLDER, ConfigName, same_folder
from nextlong_hub.core.files import digest_of, json_bytes, write_bytes
from nextlong_hub.core.foreign import parse_json
from nextlong_hub.core.settings import explain
from nextlong_hub.dataset.corpus_record import CorpusRecord, Record
from nextlong_hub.errors import DataError
from nextlong_hub.recipe import Recipe, recorded_recipe
from nextlong_hub.retrieval import is_control, score_name

MANIFEST_NAME = "manifest.json"

_NOTICED_SHARE = 0.01
"""A mix says why its documents have another share of the tokens where it differs by more."""
_TOOL = "nextlong-hub"
_OWN_KEYS = frozenset({"configs", "corpus", "tokenizer", "digest"})
"""Keys by which a manifest of ours is known even if the name of the tool was damaged."""


_Count = Annotated[int, Field(ge=0, lt=2**63)]
_Path = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$", max_length=400)]
"""Below the folder: no part of it begins with a dot, so none leads out of it."""
_Version = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+!_-]{0,63}$")]


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


class Manifest(Record):
    """Everything a dataset folder says about itself."""

    tool: Literal["nextlong-hub"] = "nextlong-hub"
    format: Literal[1] = 1
    version: _Version
    """Version of nextlong-hub that wrote it."""
    kind: Literal["build", "fit", "import"] = "build"
    seed: int
    corpus: CorpusRecord
    tokenizer: TokenizerRecord
    portability: tuple[PortabilityRecord, ...] = ()
    """Of each tokenizer under which the samples have at least their target length, that of `token_count` first; empty
    where nothing was synthesised."""
    configs: dict[ConfigName, ConfigRecord] = Field(min_length=1)

    @field_validator("configs")
    @classmethod
    def _each_has_its_folder(cls, configs: dict[str, ConfigRecord]) -> dict[str, ConfigRecord]:
        if two := same_folder(configs):
            raise ValueError(f"{two[0]!r} and {two[1]!r} {ONE_FOLDER}")
        return configs

    @property
    def files(self) -> list[FileRecord]:
        """Every published Parquet file, configuration by configuration."""
        return [file for config in self.configs.values() for file in config.published_files]

    @property
    def previews(self) -> dict[str, PreviewRecord]:
        """The previews that there are, by the configurations whose rows they show."""
        return {name: config.preview for name, config in self.configs.items() if config.preview}

    def with_encoders(self, names: Iterable[str]) -> "Manifest":
        """The same with these programs as those that encoded."""
        return self.model_copy(update={"tokenizer": self.tokenizer.model_copy(update={"encoders": tuple(names)})})

    def inputs(self) -> dict[str, Any]:
        """What a rerun must share with this build to add to it or to find it complete."""
        return {
            "corpus": self.corpus.digest,
            "tokenizer": self.tokenizer.digest,
            "other tokenizers": [record.digest for record in self.portability[1:]],
            "seed": self.seed,
            **{f"recipe {name}": config.fingerprint for name, config in self.configs.items()},
        }


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a dataset folder; None when the folder holds none of ours.

    Raises:
        DataError: there is one, but it is damaged or of another version.
    """
    path = folder / MANIFEST_NAME
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return parse_manifest(content, str(path))


def require_manifest(folder: Path) -> Manifest:
    """The manifest of a finished dataset folder.

    Raises:
        DataError: there is none, or it is damaged or of another version.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        raise DataError(f"{folder} holds no {MANIFEST_NAME} of nextlong-hub; build it first, or name a finished folder")
    return manifest


def parse_manifest(content: bytes, place: str) -> Manifest | None:
    """The manifest in a file's bytes; None when the file is none of ours. `place` is how messages call it.

    Raises:
        DataError: it is ours, but damaged or of another version.
    """
    values = _json(content)
    if values is None and b'"nextlong-hub"' in content:
        raise DataError(
            f"{place} is not JSON any more: it was damaged after it was written; build again into an empty folder"
        )
    if not isinstance(values, dict) or not (values.get("tool") == _TOOL or values.keys() >= _OWN_KEYS):
        return None
    digest = values.pop("digest", None)
    try:
        manifest = Manifest.model_validate(values)
    except ValidationError as error:
        raise DataError(
            f"{place} cannot be used: {explain(error, Manifest)}; "
            "it is damaged or was written by another version of nextlong-hub: build again into an empty folder"
        ) from error
    if digest != digest_of(values):
        raise DataError(
            f"{place} was changed after it was written: it does not match its own digest; put the original back, or "
            "build again into an empty folder"
        )
    return manifest


def _json(content: bytes) -> Any:
    try:
        return parse_json(content)
    except ValueError:
        return None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Commit: from this moment the folder is a finished dataset."""
    write_bytes(folder / MANIFEST_NAME, manifest_bytes(manifest))


def manifest_bytes(manifest: Manifest) -> bytes:
    """The manifest as a file, with a digest of its own: no other file holds one of it."""
    content = manifest.model_dump(mode="json")
    return json_bytes({**content, "digest": digest_of(content)})


def is_as_written(content: bytes) -> bool:
    """Whether a manifest is laid out as every version of ours lays one out; its own digest proves what it says."""
    return json_bytes(_json(content)) == content


def differences(kept: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """What two sets of inputs disagree on, one line each; a key that only one of them has is no disagreement."""
    return [
        f"{key}: {kept[key]} there, {wanted[key]} here" for key in kept if key in wanted and kept[key] != wanted[key]
    ]
