"""Choice of negatives: never twice, never a copy, never a banned one, dealt evenly, the same however it was read."""

from collections.abc import Collection, Container
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import Choice, choices

from nextlong_hub.method.guard import Guard, PassedOver
from nextlong_hub.method.near_duplicates import Containment, NearDuplicates, shingles_of
from nextlong_hub.method.negatives import (
    Candidate,
    Retrieved,
    Selection,
    reference_count,
    select_even,
    select_reference,
)
from nextlong_hub.method.settings import InterleaveSettings, NegativeSettings

RESERVE = 1 + 1 / 1024
"""A selection may pass the target by this share and by the negative that passes it."""
ALL = range(10**9)
"""Every chunk, read."""


class WordOverlap:
    """Compares the words of chunks with those of all negatives of the row; slow, and plain to see."""

    reason = PassedOver.REPEATS_ROW

    def __init__(self, choice: Choice) -> None:
        self._words = choice.words
        self.held: frozenset[int] = frozenset()

    def reaches(self, chunk: int, limit: float) -> bool:
        """Whether the row holds such a share of its words."""
        own = self._words[chunk]
        return len(own & self.held) >= limit * max(1, len(own))

    def add(self, chunk: int) -> None:
        """Hold its words, too."""
        self.held |= self._words[chunk]


def guard_of(choice: Choice) -> Guard:
    """A guard for one sample."""
    return Guard(WordOverlap(choice), 0.5)


def choose_even(choice: Choice, read: Container[int], guard: Guard | None = None) -> Selection:
    """Select with what has been read so far."""
    return select_even(choice.retrieved(read, guard), choice.target_tokens)


