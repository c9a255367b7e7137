"""Every choice that decides the bytes of a configuration, its check, and its fingerprint.

A recipe is TOML: one of those in `builders/`, or any file of the same form. It composes the settings of the stages,
which stand beside the stages. An unknown key is an error, so that no misspelt choice is ignored.
"""

import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import tomli_w
from pydantic import Field, ValidationError, model_validator

from nextlong_hub.core.files import digest_of
from nextlong_hub.core.printable import did_you_mean
from nextlong_hub.core.settings import BYTES_FORMAT, Section, explain, with_main_choices, with_tuples, without_none
from nextlong_hub.corpus.settings import ReadingSettings, SourceSettings
from nextlong_hub.errors import RecipeError
from nextlong_hub.method.settings import ChunkingSettings, InterleaveSettings, MetaDocumentSettings, NegativeSettings
from nextlong_hub.retrieval.base import resolved
from nextlong_hub.retrieval.settings import RetrievalSettings

_RECIPES = "nextlong_hub.builders"


class FitSettings(Section):
    """Rows are whole documents, fitted to the target length: what `nextlong-hub fit` writes."""

    truncate: bool
    """Cut a longer document; otherwise discard it. Packed: otherwise split it, unless `discard`."""
    discard: bool
    """Discard a shorter document; otherwise keep it as it is. Packed: discard a longer one."""


class ConversationSettings(Section):
    """Rows are conversations under a chat template, with a loss mask on what the assistant says."""

    form: str = "auto"
    """How the corpus holds a conversation: the name of one of the forms in `conversations/forms`. `auto` takes the
    first of them that a row has."""
    columns: tuple[str, ...] = ()
    """Other names for the columns of that form, in its order: one for a list of turns, two for a question and its
    answer, three with a context between them. With `auto` their number tells the form."""
    system_prompt: str = ""
    """Given to conversations that have none of their own."""
    too_long: Literal["truncate", "discard"] = "truncate"
    """What becomes of a conversation longer than a row: cut behind the last answer that fits, or left out."""
    chat_template: str = "auto"
    """`auto`: the tokenizer's own or, if it has none, the one in `builders/chat_templates` whose control tokens it
    knows. Else the name of one of those, the path of a `.jinja` file, or the template itself. What was used is written
    out in the resolved recipe."""
    template_variables: dict[str, str | bool | int] = Field(default_factory=dict)
    """What the template may ask for by name; the tokenizer's special tokens (`bos_token`, …) are added."""


class PackingSettings(Section):
    """How documents come to share a row (`pack = true`)."""

    window_tokens: int = Field(4_194_304, ge=1)
    """Documents are packed a stretch of so many tokens at a time: longer stretches fill rows better, shorter ones keep
    documents nearer to their neighbours."""


class OutputSettings(Section):
    """How rows are written into shards."""

    unit_documents: int = Field(4, ge=1)
    """Meta-documents in one unit: the grain of parallelism and of resume."""
    shard_bytes: int = Field(134_217_728, ge=1)
    """Bytes of text and tokens from which a Parquet shard is closed."""
    row_group_bytes: int = Field(33_554_432, ge=1)
    """Bytes of text and tokens in a row group at most; the Hub's viewer refuses to read very large ones."""


