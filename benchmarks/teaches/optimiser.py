"""Muon for the matrices inside the model, AdamW for its embedding and norms."""

import math

import torch
from torch import Tensor, nn

_MOMENTUM = 0.95
_DECAY = 0.05
_SCALE = 0.2
"""Makes an update of Muon about as large as one of AdamW (Liu et al. 2025, arXiv:2502.16982)."""
_STEPS = 5
_A, _B, _C = 3.4445, -4.7750, 2.0315
"""Newton-Schulz, as Muon's author tuned it."""


class Optimiser:
    """One step at a time, with the learning rate given to each."""

    def __init__(self, model: nn.Module) -> None:
        self._matrices: dict[tuple[int, ...], list[nn.Parameter]] = {}
        others = []
        for name, parameter in model.named_parameters():
            if parameter.dim() == 2 and not name.startswith("embedding"):
                self._matrices.setdefault(tuple(parameter.shape), []).append(parameter)
            else:
                others.append(parameter)
        self._momenta = {
            shape: torch.zeros(len(alike), *shape, device=alike[0].device) for shape, alike in self._matrices.items()
        }
        self._adam = torch.optim.AdamW(
            others, lr=1.0, betas=(0.9, 0.95), eps=1e-10, weight_decay=0.0, fused=others[0].is_cuda
        )

    def step(self, rate: float) -> None:
        """Move all parameters along their gradients, and forget these."""
        with torch.no_grad():
            for shape, alike in self._matrices.items():
                gradient = torch.stack([one.grad for one in alike]).float()
                momentum = self._momenta[shape].lerp_(gradient, 1 - _MOMENTUM)
                update = _orthogonal(gradient.lerp(momentum, _MOMENTUM)).float()
                update.mul_(-rate * _SCALE * math.sqrt(max(shape)))
                for parameter, own in zip(alike, update.unbind(0), strict=True):
                    parameter.mul_(1 - rate * _DECAY).add_(own)
                    parameter.grad = None
            for group in self._adam.param_groups:
                group["lr"] = rate
            self._adam.step()
            self._adam.zero_grad(set_to_none=True)


def _orthogonal(gradient: Tensor) -> Tensor:
    """The nearest orthogonal matrix, nearly."""
    x = gradient.bfloat16()
    is_tall = x.size(-2) > x.size(-1)
    if is_tall:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(_STEPS):
        square = x @ x.mT
        x = _A * x + (_B * square + _C * square @ square) @ x
    return x.mT if is_tall else x
