"""The dataset's README: the `configs:` that `load_dataset` reads, and what a reader of the Hub wants to know first."""

import json
from importlib.resources import files
from string import Template

from nextlong_hub.manifest import ConfigRecord, Manifest

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_DEFAULT_CONFIG = "128k"


def render_card(manifest: Manifest) -> str:
    """The card of a dataset; YAML lists each file by its exact name, so a stray file can never become data."""
    template = Template(_prose("dataset_card.md"))
    rows = sum(config.rows for config in manifest.configs.values())
    return template.substitute(
        configs=_configs_yaml(manifest),
        size_category=next((label for limit, label in _SIZES if rows < limit), "n>1M"),
        default_config=_default(manifest),
        config_table=_table(
            ["config", "rows", "tokens", "target length"],
            [
                [name, f"{config.rows:,}", f"{config.tokens:,}", f"{config.recipe['target_length']:,}"]
                for name, config in manifest.configs.items()
            ],
        ),
        source_table=_table(
            ["source", "documents", "characters", "license"],
            [
                [source.name, f"{source.documents:,}", f"{source.characters:,}", source.license or "not stated"]
                for source in manifest.corpus.sources
            ],
        ),
        introduction=_prose(f"{manifest.kind}.md").strip(),
        tokenizer=_cell(manifest.tokenizer.name),
        seed=manifest.seed,
        version=manifest.version,
    )


def lists_files_of(card: str, manifest: Manifest) -> bool:
    """Whether a card, edited by hand or not, still tells `load_dataset` exactly the files of the manifest."""
    opening, header, _ = [*card.split("---\n", 2), "", ""][:3]
    return not opening and f"\nconfigs:\n{_configs_yaml(manifest)}\n" in f"\n{header}"


def _configs_yaml(manifest: Manifest) -> str:
    return "\n".join(_config_yaml(name, config, _default(manifest)) for name, config in manifest.configs.items())


def _prose(name: str) -> str:
    return files("nextlong_hub.cards").joinpath(name).read_text(encoding="utf-8")


def _default(manifest: Manifest) -> str:
    return _DEFAULT_CONFIG if _DEFAULT_CONFIG in manifest.configs else next(iter(manifest.configs))


def _config_yaml(name: str, config: ConfigRecord, default: str) -> str:
    """One entry of `configs:`. JSON strings are YAML strings, whatever they contain."""
    lines = [f"- config_name: {json.dumps(name)}"]
    if name == default:
        lines.append("  default: true")
    lines += ["  data_files:", "  - split: train", "    path:"]
    return "\n".join([*lines, *(f"    - {json.dumps(file.path)}" for file in config.files)])


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: str) -> str:
    """Corpus and file names are data: they may not end a table cell, start a tag or break a line."""
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "&#124;"), ("`", "&#96;")):
        value = value.replace(character, entity)
    return " ".join(value.split())
