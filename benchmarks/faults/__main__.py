"""Run the campaign, print each fault with its outcome, and the summary; exit code 1 if a promise was broken."""

import argparse
import re
import sys
from pathlib import Path

from benchmarks.faults import report
from benchmarks.faults.campaign import Plan, Result, run
from benchmarks.faults.fault import Fault, kinds

_PAGE = Path(__file__).parents[2] / "docs" / "explanations" / "faults.md"


def main() -> int:
    """Do what the command line says, and give the exit code."""
    arguments = _arguments()
    chosen = tuple(
        (kind, fault)
        for kind, faults in kinds().items()
        for fault in faults
        if re.search(arguments.only, f"{kind}: {fault.name}") and (fault.hole or not arguments.holes)
    )
    if arguments.do == "list":
        print("\n".join(_listed(kind, fault) for kind, fault in chosen))
        return 0
    if arguments.do == "compare":
        print(report.comparison(*(_load(Path(name)) for name in arguments.files)))
        return 0
    if arguments.do == "write":
        report.write(_PAGE, [result for name in arguments.files for result in _load(Path(name))], "make faults")
        return 0
    return _campaign(arguments, chosen)


def _campaign(arguments: argparse.Namespace, chosen: tuple[tuple[str, Fault], ...]) -> int:
    plan = Plan(
        faults=chosen, seed=arguments.seed, minutes=arguments.minutes, most=arguments.faults, jobs=arguments.jobs
    )
    results: list[Result] = []

    def tell(result: Result) -> None:
        results.append(result)
        print(report.line(result), flush=True)
        if arguments.results:
            with arguments.results.open("a", encoding="utf-8") as file:
                file.write(result.dump() + "\n")

    try:
        run(plan, arguments.command, tell)
    except KeyboardInterrupt:
        print("Interrupted: what became of the faults so far:")
    reached = {(result.kind, result.name) for result in results}
    if left := len(chosen) - len(reached):
        print(f"{left} of {len(chosen)} faults were not reached: raise MINUTES or FAULTS.")
    print(report.summary(results))
    if arguments.write:
        report.write(_PAGE, results, f"make faults SEED={plan.seed} MINUTES={plan.minutes:g}")
    return int(any(result.outcome.is_bad for result in results))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("do", nargs="?", choices=("run", "list", "compare", "write"), default="run")
    parser.add_argument("files", nargs="*", help="of compare and write: files of --results")
    parser.add_argument("--seed", type=int, default=0, help="draws the order, the moments and the places")
    parser.add_argument("--minutes", type=float, default=7.5, help="no fault is begun later (7.5)")
    parser.add_argument("--faults", type=int, metavar="N", help="try so many, no more")
    parser.add_argument("--only", metavar="REGEX", default="", help="faults whose `kind: name` matches")
    parser.add_argument("--holes", action="store_true", help="only those that broke something once")
    parser.add_argument("--jobs", type=int, default=4, metavar="N", help="faults at once")
    parser.add_argument(
        "--command", type=Path, default=Path(sys.executable).with_name("nextlong-hub"), help="the one to disturb"
    )
    parser.add_argument("--results", type=Path, metavar="FILE.jsonl", help="add what became of each")
    parser.add_argument("--write", action="store_true", help="put the table into the documentation")
    return parser.parse_args()


def _listed(kind: str, fault: Fault) -> str:
    return f"{kind}: {fault.name}{f'  (hole {fault.hole})' if fault.hole else ''}"


def _load(path: Path) -> list[Result]:
    return [Result.load(line) for line in path.read_text("utf-8").splitlines()]


if __name__ == "__main__":
    sys.exit(main())
