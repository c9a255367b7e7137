"""A task reads what it names: it is run where nothing else is, and the dataset is the same."""

import importlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import nextlong_hub.builders
import pytest
from building import make_request, published, tiny_recipe
from chat_worlds import CHATML, chat_recipe, tokenizer_of
from engine_tasks import Number

import nextlong_hub
from nextlong_hub.core.files import write_json
from nextlong_hub.corpus.in_memory import memory_source
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.dataset import preview
from nextlong_hub.documents.fit import FitRequest
from nextlong_hub.documents.import_rows import ImportRequest
from nextlong_hub.execution.base import Counts, Executor, Receipt, Task, perform, task_from_json
from nextlong_hub.execution.placed import PlacedTask
from nextlong_hub.execution.roots import Roots
from nextlong_hub.exports import ExportRequest, export
from nextlong_hub.pipeline import BuildRequest, build, fit, import_rows
from nextlong_hub.testing.worlds import make_documents


class Hermetic:
    """Runs each task in an empty folder that gets the named inputs, while the work folder is out of reach."""

    workers = 1

    def __init__(self, output: Path) -> None:
        self.roots = Roots(work=output / ".work", output=output)
        self.places = output.parent / f"{output.name}-places"
        self.ran: set[type[Task]] = set()

    def run(self, tasks: Sequence[Task[Counts]]) -> Iterator[Receipt[Counts]]:
        """See `Executor.run`."""
        for task in tasks:
            self.places.mkdir(exist_ok=True)
            here = Roots.away(self.places / f"{len(list(self.places.iterdir()))}")
            for path in task.inputs.values():
                if name := self.roots.name_of(path):
                    _copy(Path(path), here.path_of(name))
            hidden = self.roots.output.rename(self.places / "hidden")
            try:
                receipt = perform(task_from_json(task.to_json(self.roots), here))
            finally:
                hidden.rename(self.roots.output)
            _copy(receipt.output, task.output)
            self.ran.add(type(task))
            yield replace(receipt, output=task.output)

    def close(self) -> None:
        """Nothing to release."""


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copyfile(source, target)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tokenizer in a folder of this machine."""
    embedded = Path(nextlong_hub.builders.__path__[0]) / "demo" / "gpt2"
    return str(shutil.copytree(embedded, tmp_path_factory.mktemp("tokenizer") / "gpt2"))


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the builds are made from."""

    corpus: Path
    tokenizer: str
    scratch: Path


Making = Callable[[World, Path, Executor | str], object]


def _synthesis(world: World, output: Path, executor: Executor | str) -> None:
    request = make_request(world.corpus)
    held = memory_source([{"text": one.text} for one in make_documents(12, seed=5)], "held")
    build(replace(request, sources=(*request.sources, held), tokenizer=world.tokenizer), output, executor=executor)


def _linked(world: World, output: Path, executor: Executor | str) -> None:
    build(make_request(world.corpus, tiny_recipe(meta_documents={"choice": "linked"})), output, executor=executor)


def _dense(world: World, output: Path, executor: Executor | str) -> None:
    pytest.importorskip("model2vec", reason="the encoder is one of model2vec")
    pytest.importorskip("faiss", reason="clusters are those of faiss")
    from tiny_encoders import save_encoder

    encoder = world.scratch / "encoder"
    if not encoder.exists():
        save_encoder(encoder, [one.text for one in make_documents(40)])
    retrieval = {"retriever": "dense", "options": {"encoder": str(encoder), "search": "faiss"}}
    build(make_request(world.corpus, tiny_recipe(retrieval=retrieval), rows=4), output, executor=executor)


def _mix(world: World, output: Path, executor: Executor | str) -> None:
    values = {"name": "mix", "pack": True, "mix": {"recipe": "tiny"}, "packing": {"window_tokens": 2048}}
    request = make_request(world.corpus, tiny_recipe(**values), rows={"mix": 4})
    build(replace(request, ingredients=(tiny_recipe(),)), output, executor=executor)


def _conversations(world: World, output: Path, executor: Executor | str) -> None:
    from transformers import PreTrainedTokenizerFast

    folder, talks = world.scratch / "chat", world.scratch / "talks.jsonl"
    if not folder.exists():
        turns = [{"from": "human", "value": "What is 1 + 1?"}, {"from": "gpt", "value": "It is 2."}]
        talks.write_text("".join(json.dumps({"id": f"t{n}", "conversations": turns}) + "\n" for n in range(20)))
        backend = tokenizer_of("chatml").copy_backend()
        made = PreTrainedTokenizerFast(tokenizer_object=backend, chat_template=CHATML, eos_token="<|im_end|>")
        made.save_pretrained(folder)
    sources = (SourceSettings(name="talks", path=str(talks)),)
    request = BuildRequest(recipes=(chat_recipe("auto"),), sources=sources, tokenizer=str(folder))
    build(request, output, executor=executor)


def _fit(world: World, output: Path, executor: Executor | str) -> None:
    source = SourceSettings(name="here", path=str(world.corpus))
    modes = frozenset({"pack"})
    fit(FitRequest(source=source, tokenizer=world.tokenizer, target_length=512, modes=modes), output, executor=executor)


