"""What readers that come as source make of our exports; run by `check_trainers.py`, as trainer_checks.py is.

    python source_checks.py READER FOLDER EXAMPLES CHECKOUT

CHECKOUT is the trainer's repository at a commit: see trainer_sources.py. Of it runs the code that reads data; packages
that its `__init__` files would import, for models and kernels, are left out.
"""

import json
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from reading import (
    IGNORED,
    Document,
    Reading,
    bare_packages,
    inside,
    load_module,
    next_tokens,
    proven,
    require,
    same,
    two_steps,
)

EOS = 50_256


class LeftOut(types.ModuleType):
    """A module that is not there, in which every name is the same."""

    def __init__(self, name: str, content: Any) -> None:
        super().__init__(name)
        self._content = content

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._content


Rows = list[list[list[int]]]
"""The documents of each row, as lists of tokens."""


def torchtitan_main(folder: Path, examples: Path, rows: Rows, checkout: Path) -> Reading:
    """Its GrainDataLoader over the example's source: batches of whole documents, labels one token on."""
    sys.path.insert(0, str(checkout))
    from torchtitan.components.data import GrainDataLoader

    example = load_module(examples / "torchtitan" / "nextlong_128k_main.py")
    documents = [[*document, EOS] for row in rows for document in row]
    longest = max(map(len, documents)) - 1
    loader = GrainDataLoader.Config(
        dataset=example.dataset(str(folder / "torchtitan")), shuffle=False, repeat=False
    ).build(dp_world_size=1, dp_rank=0, tokenizer=None, max_context_length=longest, num_tokens_per_batch=longest)
    found, batches = [], []
    for batch, labels in loader:
        ids, learnt = batch["input"].tolist(), labels.tolist()
        positions = batch["positions"].tolist()
        kept = sum(label != IGNORED for label in learnt)
        starts = [place for place in range(kept) if positions[place] == 0]
        for start, end in zip(starts, [*starts[1:], kept], strict=True):
            found.append([*ids[start:end], learnt[end - 1]])
            same("labels", learnt[start:end], found[-1][1:])
        batches.append((ids, learnt))
    [first] = [len(one) - 1 for one in found if one == documents[0]]
    return Reading(
        documents=[(one, None) for one in found],
        how="GrainDataLoader with FirstFitPackingConfig and the example's source; labels and positions compared",
        goes_in=first,
        learnt=first,
        stored=len(rows[0][0]),
        trained=two_steps(batches),
    )


def maxtext(folder: Path, examples: Path, rows: Rows, checkout: Path) -> Reading:
    """Its index, its Grain loader with the n-gram filter, and its shift: a window is a row, its last label masked."""
    bare_packages(checkout / "src", "maxtext", "maxtext.input_pipeline")
    from maxtext.input_pipeline.olmo_data import build_index, read_raw_metadata_from_path
    from maxtext.input_pipeline.olmo_data_grain import make_olmo_grain_data_loader

    length = len(rows[0][0])
    index = build_index(
        [(str(folder / "even-olmo" / "token_ids_part_0000.npy"), "nextlong")],
        sequence_length=length,
        tokenizer="gpt2",
        header_reader=lambda path: read_raw_metadata_from_path(path, "uint16"),
    )
    same("windows", index.total_instances, len(rows))
    loader = make_olmo_grain_data_loader(index, seed=1, batch_size=1, shard_index=0, shard_count=1)
    found, batches = [], []
    for item, _ in zip(loader, rows, strict=False):
        inputs, targets = item["inputs"][0].tolist(), item["targets"][0].tolist()
        same("targets", targets[:-1], inputs[1:])
        same("positions", item["inputs_position"][0].tolist(), list(range(length)))
        same("where the loss is taken", item["targets_segmentation"][0].tolist(), [1] * (length - 1) + [0])
        found.append(inputs)
        batches.append((inputs, [*targets[:-1], IGNORED]))
    read: list[Document] = [(one, [1] * len(one)) for one in found]
    return Reading(
        documents=read,
        how="build_index and olmo_grain's loader, n-gram filter on; targets, positions and masks compared",
        goes_in=len(batches[0][0]),
        learnt=sum(token != IGNORED for token in batches[0][1]),
        stored=length,
        trained=two_steps(batches),
    )


def skyrl(folder: Path, examples: Path, rows: Rows, checkout: Path) -> Reading:
    """Its loader of pretokenised rows gives the tokens, and the mask from the first learnt token on."""
    bare_packages(checkout, "skyrl", "skyrl.train", "skyrl.train.dataset")
    from skyrl.train.dataset.pretokenized import load_from_pretokenized

    data = load_from_pretokenized(str(folder / "skyrl" / "data"), max_length=131_072)
    found: list[Document] = []
    batches = []
    for number in range(len(data)):
        row = data[number]
        ids, learnt = list(row["input_ids"]), list(row["loss_mask"])
        same("attention_mask", list(row["attention_mask"]), [1] * len(ids))
        mask = [0] * (len(ids) - len(learnt)) + learnt
        found.append((ids, mask))
        batches.append((ids[:-1], [token if kept else IGNORED for token, kept in zip(ids[1:], mask[1:], strict=True)]))
    return Reading(
        documents=found,
        how="load_from_pretokenized, conversations with a mask",
        stored=len(rows[0][0]),
        **inside(len(found[0][0])),
        trained=two_steps(batches),
    )


