"""What `prepare` hands to `train`: a folder of a few megabytes, which with the corpus is all that training needs.

world.json        preset, corpus files, arms
tokenizer.json
rows-B.npz        the rows of an arm, see `RowTable`
items-held.npz    the questions about a part, see `Items`
riffle.parquet    the riffled documents, see `Riffled`
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.teaches.settings import PRESETS, Preset
from nextlong_hub.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A prepared experiment."""

    folder: Path
    preset: Preset
    corpus: str
    """sha256 of the corpus file."""
    other: str
    """sha256 of the other corpus, whose documents are only asked about; empty where there is none."""
    rows: tuple[str, ...]
    """The arms that have rows."""

    @property
    def tokenizer_file(self) -> Path:
        """The tokenizer."""
        return self.folder / "tokenizer.json"

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that questions are about."""
        return ("held", "other") if self.other else ("held",)

    def rows_file(self, name: str) -> Path:
        """The rows of an arm."""
        return self.folder / f"rows-{name}.npz"

    def items_file(self, part: str) -> Path:
        """The questions about a part."""
        return self.folder / f"items-{part}.npz"

    @property
    def riffle_file(self) -> Path:
        """The riffled documents."""
        return self.folder / "riffle.parquet"

    def save(self) -> None:
        """Write `world.json`, last of all."""
        values = asdict(self) | {"preset": self.preset.name}
        del values["folder"]
        (self.folder / "world.json").write_text(json.dumps(values, indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> "World":
        """Read what `save` wrote.

        Raises:
            DataError: nothing is prepared there.
        """
        file = folder / "world.json"
        if not file.is_file():
            raise DataError(f"{folder} holds no prepared experiment; run `python -m benchmarks.teaches prepare` first")
        values = json.loads(file.read_text())
        values["preset"] = PRESETS[values["preset"]]
        return cls(folder=folder, **{**values, "rows": tuple(values["rows"])})


def checked(file: Path, sha256: str) -> Path:
    """The file, if it is the one that was prepared from.

    Raises:
        DataError: it is missing, or another one.
    """
    if not file.is_file() or sha256_of(file) != sha256:
        raise DataError(f"{file} is not the corpus that was prepared (sha256 {sha256[:12]}…); give that file")
    return file


def sha256_of(file: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
