"""Ask ./nextlong, as built by `make demo`, in SQL: which documents serve as hard negatives most, and how hard they are.

DuckDB (`pip install duckdb`) reads the Parquet files as they lie, on the Hub too: `hf://datasets/user/nextlong/data/…`.
"""

import duckdb

print(
    duckdb.sql("""
        with segments as (
            select id, unnest(segments) as segment from 'nextlong/data/*/*.parquet'
        )
        select
            segment.document as document,
            count(distinct id) as rows,
            count(distinct (id, segment.chunk)) as uses,
            round(avg(segment.score), 1) as mean_score,
            min(segment.rank) as best_rank
        from segments
        where segment.role = 'negative'
        group by document
        order by uses desc, document
        limit 10
    """)
)