def verl(folder: Path, examples: Path, rows: Rows, checkout: Path) -> Reading:
    """The example's dataset and verl's collator: rows of one nested tensor, and the row over the limit refused."""
    bare_packages(checkout, "verl", "verl.utils", "verl.utils.dataset")
    from verl.utils.dataset.dataset_utils import DatasetPadMode, SFTTensorCollator

    example = load_module(examples / "verl" / "nextlong_dataset.py")
    data = example.TokenisedRows(str(folder / "skyrl" / "data"), None, {"max_length": 131_072})
    batch = SFTTensorCollator(DatasetPadMode.NO_PADDING)([data[number] for number in range(len(data))])
    found: list[Document] = []
    batches = []
    names = ("input_ids", "loss_mask", "position_ids")
    for ids, mask, positions in zip(*([one.tolist() for one in batch[name].unbind()] for name in names), strict=True):
        same("positions", positions, list(range(len(ids))))
        found.append((ids, mask))
        batches.append((ids[:-1], [token if kept else IGNORED for token, kept in zip(ids[1:], mask[1:], strict=True)]))
    short = example.TokenisedRows(str(folder / "skyrl" / "data"), None, {"max_length": 2})
    try:
        short[0]
    except ValueError:
        pass
    else:
        require(False, "a row over max_length was given out")
    return Reading(
        documents=found,
        how="the example's dataset and verl's SFTTensorCollator, conversations with a mask; positions compared",
        stored=len(rows[0][0]),
        **inside(len(found[0][0])),
        trained=two_steps(batches),
    )


def megatron_bridge(folder: Path, examples: Path, rows: Rows, checkout: Path) -> Reading:
    """Its packed Parquet dataset and its collator: inputs, labels, masks, positions and borders of each row."""
    root = checkout / "src"
    packages = ("data", "data.packing", "data.datasets", "utils", "training", "training.tokenizers", "training.utils")
    import megatron.core  # noqa: F401  # the same namespace, from a package that is installed

    bare_packages(root, "megatron.bridge", *(f"megatron.bridge.{name}" for name in packages))
    bare_packages(root, "megatron.training", "megatron.training.utils")
    for name, content in (
        ("megatron.training.utils.common_utils", lambda *_, **__: 0),  # which rank this is, of one
        ("megatron.bridge.utils.common_utils", lambda *_, **__: 0),
        ("megatron.bridge.training.tokenizers.tokenizer", object),  # a type that is named, and needs a newer core
    ):
        sys.modules[name] = LeftOut(name, content)
    import megatron.core._rank_utils as ranks_of_core

    for name, value in (("safe_get_world_size", 1), ("safe_get_rank", 0)):
        if not hasattr(ranks_of_core, name):
            setattr(ranks_of_core, name, lambda value=value: value)
    from megatron.bridge.data.packing.parquet import GPTSFTPackedParquetDataset

    tokenizer = types.SimpleNamespace(eos_id=EOS, bos_id=EOS, pad_id=EOS, vocab_size=50_257, unk_id=None)
    of_its_builder = {"prompt_template": "{input} {output}", "label_key": "output", "truncation_field": "input"}
    dataset = GPTSFTPackedParquetDataset(
        str(folder / "megatron-bridge" / "data"), tokenizer, max_seq_length=131_072, answer_only_loss=True,
        pad_to_max_length=False, **of_its_builder,
    )  # fmt: skip
    found: list[Document] = []
    batches = []
    for number in range(len(dataset)):
        sample = dataset[number]
        batch = dataset.collate_fn([sample])
        ids, labels, masks, positions = (
            batch[name][0].tolist() for name in ("tokens", "labels", "loss_mask", "position_ids")
        )
        lengths = [len(document) for document in rows[number]]
        same("positions", positions[: sum(lengths)], [place for length in lengths for place in range(length)])
        place = 0
        for length in lengths:
            span = slice(place, place + length)
            found.append(([*ids[span], labels[span][-1]], [0, *map(int, masks[span])]))
            same("labels", labels[span][:-1], ids[span][1:])
            place += length
        batches.append((ids, [label if kept else IGNORED for label, kept in zip(labels, masks, strict=True)]))
    return Reading(
        documents=found,
        how="GPTSFTPackedParquetDataset and its collator, conversations with a mask; labels, masks, positions compared",
        goes_in=len(found[0][0]) - 1,
        learnt=len(found[0][0]) - 1,
        stored=len(rows[0][0]),
        trained=two_steps(batches),
    )


