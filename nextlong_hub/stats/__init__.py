"""What is in a dataset, in numbers: one streaming pass over its columns, in memory that does not grow with its text.

    stats = measure(Path("nextlong"))          a dataset folder, a folder of Parquet files, or one file
    stats = measure({"128k": tables})          tables with our columns, from anywhere
    stats["128k"].segments.scores.quantiles

Everything a card, a page or a notebook shows comes from here; `plots` draws it.
"""

from nextlong_hub.stats.measuring import measure, measure_folder, measure_split, measure_tables, unfinished_split
from nextlong_hub.stats.shape import (
    Bar,
    ConfigStats,
    ConversationStats,
    DatasetStats,
    Distribution,
    Hub,
    OutcomeStats,
    PackingStats,
    RankScores,
    ReuseStats,
    SegmentStats,
    SourceTokens,
    TokenizerStats,
)

__all__ = [
    "Bar",
    "ConfigStats",
    "ConversationStats",
    "DatasetStats",
    "Distribution",
    "Hub",
    "OutcomeStats",
    "PackingStats",
    "RankScores",
    "ReuseStats",
    "SegmentStats",
    "SourceTokens",
    "TokenizerStats",
    "measure",
    "measure_folder",
    "measure_split",
    "measure_tables",
    "unfinished_split",
]
