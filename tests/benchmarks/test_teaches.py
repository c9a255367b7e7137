"""The experiment on what a model learns: everything of it that needs no training."""

import gzip
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tokenizers import Tokenizer

from benchmarks.teaches import statistics
from benchmarks.teaches.analyse import analysis
from benchmarks.teaches.arms import ARMS, BASE, Training, training_of
from benchmarks.teaches.batches import arm_steps, base_steps
from benchmarks.teaches.build import ArmBuilder
from benchmarks.teaches.choose import Part, choose_items
from benchmarks.teaches.contexts import STATEMENTS, ContextMaker, digest_of
from benchmarks.teaches.figure import write_figure
from benchmarks.teaches.items import Items
from benchmarks.teaches.loading import framing_of
from benchmarks.teaches.plan import PLANS, Measure, Plan, load_plan
from benchmarks.teaches.replay import PADDING, RowTable, digest, replay
from benchmarks.teaches.results import About, Answers, ResultsWriter, read_results
from benchmarks.teaches.riffled import make_riffle, read_riffle
from benchmarks.teaches.settings import BATCHES_IN_STEP, HERE, PRESETS
from benchmarks.teaches.spans import Spans, encode, open_tokenizer
from benchmarks.teaches.split import Corpus, held_out, train_tokenizer
from benchmarks.teaches.verdicts import judge
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.errors import DataError, RecipeError
from nextlong_hub.pipeline import BuildRequest, build
from nextlong_hub.recipe import load_recipe
from nextlong_hub.testing import make_documents, tiny_recipe, write_corpus
from nextlong_hub.tokenization import load_tokenizer

CHECKOUT = Path(__file__).parents[2]
TOY = replace(PRESETS["cpu"], rows=16, model=replace(PRESETS["cpu"].model, vocabulary=900))
"""Sixteen rows an arm; a vocabulary of which all words of our corpus are in the middle."""
ABOUT = About(
    date="2026-01-01", machine="a desk", software="paper", preset="cpu", plan="paper", questions="0123456789ab"
)


# --- the corpus ---------------------------------------------------------------------------------------------------


def test_whole_runs_of_each_source_are_held_out() -> None:
    """Of each 256 documents of a source those from 160 to 191 are held out, wherever other sources stand between."""
    alone = held_out(["a"] * 512)
    assert np.flatnonzero(alone).tolist() == [*range(160, 192), *range(416, 448)]
    mixed = held_out(["a", "b"] * 512)
    assert np.array_equal(mixed[::2], alone)
    assert np.array_equal(mixed[1::2], alone)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    """Twelve hundred documents of a few made-up subjects, each of a handful of lines."""
    random = np.random.default_rng(0)
    words = [f"{a}{b}{c}" for a in ("ba", "ko", "ri", "su") for b in ("mel", "dan", "tor") for c in ("a", "en", "is")]
    texts = []
    for number in range(1200):
        subject = random.permutation(words)[:9]
        lines = [" ".join(random.choice(subject, 14)) + f" {number}." for _ in range(random.integers(8, 40))]
        texts.append("\n".join(lines) + "\n")
    return Corpus(ids=[f"d{number}" for number in range(1200)], texts=texts, sources=["made-up"] * 1200)


