"""Samples and whole documents in shared rows: what a mix holds, and that everything that treats recipes treats it."""

import shlex
import shutil
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from building import make_request, plain_tokenizer, published, read_rows, read_texts
from crashes import build_and_die

from nextlong_hub.cli.arguments import BuildArguments, build_request
from nextlong_hub.core.files import sha256_of
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.dataset.best_fit import unpack
from nextlong_hub.dataset.config_record import ConfigRecord
from nextlong_hub.dataset.manifest import Manifest, read_manifest, write_manifest
from nextlong_hub.dataset.schema import row_schema
from nextlong_hub.dataset.shards import write_table
from nextlong_hub.documents.mix_rows import MixShape
from nextlong_hub.dry_run.estimate import estimate
from nextlong_hub.errors import CorpusTooSmallError, RecipeError
from nextlong_hub.execution.local import LocalExecutor
from nextlong_hub.exports import ExportRequest, export
from nextlong_hub.load_dataset.on_demand import open_session
from nextlong_hub.pipeline import BuildRequest, build
from nextlong_hub.recipe import Recipe, load_recipes
from nextlong_hub.stats import measure
from nextlong_hub.testing.worlds import make_documents, tiny_recipe, write_corpus
from nextlong_hub.verification import verify

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).parents[2] / "examples" / "recipes" / "128k-mix.toml"
TINY = tiny_recipe()
Row = dict[str, Any]


def mix_of(**overrides: Any) -> Recipe:
    """A mix of tiny samples in short stretches, a few rows to a shard."""
    output = {"shard_bytes": 12_000, "row_group_bytes": 6_000, "unit_documents": 5}
    values: dict[str, Any] = {"name": "mix", "pack": True, "mix": {"recipe": "tiny"}, "output": output}
    return tiny_recipe(**{**values, "packing": {"window_tokens": 2048}, **overrides})


def mix_request(corpus: Path, recipe: Recipe | None = None, **rows: int) -> BuildRequest:
    """A request for a mix alone; tiny samples are made along."""
    return replace(make_request(corpus, recipe or mix_of(), rows=rows), ingredients=(TINY,))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty documents of one to three paragraphs, one of them too long for a row."""
    documents = make_documents(60, paragraphs=(1, 3))
    long = replace(documents[7], text="\n".join([documents[7].text] * 12))
    return write_corpus(tmp_path_factory.mktemp("world") / "corpus.jsonl", [*documents[:7], long, *documents[8:]])


@pytest.fixture(scope="module")
def folder(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mix of ten rows; nobody may change it."""
    output = tmp_path_factory.mktemp("mix") / "dataset"
    build(mix_request(corpus, mix=10, tiny=5), output)
    return output


def record(folder: Path, name: str = "mix") -> ConfigRecord:
    """What the manifest says of a configuration."""
    manifest = read_manifest(folder)
    assert manifest is not None
    return manifest.configs[name]


def documents_of(rows: list[Row]) -> list[Row]:
    """The documents of packed rows, in order."""
    return [document for row in rows for document in unpack(row)]


def test_half_of_the_tokens_are_whole_documents(folder: Path, corpus: Path) -> None:
    """Five rows of a sample and five of documents between them, each a text of the corpus, and in no sample's place."""
    rows = read_rows(folder, "mix")
    texts = read_texts(corpus)
    is_sample = [row["documents"][0]["id"].startswith("tiny/") for row in rows]
    assert is_sample == [True, False] * 5
    documents = documents_of(rows)
    ordinary = [one for one in documents if one["id"].startswith("mix/")]
    for one in ordinary:
        assert one["text"] == texts[one["meta_document"]]
        assert one["input_ids"] == plain_tokenizer().encode(one["text"], add_special_tokens=False).ids
    extended = {one["meta_document"] for one in documents if one["id"].startswith("tiny/")}
    assert len(extended) == 5
    assert not extended & {one["meta_document"] for one in ordinary}
    assert len({one["meta_document"] for one in ordinary}) == len(ordinary)
    assert all(sum(row["seq_lengths"]) == row["token_count"] <= 512 for row in rows)


