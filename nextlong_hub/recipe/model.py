"""A recipe: every choice that decides the bytes of a configuration, their check, and their fingerprint."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import tomli_w
from pydantic import Field, model_validator

from nextlong_hub.core.config_names import ConfigName
from nextlong_hub.core.files import digest_of
from nextlong_hub.core.settings import BYTES_FORMAT, Section, with_main_choices, with_tuples, without_none
from nextlong_hub.corpus.filters import open_filters, published_settings
from nextlong_hub.corpus.secrets import OnSecret
from nextlong_hub.corpus.settings import ReadingSettings, SourceSettings
from nextlong_hub.errors import argument
from nextlong_hub.method.settings import (
    ANY_REPETITION,
    ChunkingSettings,
    InterleaveSettings,
    MetaDocumentSettings,
    NegativeSettings,
    RepetitionSettings,
)
from nextlong_hub.recipe.sections import (
    ConversationSettings,
    FitSettings,
    Ingredient,
    MixSettings,
    OutputSettings,
    PackingSettings,
)
from nextlong_hub.retrieval.settings import RetrievalSettings


class Recipe(Section):
    """A named configuration of a dataset."""

    left_out_when_empty: ClassVar[frozenset[str]] = frozenset({"filters", "producer", "options", "mix"})
    before: ClassVar[Mapping[str, Any]] = {"on_secret": "keep", "repetition": ANY_REPETITION.model_dump(mode="json")}

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
    repetition: RepetitionSettings = RepetitionSettings()
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