def nanogpt(folder: Path, examples: Path, rows: Rows, checkout: Path) -> Reading:
    """Its windows are rows, with beginnings looked up in `.bos.idx` or not, in tokens of two and of four bytes."""
    reader = load_module(checkout / "nemo_automodel/components/datasets/llm/nanogpt_dataset.py", "nanogpt_dataset")
    settings = yaml.safe_load((examples / "automodel" / "128k.yaml").read_text())["dataset"]
    require(settings["align_to_bos"] is True, "the example does not begin windows at documents")
    length = len(rows[0][0])
    expected = [[*row[0], EOS] for row in rows]
    found: list[list[int]] = []
    for name in ("nanogpt", "nanogpt4"):
        for aligned in (False, True):
            dataset = reader.NanogptDataset(
                str(folder / f"even-{name}" / "train_*.bin"), seq_len=length, align_to_bos=aligned, bos_token=EOS
            )
            windows = [window for window, _ in zip(dataset, rows, strict=False)]  # it never ends
            found = [[*window["input_ids"], window["labels"][-1]] for window in windows]
            same(f"windows of {name}", found, expected)
            same("labels", [window["labels"] for window in windows], [row[1:] for row in expected])
    # Documents of other lengths: what is aligned is the beginning of each window.
    ragged = reader.NanogptDataset(
        str(folder / "nanogpt" / "train_*.bin"), seq_len=length, align_to_bos=True, bos_token=EOS
    )
    begins = {tuple(row[:4]) for row in json.loads((folder / "documents.json").read_text())}
    require(
        all(tuple(window["input_ids"][:4]) in begins for window, _ in zip(ragged, rows, strict=False)),
        "a window begins inside a document",
    )
    return Reading(
        documents=[(one, None) for one in found],
        how="NanogptDataset with and without align_to_bos, uint16 and uint32; labels compared",
        goes_in=len(found[0]) - 1,
        learnt=len(found[0]) - 1,
        stored=length,
        trained=two_steps(next_tokens(found)),
    )


def automodel_megatron(folder: Path, examples: Path, rows: Rows, checkout: Path) -> Reading:
    """MegatronPretraining of AutoModel: its windows, in the order of an epoch, are the rows."""
    names = ("components", "components.datasets", "components.datasets.llm", "components.datasets.llm.megatron")
    bare_packages(checkout, "nemo_automodel", "nemo_automodel.shared", *(f"nemo_automodel.{name}" for name in names))
    from nemo_automodel.components.datasets.llm.megatron_dataset import MegatronPretraining

    length = len(rows[0][0])
    tokenizer = types.SimpleNamespace(name_or_path="gpt2", pad_token_id=0, eos_token_id=EOS, unique_identifiers={})
    built = MegatronPretraining(
        paths=[str(folder / "even-megatron" / "train")],
        seq_length=length,
        tokenizer=tokenizer,  # type: ignore[arg-type]
        split="1,0,0",
        splits_to_build="train",
        index_mapping_dir=str(folder / "automodel-index"),
        trainer_limit_val_batches=0,
    )
    built.build()
    dataset = built.get_dataset(split="train")
    windows, batches = [], []
    for number in range(len(dataset)):
        item = dataset[number]
        ids, labels = item["input_ids"].tolist(), item["labels"].tolist()
        same("labels", labels[:-1], ids[1:])
        windows.append(ids)
        batches.append((ids, labels))
    # The last row's last label would be the next row's first token, so an epoch leaves it out.
    require(len(windows) == len(rows) - 1 and all([one] in rows for one in windows), "a window is no row")
    found = [dataset.dataset[number].tolist() for number in range(len(dataset.dataset))]
    return Reading(
        documents=[(one, None) for one in found],
        how="MegatronPretraining: its windows are rows, all but the last of an epoch; documents by its IndexedDataset",
        goes_in=len(batches[0][0]),
        learnt=len(batches[0][1]),
        stored=length,
        trained=two_steps(batches),
    )


Check = Callable[[Path, Path, Rows, Path], Reading]
CHECKS: dict[str, tuple[str, str, str, Check]] = {
    "torchtitan_main": ("torchtitan", "packed", "torchtitan-main", torchtitan_main),
    "maxtext": ("even-olmo", "even", "maxtext", maxtext),
    "skyrl": ("skyrl", "packed", "skyrl", skyrl),
    "verl": ("skyrl", "packed", "verl", verl),
    "megatron_bridge": ("megatron-bridge", "packed", "megatron-bridge", megatron_bridge),
    "nanogpt": ("even-nanogpt", "even", "automodel", nanogpt),
    "automodel_megatron": ("even-megatron", "even", "automodel", automodel_megatron),
}
"""By reader: the folder of its export, the rows in it, the source, and the check."""


def main() -> int:
    """Check one reader; the last line is its record, as JSON."""
    name, folder, examples, checkout = sys.argv[1], *map(Path, sys.argv[2:5])
    export, kind, _, check = CHECKS[name]
    expected = json.loads((folder / "expected.json").read_text())
    record = proven(check(folder, examples, expected[kind], checkout), folder / export)
    sys.stdout.write(f"\n{json.dumps(record)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
