"""What is in a dataset, in numbers: one streaming pass over its columns, in memory that does not grow with its text.

    stats = measure(Path("nextlong"))          a dataset folder, a folder of Parquet files, or one file
    stats = measure({"128k": tables})          tables with our columns, from anywhere
    stats["128k"].segments.scores.quantiles

What a card, a page or a notebook shows is measured here.

shape       the result: plain records, ready for JSON
measuring   where the rows come from, and which columns are read
batches     one batch of rows as NumPy arrays
counting    batches ▶ sums and sketches of one configuration
sketch      how often each value was seen, in bounded memory
ranks       scores of negatives by their rank
repeats     what rows repeat of themselves, by distance
reuse       how often each chunk serves as a negative, in bounded memory
overlap     how much text is there once, and what configurations have in common
plots       the result as matplotlib figures
"""

from nextlong_hub.stats.measuring import measure, measure_folder, measure_split, measure_tables, unfinished_split
from nextlong_hub.stats.shape import (
    Bar,
    ChunkStats,
    ConfigStats,
    ConversationStats,
    DatasetStats,
    Distribution,
    LinkStats,
    OnEndStats,
    OutcomeStats,
    Overlap,
    PackingStats,
    RankScores,
    RepeatStats,
    ReusedChunk,
    ReuseStats,
    SegmentStats,
    SelectionStats,
    SourceTokens,
    TokenizerStats,
)

__all__ = [
    "Bar",
    "ChunkStats",
    "ConfigStats",
    "ConversationStats",
    "DatasetStats",
    "Distribution",
    "LinkStats",
    "OnEndStats",
    "OutcomeStats",
    "Overlap",
    "PackingStats",
    "RankScores",
    "RepeatStats",
    "ReuseStats",
    "ReusedChunk",
    "SegmentStats",
    "SelectionStats",
    "SourceTokens",
    "TokenizerStats",
    "measure",
    "measure_folder",
    "measure_split",
    "measure_tables",
    "unfinished_split",
]
