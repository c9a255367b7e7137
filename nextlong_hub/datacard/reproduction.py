"""The one command that makes a dataset again, from what its manifest says."""

from nextlong_hub.datacard.escaping import shell_word
from nextlong_hub.errors import RecipeError
from nextlong_hub.manifest import ConfigRecord, Manifest
from nextlong_hub.recipe import Recipe, load_recipe

_DEMO = "demo"
_INDENT = " \\\n    "


def command_of(manifest: Manifest) -> str:
    """The command, for a shell in a copy of the dataset folder that also holds the sources.

    Files of somebody's machine are named as the manifest names them: without their folders.
    """
    sources = manifest.corpus.sources
    tokenizer = [] if _is_demo(manifest) else [f"--tokenizer {shell_word(manifest.tokenizer.name)}"]
    tokenizer += [f"--tokenizer {shell_word(record.name)}" for record in manifest.portability[1:]]
    output = "--output again"
    if manifest.kind == "build":
        corpora = [f"--corpus {shell_word(f'{source.name}={source.path}')}" for source in sources]
        samples = [f"--samples {name}={config.rows}" for name, config in manifest.configs.items() if not config.mixture]
        parts = [
            " ".join(["nextlong-hub build", *(_named(config) for config in manifest.configs.values())]),
            *([] if _is_demo(manifest) else corpora),
            *tokenizer,
            " ".join([*samples, f"--seed {manifest.seed}", output]),
        ]
        return _INDENT.join(parts)
    name, config = next(iter(manifest.configs.items()))
    source = shell_word(sources[0].path) if sources else "SOURCE"
    if manifest.kind == "import":
        return _INDENT.join([f"nextlong-hub import {source}", *tokenizer, f"--config {shell_word(name)} {output}"])
    return _INDENT.join([f"nextlong-hub fit {source}", *tokenizer, f"{_fit_options(config)} {output}"])


def _is_demo(manifest: Manifest) -> bool:
    """Whether corpus and tokenizer are the embedded ones, which need not be named."""
    return manifest.tokenizer.name == _DEMO and [source.path for source in manifest.corpus.sources] == [_DEMO]


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
    return " ".join(options)
