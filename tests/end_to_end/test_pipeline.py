"""The method from end to end: what holds for every row of every dataset, checked by code of its own."""

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import pytest
from building import make_request, plain_tokenizer, read_rows, read_texts

from nextlong_hub.errors import CorpusTooSmallError, RecipeError
from nextlong_hub.method.chunking import cut
from nextlong_hub.pipeline import BuildReport, build
from nextlong_hub.recipe import Ingredient, Recipe
from nextlong_hub.records import Document
from nextlong_hub.testing.worlds import make_documents, tiny_recipe, write_corpus
from nextlong_hub.verification import verify


def word_runs(text: str) -> set[tuple[str, ...]]:
    """All runs of five words; a shorter text is one run."""
    words = re.findall(r"[a-z0-9]+", text.casefold())
    return {tuple(words[i : i + 5]) for i in range(max(1, len(words) - 4))} if words else set()


def containment(one: str, other: str) -> float:
    """Share of the smaller text's word runs that the other has too."""
    a, b = word_runs(one), word_runs(other)
    return len(a & b) / min(len(a), len(b)) if a and b else 0.0


def require_lawful(rows: list[dict[str, Any]], texts: dict[str, str], recipe: Recipe) -> None:
    """Everything the method promises of a row, from the original texts."""
    assert rows
    for row in rows:
        segments, text = row["segments"], row["text"]
        ids = plain_tokenizer().encode(text, add_special_tokens=False).ids
        assert len(ids) == recipe.target_length == row["token_count"]
        if recipe.tokens:
            assert row["input_ids"] == ids
        meta = [s for s in segments if s["role"] == "meta"]
        negatives = [s for s in segments if s["role"] == "negative"]
        assert {s["document"] for s in meta} == {row["meta_document"]}
        assert row["meta_document"] not in {s["document"] for s in negatives}
        places = [(s["document"], s["chunk"]) for s in segments]
        assert len(set(places)) == len(places)
        chunks = [chunk_text(texts[document], chunk, recipe) for document, chunk in places]
        spans = [text[s["start"] : s["end"]] for s in segments]
        assert spans[:-1] == chunks[:-1]
        assert spans[-1] and chunks[-1].startswith(spans[-1]), "only the last segment may be cut"
        joined = recipe.interleave.separator.join(spans)
        assert text.startswith(joined)
        assert recipe.interleave.separator.startswith(text[len(joined) :])
        for negative, chunk in zip(segments, chunks, strict=True):
            if negative["role"] == "negative":
                copies = [m for m in meta if containment(chunk, text[m["start"] : m["end"]]) >= 0.5]
                assert not copies, (negative, copies)
        require_ranked(segments)
        if recipe.interleave.fill == "even":
            assert segments[-1]["role"] == "negative"
            own_chunks = cut(texts[row["meta_document"]], recipe.chunking)
            assert [s["chunk"] for s in meta] == list(range(len(own_chunks)))
            if recipe.chunking.mode == "lossless":
                assert "".join(text[s["start"] : s["end"]] for s in meta) == texts[row["meta_document"]]
        else:
            assert [s["chunk"] for s in meta] == list(range(len(meta)))


def chunk_text(document: str, chunk: int, recipe: Recipe) -> str:
    """One chunk of an original text."""
    span = cut(document, recipe.chunking)[chunk]
    return document[span.start : span.end]


def require_ranked(segments: list[dict[str, Any]]) -> None:
    """Each meta-chunk comes before its negatives, which have positive scores and ascending ranks."""
    assert segments[0]["role"] == "meta"
    for role, group in groupby(segments, key=lambda s: s["role"]):
        own = list(group)
        if role == "negative":
            ranks, scores = [s["rank"] for s in own], [s["score"] for s in own]
            assert ranks == sorted(set(ranks)) and ranks[0] >= 1
            assert scores == sorted(scores, reverse=True) and scores[-1] > 0
        else:
            assert {(s["rank"], s["score"]) for s in own} == {(0, 0.0)}


def shares(segments: list[dict[str, Any]]) -> list[int]:
    """How many negatives follow each meta-chunk."""
    starts = [i for i, s in enumerate(segments) if s["role"] == "meta"] + [len(segments)]
    return [stop - start - 1 for start, stop in pairwise(starts)]


def plain_world() -> list[Document]:
    """Forty documents on four topics."""
    return make_documents(40, seed=1)


def crowded_world() -> list[Document]:
    """Originals, near-copies of them, exact copies, and documents that share a long template."""
    originals = make_documents(36, seed=2)
    near = [replace(one, id=f"near-{one.id}", text=re.sub(r"\bthe\b", "this", one.text)) for one in originals[:16]]
    same = [replace(one, id=f"same-{n}-{one.id}") for one in originals[:6] for n in range(3)]
    notice = "Every harbour keeper of the old coast shall note the storm and the cargo of each ship"
    template = [
        Document(id=f"form-{n}", text=f"{notice} {notice}.\n{one.text}\n{notice}.", source="world")
        for n, one in enumerate(make_documents(12, seed=3, paragraphs=(1, 3)))
    ]
    return [*near, *originals, *same, *template]


