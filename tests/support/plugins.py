"""Extensions of another package, as an installer would leave them."""

import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent


def install_extension(folder: Path, group: str, name: str, value: str) -> Path:
    """Write the metadata of a package that adds one extension; returns `folder`, which belongs on `sys.path`."""
    return _install(folder, name, {group: {name: value}})


def install(folder: Path, package: str, source: str, entry_points: Mapping[str, Mapping[str, str]]) -> Path:
    """Install a package of one module; returns `folder`, which belongs on `sys.path`.

    Args:
        folder: where packages lie; made when it is missing.
        package: its name, and that of its module.
        source: of the module; it may be indented.
        entry_points: for each group the names, and what of the module each stands for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{package}.py").write_text(dedent(source))
    groups = {
        group: {name: f"{package}:{value}" for name, value in points.items()} for group, points in entry_points.items()
    }
    return _install(folder, package, groups)


def install_package(folder: Path, project: Path) -> Path:
    """Install a folder with a `pyproject.toml`: its packages and its entry points; returns `folder`."""
    content = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    for package in content["tool"]["setuptools"]["packages"]:
        shutil.copytree(project / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return _install(folder, content["project"]["name"], content["project"]["entry-points"])


def _install(folder: Path, name: str, entry_points: Mapping[str, Mapping[str, str]]) -> Path:
    metadata = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    groups = [
        f"[{group}]\n" + "".join(f"{own} = {value}\n" for own, value in points.items())
        for group, points in entry_points.items()
    ]
    (metadata / "entry_points.txt").write_text("\n".join(groups))
    return folder
