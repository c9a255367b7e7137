"""Whether the nodes of a cluster are fit for a run: the versions that decide bytes, and a work folder that all see."""

import importlib.metadata
import os
import platform
import shutil
import socket
import unicodedata
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from nextlong_hub.errors import NextLongError, StorageError, WorkerError, argument
from nextlong_hub.storage import Storage, StorageAddress

_PACKAGES = ("nextlong-hub", "numpy", "pyarrow", "numba", "tokenizers")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFacts:
    """What one node says of itself."""

    node: str
    """Its name, and its address where the cluster knows one."""
    versions: dict[str, str] = field(default_factory=dict)
    """Of what decides bytes, by name; empty where none of our code runs there."""
    fault: str = ""
    """Why it cannot work; empty where it can."""
    memory_bytes: int = 0
    free_bytes: int = 0
    """On the disk of its scratch, or of the work folder."""
    kernels: str = ""
    """Where compiled kernels are kept; empty for the usual place of numba."""


@runtime_checkable
class Clustered(Protocol):
    """An executor with nodes that can be asked."""

    def nodes(self, address: StorageAddress, probe: str) -> Sequence[NodeFacts]:
        """What each node says of itself, by `look`."""
        ...


def look(address: StorageAddress, probe: str) -> NodeFacts:
    """Look at this machine: its versions, and whether it reads and writes the work folder.

    Args:
        address: the work folder.
        probe: name of a small file that was written there from elsewhere.
    """
    node = socket.gethostname()
    fault, place = "", Path(address.scratch or Path.cwd())
    try:
        storage = address.open()
        place = storage.local
        if storage.read(probe) is None:
            fault = f"does not see in {address.place} what the driver has written there"
        else:
            storage.write(f"{probe}-{node}-{os.getpid()}", b"")
    except (NextLongError, OSError) as error:
        fault = error.message if isinstance(error, NextLongError) else str(error)
    return NodeFacts(
        node=node,
        versions=own_versions(),
        fault=fault,
        memory_bytes=_memory_bytes(),
        free_bytes=shutil.disk_usage(next(one for one in (place, *place.parents) if one.is_dir())).free,
        kernels=os.environ.get("NUMBA_CACHE_DIR", ""),
    )


def own_versions() -> dict[str, str]:
    """The versions on this machine of what decides bytes."""
    minor = ".".join(platform.python_version_tuple()[:2])
    packages = {name: importlib.metadata.version(name) for name in _PACKAGES}
    return {"python": minor, "unicode": unicodedata.unidata_version, **packages}


def ask_nodes(cluster: Clustered, storage: Storage, address: StorageAddress) -> Sequence[NodeFacts]:
    """What each node says, asked now.

    Raises:
        StorageError, AuthError, NetworkError: the driver itself cannot write the work folder; or there is no cluster.
    """
    folder = f"probe-{uuid.uuid4().hex}"
    storage.write(f"{folder}/driver", b"")
    try:
        return cluster.nodes(address, f"{folder}/driver")
    finally:
        storage.remove(folder)


def differing(node: NodeFacts) -> dict[str, tuple[str, str]]:
    """What another version is there than here, by name: its version, and ours."""
    ours = own_versions()
    return {
        name: (node.versions.get(name, "none"), version)
        for name, version in ours.items()
        if node.versions.get(name) != version
    }


def require_fit(nodes: Sequence[NodeFacts]) -> None:
    """Make sure that every node gives the bytes of this machine, and reaches the work folder.

    Raises:
        WorkerError: a node runs none of our code, or other versions than this machine.
        StorageError: a node does not read and write the work folder.
    """
    for one in nodes:
        if not one.versions:
            raise WorkerError(f"the node {one.node} {one.fault}; install the same nextlong-hub there")
        if others := differing(one):
            found = ", ".join(f"{name} {theirs} (here {ours})" for name, (theirs, ours) in others.items())
            raise WorkerError(
                f"the node {one.node} has {found}, which may make other bytes; install the same versions everywhere"
            )
        if one.fault:
            raise StorageError(
                f"the node {one.node} cannot use the work folder: it {one.fault}; give a {argument('work-dir')} that "
                "every node sees under this name and may write"
            )


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows
        return 0
