"""Every choice that decides the bytes of a configuration, its check, and its fingerprint.

A recipe is TOML: one of those in `builders/`, or any file of the same form. It composes the settings of the stages,
which stand beside the stages. An unknown key is an error, so that no misspelt choice is ignored.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import tomli_w
from pydantic import Field, ValidationError, model_validator

from nextlong_hub.core.config_names import ONE_FOLDER, ConfigName, same_folder
from nextlong_hub.core.files import digest_of
from nextlong_hub.core.foreign import parse_toml
from nextlong_hub.core.printable import did_you_mean
from nextlong_hub.core.settings import BYTES_FORMAT, Section, explain, with_main_choices, with_tuples, without_none
from nextlong_hub.corpus.filters import open_filters, published_settings
from nextlong_hub.corpus.secrets import OnSecret
from nextlong_hub.corpus.settings import ReadingSettings, SourceSettings
from nextlong_hub.errors import RecipeError, argument
from nextlong_hub.method.settings import ChunkingSettings, InterleaveSettings, MetaDocumentSettings, NegativeSettings
from nextlong_hub.retrieval.base import resolved
from nextlong_hub.retrieval.settings import RetrievalSettings

_RECIPES = "nextlong_hub.builders"
MOST_ALIGN = 65_536
"""Documents can be made multiples of so many tokens at most."""


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
    system_prompt: str = Field(default="", max_length=1_000_000)
    """Given to conversations that have none of their own."""
    too_long: Literal["truncate", "discard"] = "truncate"
    """What becomes of a conversation longer than a row: cut behind the last answer that fits, or left out."""
    chat_template: str = Field(default="auto", max_length=1_000_000)
    """`auto`: the tokenizer's own or, if it has none, the one in `builders/chat_templates` whose control tokens it
    knows. Else the name of one of those, the path of a `.jinja` file, or the template itself. What was used is written
    out in the resolved recipe."""
    template_variables: dict[str, str | bool | int] = Field(default_factory=dict)
    """What the template may ask for by name; the tokenizer's special tokens (`bos_token`, …) are added."""


class PackingSettings(Section):
    """How documents come to share a row (`pack = true`)."""

    left_out_when_empty: ClassVar[frozenset[str]] = frozenset({"align"})

    window_tokens: int = Field(default=4_194_304, ge=1, lt=2**31)
    """Documents are packed a stretch of so many tokens at a time: longer stretches fill rows better, shorter ones keep
    documents nearer to their neighbours."""
    align: int = Field(default=0, ge=0, le=MOST_ALIGN)
    """Each document takes a multiple of so many tokens of its row, for context parallelism that splits documents: 2·N
    on N devices. What a document lacks is padding behind it, on which no loss is taken. 0: nothing is padded."""


class OutputSettings(Section):
    """How rows are written into shards."""

    unit_documents: int = Field(default=4, ge=1, le=65_536)
    """Meta-documents in one unit: the grain of parallelism and of resume."""
    shard_bytes: int = Field(default=134_217_728, ge=1, le=2**40)
    """Bytes of text and tokens from which a Parquet shard is closed."""
    row_group_bytes: int = Field(default=33_554_432, ge=1, lt=2**31)
    """Bytes of text and tokens in a row group at most; the Hub's viewer refuses to read very large ones."""


class Ingredient(Section):
    """One ingredient of a mixture."""

    recipe: str
    share: float = Field(ge=1e-6, le=1e6)
    """Share of the mixture's tokens, relative to the other ingredients."""


class MixSettings(Section):
    """Rows are samples of another recipe and whole ordinary documents of the same corpus, which share rows."""

    main_choice: ClassVar[str] = "recipe"

    recipe: str = "64k"
    """The recipe of the samples: one that comes with the package, one of this run, or a TOML file."""
    documents: float = Field(default=0.5, gt=0, lt=1)
    """Share of the tokens that are ordinary documents. None of them is a meta-document of any sample."""


