"""The dataset's README: its header for `load_dataset` and the Hub, and all that a reader wants to know.

card = generate_card(folder, manifest)     text and pictures
merge_card(None, edited, card.text)        what people wrote is kept
lint_card(text), preflight(folder)         what the Hub would refuse, or not show
"""

from nextlong_hub.datacard.folder import CARD_NAME, WrittenCard, check_card, is_described, write_card
from nextlong_hub.datacard.header import lists_files_of
from nextlong_hub.datacard.limits import preflight
from nextlong_hub.datacard.lint import lint_card
from nextlong_hub.datacard.merging import MergedCard, merge_card
from nextlong_hub.datacard.pictures import OUR_PICTURES, pictures_of
from nextlong_hub.datacard.rendering import GeneratedCard, generate_card

__all__ = [
    "CARD_NAME",
    "OUR_PICTURES",
    "GeneratedCard",
    "MergedCard",
    "WrittenCard",
    "check_card",
    "generate_card",
    "is_described",
    "lint_card",
    "lists_files_of",
    "merge_card",
    "pictures_of",
    "preflight",
    "write_card",
]
