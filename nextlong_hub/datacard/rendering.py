"""A finished dataset folder becomes a card: numbers and names go into the template, pictures beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from nextlong_hub.datacard.escaping import Markdown, code, escape, fenced
from nextlong_hub.datacard.header import default_config, make_header, pretty_name
from nextlong_hub.datacard.pictures import draw_pictures
from nextlong_hub.datacard.reproduction import command_of
from nextlong_hub.datacard.sample import sample_of
from nextlong_hub.datacard.text import Card, format_card, ledger_of, parse_card
from nextlong_hub.errors import DataError
from nextlong_hub.manifest import Manifest
from nextlong_hub.recipe import Recipe
from nextlong_hub.stats import ConfigStats, DatasetStats, Distribution, measure_folder

_TEMPLATE = "dataset_card.md"
_MANY_TOKENS = 4_000_000_000
_FEW_SOURCES = 3
"""The authors' advice: from 4B tokens on, mix at least three sources."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedCard:
    """A card as it is generated, before anybody's edits."""

    text: str
    pictures: Mapping[str, bytes]
    """PNG by path in the dataset."""
    warnings: tuple[str, ...]
    """What a person should hear."""


def generate_card(folder: Path, manifest: Manifest, *, plots: bool = True) -> GeneratedCard:
    """Write the card of a dataset from its manifest and its rows.

    The same folder gives the same text on every machine; YAML lists each file by its exact name.

    Args:
        folder: where the files of the manifest lie.
        manifest: what the dataset is, written to the folder or about to be.
        plots: draw pictures and show them.

    Raises:
        DataError: a file is missing or damaged.
    """
    stats = measure_folder(folder, manifest)
    try:
        header, licence = make_header(folder, manifest)
    except FileNotFoundError as error:
        raise DataError(f"{error.filename} is missing; run the command that made the dataset again") from error
    pictures = draw_pictures(stats) if plots else {}
    template = _environment().from_string(_prose(_TEMPLATE))
    body = template.render(
        manifest=manifest,
        stats=stats,
        title=pretty_name(manifest),
        tokenizers=[_tokenizer(name) for name in _tokenizer_names(manifest)],
        default=default_config(manifest),
        licence=licence,
        header=header,
        command=fenced(command_of(manifest), "sh"),
        recipes=_recipes(manifest),
        pictures=frozenset(path.rpartition("/")[2].removesuffix(".png") for path in pictures),
        sample=sample_of(folder, manifest),
        is_few_sources=_is_large_from_few_sources(manifest, stats),
        **_kinds(manifest, stats),
    )
    sections = {name: content for name, content in parse_card(body).sections.items() if content.strip()}
    text = format_card(Card(header=header, sections=sections, ledger=ledger_of(header, sections)))
    warnings = [licence.warning] if licence.warning else []
    return GeneratedCard(text=text, pictures=pictures, warnings=tuple(f"license: {warning}" for warning in warnings))


def _environment() -> SandboxedEnvironment:
    """Templates in which every value is escaped unless it is known to be Markdown."""
    environment = SandboxedEnvironment(
        loader=_Prose(),
        undefined=StrictUndefined,
        finalize=escape,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "code": code,
        "count": _count,
        "share": lambda part, whole: Markdown(f"{part / whole:.1%}" if whole else "-"),
        "number": lambda value: Markdown(f"{value:,.0f}" if abs(value) >= 10 else f"{value:,.2f}"),
        "spread": _spread,
        "megabytes": _megabytes,
        "strong": lambda value: Markdown(f"**{escape(value)}**"),
        "words": lambda identifier: str(identifier).replace("_", " "),
    }
    return environment


class _Prose(BaseLoader):
    """The files of `cards/`, by name."""

    def get_source(self, environment: Any, template: str) -> tuple[str, str | None, None]:
        return _prose(template), None, None


def _prose(name: str) -> str:
    return files("nextlong_hub.cards").joinpath(name).read_text(encoding="utf-8")


def _tokenizer_names(manifest: Manifest) -> list[str]:
    return [record.name for record in manifest.portability] or [manifest.tokenizer.name]


def _tokenizer(name: str) -> Markdown:
    """What a reader knows a tokenizer by."""
    return Markdown(f"GPT-2 ({code(name)})") if name == "demo" else code(name)


def _recipes(manifest: Manifest) -> list[Recipe]:
    return [Recipe.model_validate(config.recipe) for config in manifest.configs.values()]


def _kinds(manifest: Manifest, stats: DatasetStats) -> dict[str, bool]:
    """What the card must speak of."""
    return {
        "is_synthesised": any(_negatives(config) for config in stats.configs),
        "is_packed": any(config.packing for config in stats.configs),
        "is_spoken": any(config.conversations for config in manifest.configs.values()),
        "has_tokens": all(config.recipe.get("tokens", True) for config in manifest.configs.values()),
        "has_samples": any(config.packing is None for config in stats.configs),
    }


def _negatives(config: ConfigStats) -> int:
    return config.segments.negatives if config.segments else 0


def _is_large_from_few_sources(manifest: Manifest, stats: DatasetStats) -> bool:
    return (
        len(manifest.corpus.sources) < _FEW_SOURCES
        and max((config.tokens for config in stats.configs), default=0) > _MANY_TOKENS
    )


def _count(value: int | None) -> Markdown:
    return Markdown("-" if value is None else f"{value:,}")


def _spread(distribution: Distribution | None) -> Markdown:
    """Median, and between what nine tenths lie."""
    if distribution is None:
        return Markdown("-")
    low, high = distribution.quantiles["5%"], distribution.quantiles["95%"]
    return Markdown(
        _short(distribution.median)
        if low == high
        else f"{_short(distribution.median)} ({_short(low)} to {_short(high)})"
    )


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _megabytes(value: int | None) -> Markdown:
    if value is None:
        return Markdown("-")
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if value >= scale:
            return Markdown(f"{value / scale:.1f} {unit}")
    return Markdown(f"{value} bytes")
