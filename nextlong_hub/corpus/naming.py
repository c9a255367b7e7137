"""What a source is called, here and where it is published, and what its path says of it: `user/name:config@split`."""

import glob
import os
import re
from itertools import dropwhile, takewhile
from pathlib import Path

from nextlong_hub.corpus.endings import names_by_suffix, suffix_of
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.errors import RecipeError
from nextlong_hub.hub.address import DatasetAddress, is_dataset_name

_PARTS = re.compile(r"(?P<path>.+?)(?::(?P<config>[^:@/]+))?(?:@(?P<split>[^:@/]+))?", re.DOTALL)


def with_parts(source: SourceSettings) -> SourceSettings:
    """The source with the configuration and split that its path names as settings of their own.

    Raises:
        RecipeError: the path names another configuration or split than the settings.
    """
    path, parts = split_path(source.path)
    for key, value in parts.items():
        given = getattr(source, key)
        if given is not None and given != value:
            raise RecipeError(
                f"source {source.name!r}: its path {source.path} names the {key} {value!r}, and its settings the {key} "
                f"{given!r}; name one of them"
            )
    return source.model_copy(update={"path": path, **parts}) if parts else source


def split_path(text: str) -> tuple[str, dict[str, str]]:
    """The path, and the configuration and split written behind it; a path that exists is taken as it is."""
    if os.path.lexists(os.path.expanduser(text)):  # noqa: PTH111 (Path.expanduser fails where there is no such user)
        return text, {}
    match = _PARTS.fullmatch(text)
    if match is None:
        return text, {}
    parts = {key: match[key] for key in ("config", "split") if match[key]}
    path = match["path"]
    address = DatasetAddress.parse(path)
    if address is not None and not address.path:
        # `hf://datasets/user/name@x` names a revision, as everywhere; behind a configuration it is a split.
        if parts.keys() == {"split"} and address.revision is None:
            return text, {}
        return path, parts
    is_folder = Path(path).expanduser().is_dir() if not path.startswith("~") or path.startswith("~/") else False
    return (path, parts) if is_hub_dataset(path) or is_folder else (text, {})


def is_hub_dataset(path: str) -> bool:
    """Whether a path is the name of a dataset: what exists, or names a file by its ending, is a file."""
    is_file_name = suffix_of(path, names_by_suffix(are_named=True))
    return is_dataset_name(path) and not os.path.lexists(path) and not is_file_name


def default_name(path: str) -> str:
    """The name of a source without one: its file or folder without the ending, or the Hub dataset and what it names."""
    plain, parts = split_path(path)
    address = DatasetAddress.parse(plain)
    if address is not None:
        stem = address.name.rpartition("/")[2]
    else:
        name = Path(plain.partition("?")[0] if "://" in plain else plain).name or Path(plain).resolve().name
        stem = name[: len(name) - len(suffix_of(name, names_by_suffix(are_named=True)))]
    said = "-".join([stem, *parts.values()])
    return re.sub(r"[*?\[\]{}]+", "", said).strip("-_. ") or "corpus"


def public_path(path: str) -> str:
    """A path without the folders of this machine: what is published names the file, not where its user keeps it.

    Of a pattern the part with wildcards is kept, and the folder before it if it has a name. Hub names and addresses are
    public as they are.
    """
    here = Path(path).expanduser()
    if here.exists():
        return here.name if here.name not in ("", "..") else here.resolve().name
    if glob.has_magic(path) and not path.startswith("hf://"):
        pattern = Path(*dropwhile(lambda part: not glob.has_magic(part), here.parts))
        folder = Path(*takewhile(lambda part: not glob.has_magic(part), here.parts)).name
        return (pattern if folder in ("", "..") else folder / pattern).as_posix()
    return path
