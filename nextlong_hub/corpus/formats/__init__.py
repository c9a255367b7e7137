"""Formats in which a corpus is stored: a file a format, each with a `FORMAT`.

    base                           what a format is, and the registry of them: a light import
    parquet, arrow, jsonl, text    files
    hub, memory                    datasets: one on the Hub, by its name, and one in the caller's memory

What several of them share:

    damage                         damaged files, as opposed to a disk or network that failed
    bounds                         how much a document, a batch and a packed file may be
    parquet_pages, arrow_sizes     how large the parts of a file are, before they are read
    blocks                         bytes of JSON Lines and texts, decompressed
    csv_slabs                      bytes of CSV in slabs of whole rows
    rows_of_dataset                rows of a `datasets.Dataset`
    measuring                      sizes and samples of a corpus for the dry run

To add one, write a file with a `FORMAT` beside these, or in a package of yours, named by an entry point of the group
`nextlong_hub.corpus_formats`. No other file has to change.
"""

from nextlong_hub.corpus.formats.base import FORMATS, CorpusFormat, PieceLimits, Stratum

__all__ = ["FORMATS", "CorpusFormat", "PieceLimits", "Stratum"]
