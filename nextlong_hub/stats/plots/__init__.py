"""Pictures of what `stats` measured, for a card, a page and a notebook: the same numbers, the same look.

Every function takes the statistics of a dataset, or of one configuration, and returns a matplotlib Figure, or None
where there is nothing to draw. Backgrounds are transparent and the ink is of middling lightness, so that a picture can
be read on white and on near-black; colours are told apart by the colour-blind too. The bytes of `png` are the same for
the same statistics: no date, no version of a program, and no setting of the machine's matplotlib goes into them.
"""

from nextlong_hub.stats.plots.canvas import INK, META_COLOUR, NEGATIVE_COLOUR, Picture, png
from nextlong_hub.stats.plots.charts import PLOTS, discards, distances, lengths, reuse, scores, sources, tells

__all__ = [
    "INK",
    "META_COLOUR",
    "NEGATIVE_COLOUR",
    "PLOTS",
    "Picture",
    "discards",
    "distances",
    "lengths",
    "png",
    "reuse",
    "scores",
    "sources",
    "tells",
]
