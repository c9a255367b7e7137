"""Extensions of another package, as an installer would leave them."""

from pathlib import Path


def install_extension(folder: Path, group: str, name: str, value: str) -> Path:
    """Write the metadata of a package that adds one extension; returns `folder`, which belongs on `sys.path`."""
    metadata = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{group}]\n{name} = {value}\n")
    return folder
