"""What trainers make of our exports; run by `check_trainers.py`, in an environment that has them.

    python trainer_checks.py READER FOLDER EXAMPLES

FOLDER holds the exports, `expected.json` with the documents of each row, and a tokenizer. Each function below reads its
export by the trainer's own code, under the settings of its example, compares labels and positions, and gives the
documents that it found; their digest must be the export's. Readers that come as source: source_checks.py.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from reading import IGNORED, Document, Reading, inside, load_module, next_tokens, proven, require, same, two_steps

os.environ |= {
    "HF_HUB_OFFLINE": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "DISABLE_VERSION_CHECK": "1",
    "AXOLOTL_DO_NOT_TRACK": "1",
}

Rows = list[list[list[int]]]
"""The documents of each row, as lists of tokens."""


def trl(folder: Path, examples: Path, rows: Rows) -> Reading:
    """Two steps of SFTTrainer on a tiny model: batches hold the tokens, positions restart with each document."""
    from datasets import load_dataset
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    example = load_module(examples / "trl" / "sft_128k.py")
    tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer")
    tokenizer.pad_token = tokenizer.eos_token
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    cpu = {"model_init_kwargs": None, "bf16": False, "use_cpu": True, "max_steps": 2, "report_to": [], "save_steps": 99}
    arguments = example.settings(str(folder / "checkpoints"), **cpu, gradient_checkpointing=False, logging_steps=1)
    data = load_dataset("parquet", data_files=f"{folder}/trl/data/*.parquet", split="train")
    trainer = example.SFTTrainer(
        model=LlamaForCausalLM(config), args=arguments, train_dataset=data, processing_class=tokenizer
    )
    found: list[Document] = []
    for number, documents in enumerate(rows):
        batch = trainer.data_collator([trainer.train_dataset[number]])
        ids, labels = batch["input_ids"][0].tolist(), batch["labels"][0].tolist()
        positions = [place for document in documents for place in range(len(document))]
        same("position_ids", batch["position_ids"][0].tolist(), positions)
        same("labels", labels, [label for document in documents for label in (IGNORED, *document[1:])])
        starts = [place for place, position in enumerate(positions) if position == 0]
        for start, end in zip(starts, [*starts[1:], len(ids)], strict=True):
            found.append((ids[start:end], [int(label != IGNORED) for label in labels[start:end]]))
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    require(len(losses) == 2 and all(0 < loss < 20 for loss in losses), f"losses are {losses}")
    return Reading(
        documents=found,
        how="SFTTrainer and its collator; labels and positions compared",
        stored=len(rows[0][0]),
        **inside(len(found[0][0])),
        trained="two steps of SFTTrainer itself on a tiny Llama",
    )


def axolotl(folder: Path, examples: Path, rows: Rows) -> Reading:
    """Its loader prepares the dataset of the example and keeps the three columns as they are."""
    from axolotl.utils.data.sft import prepare_datasets
    from axolotl.utils.dict import DictDefault
    from transformers import AutoTokenizer

    config = yaml.safe_load((examples / "axolotl" / "128k.yaml").read_text())
    config["datasets"][0]["path"] = str(folder / "axolotl")
    config |= {"dataset_prepared_path": str(folder / "prepared"), "dataset_num_proc": 1, "seed": 42}
    config |= {"shuffle_merged_datasets": False, "num_epochs": 1, "batch_size": 1, "world_size": 1}
    prepared = prepare_datasets(DictDefault(config), AutoTokenizer.from_pretrained(folder / "tokenizer"))[0]
    found: list[Document] = []
    for row in prepared:
        same("attention_mask", list(row["attention_mask"]), [1] * len(row["input_ids"]))
        found.append((list(row["input_ids"]), [int(label != IGNORED) for label in row["labels"]]))
    [first] = [row[0] for row in found if row[0] == rows[0][0]]  # it is free to sort
    return Reading(
        documents=found,
        how="its loader prepared the example's dataset; labels compared",
        stored=len(rows[0][0]),
        **inside(len(first)),
        trained=two_steps(next_tokens([list(row[0]) for row in found])),
    )


def llama_factory(folder: Path, examples: Path, rows: Rows) -> Reading:
    """Its loader finds the dataset by `dataset_info.json` and encodes each text by itself."""
    from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
    from llamafactory.hparams import DataArguments, ModelArguments
    from transformers import AutoTokenizer, Seq2SeqTrainingArguments

    example = yaml.safe_load((examples / "llama_factory" / "128k.yaml").read_text())
    chosen = {name: example[name] for name in ("dataset", "cutoff_len", "packing")}
    data = DataArguments(dataset_dir=str(folder / "text"), overwrite_cache=True, **chosen)
    tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer")
    module = get_dataset(
        get_template_and_fix_tokenizer(tokenizer, data),
        ModelArguments(model_name_or_path=str(folder / "tokenizer")),
        data,
        Seq2SeqTrainingArguments(output_dir=str(folder / "llama_factory"), use_cpu=True, report_to=[]),
        stage="pt",
        tokenizer=tokenizer,
    )
    found = [list(row["input_ids"]) for row in module["train_dataset"]]
    same("input_ids", found, [[*document, tokenizer.eos_token_id] for row in rows for document in row])
    return Reading(
        documents=[tokenizer.decode(row[:-1]) for row in found],
        how="its loader encoded the example's dataset; tokens compared, texts by digest",
        stored=len(rows[0][0]),
        **inside(len(found[0])),
        trained=two_steps(next_tokens(found)),
    )


def torchtitan(folder: Path, examples: Path, rows: Rows) -> Reading:
    """With texts of two tokens less, a window is one text between BOS and EOS, its positions from 0."""
    from torchtitan.hf_datasets.text_datasets import HuggingFaceTextDataset
    from transformers import AutoTokenizer

    load_module(examples / "torchtitan" / "nextlong_128k.py")
    tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer")

    class Framed:
        def encode(self, text: str, add_bos: bool, add_eos: bool) -> list[int]:
            framed = [tokenizer.bos_token_id] * add_bos + tokenizer.encode(text) + [tokenizer.eos_token_id] * add_eos
            return [int(token) for token in framed]

    tokens = len(rows[0][0])
    dataset = HuggingFaceTextDataset("nextlong_128k", str(folder / "even-text"), Framed(), seq_len=tokens + 1)
    bos, eos = tokenizer.bos_token_id, tokenizer.eos_token_id
    windows = [(window["input"].tolist(), labels.tolist(), window["positions"].tolist()) for window, labels in dataset]
    same("windows", [window for window, _, _ in windows], [[bos, *row[0]] for row in rows])
    same("labels", [labels for _, labels, _ in windows], [[*row[0], eos] for row in rows])
    same("positions", [positions for _, _, positions in windows], [list(range(tokens + 1))] * len(rows))
    return Reading(
        documents=[tokenizer.decode(labels[:-1]) for _, labels, _ in windows],
        how="its dataset cut windows that are samples; inputs, labels and positions compared, texts by digest",
        goes_in=len(windows[0][0]),
        learnt=len(windows[0][1]),
        stored=tokens,
        trained=two_steps([(window, labels) for window, labels, _ in windows]),
    )


def megatron(folder: Path, examples: Path, rows: Rows) -> Reading:
    """IndexedDataset of megatron-core finds every document, memory-mapped and not."""
    from megatron.core.datasets.indexed_dataset import IndexedDataset

    found: list[list[int]] = []
    for mapped in (True, False):
        dataset = IndexedDataset(str(folder / "megatron" / "train"), mmap=mapped)
        once, found = found, [dataset[number].tolist() for number in range(len(dataset))]
        same("document indices", dataset.document_indices.tolist(), list(range(len(found) + 1)))
        require(once in ([], found), "memory-mapped it gave other documents")
    return Reading(
        documents=[(one, None) for one in found],
        how="IndexedDataset, memory-mapped and not; document indices compared",
        goes_in=len(found[0]),
        learnt=len(found[0]),
        stored=len(rows[0][0]),
        trained=two_steps(next_tokens(found)),
    )


def nanotron(folder: Path, examples: Path, rows: Rows) -> Reading:
    """Under the example's rule, sequence_length = tokens - 1, each window of datatrove's dataset is one row."""
    from datatrove.utils.dataset import DatatroveFolderDataset

    settings = yaml.safe_load((examples / "nanotron" / "128k.yaml").read_text())
    require(settings["tokens"]["sequence_length"] == 131_071, "the example's sequence_length is not one below the row")
    tokens = len(rows[0][0])
    dataset = DatatroveFolderDataset(
        str(folder / "even-nanotron"), seq_len=tokens - 1, token_size=2, return_positions=True, recursive=False
    )
    windows = [dataset[number] for number in range(len(dataset))]
    same("positions", [w["positions"].tolist() for w in windows], [list(range(tokens))] * len(rows))
    found = [window["input_ids"].tolist() for window in windows]
    return Reading(
        documents=[(one, None) for one in found],
        how="datatrove's dataset, with which nanotron reads, cut windows that are rows; positions compared",
        goes_in=len(found[0]) - 1,
        learnt=len(found[0]) - 1,
        stored=tokens,
        trained=two_steps(next_tokens(found)),
    )


def olmo(folder: Path, examples: Path, rows: Rows) -> Reading:
    """OLMo-core cuts at each EOS, and at the borders beside the array; its packed dataset keeps each document whole."""
    import numpy as np
    from olmo_core.data import NumpyPackedFSLDatasetConfig, TokenizerConfig
    from olmo_core.data.numpy_dataset import NumpyDatasetDType
    from olmo_core.data.utils import iter_document_indices, load_array_slice

    array = str(folder / "olmo" / "token_ids_part_0000.npy")
    eos = 50_256
    documents = [[*document[:-1], eos] for row in rows for document in row]
    for choices in ({"eos_token_id": eos, "dtype": np.uint16}, {"use_array_if_local": False}):
        borders = list(iter_document_indices(array, **choices))
        same("documents", [load_array_slice(array, *span, np.uint16).tolist() for span in borders], documents)
    tokenizer = TokenizerConfig(vocab_size=50_257, eos_token_id=eos, pad_token_id=eos)
    dataset = NumpyPackedFSLDatasetConfig(
        paths=[array],
        tokenizer=tokenizer,
        sequence_length=1 << max(map(len, documents)).bit_length(),
        generate_doc_lengths=True,
        dtype=NumpyDatasetDType.uint16,
        work_dir=str(folder / "olmo-work"),
    ).build()
    dataset.prepare()
    found = []
    for number in range(len(dataset)):
        item = dataset[number]
        ids, kept = item["input_ids"].tolist(), item["doc_lens"].tolist()
        for length in kept:
            if ids[0] != eos:  # what fills a sequence up
                found.append(ids[:length])
            ids = ids[length:]
    how = "its two ways to cut documents, and NumpyPackedFSLDataset, which kept each whole"
    read: list[Document] = [(one, [1] * len(one)) for one in found]
    [first] = [len(one) for one in found if one == documents[0]]
    trained = two_steps(next_tokens(found))
    return Reading(documents=read, how=how, stored=len(rows[0][0]), **inside(first), trained=trained)


def mds(folder: Path, examples: Path, rows: Rows) -> Reading:
    """StreamingDataset of mosaicml-streaming, on which ProLong's dataset stands: tokens, and borders by `indices`."""
    from streaming import StreamingDataset

    found: list[Document] = []
    batches = []
    for sample in StreamingDataset(local=str(folder / "mds"), shuffle=False, batch_size=1):
        ids = sample["input_ids"].tolist()
        spans = [ids[start:end] for start, end in sample["indices"].tolist()]
        same("indices", [token for span in spans for token in span], ids)
        same("length", sample["length"], len(ids))
        found += [(span, [1] * len(span)) for span in spans]
        batches.append(ids)
    return Reading(
        documents=found,
        how="StreamingDataset, under ProLong's; every other array by `make check-mds`",
        stored=len(rows[0][0]),
        **inside(len(found[0][0])),
        trained=two_steps(next_tokens(batches)),
    )


