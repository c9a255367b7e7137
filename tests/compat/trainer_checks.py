"""What trainers make of our exports; run by `check_trainers.py`, in an environment that has them.

    python trainer_checks.py TRAINER FOLDER EXAMPLES

FOLDER holds the exports, `expected.json` with the documents of each row, and a tokenizer. Each function below reads its
export by the trainer's own code, under the settings of its example, and compares every token.
"""

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import yaml

os.environ |= {
    "HF_HUB_OFFLINE": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "DISABLE_VERSION_CHECK": "1",
    "AXOLOTL_DO_NOT_TRACK": "1",
}

Rows = list[list[list[int]]]
"""The documents of each row, as lists of tokens."""


def trl(folder: Path, examples: Path, rows: Rows) -> str:
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
    for number, documents in enumerate(rows):
        batch = trainer.data_collator([trainer.train_dataset[number]])
        same("input_ids", batch["input_ids"][0].tolist(), [token for document in documents for token in document])
        positions = [place for document in documents for place in range(len(document))]
        same("position_ids", batch["position_ids"][0].tolist(), positions)
        labels = [label for document in documents for label in (-100, *document[1:])]
        same("labels", batch["labels"][0].tolist(), labels)
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    require(len(losses) == 2 and all(0 < loss < 20 for loss in losses), f"losses are {losses}")
    return "trained two steps on a tiny model; every batch compared"


def trl_rows(folder: Path, examples: Path, rows: Rows) -> str:
    """The card's own lines, two steps on a tiny model: no row is cut, labels and borders are those of the rows."""
    told = [_trl_on_card(folder / "rows" / kind) for kind in ("plain", "packed", "instruct")]
    return "the cards' lines trained two steps each; every batch compared: " + "; ".join(told)


def _trl_on_card(folder: Path) -> str:
    """What the lines of one card did."""
    import pyarrow.parquet as pq
    import torch
    import trl
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer")
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    LlamaForCausalLM(config).save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    trainers = []

    class Recorded(trl.SFTTrainer):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            trainers.append(self)

    lines = (folder / "trl.py.txt").read_text()
    lines = lines.replace("USER/NAME", str(folder)).replace("MODEL", str(folder / "model"))
    here = {"use_cpu": True, "max_steps": 2, "logging_steps": 1, "report_to": [], "output_dir": str(folder / "out")}
    usual = trl.SFTConfig
    with (
        mock.patch.object(trl, "SFTTrainer", Recorded),
        mock.patch.object(trl, "SFTConfig", lambda **chosen: usual(**(chosen | here))),
    ):
        exec(lines, {})
    [trainer] = trainers
    stored = pq.read_table(next((folder / "data").glob("*/*.parquet")).parent).to_pylist()
    same("rows", len(trainer.train_dataset), len(stored))
    masked = 0
    for number, row in enumerate(stored):
        batch = trainer.data_collator([trainer.train_dataset[number]])
        same("input_ids", batch["input_ids"][0].tolist(), row["input_ids"])
        learnt = row.get("assistant_masks", [1] * row["token_count"])
        if lengths := row.get("seq_lengths"):
            positions = [place for length in lengths for place in range(length)]
            same("position_ids", batch["position_ids"][0].tolist(), positions)
            learnt = [own if place else 0 for own, place in zip(learnt, positions, strict=True)]
        labels = [token if own else -100 for token, own in zip(row["input_ids"], learnt, strict=True)]
        same("labels", batch["labels"][0].tolist(), labels)
        masked += labels.count(-100)
        if lengths:
            given = {name: batch[name] for name in ("input_ids", "position_ids")}
            other = given | {"input_ids": given["input_ids"].clone()}
            other["input_ids"][0, : lengths[0]] = 1
            with torch.no_grad():
                before, after = (trainer.model(**one).logits[0, lengths[0] :] for one in (given, other))
            require(bool(torch.equal(before, after)), "a document sees the one before it")
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    require(len(losses) == 2 and all(0 < loss < 20 for loss in losses), f"losses are {losses}")
    tokens = sum(row["token_count"] for row in stored)
    return f"{folder.name}, {len(stored)} rows, {tokens:,} tokens, {masked / tokens:.1%} of the labels masked"


def context_parallel(folder: Path, examples: Path, rows: Rows) -> str:
    """Two processes that share a row find the loss that one finds: of a sample, and of aligned documents kept apart."""
    from ring_checks import losses_of

    losses = losses_of(folder / "rows")
    for kind in ("sample", "packed"):
        one, two = losses[f"{kind}, one"], losses[f"{kind}, two"]
        require(abs(one - two) < 1e-5, f"the loss of the {kind} is {one} by one process and {two} by two")
    apart, joined = losses["packed, two"], losses["joined, two"]
    require(abs(apart - joined) > 1e-4, "documents that see each other have the same loss: nothing was tried")
    told = ", ".join(f"{name} {value:.6f}" for name, value in losses.items())
    return f"PyTorch's ring attention over two processes gives the loss of one: {told}"


