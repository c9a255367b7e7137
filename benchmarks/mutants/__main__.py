"""Run `python -m benchmarks.mutants --rooms method … --count 40 --seed 1`; see docs/contributing/mutants.md."""

import argparse
import json
import tempfile
import time
import tomllib
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.mutants.judge import Judge, Verdict
from benchmarks.mutants.operators import Mutant
from benchmarks.mutants.sample import apart, sample

ROOT = Path(__file__).parents[2]
EQUIVALENT = Path(__file__).with_name("equivalent.toml")
ROOMS = ("method", "retrieval", "tokenization", "dataset", "publish")
_NOTES = ROOT / "build" / "mutants"


def equivalent_mutants(path: Path = EQUIVALENT) -> list[dict[str, str]]:
    """The mutants that were judged to change nothing that a test could notice, each with its reason."""
    return list(tomllib.loads(path.read_text()).get("mutant", []))


def main() -> None:
    """Judge a sample of each room, and print the rates and the survivors."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants")
    parser.add_argument("--rooms", nargs="+", default=list(ROOMS), help="rooms of nextlong_hub/")
    parser.add_argument("--count", type=int, default=40, help="mutants of each room")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60, help="no mutant is begun after so many")
    parser.add_argument("--slow", action="store_true", help="survivors meet the slow tests of their folder, too")
    parser.add_argument("--again", action="store_true", help="judge the survivors of the last run only")
    parser.add_argument("--list", action="store_true", help="print the sample and end")
    chosen = parser.parse_args()
    listed = equivalent_mutants()
    equivalent = {(one["module"], one["before"], one["after"]) for one in listed}
    samples = {room: sample(ROOT, room, chosen.count, chosen.seed) for room in chosen.rooms}
    if chosen.list:
        print("\n".join(str(mutant) for drawn, _ in samples.values() for mutant in drawn))
        return
    results = _NOTES / "results.json"
    survivors = _survivors(results) if chosen.again else None
    with (
        tempfile.TemporaryDirectory(prefix="mutants-") as folder,
        Judge(ROOT, Path(folder), _NOTES, slow=chosen.slow) as judge,
    ):
        judge.learn(chosen.rooms)
        ends = time.monotonic() + 60 * chosen.minutes
        rows = []
        for room, (drawn, total) in samples.items():
            real, same = apart(drawn, equivalent)
            wanted = [one for one in real if survivors is None or (one.module, *one.diff) in survivors]
            rows.append(_row(room, total, len(same), len(wanted), []))
            judged: list[tuple[Mutant, Verdict]] = []
            for mutant in wanted:
                if time.monotonic() > ends:
                    break
                judged.append((mutant, judge.judge(mutant)))
                print(f"{len(judged)}/{len(wanted)} {_told(*judged[-1])}", flush=True)
                rows[-1] = _row(room, total, len(same), len(wanted) - len(judged), judged)
                results.write_text(json.dumps(rows, indent=2) + "\n")
    _print(rows)


def _told(mutant: Mutant, verdict: Verdict) -> str:
    return f"{verdict.outcome} {verdict.seconds:.0f} s {mutant}"


def _survivors(results: Path) -> set[tuple[str, str, str]]:
    """The mutants that survived the last run."""
    rows = json.loads(results.read_text())
    return {(one["module"], one["before"], one["after"]) for row in rows for one in row["mutants"] if not one["killed"]}


def _row(room: str, total: int, same: int, left: int, judged: list[tuple[Mutant, Verdict]]) -> dict[str, Any]:
    outcomes = Counter(verdict.outcome for _, verdict in judged)
    return {
        "room": room, "there are": total, "equivalent": same, "not begun": left, **outcomes,
        "mutants": [
            {
                "module": mutant.module, "line": mutant.place.line, "operator": mutant.operator,
                "before": mutant.diff[0], "after": mutant.diff[1], "killed": verdict.outcome != "survived",
                **asdict(verdict),
            }
            for mutant, verdict in judged
        ],
    }  # fmt: skip


def _print(rows: list[dict[str, Any]]) -> None:
    """Print the survivors, and a row for each room."""
    for one in (one for row in rows for one in row["mutants"] if not one["killed"]):
        print(f"\nsurvived: {one['module']}:{one['line']} ({one['operator']}), {one['tests']} tests")
        print(f"    - {one['before']}\n    + {one['after']}")
    print("\n| room | mutants there are | judged | equivalent | killed | of them hung | survived | rate |")
    print("|---|---|---|---|---|---|---|---|")
    together = Counter[str]()
    for row in rows:
        print(_line(row["room"], Counter(_numbers(row))))
        together.update(_numbers(row))
    if len(rows) > 1:
        print(_line("together", together))
    if together["not begun"]:
        print(f"\n{together['not begun']} mutants were not begun: the time was over")


def _numbers(row: dict[str, Any]) -> dict[str, int]:
    return {name: value for name, value in row.items() if isinstance(value, int)}


def _line(name: str, row: Counter[str]) -> str:
    killed = row["killed"] + row["hung"]
    real = killed + row["survived"]
    rate = f"{100 * killed / real:.0f} %" if real else "-"
    cells = (row["there are"], real + row["equivalent"], row["equivalent"], killed, row["hung"], row["survived"])
    return f"| {name} | {' | '.join(f'{cell:,}' for cell in cells)} | {rate} |"


if __name__ == "__main__":
    main()
