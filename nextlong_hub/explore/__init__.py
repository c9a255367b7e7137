"""Look at rows: in a notebook, on a terminal, or as one page for a browser.

    import nextlong_hub

    split = nextlong_hub.open("nextlong", "128k")     # or "user/nextlong", from the Hub
    split                                             # what it is, and its first samples
    sample = split.sample(3)
    sample                                            # its strip and its segments
    sample.why(17)                                    # what made segment 17 a hard negative
    split.plot_scores()

In a notebook each of these shows itself. Where things are:

    split  samples  why     what `open` gives: a split, its samples, and why a segment is there
    summary                 which segments and terms are shown first, and in which words
    explanation             the numbers behind a hard negative: shared terms and their weights
    strip                   a row as bars, and those bars as an SVG image
    terminal_strip          the same bars as characters
    markup                  HTML for a notebook
    page/                   rows as one HTML file

`nextlong-hub inspect` and `nextlong-hub view` print what is found here; nothing here knows of them.
"""

from nextlong_hub.explore.explanation_view import ExplanationView
from nextlong_hub.explore.samples import Sample, SegmentView
from nextlong_hub.explore.split import Split, open

__all__ = ["ExplanationView", "Sample", "SegmentView", "Split", "open"]
