"""Make `load_dataset("nextlong", "128k")` mean our builder.

`datasets` has no plug-in point, so three of its names are changed:

    datasets.packaged_modules._PACKAGED_DATASETS_MODULES   one more entry, next to csv and parquet
    datasets.load.PackagedDatasetModuleFactory             a subclass that knows what that entry is read from
    datasets.load.load_dataset_builder                     a wrapper that notes whether a builder argument was given

With the entry alone, `datasets` would take every file of the current folder for the builder's input. And the factory,
which decides between reading and building, is not told the builder's arguments: they go past it, from
`load_dataset_builder` to the builder. Hence the wrapper; the note it leaves is seen only by the call it was made for.

Which of the two a call means:

    load_dataset("nextlong", "128k")                       reads ./nextlong if it holds our manifest, else builds
    load_dataset("nextlong", "128k", corpus="notes/", …)   builds, as with any builder argument, data_files or data_dir
    load_dataset("./nextlong", "128k")                     reads that folder, registered or not

`datasets` takes seconds to import, so nothing is changed until it is imported. And because this module may run at
every start of the interpreter (see `autoload`), it imports nothing that the interpreter has not loaded by then.
"""

from __future__ import annotations

import os
import sys
from contextvars import ContextVar
from functools import cache

TYPE_CHECKING = False  # typing itself would cost a start-up several milliseconds
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from pathlib import Path
    from types import ModuleType
    from typing import Any

DATASET_NAME = "nextlong"
"""What stands for our builder in `load_dataset`; also the folder a build is written to."""

BUILDER_MODULE = "nextlong_hub.builders.nextlong"

NO_AUTOLOAD = "NEXTLONG_HUB_NO_AUTOLOAD"
"""Environment variable that, set to anything, keeps the start-up file of `autoload` from doing anything."""

_TARGET = "datasets.load"
_HASHED_SUFFIXES = (".py", ".toml", ".txt")
_NOT_HASHED = ("builders", "cards", "demo", "testing", "__pycache__")
"""Folders of a package left out: one hashed by itself, prose, a corpus with a digest of its own, test helpers."""
_digest: list[str] = []
"""The digest of this process's code, once it is known."""
_arguments_given: ContextVar[bool] = ContextVar("nextlong_builder_arguments_given", default=False)


def register() -> None:
    """Register with `datasets`: now if it is imported, else as soon as it is. Doing it again changes nothing.

    A failure is a `RuntimeWarning`: `import datasets` must work even then.
    """
    module = sys.modules.get(_TARGET)
    if module is not None and hasattr(module, "load_dataset"):
        _change_or_warn(module)
    elif not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def register_at_startup() -> None:
    """What the start-up files of `autoload` call: `register`, unless `NEXTLONG_HUB_NO_AUTOLOAD` is set.

    A `.start` file cannot look at a variable before it imports, and our import has registered by now. So when the
    variable is set that import is undone: a later explicit `import nextlong_hub` registers again.
    """
    if not os.environ.get(NO_AUTOLOAD):
        register()
        return
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Finder)]
    package = __name__.partition(".")[0]
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        del sys.modules[name]


@cache
def code_digest() -> str:
    """Hexadecimal digest of all our code, recipes and word lists: `datasets` keeps a build under it.

    Any change to what may decide the bytes of a row gives another digest, so another place in the cache. One process
    has one digest: it runs the code that it has imported, even if files are edited meanwhile.
    """
    if not _digest:
        _digest.append(_digest_of_packages())
    return _digest[0]


def _digest_of_packages() -> str:
    import hashlib
    from importlib.util import find_spec
    from pathlib import Path

    digest = hashlib.sha256()
    for package in ("nextlong_hub", "nextlong_hub.builders"):
        spec = find_spec(package)
        for folder in sorted((spec and spec.submodule_search_locations) or ()):
            for path in _sources(Path(folder)):
                content = path.read_bytes()
                digest.update(f"{package}/{path.relative_to(folder).as_posix()} {len(content)}\n".encode())
                digest.update(content)
    return digest.hexdigest()


