"""Signals end a run as exceptions, whatever goes wrong while they do."""

import os
import signal

import pytest
from pydantic_core import SchemaSerializer, core_schema

from nextlong_hub.core.signals import SigtermReceived, on_signal, signal_behind, signals_as_exceptions


def test_a_signal_stays_one_when_unwinding_it_fails() -> None:
    """Code that fails because its workers were killed does not hide that a signal came."""
    told = []
    with pytest.raises(SigtermReceived), signals_as_exceptions(), on_signal(lambda: told.append("once")):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            raise RuntimeError("a worker was killed")
    assert told == ["once"]


def test_a_library_that_makes_a_signal_its_own_error_hides_nothing() -> None:
    """A compiled serializer that calls back raises an error without a context; the run ends by the signal."""

    def stopped(value: object) -> object:
        os.kill(os.getpid(), signal.SIGTERM)
        return value

    serializer = SchemaSerializer(
        core_schema.any_schema(serialization=core_schema.plain_serializer_function_ser_schema(stopped))
    )
    with pytest.raises(SigtermReceived), signals_as_exceptions(), on_signal(lambda: None):
        serializer.to_json("x")


def test_a_signal_of_an_earlier_run_is_forgotten() -> None:
    """Only what arrived in this run explains its errors."""
    test_ctrl_c_is_a_keyboard_interrupt()
    assert signal_behind(RuntimeError("of its own")) is None


def test_a_fault_is_no_signal() -> None:
    """Without a signal, an exception passes as it is and nothing is told."""
    told = []
    with pytest.raises(RuntimeError, match="of its own"), on_signal(lambda: told.append("never")):
        raise RuntimeError("of its own")
    assert not told


def test_ctrl_c_is_a_keyboard_interrupt() -> None:
    """SIGINT raises what Python programs expect."""
    with pytest.raises(KeyboardInterrupt), signals_as_exceptions(), on_signal(lambda: None):
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="a signal that stands for Windows' own is needed")
def test_ctrl_break_ends_a_run_as_sigterm_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows sends SIGBREAK where others send SIGTERM; afterwards the handler of before is back."""
    monkeypatch.setattr(signal, "SIGBREAK", signal.SIGUSR1, raising=False)
    before = signal.getsignal(signal.SIGUSR1)
    with pytest.raises(SigtermReceived), signals_as_exceptions(), on_signal(lambda: None):
        os.kill(os.getpid(), signal.SIGUSR1)
    assert signal.getsignal(signal.SIGUSR1) == before
