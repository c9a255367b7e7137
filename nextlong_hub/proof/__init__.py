"""Rows proven from the documents of their corpus, by a second implementation of the method.

It is slow and small, and shares no code with what builds: plain Python, from the standard library and the errors alone.
What it takes are plain values: documents, a recipe as the manifest holds it, rows as a file holds them. So a mistake of
the build would have to be made here again, in other words, to stay unseen.

    amount      which rows are proven: a seeded sample
    choices     what a recipe says, as far as it decides rows
    borders     a document ▶ where its chunks begin and end
    texts       the documents and their chunks, in a file of their own
    words       a text ▶ its words, and the terms that are counted
    languages   the languages whose stop words are left out
    scores      BM25 over the chunks of the whole corpus, counted again
    ranking     the order of all chunks for one meta-chunk
    copies      near-copies by their shingles
    on_end      whether a few tokens stand too often on end in a text
    choosing    which chunks the negatives must be, taken again turn by turn
    negatives   scores, ranks and choice of the negatives of one row
    row         what is wrong with one row
    report      what was proven, and what was not
"""

from nextlong_hub.proof.amount import Amount, parse_amount
from nextlong_hub.proof.choices import Choices
from nextlong_hub.proof.languages import spoken
from nextlong_hub.proof.report import Finding
from nextlong_hub.proof.row import Prover, prove_piece
from nextlong_hub.proof.scores import Statistics
from nextlong_hub.proof.texts import Texts

__all__ = ["Amount", "Choices", "Finding", "Prover", "Statistics", "Texts", "parse_amount", "prove_piece", "spoken"]