class Ingredient(Section):
    """One ingredient of a mixture."""

    recipe: str
    share: float = Field(gt=0)
    """Share of the mixture's tokens, relative to the other ingredients."""


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Recipe(Section):
    """A named configuration of a dataset."""

    left_out_when_empty: ClassVar[frozenset[str]] = frozenset({"filters", "producer", "options"})

    name: Name
    description: str = ""
    target_length: int = Field(131_072, ge=8)
    """Tokens in every row. Of a mixture: in its longest row. Packed: in a row at most."""
    tokens: bool = True
    """Write the `input_ids` column."""
    add_bos_token: bool = False
    """Put the tokenizer's `bos_token` before the ids of each row; it counts in the target length."""
    add_eos_token: bool = False
    """Put the tokenizer's `eos_token` behind them; it counts, too."""
    on_bad_document: Literal["fail", "skip"] = "fail"
    corpus: tuple[SourceSettings, ...] = ()
    """Sources to use when none is named on the command line."""
    filters: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Settings of the filters that leave documents out, by the names of the filters; each filter checks its own."""
    chunking: ChunkingSettings = ChunkingSettings()
    meta_documents: MetaDocumentSettings = MetaDocumentSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    negatives: NegativeSettings = NegativeSettings()
    interleave: InterleaveSettings = InterleaveSettings()
    output: OutputSettings = OutputSettings()
    fit: FitSettings | None = None
    """When set, rows are whole documents instead of being synthesised."""
    mixture: tuple[Ingredient, ...] = ()
    """When set, rows are a seeded selection of other recipes' rows instead of being synthesised."""
    conversations: ConversationSettings | None = None
    """When set, rows are conversations under a chat template instead of being synthesised."""
    pack: bool = False
    """Put several documents into a row, back to back, each with its own attention: the samples of a mixture, the
    documents that are fitted, or conversations, which are always packed."""
    packing: PackingSettings = PackingSettings()
    producer: str = ""
    """The name of a registered kind of recipe; empty: told by `conversations`, `mixture` and `fit`."""
    options: dict[str, Any] = Field(default_factory=dict)
    """What a kind of recipe of another package takes."""

    @model_validator(mode="before")
    @classmethod
    def _as_toml_writes_it(cls, value: Any) -> Any:
        return with_main_choices(with_tuples(value), cls)

    @model_validator(mode="after")
    def _mixture_names_others(self) -> Self:
        if self.name in {part.recipe for part in self.mixture}:
            raise ValueError(f"recipe {self.name!r} cannot be an ingredient of its own mixture")
        if len({part.recipe for part in self.mixture}) < len(self.mixture):
            raise ValueError(f"recipe {self.name!r} names an ingredient of its mixture twice; add the shares up")
        return self

    @model_validator(mode="after")
    def _packing_has_documents(self) -> Self:
        has_special = self.add_bos_token or self.add_eos_token
        if self.conversations and (not self.pack or not self.tokens or has_special or self.mixture or self.fit):
            raise ValueError(
                f"recipe {self.name!r} makes rows of conversations, which are packed, have tokens, begin and end as "
                "their chat template says, and are neither mixed nor fitted; set pack = true and tokens = true, and "
                "leave out add_bos_token, add_eos_token, mixture and fit"
            )
        if self.pack and not (self.mixture or self.fit or self.conversations):
            raise ValueError(
                f"recipe {self.name!r} packs its rows, but a synthesised sample fills a row by itself; name the recipe "
                "of the samples as the mixture of another one that packs them"
            )
        if self.pack and self.fit and self.fit.truncate and self.fit.discard:
            raise ValueError(
                f"recipe {self.name!r} says twice what becomes of a document longer than a packed row; choose truncate "
                "or discard, or neither to split it"
            )
        return self

    def __hash__(self) -> int:
        return hash(self.fingerprint)  # some choices are dictionaries, which have no hash

    @property
    def kind(self) -> str:
        """The name of its producer: what its rows are made of, and how."""
        if self.producer:
            return self.producer
        if self.conversations:
            return "conversations"
        if self.mixture:
            return "mixture"
        return "documents" if self.fit else "synthesis"

    @property
    def reading(self) -> ReadingSettings:
        """How documents are read and cut."""
        return ReadingSettings(chunking=self.chunking, on_bad_document=self.on_bad_document, filters=self.filters)

    @property
    def ingredients(self) -> tuple[str, ...]:
        """The recipes whose rows it takes."""
        return tuple(part.recipe for part in self.mixture)

    @property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits over every choice that decides the rows: neither prose nor the corpus."""
        return digest_of([BYTES_FORMAT, self.model_dump(mode="json", exclude={"description", "corpus"})])

    def to_toml(self) -> str:
        """The resolved recipe: every choice written out, so that nothing depends on later defaults."""
        return tomli_w.dumps(without_none(self.model_dump(mode="json")))


def recipe_names() -> list[str]:
    """The recipes that come with the package, shortest target first, mixtures and conversations last."""
    recipes = [load_recipe(name) for name in _known_names()]
    last = {"mixture": 1, "conversations": 2}
    return [one.name for one in sorted(recipes, key=lambda one: (last.get(one.kind, 0), one.target_length, one.name))]


def default_config(configs: Iterable[str]) -> str:
    """Which of several configurations is meant where none is named: `128k`, else the first."""
    names = list(configs)
    return "128k" if "128k" in names else names[0]


def load_recipe(name: str, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe of that name, or of that TOML file, with `overrides` (dotted keys) applied.

    Raises:
        RecipeError: there is no such recipe, or it holds an unknown key or a wrong value.
    """
    path = Path(name)
    if path.suffix == ".toml":
        if not path.is_file():
            raise RecipeError(f"no recipe file {name}; give the path of a TOML file, or one of {_known_names()}")
        return parse_recipe(path.read_bytes(), str(path), overrides)
    known = _known_names()
    if name not in known:
        raise RecipeError(f"no recipe {name!r}; there are: {', '.join(known)}{did_you_mean(name, known)}")
    content = files(_RECIPES).joinpath(f"{name}.toml").read_bytes()
    return parse_recipe(content, f"recipe {name}", overrides)


