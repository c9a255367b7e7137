"""Choice of negatives: never twice, never a copy, never a banned one, dealt evenly, the same however it was read."""

from collections.abc import Collection

from hypothesis import example, given
from hypothesis import strategies as st
from strategies import Choice, choices

from nextlong_hub.method.near_duplicates import NearDuplicates, shingles
from nextlong_hub.method.negatives import Candidate, ReadChunk, Selection, select_even, select_reference
from nextlong_hub.method.settings import InterleaveSettings, NegativeSettings

RESERVE = 1 + 1 / 1024
"""A selection may pass the target by this share and by the negative that passes it."""


def choose_even(choice: Choice, read: dict[int, ReadChunk]) -> Selection:
    """Select with what has been read so far."""
    return select_even(choice.answers, choice.meta_tokens, choice.target_tokens, read, choice.estimate, choice.banned)


def choose_as_reference(choice: Choice, read: dict[int, ReadChunk]) -> Selection:
    """Select with the paper's k; one character a token, chunks of four characters."""
    settings = InterleaveSettings(fill="reference", characters_per_token=1, adjustment=1)
    return select_reference(
        choice.answers, choice.meta_tokens, choice.meta_tokens, choice.target_tokens, 4,
        settings, read, choice.estimate,
    )  # fmt: skip


def answer(*chunks: int) -> list[Candidate]:
    """A retriever's answer, best first."""
    return [Candidate(chunk=chunk, rank=rank, score=10.0 - rank) for rank, chunk in enumerate(chunks, 1)]


def chosen(selection: Selection) -> list[list[int]]:
    """Chunk numbers for each meta-chunk."""
    return [[candidate.chunk for candidate in dealt] for dealt in selection.negatives]


def read_all(tokens: dict[int, int], copies: Collection[int] = ()) -> dict[int, ReadChunk]:
    """What is known when every chunk has been read."""
    return {chunk: ReadChunk(tokens=size, near_duplicate=chunk in copies) for chunk, size in tokens.items()}


def fail_to_estimate(chunk: int) -> float:
    """An estimate that nobody may ask for."""
    raise LookupError(f"chunk {chunk} was estimated")


@given(choices())
def test_no_chunk_twice_no_copy_none_banned(choice: Choice) -> None:
    """Whatever the answers, a selection holds each chunk once, by rank, and no chunk it must not hold."""
    for selection in (choose_even(choice, choice.facts), choose_as_reference(choice, choice.facts)):
        dealt = [candidate for negatives in selection.negatives for candidate in negatives]
        numbers = [candidate.chunk for candidate in dealt]
        assert len(set(numbers)) == len(numbers)
        assert not any(choice.facts[number].near_duplicate for number in numbers)
        for negatives, offered in zip(selection.negatives, choice.answers, strict=True):
            assert [c for c in offered if c in negatives] == list(negatives)
        assert selection.tokens == choice.meta_tokens + sum(choice.facts[number].tokens for number in numbers)
        assert not selection.unread
    assert not choice.banned & {number for numbers in chosen(choose_even(choice, choice.facts)) for number in numbers}


@given(choices())
def test_what_truncation_cuts_is_a_negative_of_the_last_meta_chunk(choice: Choice) -> None:
    """Everything before the last meta-chunk's negatives ends before the target."""
    selection = choose_even(choice, choice.facts)
    before = [number for numbers in chosen(selection)[:-1] for number in numbers]
    assert choice.meta_tokens + sum(choice.facts[number].tokens for number in before) < choice.target_tokens


@given(choices())
def test_the_target_is_reached_and_hardly_passed(choice: Choice) -> None:
    """A selection that is not exhausted reaches the target; without its last negative it would fall short of it."""
    selection = choose_even(choice, choice.facts)
    assert selection.exhausted == (selection.tokens < choice.target_tokens)
    if selection.exhausted:
        free = {c.chunk for c in choice.answers[-1]} - choice.banned - {n for ns in chosen(selection) for n in ns}
        assert all(choice.facts[number].near_duplicate for number in free)
    else:
        last = selection.negatives[-1][-1]
        assert selection.tokens - choice.facts[last.chunk].tokens < choice.target_tokens * RESERVE


