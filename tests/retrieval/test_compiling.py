"""Kernels run wherever Python runs."""

from typing import Any

import pytest
from numba import njit

from nextlong_hub.retrieval.bm25.compiling import kernel


def test_a_kernel_runs_where_machine_code_cannot_be_kept() -> None:
    """A function from no file has no place for its machine code, like any function of a user who may write nowhere."""
    namespace: dict[str, Any] = {}
    exec("def double(number):\n    return 2 * number\n", namespace)
    with pytest.raises(RuntimeError, match="cannot cache function"):
        njit(cache=True)(namespace["double"])
    assert kernel(namespace["double"])(21) == 42
