"""The plan: a seeded order that is fair to every source, and mixtures in proportion to tokens."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_stores import Parts, make_store

from nextlong_hub.corpus.order import seeded_order
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.errors import CorpusTooSmallError
from nextlong_hub.method.order import merge_in_proportion, seeded_keys
from nextlong_hub.producer import CandidatePool
from nextlong_hub.recipe import Recipe, load_recipe
from nextlong_hub.synthesis.mixture import mixture_rows
from nextlong_hub.synthesis.sampling import answer_length, choose_candidates, wanted_rows
from nextlong_hub.tokenization import load_tokenizer
from nextlong_hub.tokenization.tasks import measure_characters_per_token

TWO_CHUNKS = ["four", "five!"]
WORLD: Parts = [[TWO_CHUNKS] * 6 + [["alone"]], [TWO_CHUNKS] * 3 + [["x" * 100, "y"]]]
"""Documents 0 to 5 of source 0 and 7 to 9 of source 1 can be extended; 6 has one chunk, 10 has 101 characters."""


def sources(*weights: float | None) -> list[SourceSettings]:
    """Named sources with those weights."""
    return [SourceSettings(name=f"source {n}", path=f"{n}.jsonl", weight=w) for n, w in enumerate(weights)]


def recipe(**settings: Any) -> Recipe:
    """A recipe for rows of 40 tokens, half of which may be a document's own."""
    return Recipe.model_validate({"name": "tiny", "target_length": 40, **settings})


@pytest.fixture
def store(tmp_path: Path) -> ChunkStore:
    """The store of `WORLD`."""
    return make_store(tmp_path, WORLD)


def test_who_can_be_extended_is_counted_by_reason(store: ChunkStore) -> None:
    """One document has a single chunk, one is longer than 40 tokens · 2 characters · ½; the others are in the order."""
    found = choose_candidates(
        recipe(), CandidatePool(store=store, sources=sources(None, None), characters_per_token=2.0, seed=1)
    )
    assert sorted(found.order.tolist()) == [0, 1, 2, 3, 4, 5, 7, 8, 9]
    assert found.not_eligible == {"too_few_chunks": 1, "too_long": 1}


def test_limits_are_settings(store: ChunkStore) -> None:
    """`minimum_chunks` and `maximum_share` move the limits; a document of exactly the longest length is in."""
    short = recipe(meta_documents={"minimum_chunks": 1, "maximum_share": 1.0})
    assert choose_candidates(
        short, CandidatePool(store=store, sources=sources(None, None), characters_per_token=101 / 40, seed=1)
    ).not_eligible == {
        "too_few_chunks": 0,
        "too_long": 0,
    }
    assert (
        choose_candidates(
            short, CandidatePool(store=store, sources=sources(None, None), characters_per_token=100 / 40, seed=1)
        ).not_eligible["too_long"]
        == 1
    )


def test_nobody_to_extend_is_explained(store: ChunkStore) -> None:
    """The error names both reasons, with their numbers, and the setting to relax."""
    with pytest.raises(
        CorpusTooSmallError, match=r"none of 11 documents.*11 have fewer than 3 chunks and 0 are longer.*minimum_chunks"
    ):
        choose_candidates(
            recipe(meta_documents={"minimum_chunks": 3}),
            CandidatePool(store=store, sources=sources(None, None), characters_per_token=2.0, seed=1),
        )


@given(seed=st.integers(-(2**70), 2**70), weights=st.lists(st.floats(0.1, 9), min_size=2, max_size=2))
def test_the_order_is_a_permutation_for_any_seed(
    tmp_path_factory: pytest.TempPathFactory, seed: int, weights: list[float]
) -> None:
    """Every document that can be extended comes once, and the same seed gives the same order."""
    folder = tmp_path_factory.getbasetemp() / "permutations"
    store = ChunkStore(folder) if folder.exists() else make_store(folder, WORLD)
    orders = [
        choose_candidates(
            recipe(), CandidatePool(store=store, sources=sources(*weights), characters_per_token=2.0, seed=seed)
        ).order.tolist()
        for _ in range(2)
    ]
    assert orders[0] == orders[1]
    assert sorted(orders[0]) == [0, 1, 2, 3, 4, 5, 7, 8, 9]


