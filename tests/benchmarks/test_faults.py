"""The fault campaign calls what it sees by its name, and finds the faults of every kind."""

import random
import sys
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

import pytest

from benchmarks.faults import oracle, report
from benchmarks.faults.campaign import Plan, Result, attempt, run
from benchmarks.faults.command import Place, Run, Running, under
from benchmarks.faults.fault import Fault, kinds
from benchmarks.faults.outcome import Finding, NotPossible, Outcome
from benchmarks.faults.proxy import Answer, Proxy
from benchmarks.faults.trial import Trial
from benchmarks.faults.world import CORPUS, Repository, World
from nextlong_hub.testing import LocalHub

DONE = Run(arguments=("build",), code=0, out="", err="", seconds=1.0)
REFUSED = replace(DONE, code=6, err="Error: somebody else is there\n")
BEFORE = {"README.md": oracle.WORDS.encode(), oracle.NOTES: b"x", "data/1": b"old", "manifest.json": b"old"}
AFTER = {**BEFORE, "data/1": b"new", "manifest.json": b"new"}


def outcomes(findings: list[Finding]) -> set[Outcome]:
    """Their classes."""
    return {finding.outcome for finding in findings}


def test_every_kind_is_found_and_no_two_faults_have_one_name() -> None:
    """A file in `kinds` is a kind; each hole of the list has a fault that reproduces it."""
    found = kinds()
    assert {"kills", "disk", "network", "bits", "hostile", "races", "environment", "foreign"} <= set(found)
    names = [(kind, fault.name) for kind, faults in found.items() for fault in faults]
    assert len(names) == len(set(names))
    assert {fault.hole for faults in found.values() for fault in faults} == {0, *report.HOLES}


@pytest.mark.parametrize(
    ("ended", "expected"),
    [
        (DONE, set()),
        (REFUSED, set()),
        (replace(DONE, code=130, signalled=True), set()),
        (replace(DONE, code=-9, signalled=True), set()),
        (replace(DONE, code=130), {Outcome.UNTOLD}),
        (replace(DONE, code=-11), {Outcome.UNTOLD}),
        (replace(DONE, arguments=("verify",), code=3, out="data/1 is damaged\n"), set()),
        (
            replace(REFUSED, err="Traceback (most recent call last):\nKeyError\n", code=1),
            {Outcome.TRACEBACK, Outcome.UNTOLD},
        ),
        (replace(DONE, code=120), {Outcome.UNTOLD}),
        (replace(REFUSED, err=""), {Outcome.UNTOLD}),
        (replace(REFUSED, err="Error: one\nError: two\n"), {Outcome.UNTOLD}),
        (replace(DONE, code=-9, stopped="time"), {Outcome.HANG}),
        (replace(DONE, code=-9, stopped="memory"), {Outcome.MEMORY}),
        (replace(DONE, left=1), {Outcome.LEFT}),
        (replace(DONE, out="\x1b[31m"), {Outcome.RAW}),
        (replace(DONE, err="a geheim77 b"), {Outcome.SECRET}),
    ],
    ids=lambda value: None,
)
def test_the_end_of_a_command_is_called_what_it_is(ended: Run, expected: set[Outcome]) -> None:
    """Hangs, tracebacks, secrets and exit codes that nobody documented are seen in what a command leaves."""
    assert outcomes([*oracle.judge(ended, {"geheim77"})]) == expected


def test_a_file_of_a_person_that_is_gone_or_changed_is_lost(tmp_path: Path) -> None:
    """What is planted is compared by content, not by its being there."""
    kept, changed, gone = (tmp_path / name for name in ("kept", "changed", "gone"))
    for path in (kept, changed, gone):
        path.write_text("precious")
    planted = {path: oracle.digest(path) for path in (kept, changed, gone)}
    changed.write_text("Precious")
    gone.unlink()
    findings = [*oracle.kept(planted)]
    assert [finding.words for finding in findings] == ["changed is changed", "gone is gone"]
    assert outcomes(findings) == {Outcome.LOST}