def _import_texts(world: World, output: Path, executor: Executor | str) -> None:
    source = SourceSettings(name="here", path=str(world.corpus))
    import_rows(ImportRequest(source=source, tokenizer=world.tokenizer), output, executor=executor)


def _import_shards(world: World, output: Path, executor: Executor | str) -> None:
    made, shards = world.scratch / "made", world.scratch / "mds"
    if not shards.exists():
        build(make_request(world.corpus), made)
        export(made, ExportRequest(format="mds"), shards)
    source = SourceSettings(name="there", path=str(shards))
    import_rows(ImportRequest(source=source, tokenizer=world.tokenizer), output, executor=executor)


STAGES: dict[Making, set[str]] = {
    _synthesis: {"ingest", "lex", "merge", "fill", "retrieve", "tokenise", "synthesise", "write", "preview"},
    _linked: {"compare"},
    _dense: {"vectors", "centres", "clusters"},
    _mix: {"take", "write"},
    _conversations: {"converse"},
    _fit: {"fit"},
    _import_texts: {"import"},
    _import_shards: {"survey", "import"},
}


@pytest.fixture(scope="module")
def world(corpus_file: Path, tokenizer: str, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Files that all builds of this module read."""
    return World(corpus=corpus_file, tokenizer=tokenizer, scratch=tmp_path_factory.mktemp("scratch"))


@pytest.mark.slow
@pytest.mark.parametrize("make", STAGES, ids=lambda make: make.__name__.strip("_"))
def test_every_stage_runs_where_only_its_inputs_are(
    make: Making, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each task is run in an empty folder with copies of the inputs that it names; all published bytes are equal."""
    monkeypatch.setattr(preview, "VIEWER_ROW_BYTES", 1_000)
    make(world, tmp_path / "plain", "inline")
    hermetic = Hermetic(tmp_path / "hermetic")
    make(world, tmp_path / "hermetic", hermetic)
    assert STAGES[make] <= {task.stage for task in hermetic.ran}
    assert published(tmp_path / "hermetic") == published(tmp_path / "plain")


def kinds_of_tasks() -> set[type[Task]]:
    """Every kind of task that the package has."""
    package = Path(nextlong_hub.__path__[0])
    for path in package.rglob("*.py"):
        if "(Task[" in path.read_text():
            importlib.import_module(".".join(path.relative_to(package.parent).with_suffix("").parts))
    found, waiting = set[type[Task]](), [Task]
    while waiting:
        kinds = waiting.pop().__subclasses__()
        waiting += kinds
        found |= {kind for kind in kinds if kind.__module__.startswith("nextlong_hub.")}
    return found


def test_no_stage_is_left_out() -> None:
    """The builds above run every kind of task that there is, but for the one that carries others."""
    assert {kind.stage for kind in kinds_of_tasks()} - {PlacedTask.stage} == set().union(*STAGES.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Careless(Task[Number]):
    """Has a path that nobody is told of."""

    stage: ClassVar[str] = "careless"

    secret: tuple[Path, ...]

    def run(self) -> Number:
        """See `Task.run`."""
        return Number(number=len(self.secret))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sly(Task[Number]):
    """Has a path among its words."""

    stage: ClassVar[str] = "sly"

    word: str

    def run(self) -> Number:
        """See `Task.run`."""
        write_json(self.output, [])
        return Number(number=0)


def test_a_path_that_is_no_input_does_not_travel(tmp_path: Path) -> None:
    """A field with a path must be an input; a path of the work folder in any other field is refused with its task."""
    with pytest.raises(TypeError, match=r"^Careless: secret hold paths; mark them as InputPath$"):
        Careless(key="a", output=tmp_path / "a", secret=()).to_json()
    roots = Roots(work=tmp_path / "out" / ".work", output=tmp_path / "out")
    sly = Sly(key="a", output=roots.work / "a", word=str(roots.work / "b"))
    with pytest.raises(TypeError, match=r"^sly a names .*\.work, where only this machine finds it"):
        sly.to_json(roots)
    there = Roots.away(tmp_path / "there")
    assert task_from_json(replace(sly, word="b").to_json(roots), there).output == tmp_path / "there" / "a"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("out/.work/store-1/part-0", "store-1/part-0"),
        ("out/.work", ""),
        ("out/data/64k/a.parquet", "output/data/64k/a.parquet"),
        ("outside/a", None),
        ("out", "output"),
    ],
)
def test_names_are_the_same_on_all_machines(path: str, name: str | None, tmp_path: Path) -> None:
    """What lies in the work folder or is published has a name, which leads back here and to one place elsewhere."""
    roots = Roots(work=tmp_path / "out" / ".work", output=tmp_path / "out")
    assert roots.name_of(tmp_path / path) == name
    if name is not None:
        assert roots.path_of(name) == tmp_path / path
        assert Roots.away(tmp_path / "there").path_of(name) == tmp_path / "there" / name
