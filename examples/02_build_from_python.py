"""Build a dataset folder from a `datasets.Dataset` held in memory, with choices of its own, and verify it.

Twelve rows of 2,048 tokens from the first texts of the embedded corpus take a few seconds.
"""

from importlib.resources import files

from datasets import load_dataset

import nextlong_hub as nl

if __name__ == "__main__":
    demo = str(files("nextlong_hub.builders") / "demo" / "corpus.parquet")
    texts = load_dataset("parquet", data_files=demo, split="train[:400]")
    ds = nl.build(
        "64k",
        corpus={"demo": texts},
        tokenizer="demo",
        output="small",
        samples=12,
        seed=7,
        num_proc=2,
        name="2k",
        target_length=2048,
        chunk_characters=512,
    )
    print(ds)

    checked = ds.verify(corpus={"demo": texts}, tokenizer="demo")
    print(f"{checked.rebuilt_rows} rows rebuilt from the corpus, {len(checked.faults)} faults")
