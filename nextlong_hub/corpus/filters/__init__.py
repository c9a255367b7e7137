"""Filters leave documents of a corpus out, or bar chunks of them, by their content: a file a filter, with a `FILTER`.

    base             what a filter is, the registry of them, and `open_filters`
    decontaminate    no document, or no chunk, that holds a run of words of a benchmark

A recipe names filters with their settings; each document passes through them while it is read:

    [filters.my-filter]
    threshold = 0.5

To add one, write a file with a `FILTER` beside these, or in a package of yours, named by an entry point of the group
`nextlong_hub.filters`.

Languages and near-copies have no filter here yet: they need models and indices that well-kept libraries have (lingua;
datatrove or text-dedup for MinHash), which filter a corpus before it comes here.
"""

from nextlong_hub.corpus.filters.base import FILTERS, Barred, Filter, Filters, open_filters, published_settings

__all__ = ["FILTERS", "Barred", "Filter", "Filters", "open_filters", "published_settings"]
