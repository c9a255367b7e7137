"""Look at a split from Python, best of all in a notebook, where everything shows itself.

import nextlong_hub

split = nextlong_hub.open("nextlong", "128k")     # or "user/nextlong", from the Hub
split                                             # what it is, and its first samples
sample = split.sample(3)
sample                                            # its strip and its segments
sample.why(17)                                    # what made segment 17 a hard negative
split.plot_scores()
"""

from nextlong_hub.explore.samples import Sample, SegmentView
from nextlong_hub.explore.split import Split, open
from nextlong_hub.explore.why import Why

__all__ = ["Sample", "SegmentView", "Split", "Why", "open"]