def strange_world() -> list[Document]:
    """Special tokens as text, emoji, Chinese, carriage returns, control and combining characters."""
    strange = [
        "<|endoftext|>",
        "🙂👩\u200d🚀",
        "锚在港口的风暴中移动。",
        "cafe\u0301 naïve",
        "\x07\x1b[0m",
        "\u2028",
        "\ufeff",
        "\r",
    ]
    documents = make_documents(32, seed=4, paragraphs=(3, 6))
    return [
        replace(
            one, text=one.text.replace(". ", f" {strange[n % len(strange)]}. ").replace("\n", ("\r\n", "\n")[n % 2])
        )
        for n, one in enumerate(documents)
    ]


WORLDS: list[Callable[[], list[Document]]] = [plain_world, crowded_world, strange_world]
RECIPES = {
    "default": tiny_recipe(),
    "blank line": tiny_recipe(interleave={"separator": "\n\n"}, target_length=700),
    "no separator": tiny_recipe(interleave={"separator": ""}),
    "okapi": tiny_recipe(retrieval={"formula": "okapi", "stop_words": []}, tokens=False),
    "rank-bm25": tiny_recipe(retrieval={"retriever": "rank-bm25"}),
    "reference fill": tiny_recipe(interleave={"fill": "reference"}),
    "reference chunks": tiny_recipe(chunking={"mode": "reference"}),
    "small chunks": tiny_recipe(chunking={"chunk_characters": 100}, negatives={"shingle_words": 5}),
}


EVERYDAY = [(world, "default") for world in WORLDS]
OTHERS = [
    *((WORLDS[number % len(WORLDS)], name) for number, name in enumerate(RECIPES) if name != "default"),
    (strange_world, "reference fill"),
    (crowded_world, "reference chunks"),
]


@pytest.mark.parametrize(
    ("world", "name"), [*EVERYDAY, *(pytest.param(*case, marks=pytest.mark.slow) for case in OTHERS)]
)
def test_every_row_keeps_the_laws_of_the_method(world: Callable[[], list[Document]], name: str, tmp_path: Path) -> None:
    """Own, repeated and near-duplicate negatives never appear, nothing but the tail is cut, every length is exact."""
    recipe = RECIPES[name]
    corpus = write_corpus(tmp_path / "corpus.jsonl", world())
    report = build(make_request(corpus, recipe, rows=10), tmp_path / "dataset")
    rows = read_rows(tmp_path / "dataset")
    require_lawful(rows, read_texts(corpus), recipe)
    request = make_request(corpus, recipe)
    assert verify(tmp_path / "dataset", sources=request.sources, tokenizer="demo").faults == ()
    require_counted(report, rows)


def require_counted(report: BuildReport, rows: list[dict[str, Any]]) -> None:
    """What the manifest says is what the files hold."""
    config = report.manifest.configs["tiny"]
    done = config.synthesis
    assert done is not None
    assert (config.rows, config.tokens) == (len(rows), sum(row["token_count"] for row in rows))
    assert done.candidates == done.kept + sum(done.discarded.values())
    segments = [s for row in rows for s in row["segments"]]
    assert config.segments.meta == sum(s["role"] == "meta" for s in segments)
    assert config.segments.negative == sum(s["role"] == "negative" for s in segments)


def test_the_crowded_world_has_copies_to_pass_over(tmp_path: Path) -> None:
    """The law against near-duplicates is tested on a corpus where retrieval does find them."""
    corpus = write_corpus(tmp_path / "corpus.jsonl", crowded_world())
    report = build(make_request(corpus, rows=10), tmp_path / "dataset")
    assert report.manifest.configs["tiny"].synthesis is not None
    assert report.manifest.configs["tiny"].synthesis.near_duplicates > 10


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_negatives_are_dealt_evenly(seed: int, tmp_path: Path) -> None:
    """Counts differ by one at most; what brings the row over its target follows the last meta-chunk."""
    corpus = write_corpus(tmp_path / "corpus.jsonl", make_documents(48, seed=seed))
    build(make_request(corpus, rows=24, seed=seed), tmp_path / "dataset")
    dealt = [shares(row["segments"]) for row in read_rows(tmp_path / "dataset")]
    assert len(dealt) == 24
    for counts in dealt:
        assert max(counts[:-1]) - min(counts[:-1]) <= 1
        assert counts[-1] >= max(counts[:-1])


