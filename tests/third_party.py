"""Packages of other people, as an installer leaves them: a module beside a `dist-info` folder with entry points."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent


def install(folder: Path, package: str, source: str, entry_points: Mapping[str, Mapping[str, str]]) -> Path:
    """Install a package of one module into `folder`, which is then to be put on the path.

    Args:
        folder: where packages lie.
        package: its name, and that of its module.
        source: of the module.
        entry_points: for each group the names, and what of the module each stands for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{package}.py").write_text(dedent(source))
    information = folder / f"{package}-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = [
        line
        for group, points in entry_points.items()
        for line in (f"[{group}]", *(f"{name} = {package}:{value}" for name, value in points.items()))
    ]
    (information / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return folder
