"""What a report says of the sources: how much of them was not read."""

from typing import TYPE_CHECKING

from nextlong_hub.core.printable import counted
from nextlong_hub.terminal import show_line

if TYPE_CHECKING:
    from nextlong_hub.dataset.manifest import Manifest


def show_not_read(manifest: "Manifest") -> None:
    """Print, for each source that holds more than was read, how much more; the manifest has the names."""
    for source in manifest.corpus.sources:
        reading = source.reading
        parts = {
            "file": sum(one.files for one in reading.left_out),
            "column": len(reading.unused_columns),
            "archived file": sum(reading.unread_members.values()),
        }
        said = [counted(number, noun) for noun, number in parts.items() if number]
        if reading.limit:
            said.append(f"all beyond the limit of {reading.limit}")
        if said:
            show_line(f"Not read of {source.name}: {', '.join(said)}; manifest.json names them.")
