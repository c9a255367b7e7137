"""Encode the text of every row of a dataset folder once, with the plain library: python encode.py TOKENIZER FOLDER."""

import sys
from pathlib import Path

import pyarrow.parquet as pq
from tokenizers import Tokenizer

folder, dataset = map(Path, sys.argv[1:])
tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
tokens = 0
for file in sorted((dataset / "data").rglob("*.parquet")):
    for batch in pq.ParquetFile(file).iter_batches(4, columns=["text"]):
        tokens += sum(len(row) for row in tokenizer.encode_batch(batch["text"].to_pylist(), add_special_tokens=False))
print(f"{tokens:,} tokens")