def test_another_seed_extends_the_documents_in_another_order(built: Path, corpus_file: Path, tmp_path: Path) -> None:
    """The seed decides which documents are extended, and nothing else."""
    build(make_request(corpus_file, seed=7), tmp_path / "dataset")
    mine, others = ({row["id"]: row["text"] for row in read_rows(folder)} for folder in (tmp_path / "dataset", built))
    assert list(mine) != list(others)
    common = mine.keys() & others.keys()
    assert {one: mine[one] for one in common} == {one: others[one] for one in common}


def test_without_a_size_there_are_about_as_many_tokens_as_the_corpus_has(corpus_file: Path, tmp_path: Path) -> None:
    """A configuration that is given no size gets one row for every 512 tokens of the corpus."""
    build(make_request(corpus_file, rows={}), tmp_path / "dataset")
    tokens = sum(len(plain_tokenizer().encode(text).ids) for text in read_texts(corpus_file).values())
    assert abs(len(read_rows(tmp_path / "dataset")) - tokens / 512) <= 2


@pytest.mark.slow
def test_a_mixture_takes_rows_of_its_ingredients(corpus_file: Path, tmp_path: Path) -> None:
    """Two thirds of the tokens from short rows, one third from long ones: four short rows for each long one."""
    short = tiny_recipe(name="short", target_length=256)
    long = tiny_recipe(name="long", target_length=512)
    parts = (Ingredient(recipe="short", share=2), Ingredient(recipe="long", share=1))
    mixed = tiny_recipe(name="mixed", target_length=512, mixture=parts)
    request = make_request(corpus_file, short, long, mixed, rows={"short": 8, "long": 4, "mixed": 10})
    build(request, tmp_path / "dataset")
    assert verify(tmp_path / "dataset", sources=request.sources, tokenizer="demo").faults == ()
    makers = [row["id"].partition("/")[0] for row in read_rows(tmp_path / "dataset", "mixed")]
    assert (makers.count("short"), makers.count("long")) == (8, 2)
    for name in ("short", "long"):
        made = {row["id"]: row for row in read_rows(tmp_path / "dataset", name)}
        chosen = [row for row in read_rows(tmp_path / "dataset", "mixed") if row["id"].startswith(f"{name}/")]
        assert chosen == [made[row["id"]] for row in chosen]


def test_a_mixture_of_something_unknown_is_refused(corpus_file: Path, tmp_path: Path) -> None:
    """An ingredient that nobody gave is named."""
    mixed = tiny_recipe(name="mixed", mixture=(Ingredient(recipe="tiniest", share=1),))
    with pytest.raises(RecipeError, match="recipe mixed: 'tiniest' cannot be an ingredient: it is none of this run"):
        build(make_request(corpus_file, mixed), tmp_path / "dataset")


@pytest.mark.slow
def test_sources_give_meta_documents_by_weight(tmp_path: Path) -> None:
    """With weights 3 and 1, three of four extended documents come from the first source, in every stretch of rows."""
    paths = [
        write_corpus(tmp_path / f"{name}.jsonl", [replace(d, id=f"{name}-{d.id}") for d in make_documents(32, seed=n)])
        for n, name in enumerate(("heavy", "light"))
    ]
    request = make_request(paths, rows=16)
    weighted = [one.model_copy(update={"weight": w}) for one, w in zip(request.sources, (3.0, 1.0), strict=True)]
    build(replace(request, sources=tuple(weighted)), tmp_path / "dataset")
    sources = [row["source"] for row in read_rows(tmp_path / "dataset")]
    assert [abs(sources[start : start + 4].count("heavy") - 3) <= 1 for start in range(0, 16, 4)] == [True] * 4
    assert 11 <= sources.count("heavy") <= 13, "a discarded candidate is replaced by the next, of whatever source"


def test_a_corpus_of_one_text_many_times_over_fails_clearly(tmp_path: Path) -> None:
    """Every candidate is discarded, the reason is counted, and the message says what is wrong with the corpus."""
    one = make_documents(1, paragraphs=(4, 4))[0]
    corpus = write_corpus(tmp_path / "corpus.jsonl", [replace(one, id=str(number)) for number in range(30)])
    with pytest.raises(CorpusTooSmallError, match=r"none of 30 candidates.*30 near duplicates.*remove copies"):
        build(make_request(corpus), tmp_path / "dataset")
    assert not (tmp_path / "dataset" / "manifest.json").exists()


@pytest.mark.slow
def test_rows_that_cannot_be_made_are_reported(tmp_path: Path) -> None:
    """Copies of one document give no row; the others do, and the report says how many are missing."""
    copies = [replace(make_documents(1)[0], id=f"copy-{n}", text="\n".join(["Ebb and flow."] * 40)) for n in range(6)]
    corpus = write_corpus(tmp_path / "corpus.jsonl", [*copies, *make_documents(24, paragraphs=(2, 4))])
    report = build(make_request(corpus, rows=30), tmp_path / "dataset")
    assert report.missing_rows == {"tiny": 30 - len(read_rows(tmp_path / "dataset"))}
    assert report.missing_rows["tiny"] >= 6