def _sources(folder: Path) -> Iterator[Path]:
    """The files of a package that may decide bytes, in order."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name not in _NOT_HASHED:
            yield from _sources(path)
        elif path.suffix in _HASHED_SUFFIXES:
            yield path


def _change_or_warn(load: ModuleType) -> None:
    try:
        _change(load)
    except Exception as error:
        import warnings

        warnings.warn(
            f'nextlong-hub could not register with datasets, load_dataset("{DATASET_NAME}") will not build: {error!r};'
            " use nextlong_hub.load() instead, or the datasets release named in nextlong-hub's requirements",
            RuntimeWarning,
            stacklevel=2,
        )


def _change(load: ModuleType) -> None:
    """Change the three names; `load` is the module `datasets.load`, completely imported."""
    if getattr(load.PackagedDatasetModuleFactory, "_knows_nextlong", False):
        return
    factory = _factory(load)
    wrapper = _wrapper(load.load_dataset_builder)
    load._PACKAGED_DATASETS_MODULES[DATASET_NAME] = (BUILDER_MODULE, code_digest())
    load.PackagedDatasetModuleFactory = factory  # type: ignore[attr-defined]
    original = load.load_dataset_builder
    for name in (_TARGET, "datasets.inspect", "datasets"):  # those that have imported the name keep it otherwise
        module = sys.modules.get(name)
        if getattr(module, "load_dataset_builder", None) is original:
            module.load_dataset_builder = wrapper  # type: ignore[union-attr]


def _factory(load: ModuleType) -> type:
    """The factory for packaged modules, which now also knows what ours is read from."""
    from datasets.data_files import DataFilesDict

    base: Any = load.PackagedDatasetModuleFactory

    class PackagedDatasetModuleFactory(base):  # type: ignore[misc]
        _knows_nextlong = True

        def __init__(
            self, name: str, data_dir: Any = None, data_files: Any = None, *args: Any, **keywords: Any
        ) -> None:
            if name != DATASET_NAME:
                super().__init__(name, data_dir, data_files, *args, **keywords)
                return
            # Not the base class: it reports every use of a packaged name to a server, waiting seconds when offline.
            self.name = name
            self.data_dir = data_dir
            self.data_files = data_files
            self.download_config = keywords.get("download_config")
            self.download_mode = keywords.get("download_mode")

        def get_module(self) -> Any:
            if self.name != DATASET_NAME or self.data_files is not None:
                return super().get_module()
            if not self.data_dir and not _arguments_given.get() and _is_ours(DATASET_NAME):
                return load.LocalDatasetModuleFactory(DATASET_NAME, download_mode=self.download_mode).get_module()
            # An empty DataFilesDict, because load_dataset_builder refuses None for a packaged name.
            arguments = {"data_files": DataFilesDict(), "data_dir": self.data_dir, "dataset_name": self.name}
            return load.DatasetModule(*load._PACKAGED_DATASETS_MODULES[self.name], arguments)

    PackagedDatasetModuleFactory.__module__ = base.__module__
    PackagedDatasetModuleFactory.__qualname__ = base.__qualname__
    return PackagedDatasetModuleFactory


def _wrapper(original: Any) -> Any:
    """`load_dataset_builder`, noting for the factory whether an argument for the builder itself was given."""
    import functools
    import inspect

    signature = inspect.signature(original)
    rest = next(p.name for p in signature.parameters.values() if p.kind is inspect.Parameter.VAR_KEYWORD)

    @functools.wraps(original)
    def load_dataset_builder(*args: Any, **keywords: Any) -> Any:
        given = signature.bind(*args, **keywords).arguments.get(rest, {})
        token = _arguments_given.set(bool(given.keys() - {"trust_remote_code"}))  # which datasets 4 ignores
        try:
            return original(*args, **keywords)
        finally:
            _arguments_given.reset(token)

    return load_dataset_builder


def _is_ours(folder: str) -> bool:
    """Whether a folder is a dataset that nextlong-hub has finished."""
    from pathlib import Path

    from nextlong_hub.core.files import read_json

    try:
        manifest = read_json(Path(folder) / "manifest.json")
    except OSError:
        return False
    return isinstance(manifest, dict) and manifest.get("tool") == "nextlong-hub"


class _Finder:
    """Waits in `sys.meta_path` for `datasets.load`, has it found as ever, and registers once it has run."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find `datasets.load` through the other finders, and nothing else."""
        if name != _TARGET:
            return None
        others = [finder for finder in sys.meta_path if finder is not self and hasattr(finder, "find_spec")]
        spec = next((spec for finder in others if (spec := finder.find_spec(name, path, target))), None)
        if spec is not None and spec.loader is not None:
            self._follow(spec.loader)
        return spec

    def _follow(self, loader: Any) -> None:
        """Have the loader call us once; it stays the real one, so that its other methods answer as ever."""
        run = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            del loader.exec_module
            run(module)
            if self in sys.meta_path:
                sys.meta_path.remove(self)
            _change_or_warn(module)

        loader.exec_module = exec_module
