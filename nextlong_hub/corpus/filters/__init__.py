"""Which documents of a corpus are left out by what they hold: a file a filter, each with a `FILTER`.

    base    what a filter is, the registry of them, and `open_filters`

A recipe names filters with their settings, and one filter after the other sees each document while it is read:

    [filters.my-filter]
    threshold = 0.5

To add one, write a file with a `FILTER` beside these, or in a package of yours, named by an entry point of the group
`nextlong_hub.filters`.
"""

from nextlong_hub.corpus.filters.base import FILTERS, Filter, Filters, open_filters

__all__ = ["FILTERS", "Filter", "Filters", "open_filters"]
