"""The YAML header: what `load_dataset` and the Hub read of a card."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nextlong_hub.datacard.commands import COMMANDS, producers_of
from nextlong_hub.datacard.header_text import Header
from nextlong_hub.datacard.licences import DerivedLicence, derive_licence
from nextlong_hub.datacard.lint import LANGUAGE, SIZE_CATEGORIES
from nextlong_hub.datacard.sources import languages_of_rows
from nextlong_hub.datacard.text import parse_card
from nextlong_hub.dataset.config_record import FileRecord
from nextlong_hub.dataset.manifest import Manifest
from nextlong_hub.recipe import default_config

_FIRST_LIMIT = 1_000
_LEAST_SHARE = 0.01
"""Of the documents of a source, for a language that its rows state."""
PREVIEW_SPLIT = "preview"
"""Another one than that of the rows: a reader of every configuration's `train` takes no beginning for a row."""


def make_header(folder: Path, manifest: Manifest) -> tuple[Header, DerivedLicence]:
    """The header of a dataset's card, and what is to be said about its licence.

    Languages are those that sources state; none is guessed, for a wrong one is worse than none.

    Raises:
        FileNotFoundError: a file of the manifest is missing.
        RecipeError: no installed package has the producer of a recipe.
    """
    licence = derive_licence([one for source in manifest.corpus.sources for one in source.licences])
    header: Header = {"pretty_name": pretty_name(manifest)}
    if languages := stated_languages(manifest):
        header["language"] = languages
    header["license"] = licence.licence
    if licence.name is not None:
        header["license_name"] = licence.name
    if any(config.segments.negative for config in manifest.configs.values()):
        header["annotations_creators"] = ["machine-generated"]  # segments: roles, ranks and scores
    header["task_categories"] = ["text-generation"]
    header["tags"] = [
        "long-context",
        *(tag for producer in producers_of(manifest) for tag in producer.tags),
        "nextlong-hub",
    ]
    header["size_categories"] = [size_category(sum(config.rows for config in manifest.configs.values()))]
    sources = list(dict.fromkeys(name for source in manifest.corpus.sources if (name := source.hub_name)))
    if sources:
        header["source_datasets"] = sources
    header["configs"] = configs_of(manifest)
    infos = [_info(folder, name, config.files, "train") for name, config in manifest.configs.items()]
    infos += [_info(folder, one.name, [one.file], PREVIEW_SPLIT) for one in manifest.previews.values()]
    header["dataset_info"] = infos if len(infos) > 1 else infos[0]  # as `datasets` writes it
    return header, licence


def stated_languages(manifest: Manifest) -> list[str]:
    """The languages that the sources state, in their cards or row by row, as far as the Hub knows them by these codes.

    A language of few rows is left to the text of the card: whoever looks for texts in it looks for more of them.
    """
    stated = [
        language
        for source in manifest.corpus.sources
        for language in (*source.languages, *languages_of_rows(source, least_share=_LEAST_SHARE))
    ]
    return list(dict.fromkeys(language for language in stated if LANGUAGE.fullmatch(language)))


def pretty_name(manifest: Manifest) -> str:
    """What the dataset is called at the top of its page."""
    lengths = {int(config.recipe["target_length"]) for config in manifest.configs.values()}
    *most, last = [_binary(length) for length in sorted(lengths)]
    sizes = f"{', '.join(most)} and {last}" if most else last
    return f"{COMMANDS[manifest.kind].title(manifest)} {sizes} tokens"


def configs_of(manifest: Manifest) -> list[dict[str, Any]]:
    """Each configuration with its files by their exact names, so that a stray file can never become data."""
    entries = []
    for name, config in manifest.configs.items():
        entry: dict[str, Any] = {"config_name": name}
        if name == default_config(manifest.configs):
            entry["default"] = True
        entry["data_files"] = [{"split": "train", "path": [file.path for file in config.files]}]
        entries.append(entry)
    for preview in manifest.previews.values():
        # Never the default: whoever names no configuration wants rows to train on.
        files = [{"split": PREVIEW_SPLIT, "path": [preview.file.path]}]
        entries.append({"config_name": preview.name, "data_files": files})
    return entries


def lists_files_of(card: str, manifest: Manifest) -> bool:
    """Whether a card, edited by hand or not, still tells `load_dataset` exactly the files of the manifest."""
    try:
        return bool(parse_card(card).header.get("configs") == configs_of(manifest))
    except ValueError:
        return False


def size_category(rows: int) -> str:
    """The Hub's size category for a number of rows."""
    category, limit = 0, _FIRST_LIMIT
    while rows >= limit and category < len(SIZE_CATEGORIES) - 1:
        category, limit = category + 1, limit * 10
    return SIZE_CATEGORIES[category]


def _info(folder: Path, name: str, files: Sequence[FileRecord], split: str) -> dict[str, Any]:
    """What `datasets` keeps about a configuration; sizes are those of the content, uncompressed."""
    content_bytes = 0
    schema = pa.schema([])
    for file in files:
        metadata = pq.read_metadata(folder / file.path)
        schema = metadata.schema.to_arrow_schema()
        content_bytes += sum(metadata.row_group(n).total_byte_size for n in range(metadata.num_row_groups))
    return {
        "config_name": name,
        "features": [_feature(field) for field in schema],
        "splits": [{"name": split, "num_bytes": content_bytes, "num_examples": sum(file.rows for file in files)}],
        "download_size": sum(file.bytes for file in files),
        "dataset_size": content_bytes,
    }


def _feature(field: pa.Field) -> dict[str, Any]:
    """One column in the notation of `datasets`."""
    kind = field.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        return {"name": field.name, "dtype": _dtype(kind)}
    inner = kind.value_type
    if pa.types.is_struct(inner):
        return {"name": field.name, "list": [_feature(part) for part in inner]}
    return {"name": field.name, "list": _dtype(inner)}


def _dtype(kind: pa.DataType) -> str:
    names: Mapping[pa.DataType, str] = {pa.float32(): "float32", pa.float64(): "float64"}
    return names.get(kind, str(kind))


def _binary(tokens: int) -> str:
    return f"{tokens // 1024}K" if tokens % 1024 == 0 else f"{tokens:,}"
