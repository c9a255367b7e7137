"""The dataset's README: its header for `load_dataset` and the Hub, and all that a reader wants to know.

write_card(folder), check_card(folder)     the card of a dataset folder
generate_card(folder, manifest)            its text and pictures, before anybody's edits
merge_card(None, edited, generated)        what people wrote is kept
lint_card(text), preflight(folder)         what the Hub would refuse, or not show
"""

from nextlong_hub.datacard.folder import CardReport, WrittenCard, check_card, is_described, write_card
from nextlong_hub.datacard.header import lists_files_of
from nextlong_hub.datacard.limits import preflight
from nextlong_hub.datacard.lint import lint_card
from nextlong_hub.datacard.merging import MergedCard, merge_card
from nextlong_hub.datacard.pictures import ASSETS, OUR_PICTURES, is_whole, pictures_of
from nextlong_hub.datacard.rendering import GeneratedCard, generate_card

__all__ = [
    "ASSETS",
    "OUR_PICTURES",
    "CardReport",
    "GeneratedCard",
    "MergedCard",
    "WrittenCard",
    "check_card",
    "generate_card",
    "is_described",
    "is_whole",
    "lint_card",
    "lists_files_of",
    "merge_card",
    "pictures_of",
    "preflight",
    "write_card",
]
