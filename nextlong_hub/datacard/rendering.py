"""Render the card of a finished dataset folder from the templates in `cards/`, with its pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from nextlong_hub.datacard.commands import command_of, mix_command, needs_of, recommended_config
from nextlong_hub.datacard.decontamination import decontaminations
from nextlong_hub.datacard.escaping import Markdown, code, escape, fenced
from nextlong_hub.datacard.header import make_header, pretty_name
from nextlong_hub.datacard.header_text import Header
from nextlong_hub.datacard.pictures import draw_pictures
from nextlong_hub.datacard.readings import reading_of
from nextlong_hub.datacard.runs import runs_of
from nextlong_hub.datacard.sample import sample_of
from nextlong_hub.datacard.sources import insistences, languages_told, source_rows
from nextlong_hub.datacard.text import Card, digests_of, format_card, parse_card
from nextlong_hub.dataset.links import thin_rows
from nextlong_hub.dataset.manifest import Manifest
from nextlong_hub.dataset.preview import PREVIEW_CHARACTERS, PREVIEW_ENTRIES, VIEWER_ROW_BYTES
from nextlong_hub.dataset.proportions import uneven_proportions
from nextlong_hub.dataset.schema import (
    DOCUMENT_LENGTHS,
    LOSS_MASK,
    RowContents,
    RowKind,
    column_table,
    kinds_of,
    stored_names,
)
from nextlong_hub.dataset.secrets import keeps_secrets, secrets_of
from nextlong_hub.dataset.stop_words import stop_words_phrases
from nextlong_hub.errors import DataError
from nextlong_hub.method.guard import PassedOver
from nextlong_hub.producer import producer_of
from nextlong_hub.recipe import Recipe, default_config, recorded_recipe
from nextlong_hub.retrieval import describe, is_control, repeats_own
from nextlong_hub.stats import DatasetStats, Distribution, measure_folder
from nextlong_hub.stats.shape import score_names
from nextlong_hub.tokenization import EMBEDDED

_TEMPLATE = "dataset_card.md"
_MANY_TOKENS = 4_000_000_000
_FEW_SOURCES = 3
"""The authors advise at least three sources from this many tokens on."""

_REASONS = {
    PassedOver.BARRED.value: "barred",
    PassedOver.HIGH_RANK.value: "ranked too high",
    PassedOver.REPEATS_NEGATIVE.value: "near-copies of another negative of the row",
    PassedOver.REPEATS_ROW.value: "repeating what the row holds",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedCard:
    """A card as it is generated, before edits made by hand."""

    text: str
    pictures: Mapping[str, bytes]
    """PNG by path in the dataset."""
    warnings: tuple[str, ...]
    """Warnings for the user, one sentence each."""


def generate_card(folder: Path, manifest: Manifest, *, plots: bool = True) -> GeneratedCard:
    """Write the card of a dataset from its manifest and its rows.

    The same folder gives the same text on every machine; YAML lists each file by its exact name.

    Args:
        folder: folder that holds the files of the manifest.
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
    body = (
        _environment()
        .get_template(_TEMPLATE)
        .render(
            manifest=manifest,
            stats=stats,
            licence=licence,
            pictures=frozenset(path.rpartition("/")[2].removesuffix(".png") for path in pictures),
            sample=sample_of(folder, manifest),
            **_names(manifest),
            **_numbers(manifest, stats, header),
            **_kinds(manifest, _contents(manifest, stats, header)),
        )
    )
    sections = {name: content for name, content in parse_card(body).sections.items() if content.strip()}
    text = format_card(Card(header=header, sections=sections, digests=digests_of(header, sections)))
    remedy = (
        'say it with --license (in Python license=), in a recipe ([[corpus]] license = "cc0-1.0"), or in the header '
        "of the card"
    )
    doubt = f"The license of the dataset is not settled: {licence.warning}; {remedy}"
    warnings = [doubt] if licence.warning else []
    warnings += [f"A license was insisted upon against the data: {one}." for one in insistences(manifest)]
    return GeneratedCard(text=text, pictures=pictures, warnings=tuple(warnings))