@given(st.integers(1, 5), st.integers(2, 300))
def test_negatives_are_dealt_evenly(meta_chunks: int, target: int) -> None:
    """While answers last, all meta-chunks but the last get as many, give or take one; the last gets no fewer."""
    answers = [answer(*range(100 * n, 100 * n + 99)) for n in range(meta_chunks)]
    facts = {c.chunk: ReadChunk(tokens=1 + c.chunk % 7, near_duplicate=c.chunk % 11 == 3) for a in answers for c in a}
    selection = select_even(answers, 1, target, facts, fail_to_estimate)
    *counts, last = [len(dealt) for dealt in selection.negatives]
    assert not selection.exhausted
    assert last >= 1
    assert max(counts, default=last) - min(counts, default=last) <= 1
    assert last >= max(counts, default=0)


@given(choices())
@example(
    Choice(
        answers=[answer(0), answer(1, 2)],
        meta_tokens=1,
        target_tokens=11,
        facts={0: ReadChunk(tokens=2, near_duplicate=False), 1: ReadChunk(tokens=2, near_duplicate=False),
               2: ReadChunk(tokens=9, near_duplicate=False)},
        estimates={0: 60.0, 1: 2.0, 2: 9.0},
        banned=frozenset(),
    )
)  # fmt: skip
def test_the_outcome_does_not_depend_on_how_it_was_read(choice: Choice) -> None:
    """Read round by round, as little as is asked for: the same selection as when all is known from the start."""
    for select in (choose_even, choose_as_reference):
        read: dict[int, ReadChunk] = {}
        while (selection := select(choice, read)).unread:
            assert not selection.unread & read.keys()
            read |= {chunk: choice.facts[chunk] for chunk in selection.unread}
        known = select(choice, choice.facts)
        assert selection.negatives == known.negatives
        assert (selection.tokens, selection.exhausted) == (known.tokens, known.exhausted)


def test_even_by_hand() -> None:
    """Three meta-chunks, target 100: turns go from the last to the first, the tail goes to the last."""
    answers = [answer(1, 2, 3, 4), answer(1, 5, 6, 7), answer(5, 8, 9, 10, 11)]
    selection = select_even(answers, 30, 100, read_all(dict.fromkeys(range(12), 10)), fail_to_estimate)
    # 30; turn 1: 5, 1, 2 (60); turn 2: 8, 6, 3 (90); the next would reach 100, so the last takes 9, and 10 as reserve.
    assert chosen(selection) == [[2, 3], [1, 6], [5, 8, 9, 10]]
    assert (selection.tokens, selection.exhausted, selection.near_duplicates) == (110, False, 0)


def test_copies_and_banned_chunks_are_passed_over_and_counted() -> None:
    """A copy is counted once although two answers hold it; a banned chunk is not a copy."""
    facts = read_all(dict.fromkeys(range(9), 10), copies={1})
    selection = select_even([answer(1, 2), answer(1, 3, 4, 5)], 10, 40, facts, fail_to_estimate, frozenset({3}))
    assert chosen(selection) == [[2], [4, 5]]
    assert (selection.near_duplicates, selection.exhausted) == (1, False)


def test_exhausted_is_reported() -> None:
    """Answers that end before the target give what there is, and say so."""
    selection = select_even([answer(1), answer(2)], 10, 100, read_all({1: 10, 2: 10}), fail_to_estimate)
    assert chosen(selection) == [[1], [2]]
    assert (selection.tokens, selection.exhausted) == (30, True)
    assert select_even([[], []], 10, 100, {}, fail_to_estimate).exhausted


def test_a_candidate_that_would_end_the_turns_is_read_first() -> None:
    """An estimate never decides: chunk 1 is thought to reach the target, so its text is asked for."""
    first = select_even([answer(1), answer(2, 3)], 10, 40, {}, {1: 50.0, 2: 10.0, 3: 10.0}.__getitem__)
    assert first.unread == {1, 2, 3}