def axolotl(folder: Path, examples: Path, rows: Rows) -> str:
    """Its loader prepares the dataset of the example and keeps the three columns as they are."""
    from axolotl.utils.data.sft import prepare_datasets
    from axolotl.utils.dict import DictDefault
    from transformers import AutoTokenizer

    config = yaml.safe_load((examples / "axolotl" / "128k.yaml").read_text())
    config["datasets"][0]["path"] = str(folder / "axolotl")
    config |= {"dataset_prepared_path": str(folder / "prepared"), "dataset_num_proc": 1, "seed": 42}
    config |= {"shuffle_merged_datasets": False, "num_epochs": 1, "batch_size": 1, "world_size": 1}
    prepared = prepare_datasets(DictDefault(config), AutoTokenizer.from_pretrained(folder / "tokenizer"))[0]
    documents = [document for row in rows for document in row]
    found = {tuple(row["input_ids"]): row for row in prepared}
    same("documents", sorted(found), sorted(map(tuple, documents)))
    for document in documents:
        row = found[tuple(document)]
        same("labels", list(row["labels"]), document)
        same("attention_mask", list(row["attention_mask"]), [1] * len(document))
    return "its loader prepared the example's dataset; every row compared"


def llama_factory(folder: Path, examples: Path, rows: Rows) -> str:
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
    documents = [[*document, tokenizer.eos_token_id] for row in rows for document in row]
    same("input_ids", [list(row["input_ids"]) for row in module["train_dataset"]], documents)
    return "its loader encoded the example's dataset; every row compared"


def torchtitan(folder: Path, examples: Path, rows: Rows) -> str:
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
    windows = list(dataset)
    same("windows", [window["input"].tolist() for window, _ in windows], [[bos, *row[0]] for row in rows])
    same("labels", [labels.tolist() for _, labels in windows], [[*row[0], eos] for row in rows])
    same("positions", [w["positions"].tolist() for w, _ in windows], [list(range(tokens + 1))] * len(rows))
    return "its dataset cut windows that are samples; every token compared"


def megatron(folder: Path, examples: Path, rows: Rows) -> str:
    """IndexedDataset of megatron-core finds every document, memory-mapped and not."""
    from megatron.core.datasets.indexed_dataset import IndexedDataset

    documents = [document for row in rows for document in row]
    for mapped in (True, False):
        dataset = IndexedDataset(str(folder / "megatron" / "train"), mmap=mapped)
        same("documents", [dataset[number].tolist() for number in range(len(dataset))], documents)
        same("document indices", dataset.document_indices.tolist(), list(range(len(documents) + 1)))
    return "IndexedDataset of megatron-core read every document"


def nanotron(folder: Path, examples: Path, rows: Rows) -> str:
    """Under the example's rule, sequence_length = tokens - 1, each window of datatrove's dataset is one row."""
    from datatrove.utils.dataset import DatatroveFolderDataset

    settings = yaml.safe_load((examples / "nanotron" / "128k.yaml").read_text())
    require(settings["tokens"]["sequence_length"] == 131_071, "the example's sequence_length is not one below the row")
    tokens = len(rows[0][0])
    dataset = DatatroveFolderDataset(
        str(folder / "even-nanotron"), seq_len=tokens - 1, token_size=2, return_positions=True, recursive=False
    )
    windows = [dataset[number] for number in range(len(dataset))]
    same("windows", [window["input_ids"].tolist() for window in windows], [row[0] for row in rows])
    same("positions", [w["positions"].tolist() for w in windows], [list(range(tokens))] * len(rows))
    return "datatrove's dataset, which nanotron reads with, cut windows that are rows"


def olmo(folder: Path, examples: Path, rows: Rows) -> str:
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
            found.append(ids[:length])
            ids = ids[length:]
    same("packed documents", sorted(document for document in found if document[0] != eos), sorted(documents))
    return "OLMo-core cut the documents in both ways, and packed each of them whole"


def load_module(path: Path) -> Any:
    """An example as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"FAILED: {path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def same(what: str, found: Any, expected: Any) -> None:
    """Stop when two values differ."""
    require(found == expected, f"{what}: {str(found)[:200]} instead of {str(expected)[:200]}")


def require(holds: bool, message: str) -> None:
    """Stop with the message when it does not hold."""
    if not holds:
        raise SystemExit(f"FAILED: {message}")


CHECKS = {
    check.__name__: check
    for check in (trl, trl_rows, context_parallel, axolotl, llama_factory, torchtitan, megatron, nanotron, olmo)
}
EVEN = ("torchtitan", "nanotron")
"""Read windows of one length, so they get rows of one."""


def main() -> int:
    """Check one trainer."""
    name, folder, examples = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    expected = json.loads((folder / "expected.json").read_text())
    done = CHECKS[name](folder, examples, expected["even" if name in EVEN else "packed"])
    sys.stdout.write(f"{name}: {done}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
