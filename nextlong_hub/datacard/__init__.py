"""The dataset's README: its header for `load_dataset` and the Hub, and all that a reader wants to know.

card = generate_card(folder, manifest)     text and pictures
merge_card(None, edited, card.text)        what people wrote is kept
lint_card(text), preflight(folder)         what the Hub would refuse, or not show
"""

from nextlong_hub.datacard.header import lists_files_of
from nextlong_hub.datacard.limits import preflight
from nextlong_hub.datacard.lint import lint_card
from nextlong_hub.datacard.merging import MergedCard, merge_card
from nextlong_hub.datacard.pictures import ASSETS, PLOT_NAMES, pictures_of
from nextlong_hub.datacard.rendering import GeneratedCard, generate_card

__all__ = [
    "ASSETS",
    "PLOT_NAMES",
    "GeneratedCard",
    "MergedCard",
    "generate_card",
    "lint_card",
    "lists_files_of",
    "merge_card",
    "pictures_of",
    "preflight",
]
