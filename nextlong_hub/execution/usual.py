"""What work usually costs, for forecasts: only ratios of these numbers matter, see `forecast`.

Measured with one process on 51,330 documents (165 million characters, 109,034 chunks), BM25 and the tokenizer of
Llama 3, and rounded. Time does not depend on them, nor do results.
"""

READ_SECONDS = 9e-9
"""To read and cut a character."""
INDEX_SECONDS = 4e-5
"""To index a chunk."""
QUERY_SECONDS = 1.5e-3
"""To ask for the negatives of a meta-chunk in an index of `QUERY_CHUNKS`."""
QUERY_CHUNKS = 109_034
TOKENISE_SECONDS = 1.2e-6
"""To tokenise text, for each token."""
SYNTHESISE_SECONDS = 5e-7
"""To put a sample together, for each token."""
WRITE_SECONDS = 1.5e-7
"""To write rows into published files, for each token."""
TOKEN_BYTES = 10
"""On disk for each token of a row while it is made: published, in its unit, and in the token cache."""
CHUNK_BYTES = 750
"""On disk for each chunk of an index."""
