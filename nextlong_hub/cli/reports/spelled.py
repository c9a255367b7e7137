"""What a report says of rows that spell special tokens, or that some trainers take out of the loss."""

from typing import TYPE_CHECKING

from nextlong_hub.dataset.on_end import masked_sentence
from nextlong_hub.dataset.spelled import spelled_elsewhere, spelled_sentence
from nextlong_hub.terminal import show_line

if TYPE_CHECKING:
    from nextlong_hub.dataset.manifest import Manifest


def show_spelled(manifest: "Manifest", config: str) -> None:
    """Print that rows of a configuration spell special tokens of the tokenizers they were made for, where they do.

    And that they repeat a few tokens so often on end that trainers mask them.
    """
    record = manifest.configs[config]
    elsewhere = spelled_elsewhere(record, manifest.portability[1:])
    for sentence in (masked_sentence(record), spelled_sentence(record), *elsewhere):
        if sentence:
            show_line(f"{config}: {sentence}.", "bold yellow")
