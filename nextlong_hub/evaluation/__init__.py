"""Evaluation: held-out documents, each with its chunks side by side and riffled with others, the same tokens in all.

settings    how many items, how long, which distances and numbers of look-alike chunks
held_out    documents that stand in a dataset that was trained on are left out
candidates  the documents that may give an item
pieces      chunks with what stands behind them, and the orders in which they follow each other
facts       statements that are planted, and asked for at the end
encoded     one order of pieces and its tokens
left_out    why a document gives no item
items       one document ▶ its rows, each exactly as long as asked for
columns     what a row holds
record      `riffle.json`, written last: what the folder holds, and what it was made of
card        the folder's README
make        `riffle`: a corpus ▶ a folder
check       a finished folder against its record, and the rows of each pair against each other
scoring     losses of a model ▶ a table by condition, with intervals
"""

from nextlong_hub.core.lazy import names_imported_when_used

__all__ = ["score", "target_losses"]

__getattr__ = names_imported_when_used(__name__, {"score": "scoring", "target_losses": "scoring"})
