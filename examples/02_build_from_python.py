"""Build a dataset folder from a `datasets.Dataset` held in memory, with a small recipe, and verify it.

Twelve rows of 2,048 tokens from the first texts of the embedded corpus take a few seconds.
"""

from importlib.resources import files
from pathlib import Path

from datasets import load_dataset

from nextlong_hub import BuildRequest, build, load_recipe, verify
from nextlong_hub.corpus import memory_source

if __name__ == "__main__":
    demo = str(files("nextlong_hub.builders") / "demo" / "corpus.parquet")
    texts = load_dataset("parquet", data_files=demo, split="train[:400]")
    recipe = load_recipe("64k", {"name": "2k", "target_length": 2048, "chunking.chunk_characters": 512})

    request = BuildRequest(
        recipes=(recipe,), sources=(memory_source(texts, "demo"),), tokenizer="demo", seed=7, rows={"2k": 12}
    )
    report = build(request, Path("small"), executor="local:2")
    config = report.manifest.configs["2k"]
    print(f"{config.rows} rows, {config.tokens:,} tokens, {config.segments.negative} negatives in ./small")

    checked = verify(Path("small"), sources=request.sources, tokenizer="demo")
    print(f"{checked.rebuilt_rows} rows rebuilt from the corpus, {len(checked.faults)} faults")
