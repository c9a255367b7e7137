"""Finished rows, read where they lie: a dataset folder, a folder of Parquet, or a dataset on the Hub.

    split = open_split("nextlong", "128k")
    split.row(3).text

Nothing is downloaded whole: a row costs the footer of its file and its row group. Where things are:

    locate      from a path, name or URL to configurations and their files
    reader      one configuration: its length, one row, or all of them in batches
    row         one row as Python sees it
"""

from nextlong_hub.dataset.reader import SplitReader, open_split, open_splits
from nextlong_hub.dataset.row import Row

__all__ = ["Row", "SplitReader", "open_split", "open_splits"]