def litdata(folder: Path, examples: Path, rows: Rows) -> Reading:
    """Blocks of TokensLoader are rows when `block_size` is their length, the EOS behind them included."""
    from litdata import StreamingDataset
    from litdata.streaming.item_loader import TokensLoader

    length = len(rows[0][0]) + 1
    dataset = StreamingDataset(str(folder / "even-litdata"), item_loader=TokensLoader(block_size=length), shuffle=False)
    found = [block.tolist() for block in dataset]
    same("blocks", found, [[*row[0], 50_256] for row in rows])
    return Reading(
        documents=[(one, None) for one in found],
        how="StreamingDataset with TokensLoader, a block a row",
        goes_in=length - 1,
        learnt=length - 1,
        stored=len(rows[0][0]),
        trained=two_steps(next_tokens(found)),
    )


def numpy(folder: Path, examples: Path, rows: Rows) -> Reading:
    """NumPy maps the arrays; the example's loop gives the documents."""
    example = load_module(examples / "numpy" / "documents.py")
    found = [(tokens.tolist(), mask.astype(int).tolist()) for tokens, mask in example.documents(folder / "numpy")]
    return Reading(
        documents=list(found),
        how="np.load, memory-mapped, in the example's loop",
        stored=len(rows[0][0]),
        **inside(len(found[0][0])),
        trained=two_steps(next_tokens([tokens for tokens, _ in found])),
    )


