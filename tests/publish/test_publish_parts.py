"""What a push is made of: commits that are filled but not overfilled, and cards of which no word is lost."""

from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from nextlong_hub.datacard.text import Card, digests_of, format_card
from nextlong_hub.hub.changes import Change, Changes, LocalFile
from nextlong_hub.publish.card_merge import card_to_publish
from nextlong_hub.publish.pull_request import Limits, steps_of

SECTIONS = {"overview": "# Eight rows", "citation": "Cite us."}


def card(opening: str, aside: str) -> str:
    """A card with words of a person at its top and behind its first section."""
    asides = {"overview": aside} if aside else {}
    made = Card(header={}, sections=SECTIONS, digests=digests_of({}, SECTIONS), opening=opening, asides=asides)
    return format_card(made)


def added(sizes: list[int]) -> tuple[Changes, dict[str, LocalFile]]:
    """Files within the commit, of those sizes."""
    files = {
        name: LocalFile(path=name, size_bytes=size, sha256="0" * 64, source=b"x" * size)
        for name, size in ((f"f{number:03}", size) for number, size in enumerate(sizes))
    }
    changes = tuple(Change(path=path, kind="added", size_bytes=file.size_bytes) for path, file in files.items())
    return Changes(changes), files


def sizes_of(sizes: list[int], limits: Limits) -> list[list[int]]:
    """The sizes in each step."""
    changes, files = added(sizes)
    return [[files[path].size_bytes for path in step] for step in steps_of(changes, files, limits)]


def test_a_commit_holds_what_the_limits_say_and_no_less() -> None:
    """Exactly the limit still fits, of files and of bytes; one byte more is another commit."""
    limits = Limits(files=3, inline_bytes=10)
    assert sizes_of([4, 6], limits) == [[4, 6]]
    assert sizes_of([4, 7], limits) == [[4], [7]]
    assert sizes_of([1, 1, 1, 1], limits) == [[1, 1, 1], [1]]
    assert sizes_of([11, 0, 10], limits) == [[11], [0, 10]]
    assert limits.fit(*added([4, 6])) and not limits.fit(*added([4, 7]))
    assert (Limits().files, Limits().inline_bytes) == (100, 50_000_000), "what the Hub recommends, and what it takes"


@given(st.lists(st.integers(0, 12), max_size=20), st.integers(1, 5), st.integers(1, 20))
def test_no_commit_could_have_taken_the_next_file(sizes: list[int], files: int, inline_bytes: int) -> None:
    """Bounds from both sides: none but the last has room for what begins the next."""
    steps = sizes_of(sizes, Limits(files=files, inline_bytes=inline_bytes))
    assert [size for step in steps for size in step] == sizes
    for step, following in pairwise(steps):
        assert len(step) == files or sum(step) + following[0] > inline_bytes


def test_words_of_both_sides_stay_or_are_told(tmp_path: Path) -> None:
    """Of two passages written here, the Hub's card has one: the other is not published, and that is said."""
    ours, theirs = card("Mine.", "Also mine."), card("Mine.", "Theirs.")
    made = card_to_publish(tmp_path, "me/it", ours, theirs)
    assert "Theirs." in made.text and "Also mine." not in made.text
    assert not made.holds_ours
    assert ["is not published" in note for note in made.notes] == [True]
    both = card_to_publish(tmp_path, "me/it", card("Mine.", ""), card("Mine.", "Theirs."))
    assert (both.holds_ours, both.notes) == (True, ())
    for alone in (None, ours):
        assert card_to_publish(tmp_path, "me/it", ours, alone).text == ours
