"""Extensions: a file beside its siblings, or an entry point of another package, found by the constant it defines.

    FORMATS: Registry[ExportFormat] = Registry(kind="export format", files="exports/*.py", constant="FORMAT", group="…")
    FORMATS.names()        ("axolotl", "jsonl", "mds", …): no extension is imported
    FORMATS["mds"]         its `ExportFormat`: one module is imported

Another package adds to it by an entry point of the registry's group, under the name that the extension then has:

    [project.entry-points."nextlong_hub.exports"]
    mine = "my_package.my_format:FORMAT"
"""

import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Generic, TypeVar

from nextlong_hub.core.printable import did_you_mean
from nextlong_hub.errors import RecipeError

Extension = TypeVar("Extension")

_PACKAGE = Path(__file__).parents[1]
_NAMED_AFTER_FOLDER = frozenset({"__init__", "produce"})


@dataclass(frozen=True, kw_only=True)  # typing writes an attribute, which frozen slots refuse with a TypeError
class Registry(Generic[Extension]):
    """The extensions of one kind, by name: ours first, in the order of their names, then those of other packages.

    Like a dictionary it is iterated by names, and `in` tests for a name.
    """

    kind: str
    """What one of them is called in an error: `export format`."""
    files: str
    """Where ours lie, as a pattern below `nextlong_hub`: `exports/*.py`. A file whose name says nothing
    (`__init__.py`, `produce.py`) is called after its folder."""
    constant: str
    """The module-level name by which a file is one of them."""
    group: str
    """The entry-point group by which other packages add theirs."""

    def names(self) -> tuple[str, ...]:
        """All names; no extension is imported.

        Raises:
            RecipeError: another package has taken a name that was taken already.
        """
        return (*_ours(self.files, self.constant), *self._theirs())

    def __getitem__(self, name: str) -> Extension:
        """The extension of that name.

        Raises:
            RecipeError: there is none, or the package that it comes from cannot be imported.
        """
        ours = _ours(self.files, self.constant)
        if name in ours:
            return getattr(importlib.import_module(ours[name]), self.constant)  # type: ignore[no-any-return]
        theirs = self._theirs()
        if name not in theirs:
            known = (*ours, *theirs)
            hint = did_you_mean(name, known) or "; install the package that adds it, or choose one of these"
            raise RecipeError(f"no {self.kind} {name!r}; there are: {', '.join(known) or 'none'}{hint}")
        return _load(theirs[name], self.kind)  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def values(self) -> Iterator[Extension]:
        """All of them, imported, in the order of `names`.

        Raises:
            RecipeError: see `names`; or a package that one comes from cannot be imported.
        """
        return (self[name] for name in self.names())

    def _theirs(self) -> dict[str, EntryPoint]:
        """Entry points of other packages, by name."""
        ours = _ours(self.files, self.constant)
        found: dict[str, EntryPoint] = {}
        for point in _entry_points(self.group, tuple(sys.path)):
            if point.name in ours or point.name in found:
                raise RecipeError(
                    f"{point.value} adds the {self.kind} {point.name!r}, and there is one of that name already; give "
                    "its entry point another name, or remove that package"
                )
            found[point.name] = point
        return found


def _load(point: EntryPoint, kind: str) -> Any:
    try:
        extension = point.load()
    except (ImportError, AttributeError) as error:
        raise RecipeError(
            f"the {kind} {point.name!r} cannot be loaded from {point.value} ({error}); mend or remove that package"
        ) from error
    called = getattr(extension, "name", point.name)
    if called != point.name:
        raise RecipeError(
            f"the {kind} of {point.value} is called {called!r}, but its entry point {point.name!r}; give both one name"
        )
    return extension


@cache
def _entry_points(group: str, path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """Entry points of the packages on `path`, which is `sys.path`; cached, as a search takes some 50 ms."""
    return tuple(sorted(entry_points(group=group), key=lambda point: (point.name, point.value)))


@cache
def _ours(files: str, constant: str) -> dict[str, str]:
    """The modules that define `constant`, by the name of their extension; read as text, so that none is imported."""
    found = {}
    for path in _PACKAGE.glob(files):
        if any(line.startswith((f"{constant} =", f"{constant}:")) for line in path.read_text("utf-8").splitlines()):
            below = path.relative_to(_PACKAGE.parent).with_suffix("")
            name = path.parent.name if path.stem in _NAMED_AFTER_FOLDER else path.stem
            module = ".".join(part for part in below.parts if part != "__init__")
            found[name.replace("_", "-")] = module
    return dict(sorted(found.items()))