def choose_as_reference(choice: Choice, read: Container[int], guard: Guard | None = None) -> Selection:
    """Select with a number for each meta-chunk."""
    each = -(-choice.target_tokens // (4 * len(choice.answers)))
    return select_reference(choice.retrieved(read, guard), each)


def answer(*chunks: int) -> list[Candidate]:
    """A retriever's answer, best first."""
    return [Candidate(chunk=chunk, rank=rank, score=10.0 - rank) for rank, chunk in enumerate(chunks, 1)]


def chosen(selection: Selection) -> list[list[int]]:
    """Chunk numbers for each meta-chunk."""
    return [[candidate.chunk for candidate in dealt] for dealt in selection.negatives]


def known(
    answers: list[list[Candidate]],
    meta_tokens: int,
    *,
    tokens: int = 10,
    copies: Collection[int] = (),
    banned: frozenset[int] = frozenset(),
    first_rank: int = 1,
) -> Retrieved:
    """Answers of which every chunk has been read; all have as many tokens."""
    return Retrieved(
        answers=answers,
        meta_tokens=meta_tokens,
        read=ALL,
        tokens_of=lambda chunk: tokens,
        is_copy=copies.__contains__,
        banned=banned,
        first_rank=first_rank,
    )


@given(choices())
def test_no_chunk_twice_no_copy_none_banned_none_of_a_high_rank(choice: Choice) -> None:
    """Whatever the answers, a selection holds each chunk once, by rank, and no chunk it must not hold."""
    for select in (choose_even, choose_as_reference):
        for guard in (None, guard_of(choice)):
            selection = select(choice, ALL, guard)
            dealt = [candidate for negatives in selection.negatives for candidate in negatives]
            numbers = [candidate.chunk for candidate in dealt]
            assert len(set(numbers)) == len(numbers)
            assert not (choice.copies | choice.banned) & set(numbers)
            assert all(candidate.rank >= choice.first_rank for candidate in dealt)
            for negatives, offered in zip(selection.negatives, choice.answers, strict=True):
                assert [c for c in offered if c in negatives] == list(negatives)
            assert selection.tokens == choice.meta_tokens + sum(choice.sizes[number] for number in numbers)
            assert not selection.unread


@pytest.mark.parametrize("may_repeat", [False, True])
def test_a_barred_chunk_is_passed_over_unread(may_repeat: bool) -> None:
    """Whatever the retriever may do; it is counted, and the next ones take its place."""
    barred = replace(known([answer(1, 2, 3)], 0), barred={1, 3}, read=frozenset({2}), may_repeat=may_repeat)
    selection = select_reference(barred, 2)
    assert chosen(selection) == [[2]]
    assert selection.passed_over[PassedOver.BARRED] == 2
    assert not selection.unread


@given(choices())
def test_what_truncation_cuts_is_a_negative_of_the_last_meta_chunk(choice: Choice) -> None:
    """Everything before the last meta-chunk's negatives ends before the target."""
    selection = choose_even(choice, ALL)
    before = [number for numbers in chosen(selection)[:-1] for number in numbers]
    assert choice.meta_tokens + sum(choice.sizes[number] for number in before) < choice.target_tokens


@given(choices())
def test_the_target_is_reached_and_hardly_passed(choice: Choice) -> None:
    """A selection that is not exhausted reaches the target; without its last negative it would fall short of it."""
    selection = choose_even(choice, ALL)
    assert selection.exhausted == (selection.tokens < choice.target_tokens)
    if selection.exhausted:
        offered = {c.chunk for c in choice.answers[-1] if c.rank >= choice.first_rank}
        free = offered - choice.banned - {number for numbers in chosen(selection) for number in numbers}
        assert free <= choice.copies
    else:
        last = selection.negatives[-1][-1]
        assert selection.tokens - choice.sizes[last.chunk] < choice.target_tokens * RESERVE


@given(choices())
def test_no_negative_repeats_those_that_were_chosen_before_it(choice: Choice) -> None:
    """Taken in the order of the selection, none of the reference mode's negatives has half of its words in the row."""
    selection = choose_as_reference(choice, ALL, guard_of(choice))
    row = WordOverlap(choice)
    for number in (number for numbers in chosen(selection) for number in numbers):
        assert not row.reaches(number, 0.5)
        row.add(number)
    passed = selection.passed_over[PassedOver.REPEATS_ROW]
    assert passed <= sum(row.reaches(number, 0.5) for number in range(len(choice.words)))


@given(st.integers(1, 5), st.integers(2, 300))
def test_negatives_are_dealt_evenly(meta_chunks: int, target: int) -> None:
    """While answers last, all meta-chunks but the last get as many, give or take one; the last gets no fewer."""
    answers = [answer(*range(100 * n, 100 * n + 99)) for n in range(meta_chunks)]
    retrieved = Retrieved(
        answers=answers,
        meta_tokens=1,
        read=ALL,
        tokens_of=lambda chunk: 1 + chunk % 7,
        is_copy=lambda chunk: chunk % 11 == 3,
    )
    selection = select_even(retrieved, target)
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
        sizes=[2, 2, 9],
        copies=frozenset(),
        estimates={0: 60.0, 1: 2.0, 2: 9.0},
        banned=frozenset(),
        first_rank=1,
        words=[frozenset()] * 3,
    )
)
@example(  # chunk 2 ends the turns before it is a repeat, and is one when it is its turn again
    Choice(
        answers=[answer(0, 2), answer(1, 3, 2, 4)],
        meta_tokens=1,
        target_tokens=31,
        sizes=[10, 5, 20, 2, 9],
        copies=frozenset(),
        estimates={0: 10.0, 1: 5.0, 2: 20.0, 3: 2.0, 4: 9.0},
        banned=frozenset(),
        first_rank=1,
        words=[frozenset({0}), frozenset({1}), frozenset({2, 3}), frozenset({2}), frozenset({5})],
    )
)
def test_the_outcome_does_not_depend_on_how_it_was_read(choice: Choice) -> None:
    """Read round by round, as little as is asked for: the same selection as when all is known from the start."""
    for select in (choose_even, choose_as_reference):
        for guards in ((None, None), (guard_of(choice), guard_of(choice))):
            read: set[int] = set()
            while (selection := select(choice, read, guards[0])).unread:
                assert not selection.unread & read
                read |= selection.unread
            assert selection == select(choice, ALL, guards[1])


def test_even_by_hand() -> None:
    """Three meta-chunks, target 100: turns go from the last to the first, the tail goes to the last."""
    answers = [answer(1, 2, 3, 4), answer(1, 5, 6, 7), answer(5, 8, 9, 10, 11)]
    selection = select_even(known(answers, 30), 100)
    # 30; turn 1: 5, 1, 2 (60); turn 2: 8, 6, 3 (90); the next would reach 100, so the last takes 9, and 10 as reserve.
    assert chosen(selection) == [[2, 3], [1, 6], [5, 8, 9, 10]]
    assert (selection.tokens, selection.exhausted, sum(selection.passed_over.values())) == (110, False, 0)


