"""Memory: what a worker has freed goes back to the system."""

from pathlib import Path

import pyarrow as pa
import pytest

from nextlong_hub.core import memory
from nextlong_hub.core.memory import release_memory


def resident_bytes() -> int:
    """Memory of this process that no file backs."""
    status = Path("/proc/self/status").read_text()
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon"))


@pytest.mark.skipif(memory._malloc_trim() is None, reason="the C library has no malloc_trim")
def test_freed_blocks_below_a_kept_one_are_handed_back() -> None:
    """A hundred megabytes freed below one block that is still in use do not stay with the process."""
    blocks = [bytes([number % 256]) * 4000 for number in range(25_000)]
    last = blocks.pop()
    full = resident_bytes()
    del blocks
    assert release_memory()
    assert full - resident_bytes() > 80_000_000
    assert len(last) == 4000


def test_what_arrow_keeps_is_handed_back() -> None:
    """Three hundred megabytes that Arrow's allocator has freed do not stay with the process."""
    cells = [pa.array(["x" * 100_000_000]) for _ in range(3)]
    full = resident_bytes()
    del cells
    release_memory()
    assert full - resident_bytes() > 250_000_000


def test_release_is_harmless_where_there_is_nothing_to_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a system without glibc nothing happens."""
    monkeypatch.setattr(memory, "_malloc_trim", lambda: None)
    assert not release_memory()
