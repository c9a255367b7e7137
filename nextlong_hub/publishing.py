"""A folder becomes a finished dataset: what its manifest says, and the moment it is committed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from nextlong_hub.datacard import render_card
from nextlong_hub.errors import ConflictError
from nextlong_hub.files import write_bytes
from nextlong_hub.manifest import (
    ConfigRecord,
    CorpusRecord,
    Manifest,
    SourceRecord,
    TokenizerRecord,
    differences,
    read_manifest,
    write_manifest,
)
from nextlong_hub.preparation import Inputs
from nextlong_hub.recipe import Recipe
from nextlong_hub.store import ChunkStore


def describe(
    inputs: Inputs,
    store: ChunkStore,
    characters_per_token: float,
    configs: Mapping[str, ConfigRecord],
    kind: Literal["build", "fit"],
    version: str,
) -> Manifest:
    """The manifest of a dataset made from `inputs`."""
    summary = store.summary
    return Manifest(
        version=version,
        kind=kind,
        seed=inputs.seed,
        corpus=CorpusRecord(
            digest=inputs.corpus.digest,
            documents=summary["documents"],
            chunks=summary["chunks"],
            characters=summary["characters"],
            skipped=summary["skipped"],
            sources=tuple(
                SourceRecord(
                    name=source.name,
                    path=_public_path(source.path),
                    license=source.license,
                    weight=source.weight,
                    documents=counts["documents"],
                    characters=counts["characters"],
                )
                for source, counts in zip(inputs.corpus.sources, summary["sources"], strict=True)
            ),
        ),
        tokenizer=TokenizerRecord(
            name=_public_path(inputs.tokenizer.name),
            revision=inputs.tokenizer.revision,
            digest=inputs.tokenizer.digest,
            characters_per_token=characters_per_token,
        ),
        configs=dict(sorted(configs.items(), key=lambda item: (bool(item[1].mixture), _target(item[1]), item[0]))),
    )


def _target(config: ConfigRecord) -> int:
    return int(config.recipe["target_length"])


def _public_path(path: str) -> str:
    """A path without the folders of this machine: what is published names the file, not where somebody keeps it."""
    return Path(path).name if Path(path).exists() else path


def published_before(output: Path, inputs: Inputs, recipes: Sequence[Recipe]) -> Manifest | None:
    """What the folder holds already: a finished dataset may be added to, never silently changed.

    Raises:
        ConflictError: it was made from other inputs, or by other recipes of the same names.
    """
    kept = read_manifest(output)
    if kept is None:
        return None
    wanted = {
        "corpus": inputs.corpus.digest,
        "tokenizer": inputs.tokenizer.digest,
        "seed": inputs.seed,
        **{f"recipe {recipe.name}": recipe.fingerprint for recipe in recipes},
    }
    changes = differences(kept.inputs(), wanted)
    if changes:
        raise ConflictError(
            f"{output} holds a finished dataset made from other inputs ({'; '.join(changes)}); "
            "choose another --output, or remove that folder to build it anew"
        )
    return kept


def commit(output: Path, manifest: Manifest) -> None:
    """Make the dataset valid, then remove what an earlier state of the folder left behind."""
    write_bytes(output / "README.md", render_card(manifest).encode())
    write_manifest(output, manifest)
    published = {output / file.path for file in manifest.files}
    for path in sorted((output / "data").rglob("*.parquet")):
        if path not in published:
            path.unlink()
