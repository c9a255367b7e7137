"""What a card says of the command that made a dataset: a title for its rows, and how to make them again."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil

from nextlong_hub.corpus import DEMO
from nextlong_hub.corpus.licences import with_insistence
from nextlong_hub.datacard.decontamination import decontamination_of, has_local_benchmarks, options_of
from nextlong_hub.datacard.escaping import Markdown, shell_word
from nextlong_hub.datacard.runs import runs_of
from nextlong_hub.dataset.config_record import ConfigRecord, IngredientRecord
from nextlong_hub.dataset.corpus_record import ReadingRecord, SourceRecord
from nextlong_hub.dataset.manifest import Manifest
from nextlong_hub.errors import RecipeError
from nextlong_hub.producer import Producer, producer_of
from nextlong_hub.recipe import Recipe, default_config, load_recipe, recorded_recipe

_ROUNDING = 1e-6
_SHARDS = "SHARDS"
_INDENT = " \\\n    "
_OUTPUT = "--output again"
_MIXED = "64k"
"""The recipe whose samples `mix` takes unless it is told another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What a card says of the datasets that one command makes."""

    title: Callable[[Manifest], str]
    """What the rows are called, before their lengths."""
    corpus: Callable[[Manifest], str]
    """What must be at hand to read the corpus again; empty where nothing is."""
    again: Callable[[Manifest], str]
    """The command that makes the dataset again."""


def command_of(manifest: Manifest) -> str:
    """The command, for a shell in a copy of the dataset folder that also holds the sources.

    Local files are named as the manifest names them: without their folders.
    """
    return COMMANDS[manifest.kind].again(manifest)


def recommended_config(manifest: Manifest) -> str:
    """The configuration to train on: one with ordinary documents beside the samples, else that of `default_config`."""
    mixes = [name for name, config in manifest.configs.items() if config.mix_share is not None]
    return mixes[0] if mixes else default_config(manifest.configs)


def mix_command(manifest: Manifest) -> str:
    """The command that makes a mix of the samples of a dataset and ordinary documents, for a shell as in `command_of`.

    Empty where the dataset has no samples, or has a mix already.
    """
    samples = {name: config for name, config in manifest.configs.items() if config.segments.negative}
    if manifest.kind != "build" or not samples or any(config.mix_share for config in samples.values()):
        return ""
    plain = [name for name, config in samples.items() if not config.mixture] or list(samples)
    name = default_config(plain)
    part = recorded_recipe(samples[name].recipe)
    settings = []
    if part.name != _MIXED or _named(samples[name]) != _MIXED:
        source = part.name if _named(samples[name]) == part.name else f"recipes/{part.name}.toml"
        settings = [f"--set mix.recipe={source} --set target_length={part.target_length}"]
    parts = [
        "nextlong-hub build mix",
        *settings,
        *_compared(part),
        *_secret_options(samples[name]),
        *([] if _is_demo(manifest) else _corpus(manifest)),
        *_tokenizers(manifest)[:1],
        "--output mixed",
    ]
    return _INDENT.join(parts)


def _compared(recipe: Recipe) -> list[str]:
    """The options that decontaminate rows of `build` as those of a recipe."""
    found = decontamination_of(recipe)
    if found is None:
        return []
    defaults = type(found).model_fields
    settings = [
        f"--set filters.decontaminate.{name}={getattr(found, name)}"
        for name in ("run_words", "distinct_words")
        if getattr(found, name) != defaults[name].default
    ]
    return [*options_of(recipe), *([f"--contaminated {found.action}"] if found.action != "drop" else []), *settings]


def _secret_options(config: ConfigRecord, usual: str = "mask") -> list[str]:
    """What becomes of secrets, where it is not what the command does anyway; older versions had no such choice."""
    fate = config.recipe.get("on_secret", usual)
    return [] if fate == usual else [f"--on-secret {fate}"]


def needs_of(manifest: Manifest) -> Markdown:
    """What must be at hand for the command, as the end of a sentence."""
    version = manifest.version
    needs = [f"nextlong-hub {version} (`pip install nextlong-hub=={version}`)"]
    if corpus := COMMANDS[manifest.kind].corpus(manifest):
        needs.append(corpus)
    if has_local_benchmarks(manifest):
        needs.append("the files of the benchmarks it is compared with")
    tokenizers = [(record.name, record.revision) for record in manifest.portability[1:]]
    tokenizers.append((manifest.tokenizer.name, manifest.tokenizer.revision))
    if any(name != DEMO and "/" not in name and revision is None for name, revision in tokenizers):
        needs.append("the folder of its tokenizer")
    return Markdown(f"{', '.join(needs[:-1])} and {needs[-1]}" if needs[:-1] else needs[0])


def producers_of(manifest: Manifest) -> list[Producer]:
    """What made the rows, those that retrieve first.

    Raises:
        RecipeError: no installed package has one of them.
    """
    recipes = [recipe for config in manifest.configs.values() for recipe in config.row_recipes.values()]
    return sorted({recipe.kind: producer_of(recipe) for recipe in recipes}.values(), key=lambda one: not one.retrieves)


def _build_again(manifest: Manifest) -> str:
    commands = []
    for run in runs_of(manifest) or [list(manifest.configs)]:
        configs = {name: manifest.configs[name] for name in run}
        samples = [
            f"--samples {name}={config.rows}"
            for name, config in configs.items()
            if not (_is_whole(config) or _is_limited(config, manifest))
        ]
        parts = [
            " ".join(["nextlong-hub build", *(_named(config) for config in configs.values())]),
            *([] if _is_demo(manifest) else _corpus(manifest)),
            *_tokenizers(manifest),
            " ".join([*samples, f"--seed {manifest.seed}", _OUTPUT]),
        ]
        commands.append(_INDENT.join(parts))
    return "\n".join(commands)


def _is_limited(config: ConfigRecord, manifest: Manifest) -> bool:
    """Whether a mixture cannot be asked for by its number of rows: that takes more of an ingredient than there are."""
    recipe = recorded_recipe(config.recipe)
    parts = {
        name: part for name, part in config.mixture.items() if part.made and part.rows and recipe.kind == "mixture"
    }
    together = {
        name: recipe.target_length * part.rows // part.tokens if recipe.pack else 1 for name, part in parts.items()
    }
    rates = {
        part.recipe: part.share * parts[part.recipe].rows / parts[part.recipe].tokens / max(1, together[part.recipe])
        for part in recipe.mixture
        if part.recipe in parts
    }
    return any(
        ceil(config.rows * rate / sum(rates.values()) - _ROUNDING) * together[name] > parts[name].made
        for name, rate in rates.items()
        if name not in manifest.configs
    )


def _is_whole(config: ConfigRecord) -> bool:
    """Whether every document that could be packed was tried and stands in a row: then no number of rows was asked for.

    Said with a number of rows, packing might end before the last documents, which may fill up rows.
    """
    made = config.synthesis
    return (
        config.packing is not None and made is not None and not made.left and made.candidates == made.eligible_documents
    )


def _fit_title(manifest: Manifest) -> str:
    is_packed = any(config.packing for config in manifest.configs.values())
    return "Long-context rows of up to" if is_packed else "Long-context texts of"


def _fit_again(manifest: Manifest) -> str:
    source = shell_word(manifest.corpus.sources[0].path) + _part_options(manifest.corpus.sources[0], config=True)
    commands = []
    for config in manifest.configs.values():
        is_part = config.synthesis is not None and config.synthesis.candidates < manifest.corpus.documents
        if config.packing and config.synthesis:
            is_part |= config.packing.documents - config.packing.continued_documents < config.synthesis.kept
        samples = f" --samples {config.rows}" if is_part else ""
        compared = [*options_of(recorded_recipe(config.recipe)), *_secret_options(config)]
        options = f"{_fit_options(config)}{samples} {_OUTPUT}"
        commands.append(_INDENT.join([f"nextlong-hub fit {source}", *_tokenizers(manifest), *compared, options]))
    return "\n".join(commands)


def _import_again(manifest: Manifest) -> str:
    first = manifest.corpus.sources[0]
    path = f"{first.path}:{first.reading.config}" if first.reading.config else first.path
    is_shards = _is_of_shards(manifest)
    source = _SHARDS if is_shards else shell_word(path) + _part_options(first, config=False)
    return "\n".join(
        _INDENT.join(
            [
                f"nextlong-hub import {source}",
                *_tokenizers(manifest),
                *options_of(recorded_recipe(config.recipe)),
                *_secret_options(config, "keep" if is_shards else "mask"),
                f"--config {shell_word(name)} {_OUTPUT}",
            ]
        )
        for name, config in manifest.configs.items()
    )


def _source_files(manifest: Manifest) -> str:
    is_needed = not _is_demo(manifest) and any(_is_local(source) for source in manifest.corpus.sources)
    return "the files of its sources" if is_needed else ""


def _shards_or_files(manifest: Manifest) -> str:
    if _is_of_shards(manifest):
        return f"the folder of shards that was imported in place of `{_SHARDS}`"
    return _source_files(manifest)


def _tokenizers(manifest: Manifest) -> list[str]:
    names = [] if _is_demo(manifest) else [manifest.tokenizer.name]
    names += [record.name for record in manifest.portability[1:]]
    return [f"--tokenizer {shell_word(name)}" for name in names]


def _corpus(manifest: Manifest) -> list[str]:
    """The sources; as a setting of the recipes where they have more to say than a name and a path."""
    sources = manifest.corpus.sources
    more = [{"weight": one.weight, "license": _licence(one), **_read_as(one)} for one in sources]
    if all(value is None for values in more for value in values.values()):
        return [f"--corpus {shell_word(f'{source.name}={source.path}')}" for source in sources]
    tables = []
    for source, own in zip(sources, more, strict=True):
        values = {"name": source.name, "path": source.path, **own}
        said = [
            f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items() if value is not None
        ]
        tables.append(f"{{{', '.join(said)}}}")
    return [f"--set {shell_word('corpus=[' + ', '.join(tables) + ']')}"]


def _read_as(source: SourceRecord) -> dict[str, str | None]:
    """How a source is read, as settings of it; None for what is so anyway."""
    reading = source.reading
    usual = ReadingRecord()
    return {
        "config": reading.config,
        "split": reading.split,
        "revision": reading.revision,
        "limit": reading.limit,
        "text_column": None if reading.text_column == usual.text_column else reading.text_column,
        "id_column": None if reading.id_column == usual.id_column else reading.id_column,
    }


def _licence(source: SourceRecord) -> str | None:
    """The licence as the user gave it."""
    return with_insistence(source.license, is_insisted=source.insisted)


def _part_options(source: SourceRecord, *, config: bool) -> str:
    """The same as options of a command that has one source, each with a space before it."""
    more = {"license": _licence(source), **_read_as(source)}
    values = {name: value for name, value in more.items() if value is not None}
    if not config:
        values.pop("config", None)
    return "".join(f" --{name.replace('_', '-')} {shell_word(value)}" for name, value in values.items())


def _is_of_shards(manifest: Manifest) -> bool:
    """Whether MDS shards were imported: what the manifest calls sources are then the domains of their rows."""
    return [source.path for source in manifest.corpus.sources] == [source.name for source in manifest.corpus.sources]


def _is_local(source: SourceRecord) -> bool:
    return source.hub_name is None and "://" not in source.path


def _is_demo(manifest: Manifest) -> bool:
    """Whether corpus and tokenizer are the embedded ones, which need not be named."""
    return manifest.tokenizer.name == DEMO and [source.path for source in manifest.corpus.sources] == [DEMO]


def _named(config: ConfigRecord) -> str:
    """A configuration by name if it is one that comes with the package, else its recipe in the dataset."""
    recipe = recorded_recipe(config.recipe)
    try:
        known = load_recipe(recipe.name)
    except RecipeError:
        known = None
    if (
        known is not None
        and known.fingerprint == recipe.fingerprint
        and all(map(_comes_along, config.mixture.values()))
    ):
        return recipe.name
    return f"--recipe recipes/{recipe.name}.toml"


def _comes_along(part: IngredientRecord) -> bool:
    """Whether the recipe of an ingredient is one that comes with the package."""
    recipe = recorded_recipe(part.recipe)
    try:
        return load_recipe(recipe.name).fingerprint == recipe.fingerprint
    except RecipeError:
        return False


def _fit_options(config: ConfigRecord) -> str:
    recipe = recorded_recipe(config.recipe)
    modes = []
    if recipe.fit is not None:
        modes = [name for name, is_on in (("truncate", recipe.fit.truncate), ("discard", recipe.fit.discard)) if is_on]
    if recipe.pack:
        modes.append("pack")
    options = [f"--target {recipe.target_length}", f"--mode {','.join(modes)}"]
    options += ["--add-bos-token"] if recipe.add_bos_token else []
    options += ["--add-eos-token"] if recipe.add_eos_token else []
    options += [f"--align {recipe.packing.align}"] if recipe.packing.align else []
    options += ["--on-bad-document skip"] if recipe.on_bad_document == "skip" else []
    return " ".join(options)


COMMANDS: Mapping[str, Command] = {
    "build": Command(
        title=lambda manifest: producers_of(manifest)[0].title,
        corpus=_source_files,
        again=_build_again,
    ),
    "fit": Command(title=_fit_title, corpus=_source_files, again=_fit_again),
    "import": Command(title=lambda _: "Long-context rows of up to", corpus=_shards_or_files, again=_import_again),
}
"""By the command's name, as `Manifest.kind` has it."""