def test_the_manifest_says_what_there_is(folder: Path) -> None:
    """Parts by rows and tokens, what was left out by reason, and no ordinary document among the meta-chunks."""
    said, rows = record(folder), read_rows(folder, "mix")
    documents = documents_of(rows)
    ordinary = [one for one in documents if one["id"].startswith("mix/")]
    assert {name: (part.rows, part.tokens) for name, part in said.mixture.items()} == {
        "tiny": (5, 5 * 512),
        "mix": (len(ordinary), sum(one["token_count"] for one in ordinary)),
    }
    assert said.packing is not None
    assert (said.packing.documents, said.packing.continued_documents) == (len(documents), 0)
    assert said.synthesis is not None
    assert said.synthesis.not_eligible == {"taken": 5}
    assert said.synthesis.candidates == said.synthesis.kept + sum(said.synthesis.discarded.values())
    assert said.segments.meta == sum(
        segment["role"] == "meta" for one in documents if one["id"].startswith("tiny/") for segment in one["segments"]
    )
    assert said.mix_share is not None
    assert said.mix_share.share == pytest.approx(0.5, abs=0.05)


def test_a_mix_proves_itself(folder: Path, corpus: Path) -> None:
    """Samples by the recipe that made them, documents as whole ones of the corpus; the corpus is read for each."""
    sources = (SourceSettings(name="corpus", path=str(corpus)),)
    report = verify(folder, sources=sources, tokenizer="demo")
    assert report.faults == ()
    assert report.rows == 10
    assert report.encoded_rows == report.rebuilt_rows == len(documents_of(read_rows(folder, "mix")))


def test_two_workers_give_the_same_bytes(
    folder: Path, corpus: Path, two_workers: LocalExecutor, tmp_path: Path
) -> None:
    """And a rerun finds it complete."""
    wanted = mix_request(corpus, mix=10, tiny=5)
    build(wanted, tmp_path / "two", executor=two_workers)
    assert published(tmp_path / "two") == published(folder)
    assert build(wanted, tmp_path / "two").unchanged