def test_another_seed_gives_another_order(store: ChunkStore) -> None:
    """Ten seeds give ten orders, and none is the corpus's own."""
    orders = {
        tuple(
            choose_candidates(
                recipe(), CandidatePool(store=store, sources=sources(None, None), characters_per_token=2.0, seed=n)
            ).order.tolist()
        )
        for n in range(10)
    }
    assert len(orders) == 10
    assert (0, 1, 2, 3, 4, 5, 7, 8, 9) not in orders


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        # 6 : 3 documents that can be extended: two of source 0, with one of source 1 in their middle
        ((None, None), [0, 1, 0, 0, 1, 0, 0, 1, 0]),
        ((1.0, 1.0), [0, 1, 0, 1, 0, 1, 0, 0, 0]),
        ((None, 3.0), [1, 0, 1, 1, 0, 0, 0, 0, 0]),
    ],
    ids=["no weights", "equal", "one weight"],
)
def test_sources_take_turns_by_weight(
    store: ChunkStore, weights: tuple[float | None, ...], expected: list[int]
) -> None:
    """Without weights sources give in proportion to what they can give; with some, the others weigh 1."""
    order = choose_candidates(
        recipe(), CandidatePool(store=store, sources=sources(*weights), characters_per_token=2.0, seed=3)
    ).order
    assert [int(document >= 7) for document in order] == expected


def test_longer_documents_come_first_in_longer_rows(tmp_path: Path) -> None:
    """A target of 512K draws by links, one of 64K by the seed alone; sources keep their proportion."""
    short, long = ["ab", "cd"], ["ab"] * 33
    store = make_store(tmp_path, [[short] * 90 + [long] * 10, [short] * 50])
    pool = CandidatePool(store=store, sources=sources(None, None), characters_per_token=4.0, seed=5)
    orders = {
        target: choose_candidates(recipe(target_length=target), pool).order for target in (65_536, 131_072, 524_288)
    }
    assert orders[65_536].tolist() == seeded_order(store, np.arange(150), pool.sources, 5).tolist()
    assert all(sorted(order) == list(range(150)) for order in orders.values())
    long_ones = {target: int(((order[:15] >= 90) & (order[:15] < 100)).sum()) for target, order in orders.items()}
    # 10 : 90 draws one long document in ten, 10 · 32^⅓ : 90 one in four, 10 · 32 : 90 most of them.
    assert long_ones[65_536] <= 2 <= long_ones[131_072] < 5 <= long_ones[524_288]
    assert {int((order[:15] >= 100).sum()) for order in orders.values()} == {5}


@given(st.lists(st.tuples(st.integers(0, 60), st.floats(0.05, 20)), min_size=1, max_size=5))
def test_every_prefix_keeps_the_weights(queues: list[tuple[int, float]]) -> None:
    """At every point there is one scale at which each source's count is its weight, rounded to whole documents.

    This holds as long as no source has run out. Two sources never are a whole document away from their exact share.
    """
    counts, weights = zip(*queues, strict=True)
    merged = merge_in_proportion(counts, weights).tolist()
    assert Counter(merged) == Counter({queue: count for queue, count in enumerate(counts) if count})
    taken: Counter[int] = Counter()
    for length, queue in enumerate(merged, 1):
        position = taken[queue]
        taken[queue] += 1
        if any(taken[q] == count for q, count in enumerate(counts)):
            break
        scale = (position + 0.5) / weights[queue]
        assert all(abs(taken[q] - scale * weight) <= 0.5 + 1e-9 for q, weight in enumerate(weights))
        if len(counts) == 2:
            assert abs(taken[0] - length * weights[0] / sum(weights)) < 1 + 1e-9


def test_keys_are_pinned() -> None:
    """If this fails, published datasets could no longer be reproduced from their seed."""
    keys = seeded_keys(np.array([0, 1, 2, 1_000_000, 2**40]), 42)
    assert keys.tolist() == [
        16582184663355794125,
        5876271531584842856,
        8299464929950250623,
        9442164089110015400,
        10977229090769466214,
    ]
    # splitmix64 from state 0, as its authors print it
    assert seeded_keys(np.array([0, 1, 2]), 0).tolist()[0] == 0xE220A8397B1DCDAF


