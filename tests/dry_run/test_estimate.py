"""A dry run tells beforehand what a build then does."""

from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.dry_run.estimate import BuildEstimate, estimate
from nextlong_hub.errors import CorpusTooSmallError
from nextlong_hub.pipeline import BuildRequest, build
from nextlong_hub.recipe import Recipe, load_recipe

pytestmark = pytest.mark.slow

TINY = {
    "target_length": 512,
    "chunking.chunk_characters": 256,
    "output.unit_documents": 8,
    "meta_documents.maximum_share": 0.9,
}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> tuple[SourceSettings, ...]:
    """A hundred and fifty documents of the embedded corpus."""
    path = tmp_path_factory.mktemp("corpus") / "docs.parquet"
    with as_file(files("nextlong_hub.builders").joinpath("demo/corpus.parquet")) as demo:
        pq.write_table(pq.read_table(demo).take(pa.array(range(0, 2250, 15))), path)
    return (SourceSettings(name="docs", path=str(path)),)


@pytest.fixture(scope="module")
def told(sources: tuple[SourceSettings, ...]) -> BuildEstimate:
    """What is expected of 48 rows."""
    return estimate(request(sources, tiny(), tiny=48))


def tiny(name: str = "tiny", **more: object) -> Recipe:
    """A recipe whose rows are made in no time."""
    return load_recipe("64k", {**TINY, "name": name, **more})


def request(sources: tuple[SourceSettings, ...], *recipes: Recipe, **rows: int) -> BuildRequest:
    """So many rows of each recipe."""
    return BuildRequest(recipes=recipes, sources=sources, tokenizer="demo", rows=rows)


def size_of(folders: Sequence[Path]) -> int:
    """Bytes of all files below."""
    return sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())


def test_a_build_does_what_was_estimated(
    told: BuildEstimate, sources: tuple[SourceSettings, ...], tmp_path: Path
) -> None:
    """Rows and tokens exactly, a corpus looked at whole exactly too, and what it takes on disk nearly."""
    done = build(request(sources, tiny(), tiny=48), tmp_path / "out").manifest
    config, (expected,) = done.configs["tiny"], told.configs
    assert config.synthesis is not None
    assert (expected.rows, expected.tokens) == (config.rows, config.tokens)
    assert told.documents == done.corpus.documents
    assert told.chunks == done.corpus.chunks
    assert told.characters == done.corpus.characters
    assert told.characters_per_token == pytest.approx(done.tokenizer.characters_per_token, rel=0.02)
    assert expected.eligible_documents == pytest.approx(config.synthesis.eligible_documents, rel=0.02)
    assert config.links is not None
    assert expected.links == pytest.approx(config.links.links.mean, rel=0.2)
    assert expected.meta_percent == pytest.approx(config.links.meta_percent.mean, rel=0.2)
    assert expected.not_eligible.keys() == config.synthesis.not_eligible.keys()
    work = tmp_path / "out/.work"
    assert told.store_bytes == pytest.approx(size_of([*work.glob("store-*")]), rel=0.1)
    assert told.index_bytes == pytest.approx(size_of([*work.glob("index-*")]), rel=0.1)
    assert told.token_bytes == pytest.approx(size_of([*work.glob("tokens-*")]), rel=0.3)
    assert expected.unit_bytes == pytest.approx(size_of([*work.glob("units-*")]), rel=0.25)
    assert expected.published_bytes == pytest.approx(sum(file.bytes for file in done.files), rel=0.25)


def test_an_estimate_is_the_same_every_time(told: BuildEstimate, sources: tuple[SourceSettings, ...]) -> None:
    """All but the times, which are measured."""

    def but_times(told: BuildEstimate) -> dict[str, object]:
        timed = ("seconds", "driver_bytes", "worker_bytes", "configs")
        own = {name: getattr(told, name) for name in told.__dataclass_fields__ if name not in timed}
        configs = [
            {name: getattr(config, name) for name in config.__dataclass_fields__ if name != "seconds"}
            for config in told.configs
        ]
        return {**own, "configs": configs}

    assert but_times(estimate(request(sources, tiny(), tiny=48))) == but_times(told)


def test_without_a_number_rows_follow_the_corpus(sources: tuple[SourceSettings, ...]) -> None:
    """About as many tokens as the corpus holds, as in a build."""
    told = estimate(request(sources, tiny(target_length=2048)))
    (config,) = told.configs
    assert config.asked_rows is None
    assert config.rows == round(told.tokens / 2048)
    assert not config.problem