def jsonl(folder: Path, examples: Path, rows: Rows) -> Reading:
    """`datasets` loads the lines; documents lie one after the other in a row."""
    from datasets import load_dataset

    data = load_dataset("json", data_files=f"{folder}/jsonl/*.jsonl", split="train")
    [lengths] = [name for name in data.column_names if name.endswith("_lengths")]
    found: list[Document] = []
    for row in data:
        ids = list(row["input_ids"])
        for length in row[lengths]:
            found.append((ids[:length], [1] * length))
            ids = ids[length:]
        require(not ids, "lengths do not cover the tokens")
    return Reading(
        documents=found,
        how="load_dataset; documents cut by their lengths",
        stored=len(rows[0][0]),
        **inside(len(found[0][0])),
        trained=two_steps(next_tokens([list(row["input_ids"]) for row in data])),
    )


Check = Callable[[Path, Path, Rows], Reading]
CHECKS: dict[str, tuple[str, str, Check]] = {
    "mds": ("mds", "packed", mds),
    "trl": ("trl", "packed", trl),
    "axolotl": ("axolotl", "packed", axolotl),
    "llama_factory": ("text", "packed", llama_factory),
    "torchtitan": ("even-text", "even", torchtitan),
    "megatron": ("megatron", "packed", megatron),
    "nanotron": ("even-nanotron", "even", nanotron),
    "olmo": ("olmo", "packed", olmo),
    "litdata": ("even-litdata", "even", litdata),
    "numpy": ("numpy", "packed", numpy),
    "jsonl": ("jsonl", "packed", jsonl),
}
"""By reader: the folder of its export, the rows in it, and the check. Readers of windows get rows of one length."""


def main() -> int:
    """Check one reader; the last line is its record, as JSON."""
    name, folder, examples = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    export, kind, check = CHECKS[name]
    expected: Any = json.loads((folder / "expected.json").read_text())
    record = proven(check(folder, examples, expected[kind]), folder / export)
    sys.stdout.write(f"\n{json.dumps(record)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