@pytest.fixture(scope="module")
def tokenizer_file(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its tokenizer."""
    return train_tokenizer(corpus.texts[:200], 512, tmp_path_factory.mktemp("tokenizer"))


def test_tokens_of_joined_text_are_those_of_its_parts(corpus: Corpus, tokenizer_file: Path) -> None:
    """A newline is a token of its own, so chunks can be encoded once and joined."""
    tokenizer = open_tokenizer(tokenizer_file)
    framing = framing_of(tokenizer)
    one, other = corpus.texts[0], corpus.texts[1]
    joined = tokenizer.encode(f"{one}\n{other}").ids
    assert joined == [*tokenizer.encode(one).ids, framing.newline, *tokenizer.encode(other).ids]
    assert framing.beginning not in tokenizer.encode("<|endoftext|>").ids


# --- rows -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tables(corpus: Corpus, tokenizer_file: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, RowTable]:
    """Arms A and B, built by the package."""
    builder = ArmBuilder(
        preset=TOY,
        corpus=corpus,
        trained=np.flatnonzero(~held_out(corpus.sources)),
        tokenizer=load_tokenizer(str(tokenizer_file.parent)),
        folder=tmp_path_factory.mktemp("arms"),
        options={},
        executor="inline",
    )
    return builder.tables([ARMS["A"], ARMS["S"], ARMS["B"]])


def replayed(corpus: Corpus, tokenizer_file: Path, table: RowTable) -> NDArray[np.uint16]:
    """The rows of an arm, made again."""
    tokens = encode(corpus.texts, table.spans, tokenizer_file, workers=1)
    return replay(table, tokens, framing_of(open_tokenizer(tokenizer_file)), TOY.target_length)


@pytest.mark.slow
def test_rows_are_made_again_from_spans(
    corpus: Corpus, tokenizer_file: Path, tables: dict[str, RowTable], tmp_path: Path
) -> None:
    """What the package wrote comes out again, id by id, from spans, digests and the corpus alone."""
    for name in ("A", "B"):
        tables[name].save(tmp_path / f"{name}.npz")
        table = RowTable.load(tmp_path / f"{name}.npz")
        rows = replayed(corpus, tokenizer_file, table)
        assert rows.shape == (16, 2048)
        for row, wanted in zip(rows, table.digests, strict=True):
            assert digest(row[row != PADDING]) == wanted.tobytes()
    assert (tables["B"].documents_in_row == 1).all()
    assert (tables["A"].meta_document == -1).all()
    # The documents that arm B extends for a seed are among those of arm A for that seed.
    for half in (slice(0, 8), slice(8, 16)):
        extended = set(tables["B"].meta_document[half].tolist())
        whole = tables["A"].take(np.arange(16)[half]).spans.document.tolist()
        assert extended <= set(whole)


@pytest.mark.slow
def test_other_text_is_refused(corpus: Corpus, tokenizer_file: Path, tables: dict[str, RowTable]) -> None:
    """A corpus that differs by a word gives other rows, and that is said."""
    first = int(tables["B"].spans.document[0])
    texts = [text.replace(" ", "  ", 1) if number == first else text for number, text in enumerate(corpus.texts)]
    altered = Corpus(ids=corpus.ids, texts=texts, sources=corpus.sources)
    with pytest.raises(DataError, match="of 16 rows are not those"):
        replayed(altered, tokenizer_file, tables["B"])


def small_table() -> RowTable:
    """Two rows: a sample of two spans; and two whole documents."""
    return RowTable(
        spans=Spans.of([(0, 0, 5), (1, 2, 3), (1, 0, 5), (0, 0, 5)]),
        spans_in_document=np.array([2, 1, 1], np.int16),
        documents_in_row=np.array([1, 2], np.int16),
        meta_document=np.array([0, -1], np.int32),
        digests=np.zeros((2, 8), np.uint8),
    )


def test_some_rows_of_a_table() -> None:
    """Rows are taken with all that stands in them, in the order asked for."""
    taken = small_table().take(np.array([1, 0]))
    assert taken.spans.table().tolist() == [[1, 0, 5], [0, 0, 5], [0, 0, 5], [1, 2, 3]]
    assert taken.spans_in_document.tolist() == [1, 1, 2]
    assert taken.meta_document.tolist() == [-1, 0]
    longer = RowTable(
        spans=Spans.of([(0, 0, 5), (1, 2, 3), (1, 0, 5), (2, 0, 5)]),
        spans_in_document=np.array([2, 1, 1], np.int16),
        documents_in_row=np.array([1, 2], np.int16),
        meta_document=np.array([0, -1], np.int32),
        digests=np.zeros((2, 8), np.uint8),
    )
    assert [longer.holds(np.array([number])).tolist() for number in (0, 1, 2)] == [
        [True, False],
        [True, True],
        [False, True],
    ]


def test_each_span_is_encoded_once(tokenizer_file: Path) -> None:
    """Spans that occur twice give the same tokens; text is cut where the spans say."""
    table = small_table()
    tokens = encode(["abcde", "vwxyz"], table.spans, tokenizer_file, workers=1)
    tokenizer = open_tokenizer(tokenizer_file)
    wanted = [tokenizer.encode(text).ids for text in ("abcde", "xyz", "vwxyz", "abcde")]
    assert [one.tolist() for one in tokens.of(table.spans)] == wanted


# --- arms -----------------------------------------------------------------------------------------------------------


def test_every_arm_is_a_recipe_of_the_package() -> None:
    """The settings of each arm are settings that the package knows."""
    for arm in ARMS.values():
        if arm.made == "synthesis" and arm.name not in {"C", "D"}:  # retrievers of their own
            recipe = load_recipe(str(PRESETS["gpu"].recipe_file), {"name": arm.name, **arm.settings})
            assert recipe.target_length == PRESETS["gpu"].target_length
    assert {arm.rows for arm in ARMS.values()} <= ARMS.keys()
    with pytest.raises(RecipeError, match="no arm with a seed"):
        training_of("B")


@pytest.mark.parametrize("name", ["A", "S", "M", "Mlow", "Mhigh"])
def test_every_step_has_the_same_tokens(name: str) -> None:
    """Samples at the target length, the rest cut short: four batches a step, in the share that the arm says."""
    preset = TOY
    rows = np.repeat(np.arange(32, dtype=np.uint16)[:, None], preset.target_length, axis=1)
    is_sample = np.arange(32) % 2 == 0
    steps = [*arm_steps(ARMS[name], rows, is_sample, 0, preset)]
    long = round(BATCHES_IN_STEP * ARMS[name].long_share)
    for step in steps:
        assert [batch.size for batch in step] == [preset.schedule.batch_tokens] * BATCHES_IN_STEP
        lengths = [batch.shape[1] for batch in step]
        assert lengths == [preset.target_length] * long + [preset.base_length] * (BATCHES_IN_STEP - long)
    seen = Counter(int(row[0]) for step in steps for batch in step for row in batch if row.size == preset.target_length)
    assert all(count == 1 for count in seen.values())
    if 0 < long < BATCHES_IN_STEP:
        assert all(number % 2 == 0 for number in seen)  # only samples are trained at the target length


def test_the_base_reads_every_document_before_any_twice() -> None:
    """Whole documents, one begun behind the other, in another order each time round."""
    preset = TOY
    documents = [np.full(2047, number, np.uint16) for number in range(1, 9)]
    steps = base_steps(documents, 0, preset)
    first = Counter(np.concatenate([batch.ravel() for _ in range(2) for batch in next(steps)]).tolist())
    assert first == {0: 8, **{number: 2047 for number in range(1, 9)}}
    with pytest.raises(DataError, match="fewer than one step"):
        next(base_steps(documents[:1], 0, preset))


# --- questions --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def asked(
    corpus: Corpus, tokenizer_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Items, ContextMaker, Tokenizer]:
    """The questions about held-out documents."""
    folder = tmp_path_factory.mktemp("items")
    held = np.flatnonzero(held_out(corpus.sources))
    part = Part.held(corpus, held, TOY)
    choose_items(part, TOY, load_tokenizer(str(tokenizer_file.parent)), folder).save(folder / "items.npz")
    items = Items.load(folder / "items.npz")
    tokenizer = open_tokenizer(tokenizer_file)
    maker = ContextMaker(
        items=items,
        tokens=encode(corpus.texts, items.spans(), tokenizer_file, workers=1),
        framing=framing_of(tokenizer),
        preset=TOY,
        tokenizer=tokenizer,
    )
    return items, maker, tokenizer


@pytest.mark.slow
def test_riffled_questions_are_one_an_item_in_each_cell(tmp_path: Path) -> None:
    """The package's own rows, read back: a cell has every item once, and its targets end the row."""
    documents = make_documents(60, paragraphs=(8, 10))
    write_corpus(tmp_path / "held.parquet", documents[:30])
    write_corpus(tmp_path / "trained.jsonl", documents[30:])
    build(
        BuildRequest(
            recipes=(tiny_recipe(target_length=1500),),
            sources=(SourceSettings(name="world", path=str(tmp_path / "trained.jsonl")),),
            tokenizer="demo",
            rows={"tiny": 2},
        ),
        tmp_path / "rows",
    )
    questions = replace(TOY.questions, riffle_items=3, riffle_distances=(100, 200))
    preset = replace(TOY, target_length=1500, questions=questions)
    tokenizer = CHECKOUT / "builders" / "demo" / "gpt2"
    file = make_riffle(tmp_path / "held.parquet", tmp_path / "rows", preset, tokenizer, tmp_path / "riffle")
    riffled = read_riffle(file)
    assert riffled.rows.shape == (30, 1500)
    cells = dict(riffled.cells())
    assert [*cells][:5] == ["blocked/0/0", "riffled/0/100", "detached/0/100", "riffled/0/200", "detached/0/200"]
    assert sorted(row for rows in cells.values() for row in rows.tolist()) == list(range(30))
    for rows in cells.values():
        assert [riffled.about[row]["item"] for row in rows] == [0, 1, 2]
        assert [riffled.about[row]["targets"][-1]["end"] for row in rows] == [1500] * 3
    assert digest_of([], riffled.rows) != digest_of([], riffled.rows[::-1])
    with pytest.raises(DataError, match="run `prepare` first"):
        read_riffle(tmp_path / "nothing.parquet")


def test_questions_are_about_held_out_text_only(corpus: Corpus, asked: tuple[Items, ContextMaker, Tokenizer]) -> None:
    """Every span lies in a held-out document, and the chunk asked for stands right behind the far one."""
    items, _, _ = asked
    assert held_out(corpus.sources)[items.spans().document].all()
    assert np.array_equal(items.far.document, items.next.document)
    assert np.array_equal(items.far.start + items.far.characters, items.next.start)
    assert not (items.unrelated.document == items.far.document).any()


@pytest.mark.slow
def test_contexts_hold_what_is_asked(asked: tuple[Items, ContextMaker, Tokenizer]) -> None:
    """Rows are as long as they say, and the two of a gain differ in the far chunk alone."""
    _, maker, _ = asked
    contexts = maker.contexts()
    preset = TOY
    for (_, length), rows in contexts.gain.items():
        assert rows["far"].shape == rows["unrelated"].shape == (preset.questions.held_items, length)
        behind = 1 + preset.questions.far_tokens
        assert np.array_equal(rows["far"][:, behind:], rows["unrelated"][:, behind:])
        assert not np.array_equal(rows["far"][:, :behind], rows["unrelated"][:, :behind])
    assert contexts.windows.shape[1] == preset.target_length
    assert digest_of([contexts]) == digest_of([maker.contexts()])
    for recall in contexts.recall.values():
        question = recall.questions.shape[2]
        assert recall.contexts.shape[1] + question == preset.target_length
        for context, questions, candidates in zip(recall.contexts, recall.questions, recall.candidates, strict=True):
            assert len(set(candidates[:, 0].tolist())) == STATEMENTS
            windows = np.lib.stride_tricks.sliding_window_view(context, question + 1)
            for number in range(STATEMENTS):
                said = [*questions[number].tolist(), candidates[number, 0]]
                (place,) = np.flatnonzero((windows == said).all(axis=1))
                distance = preset.target_length - place
                wanted = (STATEMENTS - number) * preset.target_length / STATEMENTS
                assert abs(distance - wanted) < preset.target_length / 32


# --- results ----------------------------------------------------------------------------------------------------------


def answers(arm: str, seed: int, **scores: list[float]) -> Answers:
    """A model's answers; `short_held` is the score short/held."""
    return Answers(
        training=Training(arm=arm, seed=seed),
        tokens=1000,
        seconds=1.0,
        losses=(3.0, 2.0),
        scores={name.replace("_", "/"): np.array(values, np.float64) for name, values in scores.items()},
    )


def paper_plan(**more: Any) -> Plan:
    """A plan with one measure, the mean of two scores less a third."""
    values: dict[str, Any] = {
        "title": "On paper",
        "written": "before",
        "question": "Which is more?",
        "order": ["A0", "B0"],
        "base_steps": 1,
        "arm_steps": 1,
        "measures": {"gain": {"mean": ["gain/*"]}},
        "tests": [{"name": "T", "measure": "gain", "left": "B", "right": "A", "expect": "more"}],
        "tables": [{"title": "Means", "measures": ["gain"], "arms": ["A", "B"]}],
    }
    return Plan.parse("paper", values | more)


def written(file: Path, *models: Answers) -> Path:
    """A file of results."""
    writer = ResultsWriter(file, ABOUT)
    for one in models:
        writer.add(one)
    return file


def test_measures_are_means_differences_or_pools() -> None:
    """Item by item; None where a score is missing."""
    scores = {"a/1": np.array([1.0, 3.0]), "a/2": np.array([3.0, 5.0]), "b": np.array([1.0, 1.0])}
    measure = Measure(name="m", mean=("a/*",), minus=("b",)).of(scores)
    assert measure is not None
    assert measure.tolist() == [1.0, 3.0]
    pool = Measure(name="p", pool=("a/1", "b")).of(scores)
    assert pool is not None
    assert pool.tolist() == [1.0, 3.0, 1.0, 1.0]
    assert Measure(name="n", mean=("a/*",), minus=("c",)).of(scores) is None


def test_the_bootstrap_of_two_items() -> None:
    """Of 0 and 1 a quarter of all draws is 0, a half .5 and a quarter 1: the interval is all of it."""
    estimate = statistics.mean(np.array([0.0, 1.0]))
    assert (estimate.value, estimate.low, estimate.high) == (0.5, 0.0, 1.0)
    assert estimate.p == pytest.approx(0.5, abs=0.02)
    constant = statistics.mean(np.array([2.0, 2.0, 2.0]))
    assert (constant.value, constant.low, constant.high, constant.p) == (2.0, 2.0, 2.0, 1 / statistics.DRAWS)
    share = statistics.ratio(np.array([1.0, 1.0]), np.array([4.0, 4.0]))
    assert (share.value, share.low, share.high) == (0.25, 0.25, 0.25)


def test_holm_multiplies_by_the_tests_that_are_left() -> None:
    """.01 of three is .03; .02 is .04; .03 cannot be below what came before; tests that did not run count, too."""
    assert statistics.holm([0.02, 0.01, 0.03], 3) == pytest.approx([0.04, 0.03, 0.04])
    assert statistics.holm([0.02], 4) == pytest.approx([0.08])


def test_a_claim_needs_every_seed(tmp_path: Path) -> None:
    """The same mean difference is a finding where both seeds agree, and open where they do not."""
    agree = written(
        tmp_path / "agree.jsonl",
        *(answers("A", seed, gain_x=[0.0] * 20) for seed in (0, 1)),
        *(answers("B", seed, gain_x=[1.0] * 20) for seed in (0, 1)),
    )
    [verdict] = judge(read_results(agree), paper_plan()).tests
    assert (verdict.verdict, verdict.holds) == ("more", True)
    assert verdict.difference is not None
    assert verdict.difference.by_seed == (1.0, 1.0)
    apart = written(
        tmp_path / "apart.jsonl",
        *(answers("A", seed, gain_x=[0.0] * 20) for seed in (0, 1)),
        answers("B", 0, gain_x=[3.0] * 20),
        answers("B", 1, gain_x=[-1.0] * 20),
    )
    [verdict] = judge(read_results(apart), paper_plan()).tests
    assert (verdict.verdict, verdict.holds) == ("open", False)


def test_arms_are_compared_over_the_seeds_that_both_ran(tmp_path: Path) -> None:
    """A second seed of one arm alone changes nothing."""
    file = written(
        tmp_path / "results.jsonl",
        answers("A", 0, gain_x=[0.0] * 9),
        answers("B", 0, gain_x=[0.5] * 9),
        answers("B", 1, gain_x=[9.0] * 9),
    )
    [verdict] = judge(read_results(file), paper_plan()).tests
    assert verdict.difference is not None
    assert verdict.difference.estimate.value == 0.5


def test_bounds_shares_and_decisions(tmp_path: Path) -> None:
    """A rule written beforehand picks the first case whose verdicts are all there."""
    plan = paper_plan(
        tests=[{"name": "harm", "measure": "gain", "left": "M", "right": "A", "within": 0.3}],
        shares=[{"name": "kept", "measure": "gain", "arm": "M", "one": "B", "zero": "A", "at_least": 0.5}],
        decisions=[
            {
                "question": "Mix?",
                "cases": [
                    {"when": {"kept": "met", "harm": "within"}, "then": "yes"},
                    {"when": {"kept": "met"}, "then": "at a price"},
                    {"when": {}, "then": "no"},
                ],
            }
        ],
    )

    def decided(mixed: float) -> str:
        file = tmp_path / f"{mixed}.jsonl"
        models = [answers(arm, 0, gain_x=[value] * 5) for arm, value in (("A", 0.0), ("B", 0.4), ("M", mixed))]
        return judge(read_results(written(file, *models)), plan).decided["Mix?"]

    assert [decided(value) for value in (0.2, 0.35, 0.1)] == ["yes", "at a price", "no"]
    missing = written(tmp_path / "none.jsonl", answers("A", 0, gain_x=[0.0]))
    assert judge(read_results(missing), plan).decided["Mix?"] == "undecided: harm, kept was not run"


def test_results_go_on_where_they_stopped(tmp_path: Path) -> None:
    """Lines are added to a file of the same questions, others are refused, and what was left out may come later."""
    file = written(tmp_path / "results.jsonl", answers("A", 0, gain_x=[0.123456, 1.0]))
    writer = ResultsWriter(file, ABOUT)
    writer.skip(Training(arm="B", seed=0), "no time")
    writer.skip(Training(arm="B", seed=1), "no time")
    writer.add(answers("B", 0, gain_x=[0.0, 0.5]))
    results = read_results(file)
    assert results.answers[Training(arm="A", seed=0)].scores["gain/x"].tolist() == [0.1235, 1.0]
    assert [str(one) for one in results.skipped] == ["B1"]
    assert results.seeds("B") == [0]
    with pytest.raises(DataError, match="results of the plan paper"):
        ResultsWriter(file, About(**{**json.loads(file.read_text().splitlines()[0]), "questions": "others"}))


def test_the_analysis_tells_what_was_found(tmp_path: Path) -> None:
    """Differences, intervals and verdicts stand in its tables, in digits that can be worked out on paper."""
    file = written(
        tmp_path / "results.jsonl",
        answers(BASE, 0, gain_x=[0.0] * 4),
        answers("A", 0, gain_x=[0.25] * 4),
        answers("B", 0, gain_x=[0.75] * 4),
    )
    text = analysis(read_results(file), paper_plan(pairs=[["B", "A"]]))
    assert (
        "| T | gain | B > A | +0.5000 [+0.5000, +0.5000] (0.2500 to 0.7500) | +0.5000 | 0.0001 | holds (more) |" in text
    )
    assert "| gain | 0.2500 ±0.0000 | 0.7500 ±0.0000 |" in text
    assert "| gain | +0.5000 [+0.5000, +0.5000]* |" in text
    assert "Ran 2026-01-01 on one a desk (paper)" in text


def test_a_plan_names_nothing_that_it_lacks() -> None:
    """An unknown measure, verdict or arm is refused before anything is trained."""
    with pytest.raises(RecipeError, match="uses loss, which"):
        paper_plan(tables=[{"title": "Means", "measures": ["loss"], "arms": ["A"]}])
    with pytest.raises(RecipeError, match="uses T9, which"):
        paper_plan(decisions=[{"question": "?", "cases": [{"when": {"T9": "more"}, "then": "x"}]}])
    with pytest.raises(RecipeError, match="no arm with a seed"):
        paper_plan(order=["Z0"])


@pytest.mark.parametrize("name", sorted(file.stem for file in PLANS.glob("*.toml")))
def test_every_plan_is_complete(name: str) -> None:
    """The committed plans can be run, and every pattern of a measure has a score that it may find."""
    plan = load_plan(name)
    assert plan.order
    assert len({test.name for test in plan.tests}) == len(plan.tests)


@pytest.mark.parametrize(("run", "plan"), [("2026-11-27-h200-first", "first"), ("2026-11-27-h200-second", "second")])
def test_the_committed_analysis_is_that_of_the_committed_results(run: str, plan: str, tmp_path: Path) -> None:
    """Tables and figure come out again from the numbers that stand beside them."""
    results = read_results(HERE / "results" / f"{run}.jsonl.gz")
    assert analysis(results, load_plan(plan)) == (HERE / "results" / f"{run}.md").read_text()
    write_figure(results, tmp_path / "figure.svg")
    drawn = (tmp_path / "figure.svg").read_text()
    assert drawn.startswith("<?xml")
    assert "Recall of a statement among distractors" in drawn
    assert (HERE / "results" / f"{run}.jsonl.gz").stat().st_size < 250_000


def test_a_file_that_holds_no_results(tmp_path: Path) -> None:
    """What it is not is said in one line."""
    file = tmp_path / "x.jsonl.gz"
    file.write_bytes(gzip.compress(b'{"a": 1}\n'))
    with pytest.raises(DataError, match="holds no results of this benchmark"):
        read_results(file)
    with pytest.raises(DataError, match="there are no results"):
        read_results(tmp_path / "none")