def test_reference_k_on_paper() -> None:
    """Three chunks of 2,048 characters: 63, 127 and 511 negatives each at 64k, 128k and 512k (NExtLong App. D.1)."""
    for target, expected in ((65_536, 63), (131_072, 127), (524_288, 511)):
        answers = [answer(*range(600 * part, 600 * (part + 1))) for part in range(3)]
        facts = read_all(dict.fromkeys(range(1800), 1))
        selection = select_reference(
            answers, 0, 3 * 2048, target, 2048, InterleaveSettings(fill="reference"), facts, fail_to_estimate
        )
        assert [len(dealt) for dealt in selection.negatives] == [expected] * 3


def test_reference_k_rounds_up_and_never_below_zero() -> None:
    """(100·4·1.5 - 100) / (2·200) = 1.25 gives 2; a meta-document longer than the budget gets none."""
    answers, facts = [answer(1, 2, 3), answer(1, 4, 5)], read_all(dict.fromkeys(range(9), 1))
    settings = InterleaveSettings(fill="reference")
    selection = select_reference(answers, 0, 100, 100, 200, settings, facts, fail_to_estimate)
    assert chosen(selection) == [[1, 2], [4, 5]]
    assert chosen(select_reference(answers, 0, 601, 100, 200, settings, facts, fail_to_estimate)) == [[], []]


def test_containment_by_hand() -> None:
    """Of 3 and 4 word pairs 2 are common: 2 / 3. Case and punctuation do not count, and a part of a text is a copy."""
    known = NearDuplicates(["one two three four", "ten eleven"], NegativeSettings(shingle_words=2, near_duplicate=0.6))
    assert known.containment("ONE two; three zero nine") == 2 / 3
    assert known.containment("two three") == 1
    assert known.containment("Ten, eleven!") == 1
    assert known.containment("four one") == 0
    assert known.containment("...") == known.containment("") == 0
    assert "ONE two; three zero nine" in known
    assert "three four five six seven" not in known


def test_the_threshold_itself_is_a_copy() -> None:
    """Containment of exactly the setting counts; just below does not."""
    half = NearDuplicates(["a b c"], NegativeSettings(shingle_words=2, near_duplicate=0.5))
    assert half.containment("a b x") == 0.5
    assert "a b x" in half
    assert "a b x" not in NearDuplicates(["a b c"], NegativeSettings(shingle_words=2, near_duplicate=0.51))


def test_shingles_by_hand() -> None:
    """Words make shingles in text with spaces, characters in text without, however the two are mixed."""
    assert shingles("The cat SAT down", 3) == {("the", "cat", "sat"), ("cat", "sat", "down")}
    assert shingles("Straße", 3) == {("strasse",)}
    assert shingles("東京は晴", 3) == {("東", "京", "は"), ("京", "は", "晴")}
    assert shingles("3年前GPUで", 3) == {("3", "年", "前"), ("年", "前", "gpu"), ("前", "gpu", "で")}
    assert shingles("ไทย", 2) == {("ไ", "ท"), ("ท", "ย")}
    assert shingles(" _ .\n", 3) == set()


def test_a_quote_inside_chinese_prose_is_found() -> None:
    """A copied clause is a near-duplicate although what stands before and after it differs."""
    known = NearDuplicates(["他在1998年搬到上海,并在那里开了一家小书店。"], NegativeSettings())
    assert "后来1998年搬到上海,并在那里开了一家小书店" in known
    assert "北京的冬天比上海冷得多,而且常常下雪" not in known


def test_a_control_may_repeat_chunks() -> None:
    """One chunk fills a row again and again, by rank; without that freedom it is used once, and the row stays short."""
    found = [[Candidate(chunk=1, rank=rank, score=1 / rank) for rank in range(1, 9)]]
    facts = read_all({1: 10})
    repeated = select_even(found, 10, 50, facts, fail_to_estimate, may_repeat=True)
    assert [candidate.rank for candidate in repeated.negatives[0]] == [1, 2, 3, 4, 5]
    assert not repeated.exhausted
    once = select_even(found, 10, 50, facts, fail_to_estimate)
    assert chosen(once) == [[1]]
    assert once.exhausted
