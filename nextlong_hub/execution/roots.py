"""Where the files of a run lie on one machine, and what they are called on all of them.

A file of the work folder is called by its path in it: `store-0123456789ab/part-00000`. Published files, which lie
beside that folder on the machine that builds, are called `output/…`, and lie in a folder of that name where the work
folder is anywhere else.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_MARK = "work-dir:"
"""Begins a name in the JSON form of a task; no absolute path and no URL that can be opened begins so."""
OUTPUT = "output"
"""The folder of published files within a work folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roots:
    """The folders of a run on this machine."""

    work: Path
    output: Path
    """The dataset folder; where nothing is published, a folder `output` in the work folder."""

    @classmethod
    def away(cls, work: Path) -> "Roots":
        """Those of a machine that only works: all in one folder."""
        return cls(work=work, output=work / OUTPUT)

    def name_of(self, path: str | Path) -> str | None:
        """What a file or folder is called on all machines; None for one that lies elsewhere, and for no path at all."""
        text = str(path)
        for folder, prefix in self._folders():
            if text == folder or text.startswith(folder + os.sep):
                below = Path(text).relative_to(folder).as_posix()
                return f"{prefix}{'' if below == '.' else below}".rstrip("/")
        return None

    def path_of(self, name: str) -> Path:
        """Where it lies here."""
        first, _, rest = name.partition("/")
        return self.output / rest if first == OUTPUT else self.work / name

    def marked(self, text: str) -> str:
        """A path, as it stands in the JSON form of a task; what is no path of ours stays."""
        name = self.name_of(text)
        return text if name is None else _MARK + name

    def placed(self, text: str) -> str:
        """The path, or the address, of `marked`."""
        return str(self.path_of(text.removeprefix(_MARK))) if text.startswith(_MARK) else text

    def first_in(self, content: str) -> str | None:
        """The folder of ours whose path stands in a JSON text; None where there is none."""
        folders = (folder for folder, _ in self._folders())
        return next((folder for folder in folders if json.dumps(folder + os.sep)[:-1] in content), None)

    def _folders(self) -> Iterator[tuple[str, str]]:
        """Each folder in every way in which it may be written, with what begins its names: the inner one first."""
        for folder, prefix in ((self.work, ""), (self.output, f"{OUTPUT}/")):
            for text in dict.fromkeys((str(folder), str(folder.absolute()), str(folder.resolve()))):
                yield text, prefix
