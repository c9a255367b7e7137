"""`python -m benchmarks.teaches run --preset gpu --corpus FILE --output FOLDER`: the experiment from corpus to figure.

    prepare    the corpus is split, every arm built by the package, the questions chosen ▶ OUTPUT/world
    train      base and arms, each asked as soon as it is trained ▶ OUTPUT/results.jsonl
    analyse    the tests of the plan, and tables ▶ OUTPUT/analysis.md
    figure     ▶ OUTPUT/teaches.svg
    run        all of that

Only `prepare` needs the package's libraries and only `train` PyTorch: a world is prepared on one machine and trained on
another, which gets this checkout, the world and the corpus.
"""

import argparse
import os
import sys
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from benchmarks.teaches.arms import SEEDS, Training, training_of
from benchmarks.teaches.plan import Plan, load_plan
from benchmarks.teaches.settings import PRESETS
from nextlong_hub.errors import NextLongError, RecipeError

STEPS = ("prepare", "train", "analyse", "figure")


def main() -> None:
    """Run the steps that were asked for."""
    options = _options()
    try:
        plan = load_plan(options.plan or ("smoke" if options.preset == "cpu" else "next"))
        asked = STEPS if options.step == "run" else (options.step,)
        if "train" in asked and find_spec("torch") is None:
            raise RecipeError("training needs PyTorch, which is not installed; pip install 'nextlong-hub[teaches]'")
        for step in asked:
            {"prepare": _prepare, "train": _train, "analyse": _analyse, "figure": _figure}[step](options, plan)
    except NextLongError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.teaches", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("step", choices=("run", *STEPS))
    parser.add_argument("--preset", choices=PRESETS, default="gpu", help="sizes; cpu is a smoke test at toy size")
    parser.add_argument("--plan", help="a plan in plans/, or a TOML file; default next, with --preset cpu smoke")
    parser.add_argument("--arms", help="train these in place of the plan's order, such as A,B,M")
    parser.add_argument("--seeds", type=int, choices=range(1, SEEDS + 1), default=SEEDS, help="of each of --arms")
    parser.add_argument("--corpus", type=Path, default=_demo(), help="Parquet: id, text, source; default: the demo")
    parser.add_argument("--other", type=Path, help="another corpus, only asked about; best long texts of another kind")
    parser.add_argument("--encoder", help="for arm D: a folder, or a name on the Hub")
    parser.add_argument(
        "--embeddings", help="for arm D, in place of an encoder: of the chunks of OUTPUT/work/train.parquet"
    )
    parser.add_argument("--deadline", type=float, default=700, help="seconds that training may take")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--results", type=Path, help="what to analyse or draw; default OUTPUT/results.jsonl")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes that encode text")
    return parser.parse_args()


def _demo() -> Path:
    return Path(str(files("nextlong_hub"))).parent / "builders" / "demo" / "corpus.parquet"


def _order(options: argparse.Namespace, plan: Plan) -> tuple[Training, ...]:
    """What is trained: the arms asked for, seed by seed, else what the plan says."""
    if not options.arms:
        return plan.order
    return tuple(training_of(f"{arm}{seed}") for seed in range(options.seeds) for arm in options.arms.split(","))


def _prepare(options: argparse.Namespace, plan: Plan) -> None:
    from benchmarks.teaches.prepare import PrepareRequest, prepare

    world = prepare(
        PrepareRequest(
            preset=PRESETS[options.preset],
            corpus=options.corpus,
            other=options.other,
            arms=tuple(dict.fromkeys(one.arm for one in _order(options, plan))),
            dense=_dense(options),
            output=options.output,
        )
    )
    size = sum(file.stat().st_size for file in world.folder.iterdir())
    print(f"prepared {world.folder}: rows of {', '.join(world.rows)}; {size / 1e6:.1f} MB")


def _dense(options: argparse.Namespace) -> dict[str, str]:
    """The options of the retriever of arm D."""
    given = {"encoder": options.encoder, "embeddings": options.embeddings}
    return {name: value for name, value in given.items() if value}


def _train(options: argparse.Namespace, plan: Plan) -> None:
    from benchmarks.teaches.experiment import TrainRequest, train
    from benchmarks.teaches.world import World

    world = World.load(options.output / "world")
    base_steps, arm_steps = world.preset.steps or (plan.base_steps, plan.arm_steps)
    request = TrainRequest(
        world=world,
        plan=plan,
        order=_order(options, plan),
        base_steps=base_steps,
        arm_steps=arm_steps,
        corpus=options.corpus,
        other=options.other,
        deadline_seconds=options.deadline,
        output=options.output,
        workers=options.workers,
    )
    print(f"results are in {train(request, lambda words: print(words, flush=True))}")


def _analyse(options: argparse.Namespace, plan: Plan) -> None:
    from benchmarks.teaches.analyse import analysis
    from benchmarks.teaches.results import read_results

    text = analysis(read_results(options.results or options.output / "results.jsonl"), plan)
    options.output.mkdir(parents=True, exist_ok=True)
    file = options.output / "analysis.md"
    file.write_text(text)
    print(text)
    print(f"also in {file}")


def _figure(options: argparse.Namespace, plan: Plan) -> None:
    from benchmarks.teaches.figure import write_figure
    from benchmarks.teaches.results import read_results

    file = options.output / "teaches.svg"
    write_figure(read_results(options.results or options.output / "results.jsonl"), file)
    print(f"drawn: {file}")


if __name__ == "__main__":
    main()
