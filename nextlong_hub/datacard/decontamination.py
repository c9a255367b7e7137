"""What a card says of the benchmarks that the rows were compared with: their names, digests, and the rule."""

from collections.abc import Iterator
from dataclasses import dataclass

from nextlong_hub.corpus.benchmark_runs import Benchmark
from nextlong_hub.corpus.filters import open_filters
from nextlong_hub.corpus.filters.decontaminate import Decontaminate
from nextlong_hub.datacard.escaping import Markdown, code, shell_word
from nextlong_hub.dataset.manifest import Manifest
from nextlong_hub.recipe import Recipe

_DIGEST_CHARACTERS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class DecontaminationText:
    """One way in which rows were decontaminated, in words."""

    names: Markdown
    """The benchmarks."""
    rule: Markdown
    """What is in no row, as a sentence without a full stop."""
    benchmarks: tuple[tuple[Markdown, Markdown], ...]
    """Each with its commit and digest."""


def decontaminations(manifest: Manifest) -> list[DecontaminationText]:
    """The ways in which the rows were decontaminated, each once; empty where any configuration was not."""
    found = [decontamination_of(recipe) for recipe in _recipes(manifest)]
    distinct = {one.model_dump_json(): one for one in found if one is not None}
    return [] if None in found else [_text_of(one) for one in distinct.values()]


def decontamination_of(recipe: Recipe) -> Decontaminate | None:
    """The filter of a recipe that decontaminates; None where it has none."""
    settings = {name: one for name, one in recipe.filters.items() if name == "decontaminate"}
    found = open_filters(settings).by_name.get("decontaminate")
    return found if isinstance(found, Decontaminate) else None


def options_of(recipe: Recipe) -> list[str]:
    """The benchmarks of a recipe as options of a command."""
    found = decontamination_of(recipe)
    return [f"--decontaminate {shell_word(str(one))}" for one in found.against] if found else []


def has_local_benchmarks(manifest: Manifest) -> bool:
    """Whether files must be at hand to decontaminate again."""
    found = [decontamination_of(recipe) for recipe in _recipes(manifest)]
    return any(one.revision is None and "://" not in one.path for each in found if each for one in each.against)


def _recipes(manifest: Manifest) -> Iterator[Recipe]:
    for config in manifest.configs.values():
        yield from config.row_recipes.values()


def _text_of(one: Decontaminate) -> DecontaminationText:
    run = f"a run of {one.run_words} words"
    rules = {
        "drop": f"A document that shares {run} with one of these is in no row",
        "bar": f"Where a document shares {run} with one of these, no row holds the chunks that have words of that run, "
        "and none extends the document",
    }
    return DecontaminationText(
        names=Markdown(", ".join(code(_name_of(benchmark)) for benchmark in one.against)),
        rule=Markdown(rules[one.action]),
        benchmarks=tuple((code(_name_of(benchmark)), _version_of(benchmark)) for benchmark in one.against),
    )


def _name_of(benchmark: Benchmark) -> str:
    return str(benchmark.model_copy(update={"revision": None}))


def _version_of(benchmark: Benchmark) -> Markdown:
    commit = f"commit {code(benchmark.revision)}, " if benchmark.revision else ""
    return Markdown(f"{commit}digest {code((benchmark.digest or '')[:_DIGEST_CHARACTERS])}")