def test_copies_and_banned_chunks_are_passed_over_and_counted() -> None:
    """A copy is counted once although two answers hold it; a banned chunk is not a copy."""
    answers = [answer(1, 2), answer(1, 3, 4, 5)]
    selection = select_even(known(answers, 10, copies={1}, banned=frozenset({3})), 40)
    assert chosen(selection) == [[2], [4, 5]]
    assert (selection.passed_over[PassedOver.NEAR_DUPLICATE], selection.exhausted) == (1, False)


def test_high_ranks_are_passed_over_and_the_rank_stays_the_retrievers() -> None:
    """From rank 3 on: chunk 2 is left out of the first answer, but the other has it at rank 3; only 1 and 5 count."""
    selection = select_even(known([answer(1, 2, 3), answer(5, 1, 2, 4)], 10, first_rank=3), 40)
    assert chosen(selection) == [[3], [2, 4]]
    assert [candidate.rank for candidate in selection.negatives[1]] == [3, 4]
    assert selection.passed_over[PassedOver.HIGH_RANK] == 2


def test_exhausted_is_reported() -> None:
    """Answers that end before the target give what there is, and say so."""
    selection = select_even(known([answer(1), answer(2)], 10), 100)
    assert chosen(selection) == [[1], [2]]
    assert (selection.tokens, selection.exhausted) == (30, True)
    assert select_even(known([[], []], 10), 100).exhausted
    assert select_reference(known([answer(1, 2), answer(3)], 10), 2).exhausted
    assert not select_reference(known([answer(1, 2), answer(3)], 10), 1).exhausted


def test_a_meta_chunk_without_answers_does_not_end_the_turn_of_the_others() -> None:
    """The last one, whose turn comes first, finds nothing; the others are dealt as if it were not there."""
    selection = select_even(known([answer(1, 2), answer(3, 4), []], 10), 100)
    assert chosen(selection) == [[1, 2], [3, 4], []]
    assert (selection.tokens, selection.exhausted) == (50, True)


def test_a_candidate_that_would_end_the_turns_is_read_first() -> None:
    """An estimate never decides: chunk 1 is thought to reach the target, so its text is asked for."""
    estimates = {1: 50.0, 2: 10.0, 3: 10.0}
    retrieved = Retrieved(
        answers=[answer(1), answer(2, 3)], meta_tokens=10, read=(), tokens_of=estimates.__getitem__, is_copy=bool
    )
    assert select_even(retrieved, 40).unread == {1, 2, 3}


def test_reference_k_on_paper() -> None:
    """Three chunks of 2,048 characters: 63, 127 and 511 negatives each at 64k, 128k and 512k (NExtLong App. D.1)."""
    for target, expected in ((65_536, 63), (131_072, 127), (524_288, 511)):
        each = reference_count(target, [2048] * 3, 2048, InterleaveSettings(fill="reference"))
        answers = [answer(*range(600 * part, 600 * (part + 1))) for part in range(3)]
        assert [len(dealt) for dealt in select_reference(known(answers, 0), each).negatives] == [expected] * 3


def test_reference_k_rounds_up_and_never_below_zero() -> None:
    """(100·4·1.5 - 100) / (2·200) = 1.25 gives 2; a meta-document longer than the budget gets none."""
    settings = InterleaveSettings(fill="reference")
    assert reference_count(100, [60, 40], 200, settings) == 2
    assert chosen(select_reference(known([answer(1, 2, 3), answer(1, 4, 5)], 0), 2)) == [[1, 2], [4, 5]]
    assert reference_count(100, [300, 301], 200, settings) == 0


def near(metas: list[str], text: str, *, shingle_words: int = 2, limit: float = 0.6) -> bool:
    """Whether a text is a near-copy of one of several others."""
    settings = NegativeSettings(shingle_words=shingle_words, near_duplicate=limit)
    copies = NearDuplicates((shingles_of(meta, shingle_words) for meta in metas), settings)
    return shingles_of(text, shingle_words) in copies


def test_containment_by_hand() -> None:
    """Of 3 and 4 word pairs 2 are common: 2 / 3. Case and punctuation do not count, and a part of a text is a copy."""
    texts = Containment()
    for text in ("one two three four", "...", "ten eleven", "zero one two"):
        texts.add(shingles_of(text, 2))
    shares = {"ONE two; three zero nine": 2 / 3, "two three": 1, "Ten, eleven!": 1, "one two nine": 1 / 2}
    for text, share in shares.items():
        assert texts.reaches(shingles_of(text, 2), share)
        assert not texts.reaches(shingles_of(text, 2), share + 1e-9)
    for text in ("four one", "...", ""):
        assert not texts.reaches(shingles_of(text, 2), 1e-9)
    assert near(["one two three four", "ten eleven"], "ONE two; three zero nine")
    assert not near(["one two three four", "ten eleven"], "three four five six seven")