def load_recipes(
    names: Iterable[str], overrides: Mapping[str, Any] | None = None
) -> tuple[tuple[Recipe, ...], tuple[Recipe, ...]]:
    """The recipes of those names, and the ingredients of the mixtures among them; `overrides` hold for all.

    Raises:
        RecipeError: see `load_recipe`; or a name occurs twice.
    """
    recipes = tuple(load_recipe(name, overrides) for name in names)
    taken = [recipe.name for recipe in recipes]
    for name in taken:
        if taken.count(name) > 1:
            raise RecipeError(f"the configuration {name!r} was asked for {taken.count(name)} times; name it once")
    wanted = dict.fromkeys(part.recipe for recipe in recipes for part in recipe.mixture if part.recipe not in taken)
    return recipes, tuple(load_recipe(name, overrides) for name in wanted)


def parse_recipe(content: bytes, origin: str, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """Check one recipe's TOML; `origin` is how messages call it.

    Raises:
        RecipeError: it is not TOML, or holds an unknown key or a wrong value.
    """
    try:
        values = tomllib.loads(content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(f"{origin} is not TOML: {error}; mend that place") from error
    for key, value in (overrides or {}).items():
        _set(values, key.split("."), value, origin)
    try:
        recipe = Recipe.model_validate(values)
        return recipe.model_copy(update={"retrieval": resolved(recipe.retrieval)})
    except ValidationError as error:
        raise RecipeError(f"{origin}: {explain(error, Recipe)}") from error
    except RecipeError as error:
        raise RecipeError(f"{origin}: {error}") from error


def parse_setting(text: str) -> tuple[str, Any]:
    """Split `key=value` and read the value as TOML, a bare word as a string: `retrieval.k1=1.2`, `name=mine`.

    Raises:
        RecipeError: there is no `=`.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise RecipeError(f"--set {text!r} has no key or no value; write it as --set retrieval.k1=1.2")
    try:
        return key.strip(), tomllib.loads(f"value = {value.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()


def _set(values: dict[str, Any], path: list[str], value: Any, origin: str) -> None:
    for step in path[:-1]:
        values = values.setdefault(step, {})
        if not isinstance(values, dict):
            raise RecipeError(f"{origin}: {'.'.join(path)!r} goes through {step!r}, which is no table; check the key")
    values[path[-1]] = value


def _known_names() -> list[str]:
    return sorted(e.name.removesuffix(".toml") for e in files(_RECIPES).iterdir() if e.name.endswith(".toml"))


DEFAULT_SEED = 42
