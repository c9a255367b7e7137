"""Kernels run wherever Python runs."""

import ctypes
import importlib.util
import os
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from numba import njit

from nextlong_hub.core import compiling
from nextlong_hub.core.compiling import kernel, kernel_in_place, others_may_write


def test_a_kernel_runs_where_machine_code_cannot_be_kept() -> None:
    """A function from no file has no place for its machine code, like any function of a user who may write nowhere."""
    namespace: dict[str, Any] = {}
    exec("def double(number):\n    return 2 * number\n", namespace)
    with pytest.raises(RuntimeError, match="cannot cache function"):
        njit(cache=True)(namespace["double"])
    assert kernel(namespace["double"])(21) == 42


@pytest.mark.parametrize("knows_option", [True, False])
def test_a_kernel_works_in_place_with_any_numba(monkeypatch: pytest.MonkeyPatch, knows_option: bool) -> None:
    """The option that spares it the counting of references is no promise of numba: without it the kernel is as good."""

    def njit_of_then(**options: Any) -> Any:
        if "_nrt" in options and not knows_option:
            raise KeyError("Unrecognized options: {'_nrt'}")
        return njit(**options)

    def double_all(values: Any) -> None:
        for place in range(len(values)):
            values[place] *= 2

    monkeypatch.setattr(compiling, "njit", njit_of_then)
    values = np.arange(3)
    kernel_in_place(double_all)(values)
    assert values.tolist() == [0, 2, 4]


@pytest.fixture
def double(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """Opens the kernel of a module anew, as a new process would; its machine code is kept beside the module."""
    (tmp_path / "doubling.py").write_text("def double(number):\n    return 2 * number\n")

    def open_kernel() -> Any:
        others_may_write.cache_clear()
        spec = importlib.util.spec_from_file_location("doubling", tmp_path / "doubling.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "doubling", module)  # what is kept names it
        spec.loader.exec_module(module)
        return kernel(module.double)

    return open_kernel


def hits(compiled: Any) -> int:
    """How often its machine code came from what was kept."""
    return sum(compiled.stats.cache_hits.values())


def test_kept_machine_code_is_used(double: Callable[[], Any]) -> None:
    """The second process compiles nothing."""
    assert (double()(21), hits(double())) == (42, 0)
    again = double()
    assert (again(21), hits(again)) == (42, 1)


@pytest.mark.slow
def test_of_two_processes_one_compiles_and_the_other_waits(double: Callable[[], Any], tmp_path: Path) -> None:
    """The process that comes second finds what the first keeps while it waits."""
    mine = double()
    mine._cache._turn.acquire()
    code = """if True:
        import sys
        sys.path.insert(0, sys.argv[1])
        import doubling
        from nextlong_hub.core.compiling import kernel
        double = kernel(doubling.double)
        print(double(21), sum(double.stats.cache_hits.values()))
    """
    with subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True) as other:
        assert mine(21) == 42
        assert other.communicate()[0] == "42 1\n"


@pytest.mark.parametrize("kind", ["*.nbi", "*.nbc"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: b"garbage" * 9,
        lambda content: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:],
    ],
    ids=["empty", "truncated", "garbage", "one bit"],
)
def test_damaged_machine_code_is_made_anew(
    double: Callable[[], Any], tmp_path: Path, kind: str, damage: Callable[[bytes], bytes]
) -> None:
    """A power cut, a full disk or a failing one changes no result and stops nothing, and it is kept well again."""
    double()(21)
    [path] = tmp_path.rglob(kind)
    path.write_bytes(damage(path.read_bytes()))
    hurt = double()
    assert (hurt(21), hits(hurt)) == (42, 0)
    again = double()
    assert (again(21), hits(again)) == (42, 1)


def test_a_full_disk_keeps_nothing_and_stops_nothing(
    double: Callable[[], Any], small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel runs."""
    (small_disk / "filler").write_bytes(b"x" * 250_000)
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(small_disk))
    assert double()(21) == 42


def test_machine_code_that_numba_cannot_keep_is_no_warning() -> None:
    """A pointer is good for one process: the kernel runs, and nobody is told in colours of numba's."""
    cosine = ctypes.CDLL(None).cos
    cosine.argtypes, cosine.restype = (ctypes.c_double,), ctypes.c_double

    def of(number: float) -> float:
        return float(cosine(number))

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert kernel(of)(0.0) == 1.0
    assert seen == []


def test_a_pickle_that_others_may_write_is_not_opened(
    double: Callable[[], Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It would run whatever they want; the folder is named, with what to do."""
    double()(21)
    [path] = tmp_path.rglob("*.nbi")
    path.parent.chmod(0o777)

    class Hostile:
        """Makes a folder when it is unpickled."""

        def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
            return os.mkdir, (str(tmp_path / "executed"),)

    path.write_bytes(pickle.dumps(Hostile()))
    compiled = double()
    assert (compiled(21), hits(compiled)) == (42, 0)
    assert not (tmp_path / "executed").exists()
    assert f"neither read from nor kept in {path.parent}, as others may write there" in caplog.text


def test_whose_folder_it_is(tmp_path: Path) -> None:
    """Ours alone, or not there yet; not of another account, nor open to a group or to all."""
    for mode, others in ((0o755, False), (0o700, False), (0o777, True), (0o757, True), (0o1777, True)):
        (tmp_path / f"{mode:o}").mkdir()
        (tmp_path / f"{mode:o}").chmod(mode)
        assert others_may_write(str(tmp_path / f"{mode:o}")) is others
    assert not others_may_write(str(tmp_path / "missing"))
    if os.getuid() == 0:
        (tmp_path / "theirs").mkdir()
        os.chown(tmp_path / "theirs", 12_345, -1)
        assert others_may_write(str(tmp_path / "theirs"))
        (tmp_path / "shared").mkdir()
        os.chown(tmp_path / "shared", 0, 12_345)
        (tmp_path / "shared").chmod(0o775)
        assert others_may_write(str(tmp_path / "shared"))
        (tmp_path / "read").mkdir()
        os.chown(tmp_path / "read", 0, 12_345)
        (tmp_path / "read").chmod(0o755)
        assert not others_may_write(str(tmp_path / "read")), "a group that may only read"


def test_the_group_of_one_account_is_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that one's own group may write is one's own where no other account belongs to that group."""
    for name, is_own in (("alone", True), ("staff", False)):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o775)
        monkeypatch.setattr(compiling, "_is_own_group", lambda number, is_own=is_own: is_own)
        assert others_may_write(str(tmp_path / name)) is not is_own
