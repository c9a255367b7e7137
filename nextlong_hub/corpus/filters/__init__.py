"""Filters leave documents of a corpus out by their content: a file a filter, each with a `FILTER`.

    base    what a filter is, the registry of them, and `open_filters`

A recipe names filters with their settings; each document passes through them while it is read:

    [filters.my-filter]
    threshold = 0.5

To add one, write a file with a `FILTER` beside these, or in a package of yours, named by an entry point of the group
`nextlong_hub.filters`.
"""

from nextlong_hub.corpus.filters.base import FILTERS, Filter, Filters, open_filters

__all__ = ["FILTERS", "Filter", "Filters", "open_filters"]
