"""Function words by language, as data: `stopwords/<language>.txt`, one list of words a file."""

from importlib.resources import files

from nextlong_hub.core.code_points import normalise
from nextlong_hub.errors import RecipeError

_LISTS = files("nextlong_hub.retrieval.bm25").joinpath("stopwords")


def languages() -> list[str]:
    """The languages there is a list for, as two-letter codes, sorted."""
    return sorted(entry.name.removesuffix(".txt") for entry in _LISTS.iterdir() if entry.name.endswith(".txt"))


def language_name(language: str) -> str:
    """The name of a language in English, which its list begins with; the code where there is no list."""
    if language not in languages():
        return language
    return _LISTS.joinpath(f"{language}.txt").read_text("utf-8").removeprefix("# ").partition(".")[0]


def stop_words(chosen: tuple[str, ...]) -> list[str]:
    """The function words of the `chosen` languages, normalised as the lexer normalises, sorted, each once.

    Raises:
        RecipeError: there is no list for one of the languages.
    """
    known = languages()
    words: set[str] = set()
    for language in chosen:
        if language not in known:
            raise RecipeError(
                f"no stop words for the language {language!r}; there are: {', '.join(known)}; "
                "leave it out of retrieval.stop_words; [] keeps every word"
            )
        text = _LISTS.joinpath(f"{language}.txt").read_text("utf-8")
        lines = (line for line in text.splitlines() if not line.startswith("#"))
        words.update(normalise(word) for line in lines for word in line.split())
    return sorted(words)
