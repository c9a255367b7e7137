"""The tab key completes what there is: commands, options, recipes, formats, configurations, files."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nextlong_hub import cli

PROGRAM = Path(sys.executable).with_name("nextlong-hub")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What completion knows of a dataset: the names of its configurations."""
    (tmp_path / "manifest.json").write_text(json.dumps({"configs": {"64k": {}, "128k": {}, "mix": {}}}))
    return tmp_path


@pytest.mark.parametrize(
    ("words", "completions"),
    [
        ("ex", ["export"]),
        ("build --sa", ["--samples"]),
        ("survey docs.jsonl --pa", ["--page"]),
        ("build 5", ["512k"]),
        ("build --corpus no", ["no"]),
        ("export nextlong me", ["megatron", "megatron-bridge"]),
        ("inspect FOLDER ", ["64k", "128k", "mix"]),
        ("stats FOLDER 64k m", ["mix"]),
        ("view /nowhere m", []),
        ("autoload e", ["enable"]),
    ],
)
def test_what_can_stand_there_is_offered(
    words: str,
    completions: list[str],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Asked as bash asks: the words so far, and which of them the cursor is in; a file is left to the shell."""
    line = f"nextlong-hub {words}".replace("FOLDER", str(folder))
    monkeypatch.setenv("_NEXTLONG_HUB_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(line.count(" ")))
    with pytest.raises(SystemExit) as left:
        cli.run([])
    assert left.value.code == 0
    offered = capsys.readouterr().out.split()
    assert [one.partition(",")[2] for one in offered] == completions
    assert {one.partition(",")[0] for one in offered} <= ({"file"} if "--corpus" in words else {"plain"})


@pytest.mark.parametrize(
    ("shell", "place", "needed"),
    [
        ("bash", ".local/share/bash-completion/completions/nextlong-hub", "where the package bash-completion is"),
        ("fish", ".config/fish/completions/nextlong-hub.fish", "."),
        ("zsh", ".zfunc/_nextlong-hub", "fpath+=~/.zfunc"),
    ],
)
def test_installing_writes_what_is_shown_where_the_shell_looks(
    shell: str,
    place: str,
    needed: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One file of the user's, no line in a start-up file; what else the shell needs is said."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "BASH_COMPLETION_USER_DIR"):
        monkeypatch.delenv(name, raising=False)
    assert cli.run(["--show-completion", shell]) == 0
    shown = capsys.readouterr().out
    assert cli.run(["--install-completion", shell]) == 0
    said = capsys.readouterr().out
    assert str(tmp_path / place) in said
    assert needed in said
    assert (tmp_path / place).read_text() == shown
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / place]


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_itself_completes(shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bash and fish are asked what they would offer; zsh, which only a terminal can ask, reads the script."""
    if not shutil.which(shell) or not PROGRAM.is_file():
        pytest.skip(f"{shell} and the installed program are needed")
    cli.run(["--show-completion", shell])
    script = tmp_path / "completion"
    script.write_text(capsys.readouterr().out)
    ask, wanted = {
        "bash": (
            f". {script}; COMP_WORDS=(nextlong-hub build 5) COMP_CWORD=2; _nextlong_hub_completion nextlong-hub; "
            "echo $COMPREPLY",
            "512k",
        ),
        "fish": (f"source {script}; complete --do-complete 'nextlong-hub build 5'", "512k"),
        "zsh": (
            f"autoload -Uz compinit; compinit -u; source {script}; echo $_comps[nextlong-hub]",
            "_nextlong_hub_completion",
        ),
    }[shell]
    found = os.environ | {"PATH": f"{PROGRAM.parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    done = subprocess.run([shell, "-c", ask], env=found, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == (wanted, "")
