"""`hf nextlong` is opt-in, run by the real `hf`, and leaves what others installed alone."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from nextlong_hub import __version__
from nextlong_hub.cli.hf_command import HfStatus, disable_hf, enable_hf, hf_status
from nextlong_hub.errors import ConflictError

HF = "import sys; sys.argv[0] = 'hf'; from huggingface_hub.cli.hf import main; main()"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of one's own."""
    if not hf_status().program.is_file():
        pytest.skip("the program hf-nextlong is not installed here")
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def hf(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the real `hf`, which may not ask GitHub."""
    offline = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_UPDATE_CHECK": "1"}
    command = [sys.executable, "-c", HF, *arguments]
    return subprocess.run(command, env=os.environ | offline, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_real_hf_runs_us_once_it_is_told() -> None:
    """`hf nextlong` gives our version and our exit code, `hf --help` lists it, and disabled it is unknown again."""
    assert hf("nextlong", "--version").returncode != 0
    assert enable_hf().enabled
    done = hf("nextlong", "--version")
    assert (done.returncode, done.stdout) == (0, f"hf-nextlong {__version__}\n"), done.stderr
    assert hf("nextlong", "buidl").returncode == 2
    assert "Turn short documents into a long-context dataset." in " ".join(hf("--help").stdout.split())
    assert disable_hf() == HfStatus(
        enabled=False, changed=True, manifest=hf_status().manifest, program=hf_status().program
    )
    assert hf("nextlong", "--version").returncode != 0


def test_enabling_twice_changes_nothing_the_second_time(home: Path) -> None:
    """The manifest names the program of this environment; one that is gone, or another's, is not enabled."""
    first = enable_hf()
    assert first.changed
    assert first.manifest.is_relative_to(home)
    assert json.loads(first.manifest.read_text())["executable_path"] == str(
        Path(sysconfig.get_path("scripts"), first.program.name)
    )
    assert not enable_hf().changed
    content = json.loads(first.manifest.read_text())
    first.manifest.write_text(json.dumps(content | {"executable_path": "/old/environment/bin/hf-nextlong"}))
    assert not hf_status().enabled
    assert enable_hf().changed
    assert disable_hf().changed
    assert not disable_hf().changed
    assert list(first.manifest.parent.parent.iterdir()) == []


def test_an_extension_of_somebody_else_stays() -> None:
    """What `hf extensions install` put there under our name is neither replaced nor removed."""
    manifest = hf_status().manifest
    manifest.parent.mkdir(parents=True)
    manifest.write_text('{"owner": "somebody", "executable_path": "/bin/true"}')
    with pytest.raises(ConflictError, match=r"another extension of that name; `hf extensions remove nextlong` first"):
        enable_hf()
    assert not disable_hf().changed
    assert "somebody" in manifest.read_text()
