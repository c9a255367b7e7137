"""A cluster is looked at before work begins: a node that would make other bytes, or none, is refused by its name."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from building import make_request

from nextlong_hub.errors import StorageError, WorkerError
from nextlong_hub.execution.inline import InlineExecutor
from nextlong_hub.execution.nodes import NodeFacts, ask_nodes, differing, look, own_versions, require_fit
from nextlong_hub.execution.open import Place
from nextlong_hub.pipeline import build
from nextlong_hub.storage import StorageAddress


class Cluster(InlineExecutor):
    """Two nodes: this machine, and another one that says what a test wants."""

    def __init__(self, **other: object) -> None:
        self._other = other

    def nodes(self, address: StorageAddress, probe: str) -> Sequence[NodeFacts]:
        """See `Clustered.nodes`."""
        here = look(address, probe)
        return [here, replace(here, node="node-2", **self._other)]


def test_a_machine_looks_at_itself(tmp_path: Path) -> None:
    """It has the versions that it has, and reads and writes the folder; nothing of the look stays there."""
    address = StorageAddress.of(str(tmp_path / "work"))
    [here, _] = ask_nodes(Cluster(), address.open(), address)
    assert (here.fault, differing(here), here.versions) == ("", {}, own_versions())
    assert here.free_bytes > 0
    assert list((tmp_path / "work").rglob("*")) == []


def test_a_folder_that_is_another_one_there(tmp_path: Path) -> None:
    """A node that does not find what the driver wrote says so."""
    assert look(StorageAddress.of(str(tmp_path)), "probe/driver").fault == (
        f"does not see in {tmp_path} what the driver has written there"
    )


@pytest.mark.parametrize(
    ("other", "error", "message"),
    [
        ({"versions": own_versions() | {"unicode": "12.0"}}, WorkerError, r"^the node node-2 has unicode 12.0 \(here "),
        (
            {"versions": {}, "fault": "cannot run nextlong-hub (x)"},
            WorkerError,
            r"node-2 cannot run nextlong-hub \(x\);",
        ),
        (
            {"fault": "does not see it"},
            StorageError,
            r"node-2 cannot use the work folder: it does not see it; give a w",
        ),
    ],
)
def test_an_unfit_node_is_refused_before_work_begins(
    other: dict[str, object], error: type[Exception], message: str, corpus_file: Path, tmp_path: Path
) -> None:
    """With its name, what came, and what to do; no task was run."""
    place = Place(executor=Cluster(**other), work_dir=StorageAddress.of(str(tmp_path / "work")))
    with pytest.raises(error, match=message):
        build(make_request(corpus_file), tmp_path / "out", executor=place)
    assert list((tmp_path / "work").iterdir()) == []


def test_fit_nodes_pass() -> None:
    """Nodes with our versions and no fault, or none at all yet."""
    require_fit([NodeFacts(node="a", versions=own_versions())])
    require_fit([])