def test_a_folder_with_other_bytes_is_wrong(tmp_path: Path) -> None:
    """One byte, one file more and a file that was left aside are seen; work and files of people are not compared."""
    (tmp_path / ".work").mkdir()
    (tmp_path / "manifest.json").write_text("1")
    expected = oracle.digests(tmp_path)
    (tmp_path / ".work" / "any").write_text("x")
    (tmp_path / "notes.txt").write_text("of a person")
    assert [*oracle.same(tmp_path, expected, besides={"notes.txt"})] == []
    assert outcomes([*oracle.same(tmp_path, expected)]) == {Outcome.WRONG}
    (tmp_path / "notes.txt").unlink()
    (tmp_path / ".work" / ".any.7.tmp").write_text("x")
    assert [finding.words for finding in oracle.same(tmp_path, expected)] == ["left: .any.7.tmp"]
    (tmp_path / ".work" / ".any.7.tmp").unlink()
    (tmp_path / "manifest.json").write_text("2")
    assert outcomes([*oracle.same(tmp_path, expected)]) == {Outcome.WRONG}


@pytest.mark.parametrize(
    ("there", "done", "expected"),
    [
        (BEFORE, False, set()),
        (AFTER, False, set()),
        (AFTER, True, set()),
        (BEFORE, True, {Outcome.HALF}),
        ({**BEFORE, "manifest.json": b"new"}, False, {Outcome.HALF}),
        ({**AFTER, "data/2": b"x"}, False, {Outcome.HALF}),
        ({**AFTER, "README.md": b"<html>"}, False, {Outcome.LOST, Outcome.WRONG}),
        ({**AFTER, "README.md": oracle.WORDS.encode() + b"<html>"}, False, {Outcome.WRONG}),
        (
            {name: content for name, content in AFTER.items() if name != oracle.NOTES},
            True,
            {Outcome.LOST, Outcome.HALF},
        ),
    ],
)
def test_a_repository_is_as_before_or_as_after(there: dict[str, bytes], done: bool, expected: set[Outcome]) -> None:
    """All between is half published; words and files of people that are gone are lost."""
    assert outcomes([*oracle.hub_state(there, BEFORE, AFTER, done=done)]) == expected


def test_the_worst_finding_is_the_outcome() -> None:
    """Lost data outweighs a traceback; without a finding the exit codes tell."""
    findings = [Finding(outcome=outcome, words="") for outcome in (Outcome.TRACEBACK, Outcome.LOST, Outcome.RAW)]
    assert oracle.verdict(findings, [1]) is Outcome.LOST
    assert oracle.verdict([], [0, -9]) is Outcome.SURVIVED
    assert oracle.verdict([], [0, 6]) is Outcome.REFUSED


def fake_world(tmp_path: Path, script: str) -> World:
    """A world whose command is a shell script."""
    command = tmp_path / "nextlong-hub"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    (tmp_path / CORPUS).write_text("{}")
    return World(
        command=command,
        folder=tmp_path,
        base=tmp_path,
        expected={},
        built_files=2,
        built_seconds=0.1,
        repository=Repository(command, tmp_path),
    )


def attempted(tmp_path: Path, script: str, fault: Fault) -> Result:
    """What becomes of a fault when the command is a script."""
    world = fake_world(tmp_path, script)
    return attempt(world, "kind", fault, Trial(world, fault.seconds, tmp_path / "trial", random.Random(0)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("exit 0", Outcome.SURVIVED),
        ("echo 'Error: no' >&2; exit 6", Outcome.REFUSED),
        ("rm precious.parquet", Outcome.LOST),
        ("echo x > precious.jsonl; exit 6", Outcome.LOST),
        ("sleep 60", Outcome.HANG),
        ("sleep 60 & exit 0", Outcome.LEFT),
    ],
)
def test_a_command_that_breaks_a_promise_is_found_out(script: str, expected: Outcome, tmp_path: Path) -> None:
    """A planted loss is called so, and so are a command that does not end and a process that outlives it."""
    fault = Fault(name="none", inject=lambda trial: trial.run("build") and None, seconds=0.3)
    result = attempted(tmp_path, script, fault)
    assert result.outcome is expected
    assert not (tmp_path / "trial").exists()


def test_what_a_machine_does_not_allow_is_not_a_success(tmp_path: Path) -> None:
    """It is told apart from what was survived, and not counted as tried."""

    def refuse(trial: Trial) -> None:
        raise NotPossible("mount: not permitted")

    result = attempted(tmp_path, "exit 0", Fault(name="none", inject=refuse))
    assert (result.outcome, result.words) == (Outcome.NOT_POSSIBLE, "mount: not permitted")
    assert report.summary([result]).startswith("0 faults tried: data lost 0,")


