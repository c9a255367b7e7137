"""What a kind of recipe must answer: how its corpus is read, and how its rows are made, described and checked.

Each kind is a module below a folder of this package with a constant `PRODUCER`, found by the registry: `synthesis`,
`mixture`, `documents`, `conversations`; another package adds one by an entry point. Code that builds, loads, verifies
or describes a dataset asks `producer_of(recipe)` instead of testing the kind of the recipe.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import ValidationError

from nextlong_hub.core.registry import Registry
from nextlong_hub.core.settings import Section, explain
from nextlong_hub.corpus.in_memory import Source
from nextlong_hub.corpus.ingest import FoundCorpus, read_corpus
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.corpus.texts import CorpusTexts
from nextlong_hub.dataset.config_record import ConfigRecord, IngredientRecord, SynthesisRecord
from nextlong_hub.dataset.corpus_record import CorpusRecord
from nextlong_hub.dataset.taken import Taken
from nextlong_hub.dataset.write import ChosenRows
from nextlong_hub.errors import RecipeError, argument
from nextlong_hub.execution import usual
from nextlong_hub.execution.forecast import ExpectedStage
from nextlong_hub.execution.run import Run
from nextlong_hub.recipe import Recipe
from nextlong_hub.tokenization.special_tokens import SpecialTokens, find_special_tokens
from nextlong_hub.tokenization.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a dataset is made from."""

    corpus: FoundCorpus
    tokenizers: tuple[Tokenizer, ...]
    """Ids and token counts of rows are those of the first; under the others rows have at least the target length."""
    seed: int

    @property
    def tokenizer(self) -> Tokenizer:
        """The first one."""
        return self.tokenizers[0]

    @property
    def tokenizer_digests(self) -> list[str]:
        """Their digests, in order."""
        return [tokenizer.digest for tokenizer in self.tokenizers]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSizes:
    """The samples of one unit, measured."""

    target_length: int
    rows: tuple[tuple[int, ...], ...]
    """For each sample its characters, and its tokens under each tokenizer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Produced:
    """The rows of one configuration in finished units, and what is known of them."""

    recipe: Recipe
    rows: ChosenRows
    outcome: SynthesisRecord | None
    """What became of its candidates; None where the rows were made for other configurations."""
    corpus: CorpusRecord
    """What the rows were made from."""
    characters_per_token: float
    """Of that corpus, under the first tokenizer."""
    store: ChunkStore | None
    """The cut corpus, which knows the source of each document; None where there is none."""
    apart: Mapping[str, str] = field(default_factory=dict)
    """What its rows were kept apart from: a digest of the documents that each other recipe had taken."""
    mixture: Mapping[str, IngredientRecord] = field(default_factory=dict)
    """The configurations whose rows these are."""
    sizes: Mapping[Path, RowSizes] = field(default_factory=dict)
    """By unit file; empty where rows are made for one tokenizer only."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """What else this kind has counted, by name, for its `describe` and for reports."""
    said: Mapping[str, str] = field(default_factory=dict)
    """What else this kind knows in words, by name, for its `describe`."""
    unused: Mapping[str, int] = field(default_factory=dict)
    """Documents with a field of their row that nothing used, by its name."""

    @property
    def own_outcome(self) -> SynthesisRecord:
        """What became of its candidates.

        Raises:
            TypeError: it has none.
        """
        if self.outcome is None:
            raise TypeError(f"the rows of {self.recipe.name} were made for other configurations")
        return self.outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRequest:
    """The rows that a producer is to make."""

    recipe: Recipe
    inputs: Inputs
    rows: int | None = None
    """How many rows; None gives about as many tokens as the corpus holds."""
    made: Mapping[str, Produced] = field(default_factory=dict)
    """What this run has produced already, by recipe name: the ingredients of a mixture are among them."""
    apart: Taken = field(default_factory=dict)
    """The documents that other recipes have taken and that its rows must leave alone, by recipe."""


def taken_documents(request: RowRequest, store: ChunkStore) -> NDArray[np.int64]:
    """The numbers in `store` of the documents that the rows must leave alone, ascending. Shape: (documents,)."""
    documents = frozenset[str]().union(*request.apart.values())
    return store.document_numbers(pa.array(sorted(documents), pa.string()))


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidatePool:
    """The documents that meta-documents are chosen from, and what decides their order."""

    store: ChunkStore
    sources: Sequence[SourceSettings]
    """Of the corpus, with their weights."""
    characters_per_token: float
    """Of the corpus, under the first tokenizer."""
    seed: int
    taken: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """Documents that others have taken. They are passed over and change no order: what is made stays when more are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowPlan:
    """What the rows of a configuration can be made of, known before any is made."""

    wanted: int
    """Rows: as many as are asked for, else about as many tokens as the corpus holds."""
    order: NDArray[np.int64]
    """The documents that can be extended, those that others have taken included, in the order in which they are tried.
    Shape: (eligible documents,)."""
    not_eligible: Mapping[str, int]
    """Documents that cannot be extended, by reason."""


