"""The folder on disk, both ways: rows are written into it as Parquet shards, and read back from it or from the Hub.

    split = open_split("nextlong", "128k")
    split.row(3).text

Nothing is downloaded whole: a row costs the footer of its file and its row group. The files in flow order:

    schema           the columns: names, types, kinds of row, meanings
    shards           rows ▶ Arrow tables ▶ Parquet files, and back to tables
    write            chosen rows ▶ the shards and the record of one configuration
    write_tasks      what a worker runs: rows of finished units ▶ one shard
    packing_plan     which documents share which row
    packing_tables   tables of documents ▶ tables of packed rows
    best_fit         the packing itself, position ids, and unpacking
    tally            counts of the segments, from the published files
    spelled          which rows spell special tokens of the tokenizer
    links            how much of a sample is its meta-document, from the published files
    manifest         what a dataset consists of; written last, the only commit point
    folder           its lock, what may be overwritten, and how its manifest is invalidated
    locate           a path, name or URL ▶ configurations and their files
    reader           one configuration: its length, one row, or all rows in batches
    row              one row as Python sees it
"""

from nextlong_hub.dataset.reader import SplitReader, open_split, open_splits
from nextlong_hub.dataset.row import Row

__all__ = ["Row", "SplitReader", "open_split", "open_splits"]