def test_limits_hold_for_the_command(tmp_path: Path) -> None:
    """`under` gives a command what it says."""
    code = "import os, resource; print(resource.getrlimit(resource.RLIMIT_NOFILE), oct(os.umask(0)))"
    place = Place(folder=tmp_path, environment={}, prefix=under(files=77, umask="027"))
    ended = Running((sys.executable, "-c", code), place).wait(60)
    assert ended.out == "(77, 77) 0o27\n"


def test_the_order_is_drawn_once_and_drawing_faults_come_again() -> None:
    """Every fault is tried before one is tried again; the seed gives the order."""
    faults = tuple(("kind", Fault(name=f"{n}", inject=lambda trial: None, draws=n < 2)) for n in range(5))
    plan = Plan(faults=faults, seed=3, minutes=1.0, most=None, jobs=1)

    def first(count: int) -> list[tuple[int, str]]:
        return [(number, fault.name) for (number, _, fault), _ in zip(plan.order(), range(count), strict=False)]

    order = first(9)
    assert sorted(name for _, name in order[:5]) == ["0", "1", "2", "3", "4"]
    assert {(number, name) for number, name in order[5:]} == {(1, "0"), (1, "1"), (2, "0"), (2, "1")}
    assert order == first(9)


def result(name: str, outcome: Outcome, hole: int = 0) -> Result:
    """A result of which only that matters."""
    return Result(kind="bits", name=name, hole=hole, outcome=outcome, codes=(0,), seconds=1.0, words="")


def test_tables_count_and_mark_what_is_bad(tmp_path: Path) -> None:
    """The page keeps its own words around the table; the summary counts what was lost."""
    results = [result("a", Outcome.SURVIVED), result("a", Outcome.LOST), result("b", Outcome.REFUSED, 2)]
    assert [Result.load(one.dump()) for one in results] == results
    page = tmp_path / "page.md"
    page.write_text("# Before\n<!-- faults:start -->stale<!-- faults:end -->\nAfter\n")
    report.write(page, results, "make faults")
    text = page.read_text()
    assert text.startswith("# Before\n<!-- faults:start -->\n")
    assert text.endswith("<!-- faults:end -->\nAfter\n")
    assert "stale" not in text
    assert "| a |  | survived (1), **DATA LOST** (1) |" in text
    assert "| b | 2 | refused in one line |" in text
    assert "3 faults tried: data lost 1, half-published 0, tracebacks 0, hangs 0," in text
    assert "| 2 | bits: b | not reached | refused in one line |  |" in report.comparison([], results)


def test_a_proxy_passes_on_and_does_mischief_as_often_as_asked() -> None:
    """Addresses of the Hub become those of the proxy; the second request is as without it."""
    with LocalHub() as hub, Proxy(hub.endpoint) as proxy:
        hub.put("datasets", "tester/notes", {"notes.txt": b"hello"})
        path = "/datasets/tester/notes/resolve/main/notes.txt"
        mischief = proxy.add("GET .*/resolve/", lambda exchange: exchange.reply(Answer(body=b"portal")))
        with urlopen(proxy.endpoint + path) as answer:
            assert answer.read() == b"portal"
        with urlopen(proxy.endpoint + path) as answer:
            assert answer.read() == b"hello"
        assert (mischief.times, mischief.done, proxy.requests) == (0, 1, [f"GET {path}"] * 2)


@pytest.mark.slow
def test_a_campaign_of_three_faults(tmp_path: Path) -> None:
    """The real command, killed, damaged and among files of a person, keeps every promise."""
    wanted = {
        "kills": "build, SIGKILL to the driver, 2 workers",
        "bits": "a shard: a bit flipped, verify",
        "foreign": "a Parquet file of a person in data/mine, build again",
    }
    chosen = tuple(
        (kind, fault) for kind, faults in kinds().items() for fault in faults if fault.name == wanted.get(kind)
    )
    plan = Plan(faults=chosen, seed=1, minutes=30.0, most=3, jobs=2)
    results: list[Result] = []
    run(plan, Path(sys.executable).with_name("nextlong-hub"), results.append)
    assert {one.kind: str(one.outcome) for one in results} == {
        "kills": "survived",
        "bits": "refused in one line",
        "foreign": "survived",
    }, results