class Recipe(Section):
    """A named configuration of a dataset."""

    left_out_when_empty: ClassVar[frozenset[str]] = frozenset({"filters", "producer", "options", "mix"})
    before: ClassVar[Mapping[str, Any]] = {"on_secret": "keep"}

    name: ConfigName
    description: str = ""
    target_length: int = Field(default=131_072, ge=8, lt=2**31)
    """Tokens in every row. Of a mixture: in its longest row. Packed: in a row at most."""
    tokens: bool = True
    """Write the `input_ids` column."""
    add_bos_token: bool = False
    """Put the tokenizer's `bos_token` before the ids of each row; it counts in the target length."""
    add_eos_token: bool = False
    """Put the tokenizer's `eos_token` behind them; it counts, too."""
    on_bad_document: Literal["fail", "skip"] = "fail"
    on_secret: OnSecret = "mask"
    """What becomes of an access token or a private key in a document: as many `*` in its place (`mask`), the document
    left out (`drop`), nothing (`keep`), or an error (`fail`). All are counted."""
    corpus: tuple[SourceSettings, ...] = ()
    """Sources to use when none is named on the command line."""
    filters: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Settings of the filters that leave documents out or bar chunks, by the names of the filters; each filter checks
    its own."""
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
    mix: MixSettings | None = None
    """When set, rows are another recipe's samples and whole documents instead of being synthesised."""
    conversations: ConversationSettings | None = None
    """When set, rows are conversations under a chat template instead of being synthesised."""
    pack: bool = False
    """Put several documents into a row, back to back, each with its own attention: the samples of a mixture, the
    documents that are fitted, or those of a mix and conversations, which are always packed."""
    packing: PackingSettings = PackingSettings()
    producer: str = ""
    """The name of a registered kind of recipe; empty: told by `conversations`, `mixture`, `mix` and `fit`."""
    options: dict[str, Any] = Field(default_factory=dict)
    """What a kind of recipe of another package takes."""

    @model_validator(mode="before")
    @classmethod
    def _as_toml_writes_it(cls, value: Any) -> Any:
        return with_main_choices(with_tuples(value), cls)

    @model_validator(mode="after")
    def _mixture_names_others(self) -> Self:
        if self.name in self.ingredients:
            raise ValueError(f"recipe {self.name!r} cannot be an ingredient of its own mixture")
        if len({part.recipe for part in self.mixture}) < len(self.mixture):
            raise ValueError(f"recipe {self.name!r} names an ingredient of its mixture twice; add the shares up")
        return self

    @model_validator(mode="after")
    def _packing_has_documents(self) -> Self:
        has_special = self.add_bos_token or self.add_eos_token
        is_other = bool(self.mixture or self.mix or self.fit)
        if self.conversations and (not self.pack or not self.tokens or has_special or is_other):
            raise ValueError(
                f"recipe {self.name!r} makes rows of conversations, which are packed, have tokens, begin and end as "
                "their chat template says, and are neither mixed nor fitted; set pack = true and tokens = true, and "
                "leave out add_bos_token, add_eos_token, mixture, mix and fit"
            )
        if self.mix and (not self.pack or self.mixture or self.fit):
            raise ValueError(
                f"recipe {self.name!r} puts whole documents beside samples, which are packed, and are neither fitted "
                "nor samples of several recipes; set pack = true, and leave out mixture and fit"
            )
        if self.pack and not (self.mixture or self.mix or self.fit or self.conversations):
            raise ValueError(
                f"recipe {self.name!r} packs its rows, but a synthesised sample fills a row by itself; name the recipe "
                "of the samples as the mixture of another one that packs them"
            )
        multiple = self.packing.align
        if fault := align_fault(
            multiple, target_length=self.target_length, is_packed=self.pack, has_tokens=self.tokens
        ):
            raise ValueError(f"recipe {self.name!r} {fault}")
        if self.pack and self.fit and self.fit.truncate and self.fit.discard:
            raise ValueError(
                f"recipe {self.name!r} says twice what becomes of a document longer than a packed row; choose truncate "
                "or discard, or neither to split it"
            )
        return self

    @property
    def pads(self) -> bool:
        """Whether documents may be padded to a multiple of tokens; samples never are."""
        return self.pack and self.packing.align > 1 and not self.mixture

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
        if self.mix:
            return "mix"
        return "documents" if self.fit else "synthesis"

    @property
    def reading(self) -> ReadingSettings:
        """How documents are read and cut."""
        return ReadingSettings(
            chunking=self.chunking,
            on_bad_document=self.on_bad_document,
            on_secret=self.on_secret,
            filters=self.filters,
        )

    @property
    def ingredients(self) -> tuple[str, ...]:
        """The recipes whose rows it takes."""
        return tuple(part.recipe for part in self.mixture) + ((self.mix.recipe,) if self.mix else ())

    def with_ingredients(self, names: Mapping[str, str]) -> Self:
        """The same recipe with other names for the recipes whose rows it takes; one that is not given stays."""
        mixture = tuple(
            part.model_copy(update={"recipe": names.get(part.recipe, part.recipe)}) for part in self.mixture
        )
        mix = self.mix and self.mix.model_copy(update={"recipe": names.get(self.mix.recipe, self.mix.recipe)})
        return self.model_copy(update={"mixture": mixture, "mix": mix})

    @property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits over every choice that decides the rows: neither prose nor the corpus.

        A choice that recipes did not have once, made as it was then, is none: such a recipe is the one it always was.
        """
        values = self.public_values()
        chosen = {key: value for key, value in values.items() if key not in self.before or value != self.before[key]}
        del chosen["description"]
        return digest_of([BYTES_FORMAT, chosen])

    def with_pinned_filters(self) -> Self:
        """The same recipe with the content of all files that its filters read written out as digests.

        Raises:
            RecipeError: there is no such filter, it has not such settings, or a file is not the one that they name.
            DataError, StorageError, AuthError, NetworkError: a file cannot be read.
        """
        return self.model_copy(update={"filters": open_filters(self.filters).pinned()})

    def with_filters_at(self, places: Sequence[str]) -> Self:
        """The recipe of a manifest with files that its filters read where they lie on this machine.

        Raises:
            RecipeError: no filter reads such a file, or there is no such filter.
        """
        if not places or not self.filters:
            return self
        return self.model_copy(update={"filters": open_filters(self.filters).located(places)})

    def public_values(self) -> dict[str, Any]:
        """The recipe as a manifest holds it: without the corpus, which stands elsewhere in it, and without folders."""
        public = self.model_copy(update={"filters": published_settings(self.filters)})
        return public.model_dump(mode="json", exclude={"corpus"})

    def to_toml(self) -> str:
        """The resolved recipe: every choice written out, so that nothing depends on later defaults."""
        return tomli_w.dumps(without_none(self.model_dump(mode="json")))


def align_fault(multiple: int, *, target_length: int, is_packed: bool, has_tokens: bool = True) -> str:
    """Why documents cannot be multiples of so many tokens, as the end of a sentence; empty where they can.

    Args:
        multiple: 0 or 1 where they keep their lengths.
        target_length: tokens of a row.
        is_packed: documents share rows.
        has_tokens: the rows have ids.
    """
    if multiple <= 1:
        return ""
    given = argument("align", multiple)
    if not is_packed:
        return (
            f"aligns documents that share rows ({given}), but packs none; a row that is one document may be split "
            f"anywhere: leave out {argument('align')}"
        )
    if not has_tokens:
        return (
            f"aligns documents by tokens of padding ({given}), but its rows have no tokens; set tokens = true, or "
            f"leave out {argument('align')}"
        )
    if target_length % multiple:
        above = -(-target_length // multiple) * multiple
        lengths = f"{above - multiple:,} or {above:,}" if above > multiple else f"{above:,}"
        return (
            f"has rows of {target_length:,} tokens, no multiple of {multiple:,} ({given}); make rows of {lengths}, or "
            f"choose an {argument('align')} that divides {target_length:,}"
        )
    return ""


def recipe_names() -> list[str]:
    """The recipes that come with the package, shortest target first, those of several kinds of row behind them."""
    recipes = [load_recipe(name) for name in _known_names()]
    last = {"mixture": 1, "mix": 2, "conversations": 3}
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
    """The recipes of those names, and the ingredients that they take rows of; `overrides` hold for all.

    An ingredient that is not asked for itself is the recipe file of that name beside the file that names it, if there
    is one, else a recipe that comes with the package. A choice in a section that decides what rows are made of, such as
    `mix.documents`, holds for the recipes that have the section, one of `packing` for those that pack their rows.

    Raises:
        RecipeError: see `load_recipe`; or a name occurs twice, or two differ in capitals only, or no recipe has the
            section of a choice.
    """
    asked = list(names)
    common, apart = _told_apart(asked, overrides or {})

    def load(name: str) -> Recipe:
        recipe = load_recipe(name, common)
        own = {key: value for key, value in apart.items() if _has_section(recipe, _section_of(key))}
        return load_recipe(name, common | own) if own else recipe

    loaded = {name: load(name) for name in asked}
    taken = [loaded[name].name for name in asked]
    for name in taken:
        if taken.count(name) > 1:
            raise RecipeError(f"the configuration {name!r} was asked for {taken.count(name)} times; name it once")
    if two := same_folder(taken):
        raise RecipeError(f"the configurations {two[0]!r} and {two[1]!r} {ONE_FOLDER}")
    recipes: list[Recipe] = []
    ingredients: dict[str, Recipe] = {}
    for origin in asked:
        called: dict[str, str] = {}
        for name in loaded[origin].ingredients:
            if name not in taken:
                ingredient = load(_beside(origin, name))
                called[name] = ingredient.name
                if ingredient.name not in taken and ingredients.setdefault(ingredient.name, ingredient) != ingredient:
                    raise RecipeError(f"two recipes named {ingredient.name!r} are to be ingredients; rename one")
        recipes.append(loaded[origin].with_ingredients(called))
    return tuple(recipes), tuple(ingredients.values())


def _told_apart(names: Iterable[str], overrides: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Overrides for all recipes, and those for recipes that have their section already.

    Raises:
        RecipeError: a choice is inside a section that none of the recipes has.
    """
    common: dict[str, Any] = {}
    apart: dict[str, Any] = {}
    for key, value in overrides.items():
        (apart if _section_of(key) in _own_sections() else common)[key] = value
    found = {
        section
        for name in names
        if apart
        for section in _own_sections()
        if _has_section(load_recipe(name, common), section)
    }
    if "packing" not in found and (packing := [key for key in apart if _section_of(key) == "packing"]):
        raise RecipeError(
            f"{packing[0]} is set, but no recipe of this run packs its rows; leave it out, or name one that does: mix, "
            "instruct, or one with pack = true"
        )
    for key in [key for key in apart if _section_of(key) not in found]:
        if "." in key:
            raise RecipeError(
                f"{key} is set, but no recipe of this run has a section [{_section_of(key)}]; leave it out, or name a "
                "recipe that has one"
            )
        common[key] = apart.pop(key)
    return common, apart