class RowChecker(ABC):
    """Finds what is wrong with one row, or with one document of a packed row; each fault is one sentence."""

    may_be_shorter: bool
    """Rows may have fewer tokens than the target length."""
    may_be_split: bool = False
    """A row's text may begin in the middle of a document of the corpus."""

    def __init__(self, recipe: Recipe, tokenizer: Tokenizer | None) -> None:
        """Prepare to check the rows of a recipe.

        Args:
            recipe: what made the rows.
            tokenizer: what counts their tokens; None where tokens are not checked.

        Raises:
            RecipeError: the tokenizer lacks a token that the recipe asks for.
        """
        self.recipe = recipe
        self._tokenizer = tokenizer
        self._special_tokens = special_tokens_of(recipe, [tokenizer] if tokenizer else [])

    @abstractmethod
    def shape_faults(self, row: Mapping[str, Any]) -> Iterator[str]:
        """What the row alone shows."""

    def token_faults(self, row: Mapping[str, Any]) -> Iterator[str]:
        """What encoding the whole text again shows; nothing without a tokenizer."""
        if self._tokenizer is None:
            return
        text_ids, starts = self._tokenizer.encode_with_starts(row["text"])
        total = len(text_ids) + self._special_tokens.tokens
        if total != row["token_count"]:
            yield f"its text encodes to {total:,} tokens, token_count says {row['token_count']:,}"
            return
        if "input_ids" in row and not np.array_equal(self._special_tokens.around(text_ids), row["input_ids"]):
            yield "its text does not encode to its input_ids"
        spans = np.array([(segment["start"], segment["end"]) for segment in row["segments"]]).reshape(-1, 2)
        counted = np.diff(np.searchsorted(starts, spans), axis=1).ravel().tolist()
        for segment, tokens in zip(row["segments"], counted, strict=True):
            if segment["tokens"] != tokens:
                yield f"{tokens:,} tokens begin in its segment at {segment['start']:,}, not {segment['tokens']:,}"

    @abstractmethod
    def corpus_faults(self, row: Mapping[str, Any], corpus: CorpusTexts) -> Iterator[str]:
        """What comparing the row with the corpus shows."""


class RowStream(Protocol):
    """The rows of one configuration by unit; any process can make any unit."""

    def units(self) -> int:
        """How many units there are."""
        ...

    def tables(self, unit: int) -> Iterator[pa.Table]:
        """The rows of one unit, a row group at a time; the last unit replaces the rows that others lack."""
        ...


