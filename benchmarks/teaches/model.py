"""A Llama in plain PyTorch: RMSNorm, rotary positions, normalised queries and keys, SwiGLU, tied embedding."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.teaches.settings import ModelSize

IGNORED = -100
"""A target that is not learnt."""
_SPREAD = 0.02


class Block(nn.Module):
    """Attention and a SwiGLU, each behind a norm."""

    def __init__(self, size: ModelSize) -> None:
        super().__init__()
        width, head = size.width, size.width // size.heads
        self.heads = size.heads
        self.norm_attention, self.norm_hidden = nn.RMSNorm(width), nn.RMSNorm(width)
        self.norm_query, self.norm_key = nn.RMSNorm(head), nn.RMSNorm(head)
        self.query, self.key, self.value, self.out = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.gate, self.up = (nn.Linear(width, size.hidden, bias=False) for _ in range(2))
        self.down = nn.Linear(size.hidden, width, bias=False)

    def forward(self, x: Tensor, turns: Tensor, asked: Tensor | None) -> Tensor:
        """One layer.

        Args:
            x: Shape: (rows, tokens, width).
            turns: cosine and sine of each position. Shape: (2, tokens, 1, head / 2).
            asked: which of all tokens each of the last ones sees; the others see what stands before them. None: all
                tokens do. Shape: (last tokens, tokens).
        """
        rows, tokens, width = x.shape
        y = self.norm_attention(x)
        parts = [part(y).view(rows, tokens, self.heads, -1) for part in (self.query, self.key, self.value)]
        query, key, value = self.norm_query(parts[0]), self.norm_key(parts[1]), parts[2]
        query, key = (_turned(one, turns).to(value.dtype).transpose(1, 2) for one in (query, key))
        seen = _attend(query, key, value.transpose(1, 2), asked)
        x = x + self.out(seen.transpose(1, 2).reshape(rows, tokens, width))
        y = self.norm_hidden(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


def _turned(x: Tensor, turns: Tensor) -> Tensor:
    left, right = x.chunk(2, -1)
    cosine, sine = turns[0], turns[1]
    return torch.cat((left * cosine - right * sine, right * cosine + left * sine), -1)


def _attend(query: Tensor, key: Tensor, value: Tensor, asked: Tensor | None) -> Tensor:
    if asked is None:
        return F.scaled_dot_product_attention(query, key, value, is_causal=True)
    context = key.shape[2] - len(asked)
    before = [one[:, :, :context] for one in (query, key, value)]
    return torch.cat(
        (
            F.scaled_dot_product_attention(*before, is_causal=True),
            F.scaled_dot_product_attention(query[:, :, context:], key, value, attn_mask=asked),
        ),
        2,
    )


class Model(nn.Module):
    """The whole model."""

    def __init__(self, size: ModelSize) -> None:
        super().__init__()
        self.embedding = nn.Embedding(size.vocabulary, size.width)
        self.blocks = nn.ModuleList(Block(size) for _ in range(size.layers))
        self.norm = nn.RMSNorm(size.width)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=_SPREAD)
        for block in self.blocks:
            for last in (block.out, block.down):
                nn.init.normal_(last.weight, std=_SPREAD / math.sqrt(2 * size.layers))

    def hidden(self, ids: Tensor, turns: Tensor, asked: Tensor | None = None) -> Tensor:
        """What the last layer says at each token; see `Block.forward`. Shape: (rows, tokens, width)."""
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, turns, asked)
        return self.norm(x)

    def log_probabilities(self, hidden: Tensor) -> Tensor:
        """Of each token of the vocabulary to be the next. Shape: as `hidden`, with (…, vocabulary)."""
        return F.linear(hidden, self.embedding.weight).float().log_softmax(-1)

    def forward(self, ids: Tensor, targets: Tensor, turns: Tensor) -> Tensor:
        """Mean loss of the next token, over the targets that are not `IGNORED`. Shapes: (rows, tokens)."""
        logits = F.linear(self.hidden(ids, turns), self.embedding.weight).float()
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)


def rotations(size: ModelSize, tokens: int, theta: float, device: str) -> Tensor:
    """Cosine and sine of every position. Shape: (2, tokens, 1, head / 2)."""
    head = size.width // size.heads
    rates = theta ** -(torch.arange(0, head, 2, device=device, dtype=torch.float32) / head)
    angles = torch.arange(tokens, device=device, dtype=torch.float32)[:, None] * rates
    return torch.stack((angles.cos(), angles.sin()))[:, :, None]
