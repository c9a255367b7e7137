"""What the real mosaicml-streaming must read from our exports; run by `check_mds.py`, in an environment that has it.

    python mds_checks.py FOLDER

FOLDER holds exports, and beside each what it must contain. Every array of every sample is compared: in order, shuffled,
by two workers of a DataLoader, and against the files that mosaicml's own writer makes of the same samples.
"""

import json
import shutil
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

# Streaming names these for pictures and for batches of transformers; its reader and its writer have no use for them.
for name, attributes in {
    "torchvision": (),
    "torchvision.datasets": ("VisionDataset",),
    "torchvision.transforms": (),
    "torchvision.transforms.functional": ("to_tensor",),
    "transformers": (),
    "transformers.models": (),
    "transformers.models.auto": (),
    "transformers.models.auto.tokenization_auto": ("AutoTokenizer",),
    "transformers.feature_extraction_utils": ("BatchFeature",),
    "transformers.tokenization_utils_base": ("BatchEncoding",),
}.items():
    module = types.ModuleType(name)
    for attribute in attributes:
        setattr(module, attribute, type(attribute, (), {}))
    sys.modules[name] = module

import numpy as np  # noqa: E402
from streaming import MDSWriter, StreamingDataset  # noqa: E402
from streaming.base.util import clean_stale_shared_memory, merge_index  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

TYPES = {"input_ids": "uint32", "indices": "uint32", "mask": "uint8"}


def main() -> int:
    """Check every export in the folder."""
    for expected in sorted(Path(sys.argv[1]).glob("*.json")):
        samples = json.loads(expected.read_text())
        folder = expected.with_suffix("")
        check_order(folder, samples)
        check_shuffled(folder, samples)
        check_workers(folder, samples)
        check_writer(folder, samples)
        say(f"{folder.name}: {len(samples)} samples in order, shuffled, by two workers, and byte for byte: as expected")
    return 0


def check_order(folder: Path, samples: list[dict[str, Any]]) -> None:
    """Without shuffling sample i is row i; a fresh cache is filled through the index, digests checked."""
    with tempfile.TemporaryDirectory() as cache:
        hashes = json.loads((folder / "index.json").read_text())["shards"][0]["hashes"]
        dataset = open_dataset(remote=str(folder), local=cache, validate_hash=hashes[0] if hashes else None)
        require(len(dataset) == len(samples), f"{folder}: {len(dataset)} samples instead of {len(samples)}")
        for number, sample in enumerate(samples):
            compare(dataset[number], sample)


def check_shuffled(folder: Path, samples: list[dict[str, Any]]) -> None:
    """Two epochs, shuffled: each sample once in each."""
    for epoch_seed in (1, 2):
        found = list(open_dataset(local=copy_of(folder), shuffle=True, shuffle_seed=epoch_seed))
        compare_all(found, samples)


def check_workers(folder: Path, samples: list[dict[str, Any]]) -> None:
    """Two worker processes of a DataLoader share the samples out."""
    dataset = open_dataset(local=copy_of(folder), shuffle=True)
    found = list(DataLoader(dataset, batch_size=None, num_workers=2, collate_fn=as_it_is))
    compare_all(found, samples)


def check_writer(folder: Path, samples: list[dict[str, Any]]) -> None:
    """The writer of mosaicml makes the same shards and the same index of the same samples; zstd frames may differ."""
    index = json.loads((folder / "index.json").read_text())
    shard = index["shards"][0]
    columns = dict(zip(shard["column_names"], shard["column_encodings"]))  # noqa: B905 - Python 3.9 may run this
    parts = sorted({Path(path_of(entry)).parent.as_posix() for entry in index["shards"]})
    with tempfile.TemporaryDirectory() as scratch:
        for part in parts:
            settings = {key: shard[key] for key in ("compression", "hashes", "size_limit")}
            with MDSWriter(out=str(Path(scratch, part)), columns=columns, **settings) as writer:
                for sample in samples:
                    if part in (".", sample["domain"]):
                        writer.write({name: as_array(name, sample[name]) for name in columns})
        if parts != ["."]:
            merge_index(scratch)
        theirs = json.loads(Path(scratch, "index.json").read_text())
        if not shard["compression"]:
            require(theirs == index, f"{folder}: the index differs from that of mosaicml's writer")
            if parts == ["."]:
                same = Path(scratch, "index.json").read_bytes() == (folder / "index.json").read_bytes()
                require(same, f"{folder}: index.json differs from that of mosaicml's writer")
            for entry in index["shards"]:
                same = Path(scratch, path_of(entry)).read_bytes() == (folder / path_of(entry)).read_bytes()
                require(same, f"{folder}: {path_of(entry)} differs from that of mosaicml's writer")
        raw = [entry["raw_data"] for entry in index["shards"]]
        require([entry["raw_data"] for entry in theirs["shards"]] == raw, f"{folder}: other shards")


def as_it_is(sample: dict[str, Any]) -> dict[str, Any]:
    """Keep the arrays: PyTorch of then has no uint32."""
    return sample


def path_of(entry: dict[str, Any]) -> str:
    """The file of a shard."""
    return str((entry["zip_data"] or entry["raw_data"])["basename"])


def open_dataset(**options: Any) -> StreamingDataset:
    """The dataset as a trainer of one device opens it."""
    clean_stale_shared_memory()
    return StreamingDataset(batch_size=1, **options)


def copy_of(folder: Path) -> str:
    """A copy to read from: a compressed shard is decompressed beside itself."""
    copy = Path(tempfile.mkdtemp(dir=folder.parents[1]), folder.name)
    return str(shutil.copytree(folder, copy))


def compare_all(found: list[dict[str, Any]], samples: list[dict[str, Any]]) -> None:
    """Compare samples in whatever order they came."""
    require(len(found) == len(samples), f"{len(found)} samples instead of {len(samples)}")
    by_tokens = {np.array(sample["input_ids"], np.uint32).tobytes(): sample for sample in samples}
    require(len(by_tokens) == len(samples), "the samples to check with must differ from each other")
    for sample in found:
        compare(sample, by_tokens.pop(np.asarray(sample["input_ids"]).astype(np.uint32).tobytes()))


def compare(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Every column of one sample, types too."""
    require(found.keys() == expected.keys(), f"columns {sorted(found)} instead of {sorted(expected)}")
    for name, value in expected.items():
        same = np.array_equal(np.asarray(found[name]), np.asarray(value))
        require(same, f"{name} is {found[name]} instead of {value}")
        if name in TYPES and isinstance(found[name], np.ndarray):
            require(found[name].dtype == TYPES[name], f"{name} is {found[name].dtype}")


def as_array(name: str, value: Any) -> Any:
    """A value as the writer takes it."""
    return np.array(value, TYPES[name]) if name in TYPES else value


def require(holds: bool, message: str) -> None:
    """Stop with the message when it does not hold."""
    if not holds:
        raise SystemExit(f"FAILED: {message}")


def say(line: str) -> None:
    """Write one line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