def _section_of(key: str) -> str:
    return key.partition(".")[0]


def _own_sections() -> set[str]:
    """The sections that decide what rows are made of: a recipe has them or not."""
    return {"packing"} | {
        name
        for name, field in Recipe.model_fields.items()
        if field.default is None and any(_is_section(kind) for kind in getattr(field.annotation, "__args__", ()))
    }


def _has_section(recipe: Recipe, section: str) -> bool:
    return recipe.pack if section == "packing" else bool(getattr(recipe, section))


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Section)


def _beside(origin: str, name: str) -> str:
    """The recipe file of that name in the folder of the file `origin`; the name itself where there is none."""
    if Path(origin).suffix != ".toml" or Path(name).suffix == ".toml":
        return name
    neighbour = Path(origin).parent / f"{name}.toml"
    return str(neighbour) if neighbour.is_file() else name


def recorded_recipe(values: Mapping[str, Any]) -> Recipe:
    """The recipe that a manifest holds; what an older one does not name is what it was then, whatever it is now.

    Raises:
        pydantic.ValidationError: the values are no recipe of this version or an older one.
    """
    sections = {name: field.annotation for name, field in Recipe.model_fields.items()}
    known = {
        name: {**section.before, **value}
        for name, value in values.items()
        if isinstance(section := sections.get(name), type) and issubclass(section, Section)
    }
    return Recipe.model_validate({**Recipe.before, **values, **known})


