"""The workflow that builds and publishes on a schedule does so, step by step, as it stands."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from nextlong_hub.testing import LocalHub
from nextlong_hub.tokenization import ENCODER_VARIABLE

CHECKOUT = Path(__file__).parents[2]
WORKFLOW = yaml.safe_load((CHECKOUT / "examples" / "github-actions" / "publish.yml").read_text("utf-8"))


@pytest.mark.slow
def test_its_steps_publish_once_and_change_nothing_the_next_week(tmp_path: Path) -> None:
    """Each command of ours is run as it is written, for one row, twice and without a secret: a corpus is one commit."""
    program = Path(sys.executable).with_name("nextlong-hub")
    if not program.is_file():
        pytest.skip("the program nextlong-hub is not installed here")
    steps = [step["run"] for job in WORKFLOW["jobs"].values() for step in job["steps"] if "run" in step]
    assert steps[0].startswith("pip install nextlong-hub ")
    assert WORKFLOW["permissions"]["id-token"] == "write"
    assert WORKFLOW["env"]["HF_OIDC_RESOURCE"] == f"datasets/{WORKFLOW['env']['DATASET']}"
    assert [step.split()[:2] for step in steps[1:]] == [
        ["nextlong-hub", command] for command in ("build", "verify", "push", "verify")
    ]
    demo = pq.read_table(CHECKOUT / "builders" / "demo" / "corpus.parquet")
    corpus = demo.take([*range(0, demo.num_rows, 10)])  # one row needs no more
    with LocalHub() as hub:
        commits = []
        hub.put("datasets", "tester/nextlong", {})
        found = os.environ | hub.trust("tester/nextlong") | {"DATASET": "tester/nextlong", "TOKENIZER": "demo"}
        found[ENCODER_VARIABLE] = "reference"
        found["PATH"] = f"{program.parent}:{found['PATH']}"
        for week in ("first", "second"):
            runner = tmp_path / week  # a runner of GitHub is a new one each time
            (runner / "corpus").mkdir(parents=True)
            pq.write_table(corpus, runner / "corpus" / "corpus.parquet")
            for step in steps[1:]:
                done = subprocess.run(
                    ["bash", "-ec", step.replace("--samples 8", "--samples 1")],
                    cwd=runner,
                    env=found,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                assert done.returncode == 0, f"{step}: {done.stderr}"
            commits.append(hub.commits("datasets", "tester/nextlong"))
    assert commits[0] == commits[1]


def test_the_repository_has_one_address() -> None:
    """What cites the software names the repository that the package names."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    citation = yaml.safe_load((CHECKOUT / "CITATION.cff").read_text("utf-8"))
    assert citation["repository-code"] == project["urls"]["Repository"]
    assert citation["license"] == project["license"]
