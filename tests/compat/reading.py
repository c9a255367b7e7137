"""What a check of a trainer's reader gives, the digest of it, and two steps of a tiny model.

The digest is that of `documents_digest` in an export's manifest, made here a second time, without the package: a reader
that gives every document of the export, token by token and mask by mask, gives this digest.
"""

import hashlib
import importlib.util
import json
import sys
import types
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Tokens = list[int]
Document = tuple[Tokens, list[int] | None] | str
"""Its tokens, with the mask where the format carries one, or its text."""

IGNORED = -100
VOCABULARY = 50_257


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a reader gave."""

    documents: list[Document]
    how: str
    """What of the trainer was run, and what else was compared."""
    goes_in: int
    """Tokens of the first document that go into the model."""
    learnt: int
    """Tokens of it that are learnt."""
    stored: int
    """Tokens of it in the dataset, before the export gave it an end."""
    trained: str = ""
    """What was trained on what it gave; empty: nothing."""


def proven(reading: Reading, export: Path) -> dict[str, Any]:
    """The record of a reading, when its digest is the export's."""
    manifest = json.loads((export / "nextlong-export.json").read_text())
    found, written = digest_of(reading.documents), manifest["documents_digest"]
    require(
        (found, len(reading.documents)) == (written, manifest["counts"]["documents"]),
        f"{len(reading.documents)} documents with the digest {found[:16]}… were read, and "
        f"{manifest['counts']['documents']} with {written[:16]}… were written",
    )
    return {
        "documents": len(reading.documents),
        "digest": found,
        "how": reading.how,
        "goes_in": as_length(reading.goes_in - reading.stored),
        "learnt": as_length(reading.learnt - reading.stored),
        "trained": reading.trained,
    }


def as_length(more: int) -> str:
    """`T`, `T + 1` or `T - 1`."""
    return "T" if more == 0 else f"T {'+' if more > 0 else '-'} {abs(more)}"


def inside(tokens: int) -> dict[str, int]:
    """Of a document that goes in whole, and whose model moves the labels: all but the first token are learnt."""
    return {"goes_in": tokens, "learnt": tokens - 1}


def digest_of(documents: Iterable[Document]) -> str:
    """The sum of the documents' digests, in any order."""
    total = 0
    for document in documents:
        if isinstance(document, str):
            content = b"text\0" + document.encode()
        else:
            tokens, mask = document
            content = b"tokens\0" + len(tokens).to_bytes(8, "little")
            content += b"".join(int(token).to_bytes(4, "little") for token in tokens)
            content += b"" if mask is None else bytes(mask[1:])
        total = (total + int.from_bytes(hashlib.sha256(content).digest(), "little")) % (1 << 256)
    return f"{total:064x}"


def two_steps(batches: Sequence[tuple[Tokens, Tokens]]) -> str:
    """Two steps of a tiny Llama on a CPU: what goes in, and the token to be learnt at each place, -100 for none."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=VOCABULARY, **shape))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for inputs, targets in (batches[0], batches[-1]):
        scores = model(input_ids=torch.tensor([inputs])).logits[0]
        loss = torch.nn.functional.cross_entropy(scores, torch.tensor(targets), ignore_index=IGNORED)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss))
    require(all(0 < loss < 20 for loss in losses), f"losses are {losses}")
    return "two steps of a tiny Llama on what it gave"


def next_tokens(rows: Iterable[Tokens]) -> list[tuple[Tokens, Tokens]]:
    """What goes in and what is learnt, for readers that leave the shift to the model."""
    return [(row[:-1], row[1:]) for row in rows]


def load_module(path: Path, name: str | None = None) -> Any:
    """A file as a module."""
    spec = importlib.util.spec_from_file_location(name or path.stem, path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"FAILED: {path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def bare_packages(root: Path, *names: str) -> None:
    """Packages of a checkout without what their `__init__` imports, which is models and kernels."""
    for name in names:
        package = types.ModuleType(name)
        package.__path__ = [str(root.joinpath(*name.split(".")))]
        sys.modules[name] = package


def same(what: str, found: Any, expected: Any) -> None:
    """Stop when two values differ."""
    require(found == expected, f"{what}: {str(found)[:200]} instead of {str(expected)[:200]}")


def require(holds: bool, message: str) -> None:
    """Stop with the message when it does not hold."""
    if not holds:
        raise SystemExit(f"FAILED: {message}")
