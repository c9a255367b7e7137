"""The command that makes a dataset again, from what its manifest says."""

import json

from nextlong_hub.corpus import DEMO
from nextlong_hub.datacard.escaping import Markdown, shell_word
from nextlong_hub.datacard.header import hub_name
from nextlong_hub.dataset.manifest import ConfigRecord, Manifest, SourceRecord
from nextlong_hub.errors import RecipeError
from nextlong_hub.recipe import Recipe, load_recipe

_SHARDS = "SHARDS"
_INDENT = " \\\n    "


def command_of(manifest: Manifest) -> str:
    """The command, for a shell in a copy of the dataset folder that also holds the sources.

    Files of somebody's machine are named as the manifest names them: without their folders.
    """
    tokenizer = [] if _is_demo(manifest) else [f"--tokenizer {shell_word(manifest.tokenizer.name)}"]
    tokenizer += [f"--tokenizer {shell_word(record.name)}" for record in manifest.portability[1:]]
    output = "--output again"
    if manifest.kind == "build":
        samples = [f"--samples {name}={config.rows}" for name, config in manifest.configs.items()]
        parts = [
            " ".join(["nextlong-hub build", *(_named(config) for config in manifest.configs.values())]),
            *([] if _is_demo(manifest) else _corpus(manifest)),
            *tokenizer,
            " ".join([*samples, f"--seed {manifest.seed}", output]),
        ]
        return _INDENT.join(parts)
    make = _import_command if manifest.kind == "import" else _fit_command
    return "\n".join(make(manifest, name, tokenizer, output) for name in manifest.configs)


def needs_of(manifest: Manifest) -> Markdown:
    """What must be at hand for the command, as the end of a sentence."""
    version = manifest.version
    needs = [f"nextlong-hub {version} (`pip install nextlong-hub=={version}`)"]
    if manifest.kind == "import" and _is_of_shards(manifest):
        needs.append(f"the folder of shards that was imported in place of `{_SHARDS}`")
    elif not _is_demo(manifest) and any(_is_local(source) for source in manifest.corpus.sources):
        needs.append("the files of its sources")
    tokenizers = [(record.name, record.revision) for record in manifest.portability[1:]]
    tokenizers.append((manifest.tokenizer.name, manifest.tokenizer.revision))
    if any(name != DEMO and "/" not in name and revision is None for name, revision in tokenizers):
        needs.append("the folder of its tokenizer")
    return Markdown(f"{', '.join(needs[:-1])} and {needs[-1]}" if needs[:-1] else needs[0])


def _import_command(manifest: Manifest, name: str, tokenizer: list[str], output: str) -> str:
    source = _SHARDS if _is_of_shards(manifest) else shell_word(manifest.corpus.sources[0].path)
    return _INDENT.join([f"nextlong-hub import {source}", *tokenizer, f"--config {shell_word(name)} {output}"])


def _fit_command(manifest: Manifest, name: str, tokenizer: list[str], output: str) -> str:
    source = shell_word(manifest.corpus.sources[0].path)
    config = manifest.configs[name]
    is_part = config.synthesis is not None and config.synthesis.candidates < manifest.corpus.documents
    if config.packing and config.synthesis:
        is_part |= config.packing.documents - config.packing.continued_documents < config.synthesis.kept
    samples = f" --samples {config.rows}" if is_part else ""
    return _INDENT.join([f"nextlong-hub fit {source}", *tokenizer, f"{_fit_options(config)}{samples} {output}"])


def _corpus(manifest: Manifest) -> list[str]:
    """The sources; as a setting of the recipes where they have more to say than a name and a path."""
    sources = manifest.corpus.sources
    if all(source.weight is None and source.license is None for source in sources):
        return [f"--corpus {shell_word(f'{source.name}={source.path}')}" for source in sources]
    tables = []
    for source in sources:
        values = {"name": source.name, "path": source.path, "weight": source.weight, "license": source.license}
        said = [
            f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items() if value is not None
        ]
        tables.append(f"{{{', '.join(said)}}}")
    return [f"--set {shell_word(f'corpus=[{table}]')}" for table in [", ".join(tables)]]


def _is_of_shards(manifest: Manifest) -> bool:
    """Whether MDS shards were imported: what the manifest calls sources are then the domains of their rows."""
    return [source.path for source in manifest.corpus.sources] == [source.name for source in manifest.corpus.sources]


def _is_local(source: SourceRecord) -> bool:
    return hub_name(source) is None and "://" not in source.path


def _is_demo(manifest: Manifest) -> bool:
    """Whether corpus and tokenizer are the embedded ones, which need not be named."""
    return manifest.tokenizer.name == DEMO and [source.path for source in manifest.corpus.sources] == [DEMO]


def _named(config: ConfigRecord) -> str:
    """A configuration by name if it is one that comes with the package, else its recipe in the dataset."""
    recipe = Recipe.model_validate(config.recipe)
    try:
        known = load_recipe(recipe.name)
    except RecipeError:
        known = None
    if known is not None and known.fingerprint == recipe.fingerprint:
        return recipe.name
    return f"--recipe recipes/{recipe.name}.toml"


def _fit_options(config: ConfigRecord) -> str:
    recipe = Recipe.model_validate(config.recipe)
    modes = []
    if recipe.fit is not None:
        modes = [name for name, is_on in (("truncate", recipe.fit.truncate), ("discard", recipe.fit.discard)) if is_on]
    if recipe.pack:
        modes.append("pack")
    options = [f"--target {recipe.target_length}", f"--mode {','.join(modes)}"]
    options += ["--add-bos-token"] if recipe.add_bos_token else []
    options += ["--add-eos-token"] if recipe.add_eos_token else []
    options += ["--on-bad-document skip"] if recipe.on_bad_document == "skip" else []
    return " ".join(options)