@cache
def _environment() -> SandboxedEnvironment:
    """Templates in which every value is escaped unless it is known to be Markdown; each is compiled once a process."""
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
        "listed": lambda values: Markdown(", ".join(map(escape, values))),
        "median": lambda spread: Markdown("-" if spread is None else _short(spread.median)),
        "number": lambda value: Markdown(f"{value:,.0f}" if abs(value) >= 10 else f"{value:,.2f}"),
        "percent": lambda share: Markdown(f"{share:.0%}"),
        "range": _range,
        "reason": _REASONS.get,
        "share": lambda part, whole: Markdown(f"{part / whole:.1%}" if whole and part is not None else "-"),
        "size": _size,
        "spread": _spread,
        "strong": lambda value: Markdown(f"**{escape(value)}**"),
        "sentence": lambda text: text[:1].upper() + text[1:],
        "words": lambda identifier: str(identifier).replace("_", " ").replace("-", " "),
    }
    return environment


class _Prose(BaseLoader):
    """The files of `cards/`, by name."""

    def get_source(self, environment: Any, template: str) -> tuple[str, str | None, None]:
        return _prose(template), None, None


def _prose(name: str) -> str:
    return files("nextlong_hub.cards").joinpath(name).read_text(encoding="utf-8")


def _names(manifest: Manifest) -> dict[str, Any]:
    """Template variables: names."""
    tokenizers = [record.name for record in manifest.portability] or [manifest.tokenizer.name]
    return {
        "title": pretty_name(manifest),
        "default": default_config(manifest.configs),
        "viewer_row_bytes": VIEWER_ROW_BYTES,
        "preview_characters": PREVIEW_CHARACTERS,
        "preview_entries": PREVIEW_ENTRIES,
        "recommended": recommended_config(manifest),
        "mix_command": fenced(mix_command(manifest), "sh") if mix_command(manifest) else "",
        "tokenizers": [Markdown(f"GPT-2 ({code(name)})") if name == EMBEDDED else code(name) for name in tokenizers],
        "sources": source_rows(manifest),
        "insistences": insistences(manifest),
        "languages": Markdown(languages_told(manifest)),
        "readings": {source.name: reading_of(source) for source in manifest.corpus.sources},
        "is_made_again": bool(runs_of(manifest)),
        "command": fenced(command_of(manifest), "sh"),
        "needs": needs_of(manifest),
    }


def _numbers(manifest: Manifest, stats: DatasetStats, header: Header) -> dict[str, Any]:
    """Template variables: counts, and the settings behind them."""
    recipes = [recorded_recipe(config.recipe) for config in manifest.configs.values()]
    behind = [recipe for config in manifest.configs.values() for recipe in config.row_recipes.values()]
    methods = _methods(behind)
    content_bytes = {info["config_name"]: info["dataset_size"] for info in _infos(header)}
    default = default_config(manifest.configs)
    return {
        "recipes": recipes,
        "methods": methods,
        "preferences": [
            (recipe.name, power)
            for recipe in {recipe.name: recipe for recipe in behind if producer_of(recipe).retrieves}.values()
            if (power := recipe.meta_documents.preference_at(recipe.target_length))
        ],
        "searches": list(dict.fromkeys(describe(recipe.retrieval) for recipe in methods)),
        "controls": list(dict.fromkeys(describe(r.retrieval) for r in methods if is_control(r.retrieval))),
        "is_all_control": bool(methods) and all(is_control(recipe.retrieval) for recipe in methods),
        "is_apart": bool(methods) and all(recipe.interleave.layout == "none" for recipe in methods),
        "may_repeat": any(repeats_own(recipe.retrieval) for recipe in methods),
        "recalls": [
            (name, config.synthesis.recall)
            for name, config in manifest.configs.items()
            if config.synthesis and config.synthesis.recall is not None
        ],
        "stop_words": stop_words_phrases(
            {name: found for config in manifest.configs.values() for name, found in config.row_stop_words.items()}
        ),
        "score_names": score_names(stats.configs),
        "has_links": any(config.links for config in stats.configs),
        "thin_rows": [
            (config.config, thin)
            for config in stats.configs
            if config.links and (thin := thin_rows(config.links.links.mean, config.links.meta_percent.mean))
        ],
        "row_bytes": content_bytes[default] // max(1, manifest.configs[default].rows),
        "aligned": [
            (name, config.packing.align, config.packing.padding_tokens)
            for name, config in manifest.configs.items()
            if config.packing is not None and config.packing.align > 1
        ],
        "mixes": [config for config in stats.configs if config.mix is not None],
        "repeats": [config for config in stats.configs if config.repeats],
        "outcomes": [config for config in stats.configs if config.outcome is not None],
        "shared_documents": sum(pair.documents for pair in stats.overlaps),
        "proportions": {name: uneven_proportions(config) for name, config in manifest.configs.items()},
        "not_exact": sum(config.not_exact for config in manifest.configs.values()),
        "is_few_sources": len(manifest.corpus.sources) < _FEW_SOURCES
        and max((config.tokens for config in stats.configs), default=0) > _MANY_TOKENS,
    }


