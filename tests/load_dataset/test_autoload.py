"""Autoload is opt-in, visible and removable: shown in a real virtual environment, with real interpreter starts."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Any

import pytest

import nextlong_hub
from nextlong_hub.errors import StorageError
from nextlong_hub.load_dataset import autoload

CHECKOUT = Path(nextlong_hub.__file__).parent.parent
WAITING = "any(type(f).__module__ == 'nextlong_hub.load_dataset.register' for f in sys.meta_path)"


class Environment:
    """A virtual environment that borrows its packages, so that it takes a moment to make.

    Like one with setuptools it has a finder that insists on being asked as the interpreter asks.
    """

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=False, symlinks=True)
        self.python = folder / "bin" / "python"
        self.site_packages = Path(self.answer("__import__('sysconfig').get_path('purelib')"))
        self.borrow(CHECKOUT, Path(sysconfig.get_path("purelib")))
        strict = "type('Strict', (), {'find_spec': lambda self, fullname, path, target: None})()"
        (self.site_packages / "a_strict_finder.pth").write_text(f"import sys; sys.meta_path.insert(0, {strict})\n")

    def borrow(self, *folders: Path) -> None:
        """Let the environment import from these folders, and from no others."""
        (self.site_packages / "borrowed.pth").write_text("".join(f"{folder}\n" for folder in folders))

    def answer(self, expression: str, **environment: str) -> Any:
        """The value of a Python expression at a fresh start, which must be silent."""
        code = f"import sys, json; print(json.dumps({expression}, default=str))"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("NEXTLONG", "PYTHON"))}
        done = subprocess.run(
            [self.python, "-c", code],
            cwd=self.python.parent,
            env=inherited | environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert done.stderr == ""
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """One environment for the whole file; each test leaves it disabled."""
    return Environment(tmp_path_factory.mktemp("environment"))


@pytest.mark.slow
def test_enable_and_disable_in_a_real_environment(environment: Environment) -> None:
    """Off at first; once enabled `import datasets` alone is enough, the variable silences it, disable undoes it."""
    registered = "'nextlong' in __import__('datasets').load._PACKAGED_DATASETS_MODULES"
    assert not environment.answer(registered)

    enabled = "str(__import__('nextlong_hub.load_dataset.autoload', fromlist=['x']).enable())"
    assert "enabled=True, changed=True" in environment.answer(enabled)
    assert "enabled=True, changed=False" in environment.answer(enabled)
    assert environment.answer(registered)
    assert environment.answer(WAITING)
    assert not environment.answer("'datasets' in sys.modules")
    assert not environment.answer(WAITING, NEXTLONG_HUB_NO_AUTOLOAD="1")
    assert not environment.answer("'nextlong_hub' in sys.modules", NEXTLONG_HUB_NO_AUTOLOAD="1")

    disabled = "str(__import__('nextlong_hub.load_dataset.autoload', fromlist=['x']).disable())"
    assert "enabled=False, changed=True" in environment.answer(disabled)
    assert "enabled=False, changed=False" in environment.answer(disabled)
    assert not environment.answer(WAITING)
    assert sorted(path.name for path in environment.site_packages.glob("*.pth")) == [
        "a_strict_finder.pth",
        "borrowed.pth",
    ]


def test_what_is_left_after_an_uninstall_does_nothing_and_says_nothing(tmp_path: Path) -> None:
    """A start-up file whose package is gone lets the interpreter start in silence."""
    package = tmp_path / "packages" / "nextlong_hub"
    for folder in ("core", "load_dataset"):
        (package / folder).mkdir(parents=True)
    modules = ("__init__", "_version", "errors", "core/__init__", "core/files", "core/foreign")
    for name in (*modules, *(f"load_dataset/{own}" for own in ("__init__", "register", "autoload"))):
        (package / f"{name}.py").write_bytes((CHECKOUT / "nextlong_hub" / f"{name}.py").read_bytes())
    environment = Environment(tmp_path / "environment")
    environment.borrow(package.parent)
    environment.answer("str(__import__('nextlong_hub.load_dataset.autoload', fromlist=['x']).enable())")
    assert environment.answer(WAITING)
    package.rename(tmp_path / "elsewhere")
    assert not environment.answer(WAITING)


def test_the_file_says_who_wrote_it_and_calls_one_function(tmp_path: Path) -> None:
    """One comment, one line: readable before it is trusted. An older file of ours counts as not enabled."""
    result = autoload.enable(tmp_path)
    pth = tmp_path / "nextlong_hub_autoload.pth"
    assert result == autoload.AutoloadStatus(
        enabled=True, changed=True, files=result.files, site_packages=tmp_path, switched_off=False
    )
    assert pth in result.files
    comment, call = pth.read_text().splitlines()
    assert "nextlong-hub autoload disable" in comment
    assert call.startswith("import os, sys; os.environ.get('NEXTLONG_HUB_NO_AUTOLOAD') or any(")
    assert call.endswith(".register_at_startup()")
    pth.write_text(call.replace("register_at_startup", "register"))
    assert not autoload.status(tmp_path).enabled
    assert autoload.enable(tmp_path).changed
    assert autoload.status(tmp_path).enabled


def test_from_python_3_15_on_a_start_file_stands_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PEP 829: `<name>.start` holds `module:function`; disable removes both files, whichever version wrote them."""
    monkeypatch.setattr(sys, "version_info", (3, 15, 0, "final", 0))
    assert [path.name for path in autoload.enable(tmp_path).files] == [
        "nextlong_hub_autoload.pth",
        "nextlong_hub_autoload.start",
    ]
    lines = (tmp_path / "nextlong_hub_autoload.start").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "nextlong_hub.load_dataset.register:register_at_startup"
    ]
    monkeypatch.undo()
    assert autoload.disable(tmp_path).files == ()
    assert list(tmp_path.iterdir()) == []


def test_the_variable_silences_a_start_file_too_and_an_import_still_registers(environment: Environment) -> None:
    """What a start file calls leaves no trace when the variable is set, so that a later import is a first one."""
    started = "__import__('pkgutil').resolve_name('nextlong_hub.load_dataset.register:register_at_startup')()"
    present = "'nextlong_hub' in sys.modules"
    wanted = "__import__('nextlong_hub.load_dataset.register', fromlist=['x']).register()"
    steps = f"[{started}, {WAITING}, {present}, {wanted}, {WAITING}]"
    assert environment.answer(steps, NEXTLONG_HUB_NO_AUTOLOAD="1") == [None, False, False, None, True]
    assert environment.answer(steps) == [None, True, True, None, True]


def test_the_variable_shows_in_the_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Enabled and switched off are two different things, and both are told."""
    autoload.enable(tmp_path)
    monkeypatch.setenv("NEXTLONG_HUB_NO_AUTOLOAD", "1")
    status = autoload.status(tmp_path)
    assert (status.enabled, status.switched_off) == (True, True)


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="needs a folder that nobody can write, not even root")
def test_a_folder_that_cannot_be_written_is_one_clear_error() -> None:
    """The error names the file and what to do instead, under the exit code for storage."""
    with pytest.raises(
        StorageError, match=r"cannot change /sys/kernel/nextlong_hub_autoload\.pth: .*; run this in"
    ) as error:
        autoload.enable(Path("/sys/kernel"))
    assert error.value.exit_code == 7
