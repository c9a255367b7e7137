"""Samples of bounded size, lengths, copies and repeated ids."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextlong_hub.audit.copies import CopyCounter, resemblance
from nextlong_hub.audit.counting import IdCounter, LanguageCounter, LengthCounter
from nextlong_hub.audit.least import Least
from nextlong_hub.audit.result import Bucket, Copies
from nextlong_hub.method.near_duplicates import shingles_of
from nextlong_hub.records import Document


def counted(keys: list[int], most: int) -> tuple[list[int], bool]:
    """How often each kept key came."""
    least: Least[list[int]] = Least(most, list)
    for key in keys:
        value = least.get(key)
        if value is not None:
            value.append(key)
    return [one for those in least.values() for one in those], least.is_whole


@given(st.lists(st.integers(0, 30)), st.integers(1, 12), st.randoms())
def test_a_sample_has_all_of_the_least_keys_in_any_order(keys: list[int], most: int, chance: random.Random) -> None:
    """Every time that a kept key came is known, and it is whole when there are no more keys."""
    shuffled = chance.sample(keys, len(keys))
    kept = sorted(set(keys))[:most]
    assert counted(shuffled, most) == (sorted(key for key in keys if key in kept), len(set(keys)) <= most)


def test_lengths_fall_between_powers_of_two() -> None:
    """From the shortest that there is; one between them without a document is there."""
    counter = LengthCounter()
    for length in (2, 3, 8, 15, 16):
        counter.add(length)
    found = counter.lengths()
    assert (found.total, found.longest) == (44, 16)
    assert found.buckets == (
        Bucket(shortest=2, documents=2, total=5),
        Bucket(shortest=4, documents=0, total=0),
        Bucket(shortest=8, documents=2, total=23),
        Bucket(shortest=16, documents=1, total=16),
    )
    empty = LengthCounter()
    empty.add(0)
    assert empty.lengths().buckets == (Bucket(shortest=0, documents=1, total=0),)
    assert LengthCounter().lengths().buckets == ()


def words(*numbers: int) -> str:
    """A text of these words."""
    return " ".join(f"w{number}" for number in numbers)


def test_copies_on_paper() -> None:
    """The same text is a copy, one with another last word of a hundred nearly one, half of it is none."""
    text = words(*range(100))
    counter = CopyCounter()
    for one in (text, text, words(*range(99), 500), words(*range(200, 300)), "…", text.upper()):
        counter.add(one)
    assert counter.counts() == Copies(documents=5, same=1, near=2, is_whole=True)


@pytest.mark.parametrize(("shared", "part"), [(0, 0.0), (50, 46 / 146), (100, 1.0)])
def test_resemblance_of_few_shingles_is_exact(shared: int, part: float) -> None:
    """Common runs of five words by all of them, where at most 128 are there; else as near as 128 of them tell."""
    one = shingles_of(words(*range(100)), 5)
    other = shingles_of(words(*range(100 - shared, 200 - shared)), 5)
    assert resemblance(one, other) == pytest.approx(part, abs=0.08)


def test_the_share_of_copies_does_not_depend_on_the_size_of_the_sample() -> None:
    """Every third document comes twice: in a small sample about as many do, whatever their lengths."""
    texts = [words(*range(number * 1000, number * 1000 + 20 + number % 300)) for number in range(1200)]
    texts += texts[::3]
    small, whole = CopyCounter(groups=300), CopyCounter()
    for text in texts:
        small.add(text)
        whole.add(text)
    assert whole.counts() == Copies(documents=1600, same=400, near=0, is_whole=True)
    found = small.counts()
    assert not found.is_whole
    assert found.same / found.documents == pytest.approx(0.25, abs=0.05)


def test_repeated_ids_are_counted() -> None:
    """A document whose id came before."""
    counter = IdCounter()
    for name in ("a", "b", "a", "a"):
        counter.add(Document(id=name, text="…", source="s"))
    found = counter.repeated()
    assert (found.ids, found.documents, found.is_whole) == (2, 2, True)


def test_languages_are_shares_of_documents() -> None:
    """By the middle of each; one in no known language is in none."""
    texts = ["the cat is on the mat and it was not there when we came to it"] * 3
    texts += ["der Hund ist nicht in dem Haus und wir sind auch nicht da, aber er war es"]
    counter = LanguageCounter()
    for number, text in enumerate(texts):
        counter.add(Document(id=str(number), text=text, source="s"))
    found = counter.languages()
    assert (found.documents, found.shares) == (4, {"de": 0.25, "en": 0.75})
    assert LanguageCounter().languages().documents == 0
