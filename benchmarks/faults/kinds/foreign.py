"""Files of people in our folders, and links that lead out of them."""

import shutil
from collections.abc import Callable
from pathlib import Path

from benchmarks.faults.fault import Fault
from benchmarks.faults.outcome import Outcome
from benchmarks.faults.trial import Trial
from benchmarks.faults.world import OUTPUT, build


def _planted(*names: str, then: tuple[str, ...] = ()) -> Callable[[Trial], None]:
    """Files of a person in a finished folder; then the build again, or another command."""

    def inject(trial: Trial) -> None:
        trial.dataset()
        trial.plant(*(f"{OUTPUT}/{name}" for name in names))
        trial.run(*(then or build()))
        if not then:
            trial.is_as_always()

    return inject


def _outside(trial: Trial, name: str) -> Path:
    """Move a folder of the dataset elsewhere, beside a corpus of a person, and leave a link."""
    trial.dataset()
    outside = trial.folder / "outside"
    if name == "assets":
        shutil.rmtree(trial.output / name)
    else:
        shutil.move(trial.output / name, outside)
    outside.mkdir(exist_ok=True)
    (trial.output / name).symlink_to(outside)
    trial.plant("outside/corpus.parquet", "outside/.precious.1.tmp", "outside/notes.txt")
    return outside


def _linked(name: str, *then: str) -> Callable[[Trial], None]:
    def inject(trial: Trial) -> None:
        outside = _outside(trial, name)
        before = {path.name for path in outside.iterdir()}
        trial.run(*(then or build()))
        if name == "assets" and (new := {path.name for path in outside.iterdir()} - before):
            trial.says(Outcome.LOST, f"written through a link: {sorted(new)}")

    return inject


def _view(trial: Trial) -> None:
    trial.dataset()
    trial.plant("page.jsonl")
    trial.run("view", OUTPUT, "-o", "page.jsonl")


def _recipe(trial: Trial) -> None:
    trial.dataset()
    trial.plant(f"{OUTPUT}/recipes/two.toml")
    trial.run(*build(), "--set", "name=two")


def _export(name: str) -> Callable[[Trial], None]:
    def inject(trial: Trial) -> None:
        trial.dataset()
        command = ("export", OUTPUT, "jsonl", "--output", "exported", "-q")
        if name.startswith("."):
            trial.undisturbed(*command)
            for path in (trial.folder / "exported").glob("*.jsonl"):
                path.write_bytes(b"")
        trial.plant(f"exported/{name}")
        trial.run(*command)

    return inject


def _card(trial: Trial) -> None:
    trial.dataset()
    card = trial.output / "README.md"
    card.write_text(card.read_text("utf-8") + "\n## Known problems\n\nOf a person.\n", "utf-8")
    for arguments in (build(), ("card", OUTPUT)):
        trial.run(*arguments)
        if "Of a person." not in card.read_text("utf-8"):
            trial.says(Outcome.LOST, "words of a person in the card are gone")


def _not_ours(trial: Trial) -> None:
    trial.plant(f"{OUTPUT}/README.md", f"{OUTPUT}/data/train.parquet", f"{OUTPUT}/manifest.json")
    trial.run(*build())


def _cloned(trial: Trial) -> None:
    """A folder of a stranger: links in it lead anywhere."""
    trial.dataset()
    shutil.rmtree(trial.output / ".work")
    trial.plant("outside/.precious.1.tmp", "outside/receipts/precious.json")
    (trial.output / ".work").symlink_to(trial.folder / "outside")
    trial.run(*build())


FAULTS = (
    Fault(
        name="a Parquet file of a person in data/mine, build again",
        inject=_planted("data/mine/precious.parquet"),
        hole=2,
    ),
    Fault(
        name="a Parquet file of a person among the shards, build again",
        inject=_planted("data/tiny/precious.parquet"),
        hole=2,
    ),
    Fault(name="a .tmp file of a person in data, build again", inject=_planted("data/.precious.1.tmp"), hole=2),
    Fault(name="pictures and notes of a person, build again", inject=_planted("assets/precious.png", "notes.txt")),
    Fault(name="files of a person, card", inject=_planted("assets/precious.png", "notes.txt", then=("card", OUTPUT))),
    Fault(name="data is a link to a folder with a corpus, build again", inject=_linked("data"), hole=2),
    Fault(name="data/tiny is a link to a folder with a corpus, build again", inject=_linked("data/tiny"), hole=2),
    Fault(name="assets is a link out of the folder, card", inject=_linked("assets", "card", OUTPUT), hole=2),
    Fault(name=".work of a stranger is a link, build again", inject=_cloned, hole=2),
    Fault(name="view -o over a corpus", inject=_view, hole=2),
    Fault(name="a recipe of a person where ours goes", inject=_recipe, hole=2),
    Fault(name="a .tmp file of a person in an export, export again", inject=_export(".precious.1.tmp"), hole=2),
    Fault(name="a file of a person where an export goes", inject=_export("tiny-00000.jsonl"), hole=2),
    Fault(name="words of a person in the card, build and card", inject=_card),
    Fault(name="a folder that is not ours as output", inject=_not_ours),
)