letters = st.lists(st.sampled_from("abc"), max_size=12)


@given(st.lists(letters, max_size=6), letters, st.sampled_from([0.1, 1 / 3, 0.5, 0.75, 1.0]))
def test_containment_is_that_of_sets(others: list[list[str]], own: list[str], limit: float) -> None:
    """|A ∩ B| / min(|A|, |B|) of plain sets of word triples, whichever texts came before."""

    def plain(text: list[str]) -> set[tuple[str, ...]]:
        return {tuple(text[at : at + 3]) for at in range(max(1, len(text) - 2))} - {()}

    texts = Containment()
    for text in others:
        texts.add(shingles_of(" ".join(text), 3))
    pairs = [(plain(text), plain(own)) for text in others]
    wanted = max((len(a & b) / min(len(a), len(b)) for a, b in pairs if a and b), default=0.0)
    assert texts.reaches(shingles_of(" ".join(own), 3), limit) == (wanted >= limit)


def test_the_threshold_itself_is_a_copy() -> None:
    """Containment of exactly the setting counts; just below does not."""
    assert near(["a b c"], "a b x", limit=0.5)
    assert not near(["a b c"], "a b x", limit=0.51)


def test_shingles_by_hand() -> None:
    """A text of fewer words is one shingle, one without words has none; of equal shingles there is one."""
    texts = ("a b c d", "a b", "a a a a", "東京は晴", "", " _ .\n")
    assert [len(shingles_of(text, 3)) for text in texts] == [2, 1, 1, 2, 0, 0]


COPIED = {
    "amharic": "አዲስ አበባ የኢትዮጵያ ዋና ከተማ ናት",
    "arabic": "القاهرة عاصمة مصر وأكبر مدنها",
    "burmese": "ရန်ကုန်သည် မြို့ကြီးဖြစ်သည်",
    "hebrew": "ירושלים היא בירת ישראל",
    "hindi": "दिल्ली भारत की राजधानी है",
    "japanese": "東京は日本の首都である",
    "khmer": "ភ្នំពេញជារាជធានី",
    "russian": "Москва столица и самый большой город",
    "thai": "กรุงเทพเป็นเมืองหลวง",
    "tibetan": "བོད་ཡིག་ནི་བོད་ཀྱི་ཡིག་གེ",
    "urdu": "لاہور پاکستان کا دوسرا بڑا شہر",
}
"""A passage in each of several languages, by its name; of four words at least."""


@pytest.mark.parametrize("language", COPIED)
def test_a_copied_passage_is_found_in_any_script(language: str) -> None:
    """Whatever stands around it; a passage of another language is no copy."""
    copied = COPIED[language]
    assert near([f"1 2 3. {copied}. 4 5 6"], f"7 8 {copied}! 9", shingle_words=3, limit=0.25)
    others = [other for name, other in COPIED.items() if name != language]
    assert not near(others, copied, shingle_words=1, limit=0.1)


def test_vowel_signs_and_spellings_of_one_letter_end_no_word() -> None:
    """Of Hindi words the letters without their signs are often the same; that makes no copy."""
    assert len(shingles_of(COPIED["hindi"], 5)) == 1
    assert not near(["कि की कु"], "के कै को", shingle_words=1, limit=0.1)
    assert near(["été"], "ÉTÉ", shingle_words=1, limit=1)


def test_a_quote_inside_chinese_prose_is_found() -> None:
    """A copied clause is a near-duplicate although what stands before and after it differs."""
    metas = ["他在1998年搬到上海,并在那里开了一家小书店。"]
    assert near(metas, "后来1998年搬到上海,并在那里开了一家小书店", shingle_words=5, limit=0.5)
    assert not near(metas, "北京的冬天比上海冷得多,而且常常下雪", shingle_words=5, limit=0.5)


def test_a_control_may_repeat_chunks() -> None:
    """One chunk fills a row again and again, by rank; without that freedom it is used once, and the row stays short."""
    found = [[Candidate(chunk=1, rank=rank, score=1 / rank) for rank in range(1, 9)]]
    repeated = select_even(replace(known(found, 10), may_repeat=True), 50)
    assert [candidate.rank for candidate in repeated.negatives[0]] == [1, 2, 3, 4, 5]
    assert not repeated.exhausted
    once = select_even(known(found, 10), 50)
    assert chosen(once) == [[1]]
    assert once.exhausted
