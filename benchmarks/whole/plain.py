"""What one would write without this package: datasets, bm25s and tokenizers. No provenance, no resume, no proof.

python benchmarks/whole/plain.py texts.parquet ./llama3 rows 65536=64 131072=32
"""

import random
import sys
from itertools import accumulate

import bm25s
from datasets import Dataset, load_dataset
from tokenizers import Tokenizer

CHARACTERS = 2048


def cut(text: str) -> list[str]:
    """Lines, joined to chunks of up to 2,048 characters."""
    chunks = [""]
    for line in text.splitlines(keepends=True):
        if len(chunks[-1]) + len(line) > CHARACTERS:
            chunks.append("")
        chunks[-1] += line
    return [chunk for chunk in chunks if chunk]


def main() -> None:
    """Index every chunk; extend documents in random order with the hits of their chunks, until they are long enough."""
    corpus, folder, output, *wanted = sys.argv[1:]
    documents = [cut(text) for text in load_dataset("parquet", data_files=corpus, split="train")["text"]]
    chunks = [chunk for document in documents for chunk in document]
    owners = [number for number, document in enumerate(documents) for _ in document]
    words = bm25s.tokenize(chunks, stopwords="en", show_progress=False)
    retriever = bm25s.BM25(backend="numba")
    retriever.index(words, show_progress=False)
    spelled = {number: word for word, number in words.vocab.items()}
    tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
    first = [0, *accumulate(map(len, documents))]
    order = [number for number, document in enumerate(documents) if len(document) > 1]
    random.Random(42).shuffle(order)
    for target, rows in ((int(length), int(rows)) for length, rows in (one.split("=") for one in wanted)):
        made: list[dict[str, object]] = []
        while len(made) < rows and order:
            own = range(first[order[-1]], first[order.pop() + 1])
            asked = [[spelled[word] for word in words.ids[chunk]] for chunk in own]
            hits = retriever.retrieve(asked, k=min(len(chunks), target // 218), show_progress=False)[0].tolist()
            used, row, share = set(own), "", target // len(own)
            for chunk, found in zip(own, hits, strict=True):
                row += chunks[chunk]
                size = len(tokenizer.encode(chunks[chunk], add_special_tokens=False).ids)
                for other in found:
                    if size > share + 64:
                        break
                    if other not in used and owners[other] != owners[chunk]:
                        used.add(other)
                        row += chunks[other]
                        size += len(tokenizer.encode(chunks[other], add_special_tokens=False).ids)
            whole = tokenizer.encode(row, add_special_tokens=False)
            if len(whole.ids) >= target:
                made.append({"text": row[: whole.offsets[target - 1][1]], "input_ids": whole.ids[:target]})
        Dataset.from_list(made).to_parquet(f"{output}/{target}.parquet")


if __name__ == "__main__":
    main()
