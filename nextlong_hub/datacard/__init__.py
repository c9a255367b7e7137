"""The dataset card: a README with the header that `load_dataset` and the Hub read, and the text for readers.

folder         `write_card`, `check_card`: the card of a dataset folder
rendering      `generate_card`: manifest and statistics go into the templates of `cards/`
header         the YAML header; `licences` derives the licence of several sources
sample         the first row, shortened
runs           in which runs the configurations can be made again
commands       what each command says on the card, and the line that makes the dataset again
pictures       the plots in `assets/`
text           a card parsed and formatted, with the digests that show which parts were edited
merging        `merge_card`: a card that is generated again keeps the edits made by hand
croissant      the same facts as Croissant with its RAI vocabulary
lint, limits   what the Hub would reject, or not display
escaping       strings of a dataset as Markdown that cannot act as markup
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
