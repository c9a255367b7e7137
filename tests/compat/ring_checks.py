"""Rows under context parallelism: two processes share each row, and PyTorch's own ring attention joins what they know.

A row that is one document may be split as it is. Of a packed row each document is split, as Transformer Engine does it
for Megatron: head and tail go to one process, so that a document must be a multiple of twice the processes.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.distributed.tensor.experimental._context_parallel._attention import _templated_ring_attention
from torch.nn.functional import cross_entropy
from transformers import AttentionInterface, LlamaConfig, LlamaForCausalLM

RANKS = 2
IGNORED = -100
Row = dict[str, Any]


def losses_of(folder: Path) -> dict[str, float]:
    """The loss of a sample and of a packed row of aligned documents, each by one process and by two.

    Args:
        folder: holds the datasets `plain` and `aligned`, and receives what the processes say.
    """
    plain, aligned = (
        pq.read_table(next((folder / name / "data").glob("*/*.parquet"))) for name in ("plain", "aligned")
    )
    sample, packed = plain.to_pylist()[0], aligned.to_pylist()[0]
    lengths = packed["seq_lengths"]
    cases = {
        "sample": (sample, [sample["token_count"]]),
        "packed": (packed, lengths),
        "joined": (packed, [sum(lengths)]),
    }
    found = {f"{name}, one": loss(*case) for name, case in cases.items()}
    rendezvous = f"file://{folder}/rendezvous"
    mp.spawn(_share, (rendezvous, cases, folder / "two.json"), nprocs=RANKS)
    return found | {f"{name}, two": value for name, value in json.loads((folder / "two.json").read_text()).items()}


def model_for(row: Row) -> LlamaForCausalLM:
    """A tiny model, always the same."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    heads = {"num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2}
    config = LlamaConfig(vocab_size=50_257, hidden_size=32, intermediate_size=32, **heads)
    model = LlamaForCausalLM(config).eval()
    model.set_attn_implementation("documents")
    return model


def labels_of(row: Row, lengths: Sequence[int]) -> torch.Tensor:
    """For each token the next one of its document, as far as it is learnt."""
    labels, start = [], 0
    learnt = row.get("assistant_masks", [1] * row["token_count"])
    for length in lengths:
        own = range(start + 1, start + length)
        labels += [*(row["input_ids"][place] if learnt[place] else IGNORED for place in own), IGNORED]
        start += length
    return torch.tensor(labels)


def loss(row: Row, lengths: Sequence[int], rank: int | None = None) -> float:
    """The mean loss of a row of documents of these lengths; with `rank`, of the part that this process has."""
    global _lengths, _is_shared
    places = torch.cat(_parts(lengths, rank))
    positions = torch.cat([torch.arange(length) for length in lengths])[places]
    _lengths = [length if rank is None else length // RANKS for length in lengths]
    _is_shared = rank is not None
    labels = labels_of(row, lengths)
    with torch.no_grad():
        ids = torch.tensor(row["input_ids"])[places]
        logits = model_for(row)(input_ids=ids[None], position_ids=positions[None]).logits[0]
        total = cross_entropy(logits, labels[places], ignore_index=IGNORED, reduction="sum")
        if rank is not None:
            dist.all_reduce(total)
    return float(total / (labels != IGNORED).sum())


def _parts(lengths: Sequence[int], rank: int | None) -> list[torch.Tensor]:
    """The places of a row that a process has, by document: all, or one part of its head and the like of its tail."""
    parts, start = [], 0
    for length in lengths:
        own = torch.arange(start, start + length)
        if rank is not None:
            if length % (2 * RANKS):
                raise ValueError(f"a document of {length} tokens cannot be shared by {RANKS} processes")
            pieces = own.chunk(2 * RANKS)
            own = torch.cat([pieces[rank], pieces[2 * RANKS - 1 - rank]])
        parts.append(own)
        start += length
    return parts


_lengths: list[int] = []
"""Tokens of each document that this process has."""
_is_shared = False


def _attend(module: Any, query: Any, key: Any, value: Any, mask: Any, **_: Any) -> tuple[torch.Tensor, None]:
    """Attention inside each document; of shared ones by the ring."""
    operation = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    found = []
    for q, k, v in zip(*(tensor.split(_lengths, dim=2) for tensor in (query, key, value)), strict=True):
        own = [one.contiguous() for one in (q, k, v)]
        if _is_shared:
            found.append(_templated_ring_attention(dist.group.WORLD, 2, operation, *own, is_causal=True)[0])
        else:
            found.append(operation(*own, is_causal=True)[0])
    return torch.cat(found, dim=2).transpose(1, 2).contiguous(), None


AttentionInterface.register("documents", _attend)


def _share(rank: int, rendezvous: str, cases: dict[str, tuple[Row, list[int]]], answer: Path) -> None:
    """One of the processes."""
    dist.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=RANKS)
    found = {name: loss(*case, rank=rank) for name, case in cases.items()}
    if rank == 0:
        answer.write_text(json.dumps(found))
    dist.destroy_process_group()