def recorded_toml(values: Mapping[str, Any]) -> str:
    """The recipe that a manifest holds as a file, with the choices that it names and no others."""
    named = {name: values.get(name, ()) for name in Recipe.model_fields if name in values or name == "corpus"}
    return tomli_w.dumps(without_none(named))


def parse_recipe(content: bytes, origin: str, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """Check one recipe's TOML; `origin` is how messages call it.

    Raises:
        RecipeError: it is not TOML, or holds an unknown key or a wrong value.
    """
    try:
        values = with_main_choices(parse_toml(content.decode()), Recipe)
    except ValueError as error:
        raise RecipeError(f"{origin} is not TOML: {error}; mend that place") from error
    for key, value in (overrides or {}).items():
        _set(values, _steps(key, value), value, origin)
    try:
        recipe = Recipe.model_validate(values)
        return recipe.model_copy(update={"retrieval": resolved(recipe.retrieval)})
    except ValidationError as error:
        raise RecipeError(f"{origin}: {explain(error, Recipe)}") from error
    except RecipeError as error:
        raise RecipeError(f"{origin}: {error.message}") from error


def parse_setting(text: str) -> tuple[str, Any]:
    """Split `key=value` and read the value as TOML, a bare word as a string: `retrieval.k1=1.2`, `name=mine`.

    Raises:
        RecipeError: there is no `=`.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise RecipeError(f"--set {text!r} has no key or no value; write it as --set retrieval.k1=1.2")
    try:
        return key.strip(), parse_toml(f"value = {value.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()
    except ValueError as error:
        raise RecipeError(f"the value of {argument('set', key.strip())} cannot be read: {error}") from error


def _steps(key: str, value: Any) -> list[str]:
    """The steps of a dotted key; a section that is given as one word is gone into: `retrieval=hybrid`."""
    told = with_main_choices({key: value}, Recipe)[key]
    return key.split(".") if told is value else [key, *told]


def _set(values: dict[str, Any], path: list[str], value: Any, origin: str) -> None:
    for step in path[:-1]:
        values = values.setdefault(step, {})
        if not isinstance(values, dict):
            raise RecipeError(f"{origin}: {'.'.join(path)!r} goes through {step!r}, which is no table; check the key")
    values[path[-1]] = value


def _known_names() -> list[str]:
    return sorted(e.name.removesuffix(".toml") for e in files(_RECIPES).iterdir() if e.name.endswith(".toml"))


DEFAULT_SEED = 42