class Producer(ABC):
    """One kind of recipe."""

    name: ClassVar[str]
    reads: ClassVar[str] = "texts"
    """What its corpus holds; one run has one corpus, so its recipes must agree."""
    not_estimated: ClassVar[str] = ""
    """Why a dry run cannot estimate it, as the end of a sentence about its rows; empty where it can."""
    retrieves: ClassVar[bool] = False
    """Whether its rows hold hard negatives."""
    takes_documents: ClassVar[bool] = False
    """Whether documents that its rows extend or hold are taken: no other configuration of the folder may have them."""
    options: ClassVar[type[Section]] = Section
    """The shape of `Recipe.options`; a kind of recipe that has none refuses all."""
    runs_out: ClassVar[str] = "no more documents could be extended"
    """Why there are fewer rows than asked for."""
    title: ClassVar[str] = "Long-context rows of"
    """What a card calls its rows, before their lengths."""
    tags: ClassVar[tuple[str, ...]] = ()
    """What the rows add to the tags of a card."""

    def resolve(self, recipe: Recipe, tokenizer: Tokenizer) -> Recipe:
        """The recipe with everything written out that would otherwise depend on the tokenizer's files.

        Raises:
            RecipeError: the recipe cannot be used with this tokenizer.
        """
        return recipe

    def check_ingredients(self, recipe: Recipe, ingredients: Sequence[Recipe]) -> None:
        """Make sure that a recipe can take rows of these, which are those of `Recipe.ingredients`.

        Raises:
            RecipeError: it cannot.
        """
        multiple = max(1, recipe.packing.align)
        for ingredient in ingredients:
            if ingredient.target_length % multiple:
                raise RecipeError(
                    f"recipe {recipe.name}: a sample of {ingredient.name} has {ingredient.target_length:,} tokens, no "
                    f"multiple of {multiple:,} ({argument('align', multiple)}), and samples are not padded; choose an "
                    f"{argument('align')} that divides {ingredient.target_length:,}"
                )
            if ingredient.ingredients:
                raise RecipeError(
                    f"recipe {recipe.name}: {ingredient.name} cannot be an ingredient, for it takes rows of "
                    f"{', '.join(ingredient.ingredients)} itself; name these instead"
                )

    def rows_per_token(self, recipe: Recipe, targets: Mapping[str, int]) -> Fraction:
        """Rows in one token of a configuration.

        Args:
            recipe: of this kind.
            targets: tokens in a row of each recipe of the run, by name.
        """
        return Fraction(1, recipe.target_length)

    def ingredient_rows(self, recipe: Recipe, targets: Mapping[str, int], rows: int) -> Mapping[str, int]:
        """Rows of each ingredient that so many rows of a recipe take; `targets` as in `rows_per_token`."""
        return {}

    def sources(self, sources: Sequence[Source], recipes: Sequence[Recipe]) -> tuple[Source, ...]:
        """The sources as `recipes`, all of this kind, read them.

        Raises:
            RecipeError: the recipes read them in different ways.
        """
        return tuple(sources)

    def read(self, run: Run, request: RowRequest) -> ChunkStore:
        """Read and cut the corpus.

        Raises:
            DataError, StorageError: see `read_corpus`.
        """
        return read_corpus(run, request.inputs.corpus, request.recipe.reading)

    def plan(self, run: Run, request: RowRequest, store: ChunkStore) -> RowPlan | None:
        """What its rows can be made of, before anything expensive is done; None where that is not known by then.

        Raises:
            CorpusTooSmallError: no row can be made.
        """
        return None

    def stages(self, request: RowRequest, store: ChunkStore, plan: RowPlan | None) -> Sequence[ExpectedStage]:
        """The stages of `produce`, in order, with what they usually take; see `execution.usual`.

        Args:
            request: what to make; without a number of rows, as much as the corpus holds.
            store: the cut corpus.
            plan: what the rows can be made of, where that is known.
        """
        return ()

    def index(self, run: Run, request: RowRequest, store: ChunkStore) -> Path | None:
        """The folder of the retriever's index; None where nothing is retrieved.

        Raises:
            RecipeError, WorkerError, StorageError: see `retrieval.build_index`.
        """
        return None

    def keeps_apart(self, recipe: Recipe) -> bool:
        """Whether the rows of a recipe must leave alone what others have taken, as `RowRequest.apart` says."""
        return self.takes_documents

    @abstractmethod
    def produce(self, run: Run, request: RowRequest, store: ChunkStore, index: Path | None) -> Produced:
        """Make the rows; finished work is used again.

        Raises:
            DataError: the corpus is too small.
            StorageError: no space, or no permission.
            WorkerError: a unit kept killing its worker.
        """

    def describe(self, record: ConfigRecord, produced: Produced, folder: Path) -> ConfigRecord:
        """Add what only this kind knows to the record of a configuration, whose files lie in `folder`."""
        return record

    def stream(self, run: Run, request: RowRequest) -> RowStream | None:
        """The rows one unit at a time, each made when it is asked for; None where only `produce` can make them.

        Raises:
            DataError, StorageError, WorkerError: see `read` and `index`.
        """
        return None

    @abstractmethod
    def checker(self, recipe: Recipe, tokenizer: Tokenizer | None) -> RowChecker:
        """What checks the rows of a recipe; see `RowChecker`.

        Raises:
            RecipeError: the tokenizer lacks a token that the recipe asks for.
        """

    def candidates(self, recipe: Recipe, pool: CandidatePool) -> NDArray[np.int64]:
        """The documents that rows may be made of, in the order of the rows. Shape: (candidates,)."""
        return np.arange(pool.store.documents)

    def has_known_order(self, recipe: Recipe) -> bool:
        """Whether `candidates` knows the order of the rows; else it knows only which documents may be among them."""
        return True


