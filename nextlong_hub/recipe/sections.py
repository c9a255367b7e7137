"""The sections of a recipe that belong to no stage below: fitting, conversations, packing, output, mixtures."""

from typing import ClassVar, Literal

from pydantic import Field

from nextlong_hub.core.settings import Section

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
