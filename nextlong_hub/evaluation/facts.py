"""Statements that are planted in a row, and the question about one of them; the answer cannot be guessed."""

import random
from collections.abc import Container

from nextlong_hub.evaluation.pieces import Fact

_FIRST_WORDS = (
    "amber azure bronze cobalt copper coral crimson golden granite hazel indigo ivory jade lemon lilac linen "
    "maple marble olive onyx opal pearl purple ruby russet sable scarlet silver teal umber velvet violet"
)
_SECOND_WORDS = (
    "anchor badger beacon bison bridge canyon castle cedar comet condor dolphin falcon garden glacier harbour "
    "heron island lantern magnet meadow mirror otter panther prairie quarry raven river saddle tiger tunnel "
    "willow zephyr"
)
_DIGITS = 7


def drawn_fact(chance: random.Random, taken: Container[str]) -> Fact:
    """A fact whose key and value are not taken; `taken` may be a text, in which neither stands then."""
    while True:
        key = f"{chance.choice(_FIRST_WORDS.split())} {chance.choice(_SECOND_WORDS.split())}"
        value = str(chance.randrange(10 ** (_DIGITS - 1), 10**_DIGITS))
        if key not in taken and value not in taken:
            return Fact(key=key, value=value)


def statement(fact: Fact) -> str:
    """The sentence that is planted."""
    return f"{question(fact)} {fact.value}."


def question(fact: Fact) -> str:
    """The beginning of the sentence, which asks for its end: the answer is a space and the value."""
    return f"The code word for {fact.key} is"
