"""The manifest: what a dataset folder holds, what it was made from, and the one moment at which it becomes valid.

`manifest.json` is written last. Without it a folder is unfinished work; with it every file is named with its sha256,
and nothing in it depends on the clock, the machine or the number of workers, but for the names of the programs that
encoded (`TokenizerRecord.encoders`).
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator

from nextlong_hub.core.config_names import ONE_FOLDER, ConfigName, same_folder
from nextlong_hub.core.files import digest_of, json_bytes, write_bytes
from nextlong_hub.core.foreign import parse_json
from nextlong_hub.core.settings import explain
from nextlong_hub.dataset.config_record import (
    ConfigRecord,
    FileRecord,
    PortabilityRecord,
    PreviewRecord,
    TokenizerRecord,
)
from nextlong_hub.dataset.corpus_record import CorpusRecord, Record
from nextlong_hub.errors import DataError

MANIFEST_NAME = "manifest.json"

_TOOL = "nextlong-hub"
_OWN_KEYS = frozenset({"configs", "corpus", "tokenizer", "digest"})
"""Keys by which a manifest of ours is known even if the name of the tool was damaged."""


_Version = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+!_-]{0,63}$")]


class Manifest(Record):
    """Everything a dataset folder says about itself."""

    tool: Literal["nextlong-hub"] = "nextlong-hub"
    format: Literal[1] = 1
    version: _Version
    """Version of nextlong-hub that wrote it."""
    kind: Literal["build", "fit", "import"] = "build"
    seed: int
    corpus: CorpusRecord
    tokenizer: TokenizerRecord
    portability: tuple[PortabilityRecord, ...] = ()
    """Of each tokenizer under which the samples have at least their target length, that of `token_count` first; empty
    where nothing was synthesised."""
    configs: dict[ConfigName, ConfigRecord] = Field(min_length=1)

    @field_validator("configs")
    @classmethod
    def _each_has_its_folder(cls, configs: dict[str, ConfigRecord]) -> dict[str, ConfigRecord]:
        if two := same_folder(configs):
            raise ValueError(f"{two[0]!r} and {two[1]!r} {ONE_FOLDER}")
        return configs

    @property
    def files(self) -> list[FileRecord]:
        """Every published Parquet file, configuration by configuration."""
        return [file for config in self.configs.values() for file in config.published_files]

    @property
    def previews(self) -> dict[str, PreviewRecord]:
        """The previews that there are, by the configurations whose rows they show."""
        return {name: config.preview for name, config in self.configs.items() if config.preview}

    def with_encoders(self, names: Iterable[str]) -> "Manifest":
        """The same with these programs as those that encoded."""
        return self.model_copy(update={"tokenizer": self.tokenizer.model_copy(update={"encoders": tuple(names)})})

    def inputs(self) -> dict[str, Any]:
        """What a rerun must share with this build to add to it or to find it complete."""
        return {
            "corpus": self.corpus.digest,
            "tokenizer": self.tokenizer.digest,
            "other tokenizers": [record.digest for record in self.portability[1:]],
            "seed": self.seed,
            **{f"recipe {name}": config.fingerprint for name, config in self.configs.items()},
        }


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a dataset folder; None when the folder holds none of ours.

    Raises:
        DataError: there is one, but it is damaged or of another version.
    """
    path = folder / MANIFEST_NAME
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return parse_manifest(content, str(path))


def require_manifest(folder: Path) -> Manifest:
    """The manifest of a finished dataset folder.

    Raises:
        DataError: there is none, or it is damaged or of another version.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        raise DataError(f"{folder} holds no {MANIFEST_NAME} of nextlong-hub; build it first, or name a finished folder")
    return manifest


def parse_manifest(content: bytes, place: str) -> Manifest | None:
    """The manifest in a file's bytes; None when the file is none of ours. `place` is how messages call it.

    Raises:
        DataError: it is ours, but damaged or of another version.
    """
    values = _json(content)
    if values is None and b'"nextlong-hub"' in content:
        raise DataError(
            f"{place} is not JSON any more: it was damaged after it was written; build again into an empty folder"
        )
    if not isinstance(values, dict) or not (values.get("tool") == _TOOL or values.keys() >= _OWN_KEYS):
        return None
    digest = values.pop("digest", None)
    try:
        manifest = Manifest.model_validate(values)
    except ValidationError as error:
        raise DataError(
            f"{place} cannot be used: {explain(error, Manifest)}; "
            "it is damaged or was written by another version of nextlong-hub: build again into an empty folder"
        ) from error
    if digest != digest_of(values):
        raise DataError(
            f"{place} was changed after it was written: it does not match its own digest; put the original back, or "
            "build again into an empty folder"
        )
    return manifest


def _json(content: bytes) -> Any:
    try:
        return parse_json(content)
    except ValueError:
        return None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Commit: from this moment the folder is a finished dataset."""
    write_bytes(folder / MANIFEST_NAME, manifest_bytes(manifest))


def manifest_bytes(manifest: Manifest) -> bytes:
    """The manifest as a file, with a digest of its own: no other file holds one of it."""
    content = manifest.model_dump(mode="json")
    return json_bytes({**content, "digest": digest_of(content)})


def is_as_written(content: bytes) -> bool:
    """Whether a manifest is laid out as every version of ours lays one out; its own digest proves what it says."""
    return json_bytes(_json(content)) == content


def differences(kept: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """What two sets of inputs disagree on, one line each; a key that only one of them has is no disagreement."""
    return [
        f"{key}: {kept[key]} there, {wanted[key]} here" for key in kept if key in wanted and kept[key] != wanted[key]
    ]
