"""Look at rows: in a notebook, on a terminal, or as one page for a browser.

    import nextlong_hub

    split = nextlong_hub.open("nextlong")["128k"]     # or "user/nextlong", from the Hub
    split                                             # its size and its first samples
    sample = split.sample(3)
    sample                                            # its strip and its segments
    sample.why(17)                                    # the terms that made segment 17 a hard negative
    split.plot_scores()

Each of these has a display of its own in a notebook.

    split              one configuration: what `open` gives
    samples            its samples and their segments
    explain            the score of a hard negative as shared terms and their weights
    explanation_view   an explanation in a notebook
    summary            which segments and terms are shown first, and their wording
    strip              a row as bars, and the bars as an SVG image
    terminal_strip     the bars as characters
    markup             HTML for a notebook
    page/              rows as one HTML file

The commands `inspect` and `view` use this package; it does not import the command line.
"""

from nextlong_hub.explore.explanation_view import ExplanationView
from nextlong_hub.explore.samples import SampleView, SegmentView
from nextlong_hub.explore.split import Split, open

__all__ = ["ExplanationView", "SampleView", "SegmentView", "Split", "open"]