def _methods(recipes: Sequence[Recipe]) -> list[Recipe]:
    """Of the recipes by which samples were synthesised, the first one of each way to do it."""
    chosen: dict[str, Recipe] = {}
    for recipe in recipes:
        if producer_of(recipe).retrieves:
            choices = recipe.model_dump_json(
                include={"chunking", "meta_documents", "retrieval", "negatives", "interleave"}
            )
            chosen.setdefault(choices, recipe)
    return list(chosen.values())


def _kinds(manifest: Manifest, contents: RowContents) -> dict[str, Any]:
    """Template variables: which kinds of content the card describes."""
    is_told = contents.synthesised or manifest.kind != "build"
    return {
        "introductions": [f"{manifest.kind}.md"] * is_told + ["conversations.md"] * contents.conversations,
        "columns": [(name, Markdown(meaning)) for name, meaning in column_table(contents)],
        "is_synthesised": contents.synthesised,
        "is_packed": RowKind.PACKED in contents.kinds,
        "has_conversations": contents.conversations,
        "decontaminations": decontaminations(manifest),
        "secrets": secrets_of(manifest),
        "keeps_secrets": keeps_secrets(manifest),
        "mask_column": Markdown(contents.stored_name(LOSS_MASK)),
        "lengths_column": Markdown(contents.stored_name(DOCUMENT_LENGTHS)),
        "has_earlier_names": bool(contents.earlier),
        "is_masked": RowKind.WITH_MASK in contents.kinds,
        "has_tokens": RowKind.WITH_TOKENS in contents.kinds,
        "has_samples": RowKind.SAMPLE in contents.kinds,
    }


def _contents(manifest: Manifest, stats: DatasetStats, header: Header) -> RowContents:
    """What the rows of all configurations hold; token ids are described only where every configuration has them."""
    stored = [stored_names([feature["name"] for feature in info["features"]]) for info in _infos(header)]
    kinds = [kinds_of(names) for names in stored]
    partly = {RowKind.WITH_TOKENS} - frozenset.intersection(*kinds)
    recipes = [recipe for config in manifest.configs.values() for recipe in config.row_recipes.values()]
    framing = {
        "its BOS token": any(recipe.add_bos_token for recipe in recipes),
        "its EOS token": any(recipe.add_eos_token for recipe in recipes),
    }
    return RowContents(
        kinds=frozenset.union(*kinds) - partly,
        synthesised=any(config.segments and config.segments.negatives for config in stats.configs),
        conversations=any(config.conversations for config in manifest.configs.values()),
        imported=manifest.kind == "import",
        earlier=frozenset(name for names in stored for name, own in names.items() if name != own),
        framing=" and ".join(name for name, is_added in framing.items() if is_added),
        score=_score_column(score_names(stats.configs)),
    )


def _infos(header: Header) -> list[dict[str, Any]]:
    info = header["dataset_info"]
    return info if isinstance(info, list) else [info]


def _count(value: int | None) -> Markdown:
    return Markdown("-" if value is None else f"{value:,}")


def _spread(distribution: Distribution | None) -> Markdown:
    """Median, and the interval that holds nine tenths."""
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


def _range(distribution: Distribution | None) -> Markdown:
    """From the smallest value to the largest."""
    if distribution is None:
        return Markdown("-")
    low, high = f"{distribution.minimum:,.0f}", f"{distribution.maximum:,.0f}"
    return Markdown(low if low == high else f"{low} to {high}")


def _score_column(names: Sequence[str]) -> Markdown:
    """The column `score` among the names of what it holds: BM25 `score`."""
    before, word, behind = " or ".join(names).rpartition("score")
    return Markdown(f"{escape(before)} `score`{escape(behind)}".lstrip() if word else f"`score` ({escape(behind)})")


def _size(value: int | None) -> Markdown:
    if value is None:
        return Markdown("-")
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if value >= scale:
            return Markdown(f"{value / scale:.1f}&nbsp;{unit}")
    return Markdown(f"{value}&nbsp;bytes")