def test_documents_that_run_out_give_fewer_rows_of_the_same_share(corpus: Path, tmp_path: Path) -> None:
    """What is missing is told; as many rows as there are, asked for at once, are the same bytes, as the card says."""
    report = build(mix_request(corpus, mix=70, tiny=35), tmp_path / "many")
    rows = record(tmp_path / "many").rows
    assert report.missing_rows == {"mix": 70 - rows}
    assert 10 < rows < 60
    share = record(tmp_path / "many").mix_share
    assert share is not None
    assert share.share == pytest.approx(0.5, abs=0.05)
    build(mix_request(corpus, mix=rows, tiny=rows // 2), tmp_path / "again")
    assert published(tmp_path / "again") == published(tmp_path / "many")


def test_without_a_number_samples_and_documents_decide(corpus: Path, tmp_path: Path) -> None:
    """The dry run says so too; more documents than half need fewer samples."""
    for share in (0.5, 0.75):
        wanted = mix_request(corpus, mix_of(mix={"recipe": "tiny", "documents": share}))
        build(wanted, tmp_path / str(share))
        made = record(tmp_path / str(share))
        [told] = estimate(wanted).configs
        assert told.rows == pytest.approx(made.rows, abs=2)
        assert made.mixture["tiny"].tokens == pytest.approx((1 - share) * made.tokens, abs=600)


def test_longer_rows_hold_both(corpus: Path, tmp_path: Path) -> None:
    """A sample in each, first, and documents behind it."""
    build(mix_request(corpus, mix_of(target_length=1024), mix=6, tiny=6), tmp_path / "out")
    rows = read_rows(tmp_path / "out", "mix")
    assert [[one["id"].partition("/")[0] for one in row["documents"]].index("mix") for row in rows] == [1] * 6
    assert [row["seq_lengths"][0] for row in rows] == [512] * 6
    assert sum(row["token_count"] for row in rows) > 0.95 * 6 * 1024
    assert verify(tmp_path / "out", tokenizer="demo").faults == ()


def test_special_tokens_stand_around_each_document(corpus: Path, tmp_path: Path) -> None:
    """Those of samples and those of documents; they count."""
    special = {"add_eos_token": True, "tokens": True}
    request = mix_request(corpus, mix_of(**special), mix=4, tiny=2)
    build(replace(request, ingredients=(tiny_recipe(**special),)), tmp_path / "out")
    for one in documents_of(read_rows(tmp_path / "out", "mix")):
        assert one["input_ids"][-1] == plain_tokenizer().token_to_id("<|endoftext|>")
    assert verify(tmp_path / "out", tokenizer="demo").faults == ()


def test_what_stands_in_the_folder_is_left_alone(corpus: Path, tmp_path: Path) -> None:
    """What other configurations extend is no ordinary document, nor the other way round; reruns change nothing."""
    other = tiny_recipe(name="other", target_length=600)
    build(make_request(corpus, other, rows=4), tmp_path / "out")
    build(mix_request(corpus, mix=8, tiny=4), tmp_path / "out")
    later = tiny_recipe(name="later", target_length=700)
    build(make_request(corpus, later, rows=4), tmp_path / "out")
    extended = {row["meta_document"] for name in ("other", "later") for row in read_rows(tmp_path / "out", name)}
    held = {one["meta_document"] for one in documents_of(read_rows(tmp_path / "out", "mix"))}
    assert len(extended) == 8
    assert not extended & held
    before = published(tmp_path / "out")
    assert build(mix_request(corpus, mix=8, tiny=4), tmp_path / "out").unchanged
    assert published(tmp_path / "out") == before


def test_on_demand_the_rows_are_those_of_a_build(folder: Path, corpus: Path, tmp_path: Path) -> None:
    """What `load_dataset` builds is what `build` publishes."""
    (tmp_path / "mix.toml").write_text(mix_of().to_toml())
    (tmp_path / "tiny.toml").write_text(TINY.to_toml())
    session = open_session(
        str(tmp_path / "mix.toml"), corpus=str(corpus), tokenizer="demo", samples=10, work=tmp_path / "work"
    )
    tables = [table for unit in session.units() for table in session.tables(unit)]
    assert pa.concat_tables(tables).to_pylist() == read_rows(folder, "mix")


def test_statistics_tell_samples_from_documents(folder: Path) -> None:
    """Meta-chunks and what follows them are those of samples; documents are counted by themselves."""
    [stats] = measure(folder).configs
    ordinary = [one for one in documents_of(read_rows(folder, "mix")) if one["id"].startswith("mix/")]
    assert stats.mix is not None
    assert (stats.mix.samples, stats.mix.documents) == (5, len(ordinary))
    assert stats.mix.document_tokens == sum(one["token_count"] for one in ordinary)
    assert stats.segments is not None
    assert stats.segments.meta_chunks == record(folder).segments.meta
    assert stats.segments.negatives_per_meta_chunk.median > 0
    assert stats.segments.meta_tokens + stats.segments.negative_tokens + stats.segments.other_tokens == 5 * 512


def test_exports_keep_the_documents_apart(folder: Path, tmp_path: Path) -> None:
    """The lengths of a row's documents go to a trainer that takes packed rows."""
    export(folder, ExportRequest(format="trl", config="mix"), tmp_path / "trl")
    [file] = (tmp_path / "trl" / "data").glob("*.parquet")
    assert pq.read_table(file)["seq_lengths"].to_pylist() == [row["seq_lengths"] for row in read_rows(folder, "mix")]


def test_a_build_that_died_goes_on(folder: Path, corpus: Path, tmp_path: Path) -> None:
    """Killed again and again, it comes to the same bytes."""
    wanted = mix_request(corpus, mix=10, tiny=5)
    deaths = [build_and_die(wanted, tmp_path / "out", count, "after a receipt") for count in (9, 6, 3)]
    assert all(deaths)
    build(wanted, tmp_path / "out")
    assert published(tmp_path / "out") == published(folder)


def test_no_document_left_is_an_error(tmp_path: Path) -> None:
    """A corpus whose other documents are all longer than a row gives no mix, and the reason is said."""
    short = make_documents(2, paragraphs=(2, 2))
    long = [replace(one, id=f"long-{one.id}", text=one.text * 9) for one in make_documents(8, paragraphs=(3, 3))]
    corpus = write_corpus(tmp_path / "corpus.jsonl", [*short, *long])
    with pytest.raises(CorpusTooSmallError, match=r"of 10 documents only [\d,]+ tokens are left .*8 over_target"):
        build(mix_request(corpus, mix=4, tiny=2), tmp_path / "out")


@pytest.mark.parametrize(
    ("ingredient", "message"),
    [
        (tiny_recipe(fit={"truncate": True, "discard": True}), "the rows of tiny are no samples with hard negatives"),
        (tiny_recipe(mixture=[{"recipe": "x", "share": 1.0}]), "tiny cannot be an ingredient, for it takes rows of x"),
        (tiny_recipe(add_eos_token=True, tokens=False), "differ in tokens, add_eos_token; set these alike"),
        (tiny_recipe(target_length=1024), "a sample of tiny has 1,024 tokens and a row takes 512"),
    ],
    ids=["documents", "mixture", "unlike", "too long"],
)
def test_an_ingredient_that_does_not_go_with_it_is_refused(
    ingredient: Recipe, message: str, corpus: Path, tmp_path: Path
) -> None:
    """Before anything is read, by a dry run too."""
    wanted = replace(mix_request(corpus, mix=4), ingredients=(ingredient,))
    for attempt in (lambda: build(wanted, tmp_path / "out"), lambda: estimate(wanted)):
        with pytest.raises(RecipeError, match=message):
            attempt()


def hide_a_sample(row: Row) -> None:
    """An ordinary document that a sample extends."""
    row["documents"][0]["id"] = row["documents"][0]["id"].replace("tiny/", "mix/")


def cut_a_document(row: Row) -> None:
    """A document without its last sentence."""
    row["text"] = row["text"][:-40]
    row["documents"][-1]["end"] -= 40
    row["segments"][-1]["end"] -= 40


@pytest.mark.parametrize(
    ("number", "damage", "message"),
    [
        (0, hide_a_sample, "is an ordinary document, but has"),
        (1, cut_a_document, "characters of 'd"),
    ],
)
def test_a_document_that_is_not_whole_is_found(
    number: int, damage: Callable[[Row], None], message: str, folder: Path, corpus: Path, tmp_path: Path
) -> None:
    """Even when whoever changed it has changed the sha256 in the manifest as well."""
    copy = Path(shutil.copytree(folder, tmp_path / "copy", ignore=shutil.ignore_patterns(".work")))
    config = record(copy)
    path = copy / config.files[0].path
    rows = pq.read_table(path).to_pylist()
    damage(rows[number])
    write_table(path, pa.Table.from_pylist(rows, row_schema(tokens=True, packed=True)), TINY.output)
    first = config.files[0].model_copy(update={"sha256": sha256_of(path), "bytes": path.stat().st_size})
    manifest = read_manifest(copy)
    assert manifest is not None
    changed = config.model_copy(update={"files": (first, *config.files[1:])})
    write_manifest(copy, Manifest.model_validate({**dict(manifest), "configs": {"mix": changed}}))
    faults = verify(copy, sources=(SourceSettings(name="corpus", path=str(corpus)),), tokenizer="demo").faults
    assert any(message in fault.message for fault in faults), faults


def test_the_shipped_recipe_brings_its_samples() -> None:
    """Thirty-two rows of `mix` are sixteen 64k samples and the room of sixteen rows; choices reach both."""
    request = build_request(BuildArguments(configs=["mix"], samples=["32"], settings=["mix.documents=0.75"]))
    assert [recipe.name for recipe in (*request.recipes, *request.ingredients)] == ["mix", "64k"]
    assert request.rows == {"mix": 32, "64k": 8}
    assert request.ingredients[0].mix is None
    tokens = build_request(BuildArguments(configs=["mix"], tokens=["2097152"]))
    assert tokens.rows == {"mix": 32, "64k": 16}


def test_the_example_recipe_mixes_samples_that_fill_its_rows() -> None:
    """It is a recipe, and takes half of its tokens from samples of exactly its length."""
    (recipe,), (samples,) = load_recipes([str(EXAMPLE)])
    assert (recipe.kind, samples.name) == ("mix", "128k")
    assert MixShape.of(recipe, samples.target_length).samples_per_row == Fraction(1, 2)


def test_the_card_says_what_to_train_on(folder: Path, corpus: Path, tmp_path: Path) -> None:
    """A mix where there is one; else the command that makes one, with the price in both; what it says runs."""
    card = (folder / "README.md").read_text()
    assert "**Train on `mix`.**" in card
    assert "--config mix --output DIR" in card
    assert "fit USER/NAME" not in card
    build(make_request(corpus, TINY, rows=4), tmp_path / "plain")
    card = (tmp_path / "plain" / "README.md").read_text()
    assert "**Mix it with ordinary documents.**" in card
    assert "gain in copying from 2K to 4K tokens away" in card
    [block] = [block for block in card.split("```sh\n") if block.startswith("nextlong-hub build mix")]
    arguments = shlex.split(block.partition("```")[0].replace("\\\n", ""))[2:]
    assert arguments[:5] == ["mix", "--set", "mix.recipe=recipes/tiny.toml", "--set", "target_length=512"]


def test_a_document_that_repeats_on_end_costs_no_row(tmp_path: Path) -> None:
    """It is no ordinary document of a mix, as it would mask its neighbours; it is counted."""
    documents = make_documents(60, paragraphs=(1, 3))
    gaps = [replace(one, text=one.text.replace(" ", " " * 40, number % 5 == 0)) for number, one in enumerate(documents)]
    corpus = write_corpus(tmp_path / "corpus.jsonl", gaps)
    build(mix_request(corpus, mix=10, tiny=5), tmp_path / "dataset")
    found = record(tmp_path / "dataset")
    assert found.on_end is not None and found.synthesis is not None
    assert found.on_end.masked_rows == 0
    assert found.synthesis.discarded["repeated_on_end"] > 0
    assert verify(tmp_path / "dataset", tokenizer="demo").faults == ()