@pytest.mark.parametrize(
    ("target_length", "rows", "words"),
    [
        (512, 5_000, "5,000 rows were asked for, but only about"),
        (524_288, 2, "and one row needs 524,288"),
    ],
)
def test_a_corpus_that_is_too_small_is_told(
    target_length: int, rows: int, words: str, sources: tuple[SourceSettings, ...], tmp_path: Path
) -> None:
    """Fewer documents than rows, or fewer tokens than one row: the reason and the remedy."""
    pq.write_table(pq.read_table(sources[0].path).slice(0, 20), tmp_path / "few.parquet")
    few = (SourceSettings(name="few", path=str(tmp_path / "few.parquet")),)
    (config,) = estimate(request(few, tiny(target_length=target_length), tiny=rows)).configs
    assert words in config.problem
    assert "add documents" in config.problem
    assert config.rows < rows


def test_a_mixture_is_made_of_its_ingredients(sources: tuple[SourceSettings, ...], tmp_path: Path) -> None:
    """Its rows are those of a build, and ingredients that nobody publishes take room too."""
    short, long = tiny("short"), tiny("long", target_length=2048)
    parts = ({"recipe": "short", "share": 1.0}, {"recipe": "long", "share": 1.0})
    mixture = load_recipe("subset", {"name": "mix", "mixture": parts, "target_length": 2048})
    wanted = BuildRequest(
        recipes=(mixture,),
        ingredients=(short, long),
        sources=sources,
        tokenizer="demo",
        rows={"mix": 10, "short": 8, "long": 2},
    )
    told = estimate(wanted)
    done = build(wanted, tmp_path / "out").manifest.configs["mix"]
    (config,) = told.configs
    assert (config.rows, config.tokens) == (done.rows, done.tokens) == (10, 8 * 512 + 2 * 2048)
    assert config.candidates is None
    assert told.ingredient_bytes > 0


def test_documents_of_longer_rows_are_left_alone(sources: tuple[SourceSettings, ...], tmp_path: Path) -> None:
    """As many as a build finds taken; where too few are left, the dry run says so as the build does."""
    short, long = tiny("short"), tiny("long", target_length=2048)
    few = request(sources, short, long, short=8, long=12)
    told = {config.config: config for config in estimate(few).configs}
    done = build(few, tmp_path / "out").manifest.configs["short"].synthesis
    assert done is not None
    assert told["short"].not_eligible["taken"] == pytest.approx(done.not_eligible["taken"], abs=3)
    assert told["short"].eligible_documents == pytest.approx(done.eligible_documents, abs=3)
    assert "taken" not in told["long"].not_eligible and not told["short"].problem
    many = request(sources, short, long, short=told["short"].eligible_documents or 0, long=40)
    assert "documents are left for it" in {c.config: c for c in estimate(many).configs}["short"].problem
    with pytest.raises(CorpusTooSmallError, match="are left for it: others are meta-documents of long"):
        build(many, tmp_path / "many")


def test_an_ingredient_of_a_mixture_alone_is_as_large_as_it_needs(sources: tuple[SourceSettings, ...]) -> None:
    """Without a number, too: four short rows for each long one, where the corpus alone would give many more."""
    short, long = tiny("short"), tiny("long", target_length=16_384)
    parts = ({"recipe": "short", "share": 1.0}, {"recipe": "long", "share": 8.0})
    mixture = load_recipe("subset", {"name": "mix", "mixture": parts, "target_length": 16_384})
    wanted = BuildRequest(recipes=(mixture,), ingredients=(short, long), sources=sources, tokenizer="demo")
    told = estimate(wanted)
    (config,) = told.configs
    long_rows = max(1, round(told.tokens / 16_384))
    assert (config.rows, config.tokens) == (5 * long_rows, long_rows * (4 * 512 + 16_384))


def test_the_papers_fill_is_estimated_by_its_formula(sources: tuple[SourceSettings, ...]) -> None:
    """A larger w gives every meta-chunk more negatives, so that more candidates reach the target; with w = 3 all do."""
    shares = []
    for adjustment in (1.0, 3.0):
        recipe = tiny(**{"interleave.fill": "reference", "interleave.adjustment": adjustment})
        (config,) = estimate(request(sources, recipe, tiny=8)).configs
        shares.append(config.kept_share)
    assert shares[0] is not None
    assert shares[1] is not None
    assert shares[0] < shares[1]
    assert shares[1] > 0.9


def test_with_workers_each_of_them_has_the_memory_it_takes(
    told: BuildEstimate, sources: tuple[SourceSettings, ...]
) -> None:
    """One process does all the work itself; several share it out, and the disk holds the same in the end."""
    alone = told
    helped = estimate(request(sources, tiny(), tiny=48), workers=4)
    assert alone.worker_bytes == 0
    assert helped.worker_bytes > 0
    assert alone.driver_bytes > 0
    assert (
        helped.disk_bytes
        == alone.disk_bytes
        == sum(
            (
                alone.store_bytes,
                alone.index_bytes,
                alone.token_bytes,
                alone.ingredient_bytes,
                alone.configs[0].published_bytes,
                alone.configs[0].unit_bytes,
            )
        )
    )
