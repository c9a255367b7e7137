"""What `fit` takes: an existing dataset is to become one whose rows have a target length, exactly or nearly.

The published NExtLong files are one case in mind: their authors advise to truncate what is too long after tokenization,
to discard what is short, and never to concatenate without a document mask. Short texts are the other: packed, they
share rows, each with its own attention.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import pyarrow.parquet as pq

from nextlong_hub.corpus.in_memory import Source
from nextlong_hub.corpus.ingest import FoundCorpus
from nextlong_hub.corpus.naming import with_parts
from nextlong_hub.corpus.secrets import OnSecret
from nextlong_hub.corpus.settings import ReadingSettings, SourceSettings
from nextlong_hub.dataset.manifest import read_manifest
from nextlong_hub.dataset.schema import RowKind, kinds_of
from nextlong_hub.documents.lineage import retrieval_of
from nextlong_hub.errors import DataError, RecipeError, argument
from nextlong_hub.method.settings import WHOLE_DOCUMENT
from nextlong_hub.producer import special_tokens_of
from nextlong_hub.recipe import MOST_ALIGN, FitSettings, OutputSettings, PackingSettings, Recipe, align_fault
from nextlong_hub.tokenization import Tokenizer

Mode = Literal["truncate", "discard", "pack"]
"""What may be done to a text; see `FitRequest`."""

UNIT_DOCUMENTS = 1024
"""Documents in a unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitRequest:
    """What to fit, and how.

    Without `pack` a text longer than the target is cut with `truncate`, else left out, and a shorter one left out with
    `discard`, else kept as it is. With `pack` a shorter one shares a row with others; one longer than a row is cut with
    `truncate`, left out with `discard`, and with neither split into documents that fill rows.
    """

    source: Source
    """Where the texts are; a dataset folder of ours with one configuration is one, too."""
    tokenizer: str
    """A folder, a Hub name, or `demo`."""
    target_length: int
    """In tokens; packed, of a row at most."""
    modes: frozenset[Mode]
    """What may be done to a text."""
    samples: int | None = None
    """Stop at so many rows."""
    add_bos_token: bool = False
    """Put the tokenizer's `bos_token` before each document; it counts in the target."""
    add_eos_token: bool = False
    """Put its `eos_token` behind each document, and behind each piece of a split one."""
    align: int = 0
    """See `PackingSettings.align`."""
    on_bad_document: Literal["fail", "skip"] = "fail"
    """Stop at a text that cannot be read, or leave it out and count it."""
    on_secret: OnSecret = "mask"
    """See `Recipe.on_secret`."""
    filters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Settings of the filters that leave texts out, by the names of the filters."""

    @property
    def recipe(self) -> Recipe:
        """The recipe behind it.

        Raises:
            RecipeError: the target is below 1, the modes contradict each other, or documents cannot be aligned so.
        """
        target_length, modes = self.target_length, self.modes
        if target_length < 1:
            raise RecipeError(f"the target length is {target_length}, but it must be at least 1 token")
        if modes >= {"pack", "truncate", "discard"}:
            raise RecipeError(
                "pack with both truncate and discard says twice what becomes of a text longer than a row; choose "
                "pack,truncate to cut it, pack,discard to leave it out, or pack alone to split it"
            )
        if not 0 <= self.align <= MOST_ALIGN:
            raise RecipeError(
                f"{argument('align', self.align)} is no number of tokens from 1 to {MOST_ALIGN:,}; give 2·N to "
                "share a document among N devices"
            )
        if fault := align_fault(self.align, target_length=target_length, is_packed="pack" in modes):
            raise RecipeError(f"the fit {fault}")
        return Recipe(
            name=_config_name(target_length) + ("-packed" if "pack" in modes else ""),
            description=f"Texts fitted to {target_length:,} tokens: {_described(modes)}",
            target_length=target_length,
            add_bos_token=self.add_bos_token,
            add_eos_token=self.add_eos_token,
            on_bad_document=self.on_bad_document,
            on_secret=self.on_secret,
            filters={name: dict(settings) for name, settings in self.filters.items()},
            chunking=WHOLE_DOCUMENT,
            output=OutputSettings(unit_documents=UNIT_DOCUMENTS),
            retrieval=retrieval_of(self.source),
            fit=FitSettings(truncate="truncate" in modes, discard="discard" in modes),
            pack="pack" in modes,
            packing=PackingSettings(align=self.align),
        )


def settings_of(recipe: Recipe) -> FitSettings:
    """What may be done to documents; a recipe without `[fit]` splits those it packs, and cuts or discards others."""
    return recipe.fit or FitSettings(truncate=not recipe.pack, discard=not recipe.pack)


def whole_documents(recipe: Recipe) -> ReadingSettings:
    """How documents are read: each a chunk of its own, with the segments that rows of our own datasets have."""
    return replace(recipe.reading, chunking=WHOLE_DOCUMENT, keep_segments=True)


def require_room(recipe: Recipe, tokenizer: Tokenizer) -> None:
    """Make sure that a row has room for text beside its special tokens.

    Raises:
        RecipeError: it has not, or the tokenizer lacks one of them.
    """
    special = special_tokens_of(recipe, [tokenizer]).tokens
    if recipe.target_length <= special:
        raise RecipeError(
            f"a row of {recipe.target_length} tokens has no room for text beside the {special} special tokens asked "
            f"for; choose a longer {argument('target')}"
        )


def _described(modes: frozenset[Mode]) -> str:
    """What becomes of texts that have not the target length, in words."""
    longer = "cut" if "truncate" in modes else "discarded"
    if "pack" in modes:
        return f"shorter packed into rows, longer {longer if modes & {'truncate', 'discard'} else 'split'}"
    return f"longer {longer}, shorter {'discarded' if 'discard' in modes else 'kept'}"


def _config_name(target_length: int) -> str:
    """What a configuration of that length is called: 131,072 is `128k`, 1,000 is `1000`."""
    return f"{target_length // 1024}k" if target_length % 1024 == 0 else str(target_length)


def rows_of(source: Source) -> Source:
    """The rows of a source that is a dataset folder of ours, rather than all files of that folder.

    Raises:
        DataError: the folder has several configurations and none is named, or not the one that is.
    """
    if not isinstance(source, SourceSettings):
        return source
    settings = with_parts(source)
    folder = Path(settings.path)
    manifest = read_manifest(folder) if folder.is_dir() else None
    if manifest is None:
        return source
    name = settings.config or (next(iter(manifest.configs)) if len(manifest.configs) == 1 else "")
    if name not in manifest.configs:
        said = f"has no configuration {name!r}" if name else f"is a dataset of {len(manifest.configs)} configurations"
        raise DataError(f"{folder} {said}; name one of {', '.join(manifest.configs)} with {argument('config')}")
    return settings.model_copy(update={"path": str(folder / "data" / name), "config": None})


def refuse_packed_rows(corpus: FoundCorpus) -> None:
    """A packed row is no text: its documents stand back to back and must not see each other.

    Raises:
        DataError: a file of the corpus holds packed rows.
    """
    for path in dict.fromkeys(piece.location for piece in corpus.pieces if piece.format == "parquet"):
        try:
            names = pq.read_schema(path).names if Path(path).is_file() else []
        except (OSError, ValueError):
            continue  # reading the corpus says what is wrong with the file
        if "documents" in names and RowKind.PACKED in kinds_of(names):
            raise DataError(
                f"{path} holds packed rows, several documents back to back in each; take the texts that were packed"
            )
