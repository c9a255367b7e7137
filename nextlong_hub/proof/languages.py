"""The languages of a corpus, whose stop words are left out where a recipe leaves that to the corpus.

Of up to 1,024 chunks, spread evenly, each is in the language that has the most of its different terms among its stop
words, of equals the first by its code; if these are three at least, and one in ten. A language that one in twenty of
the chunks are in is one of the corpus.
"""

from nextlong_hub.proof.texts import Texts
from nextlong_hub.proof.words import listed_languages, stop_words, terms

_MOST_CHUNKS = 1024
_FEWEST = 3
_ONE_TERM_IN = 10
_ONE_CHUNK_IN = 20
_GOLDEN = 0x9E3779B97F4A7C15
"""2^64 divided by the golden ratio: its multiples are spread evenly."""


def spoken(texts: Texts) -> dict[str, float]:
    """The share of the chunks looked at that are in each language of the corpus, rounded to four places."""
    chunks = texts.chunks
    looked_at: list[int] | range = range(chunks)
    if chunks > _MOST_CHUNKS:
        turns = (turn * _GOLDEN % 2**64 for turn in range(_MOST_CHUNKS))
        looked_at = sorted({turn * chunks // 2**64 for turn in turns})
    counts = dict.fromkeys(listed_languages(), 0)
    for chunk in looked_at:
        found = set(terms(texts.chunk(chunk), keeps_short_words=False))
        most, language = max((len(found & stop_words((code,))), -place) for place, code in enumerate(counts))
        if most >= _FEWEST and most * _ONE_TERM_IN >= len(found):
            counts[list(counts)[-language]] += 1
    size = len(looked_at)
    return {code: round(count / size, 4) for code, count in counts.items() if count and count * _ONE_CHUNK_IN >= size}