GUESSED_CHARACTERS_PER_TOKEN = 4
"""Decides how many units run at a time where only some rows are wanted; never what is in a row."""


def encoding_stage(stage: str, request: RowRequest, store: ChunkStore) -> ExpectedStage:
    """A stage that encodes the documents of a corpus whole, as many as the rows of a request hold."""
    tokens = store.summary.characters / GUESSED_CHARACTERS_PER_TOKEN
    if request.rows is not None:
        tokens = min(tokens, request.rows * request.recipe.target_length)
    return ExpectedStage(stage=stage, seconds=(usual.TOKENISE_SECONDS + usual.WRITE_SECONDS) * tokens)


PRODUCERS = Registry[Producer](
    kind="kind of recipe", files="*/*.py", constant="PRODUCER", group="nextlong_hub.producers"
)


def producer_of(recipe: Recipe) -> Producer:
    """The producer of a recipe.

    Raises:
        RecipeError: no installed package has it.
    """
    return PRODUCERS[recipe.kind]


def making_order(recipe: Recipe) -> tuple[bool, bool, int, str]:
    """What recipes are sorted by before their rows are made.

    Long rows need long documents, so they choose before shorter ones. Recipes that do not keep apart from others come
    before those that do, which can then leave their documents alone; and those that take rows of others come last.
    """
    keeps_apart = producer_of(recipe).keeps_apart(recipe)
    return bool(recipe.ingredients), keeps_apart, -recipe.target_length, recipe.name


def with_options(recipe: Recipe) -> Recipe:
    """The recipe with all options of its kind written out, so that nothing depends on later defaults.

    Raises:
        RecipeError: its kind has no such option, or not with that value.
    """
    shape = producer_of(recipe).options
    try:
        options = shape.model_validate(recipe.options).model_dump(exclude_none=True)
    except ValidationError as error:
        raise RecipeError(f"options of recipe {recipe.name!r}: {explain(error, shape)}") from error
    return recipe.model_copy(update={"options": options})


def rows_of_ingredients(
    recipes: Sequence[Recipe], ingredients: Sequence[Recipe], rows: Mapping[str, int]
) -> dict[str, int]:
    """Rows that are needed of ingredients made for recipes of a known size alone; as many as possible of the others.

    Raises:
        RecipeError: a recipe cannot take rows of such an ingredient.
    """
    named = {recipe.name: recipe for recipe in (*ingredients, *recipes)}
    targets = {recipe.name: recipe.target_length for recipe in named.values()}
    needs: Counter[str] = Counter()
    for recipe in recipes:
        producer = producer_of(recipe)
        producer.check_ingredients(recipe, [named[name] for name in recipe.ingredients])
        if recipe.name in rows:
            for name, count in producer.ingredient_rows(recipe, targets, rows[recipe.name]).items():
                needs[name] = max(needs[name], count)
    unbounded = {name for recipe in recipes if recipe.name not in rows for name in recipe.ingredients}
    return {one.name: needs[one.name] for one in ingredients if one.name in needs and one.name not in unbounded}


def special_tokens_of(recipe: Recipe, tokenizers: Sequence[Tokenizer]) -> SpecialTokens:
    """The special tokens around each document's ids under the first tokenizer; none without a tokenizer.

    Raises:
        RecipeError: a tokenizer lacks a token that the recipe asks for.
    """
    found = [find_special_tokens(one, bos=recipe.add_bos_token, eos=recipe.add_eos_token) for one in tokenizers]
    return found[0] if found else SpecialTokens()