@given(st.integers(0, 2**63), st.integers(0, 2**62))
def test_no_two_numbers_share_a_key(seed: int, first: int) -> None:
    """A key is a one-to-one function of the number, and does not depend on the numbers beside it."""
    numbers = np.arange(first, first + 50)
    keys = seeded_keys(numbers, seed)
    assert len(set(keys.tolist())) == 50
    assert seeded_keys(numbers[7:8], seed)[0] == keys[7]


@pytest.mark.parametrize(
    ("available", "rows", "expected"),
    [
        ((1000, 10), None, [160, 10]),
        ((100, 100), None, [96, 6]),
        ((10, 1), None, [10, 1]),
        ((1000, 1000), 17, [16, 1]),
        ((1000, 1000), 34, [32, 2]),
        ((1000, 1000), 100, [94, 6]),
        ((1000, 1000), 18, [17, 1]),
        ((1000, 1000), 1, [1, 1]),
        ((20, 1), 1000, [16, 1]),
        ((3, 1), 100, [3, 1]),
    ],
)  # fmt: skip
def test_a_mixture_has_its_shares_by_tokens(available: tuple[int, int], rows: int | None, expected: list[int]) -> None:
    """64k : 512k = 2 : 1 by tokens is 16 short rows for each long one, of no ingredient more than there is."""
    targets = {"64k": 65_536, "512k": 524_288}
    assert mixture_rows(load_recipe("subset"), targets, dict(zip(targets, available, strict=True)), rows) == expected


@given(st.lists(st.tuples(st.floats(0.01, 9), st.integers(1, 50)), min_size=1, max_size=4), st.integers(1, 300))
def test_a_mixture_gives_the_rows_asked_for(parts: list[tuple[float, int]], rows: int) -> None:
    """Within what there is of each ingredient, and with every ingredient in it, rows add up to what was asked for."""
    mixture = [{"recipe": f"r{n}", "share": share} for n, (share, _) in enumerate(parts)]
    available = {f"r{n}": count for n, (_, count) in enumerate(parts)}
    targets = dict.fromkeys(available, 1000)
    found = mixture_rows(recipe(mixture=mixture), targets, available, rows)
    assert all(1 <= count <= available[f"r{n}"] for n, count in enumerate(found))
    assert sum(found) <= max(rows, len(found)) + len(found) - 1
    shares = [share for share, _ in parts]
    exact = [rows * share / sum(shares) for share in shares]
    if all(1 <= wanted <= count for wanted, (_, count) in zip(exact, parts, strict=True)):
        assert sum(found) == rows
        assert all(abs(count - wanted) < 1 + 1e-6 for count, wanted in zip(found, exact, strict=True))


def test_how_many_hits_to_ask_for_on_paper(store: ChunkStore) -> None:
    """1.5 times as many mean chunks as a row has characters, and 64 more; never more than there are chunks."""
    assert store.chunks == 21
    assert answer_length(store, recipe(), 2.0) == 21
    one_long_part: Parts = [[["abcd"] * 500]]
    long = make_store(store.folder / "long", one_long_part)
    assert answer_length(long, recipe(), 2.0) == 64 + 30
    # The reference needs 40 · 4 · 1.5 characters.
    assert answer_length(long, recipe(interleave={"fill": "reference"}), 2.0) == 64 + 90


def test_rows_wanted_on_paper(store: ChunkStore) -> None:
    """Asked for, or about as many tokens as the corpus holds, at least one."""
    assert store.summary.characters == 9 * 9 + 5 + 101
    assert wanted_rows(recipe(), store, 2.0, None) == 2
    assert wanted_rows(recipe(target_length=4000), store, 2.0, None) == 1
    assert wanted_rows(recipe(), store, 2.0, 7) == 7


def test_characters_per_token_are_measured(tmp_path: Path) -> None:
    """`hello hello …` under GPT-2: a word with its space is one token of six characters."""
    store = make_store(tmp_path, [[[" hello" * 10] * 3]])
    assert measure_characters_per_token(store, load_tokenizer("demo")) == 6.0
