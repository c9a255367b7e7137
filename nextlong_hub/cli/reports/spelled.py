"""What a report says of rows that spell special tokens."""

from typing import TYPE_CHECKING

from nextlong_hub.dataset.spelled import spelled_elsewhere, spelled_sentence
from nextlong_hub.terminal import show_line

if TYPE_CHECKING:
    from nextlong_hub.dataset.manifest import Manifest


def show_spelled(manifest: "Manifest", config: str) -> None:
    """Print that rows of a configuration spell special tokens of the tokenizers they were made for, where they do."""
    record = manifest.configs[config]
    for sentence in (spelled_sentence(record), *spelled_elsewhere(record, manifest.portability[1:])):
        if sentence:
            show_line(f"{config}: {sentence}.", "bold yellow")
