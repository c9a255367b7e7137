"""torchtitan up to 0.3 on texts of 128K tokens: name the dataset, then train with `training.seq_len = 131072`.

torchtitan puts the tokenizer's BOS before each text and its EOS behind, and learns one token less than it reads.
For a window that is exactly one sample, build rows of 131,071 tokens (with a tokenizer that has only one of the two,
131,072):

    nextlong-hub build 128k --corpus … --tokenizer ./llama3 --set target_length=131071 --output nextlong
    nextlong-hub export nextlong text --config 128k --output nextlong-128k

torchtitan has no setting that keeps a special token which a text spells (`<|endoftext|>`) as text, as transformers has
`split_special_tokens`. Where the export says that rows spell one, leave those documents out of the corpus.

Its main has removed the names that are imported here: nextlong_128k_main.py.

Import this module before training, and use dataset = "nextlong_128k", dataset_path = "nextlong-128k".
"""

from typing import Any

from datasets import load_dataset
from torchtitan.hf_datasets import DatasetConfig
from torchtitan.hf_datasets.text_datasets import DATASETS


def load(folder: str) -> Any:
    """The exported texts, streamed."""
    return load_dataset("parquet", data_files=f"{folder}/data/*.parquet", split="train", streaming=True)


def text_of(row: dict[str, Any]) -> str:
    """The text of a row."""
    return str(row["text"])


DATASETS["nextlong_128k"] = DatasetConfig(path="nextlong-128k", loader=load, sample_processor=text_of)
