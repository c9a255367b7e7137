"""Compares a tokenizer with transformers: whether a trainer will see the tokens that a build counts.

A trainer opens a tokenizer by `AutoTokenizer`, whose class may override what `tokenizer.json` says (a space put in
front of every text, another splitter). Texts are fitted by `tokenizer.json`, so such a row would miss its length there.
"""

from pathlib import Path

from nextlong_hub.core.confined import OutOfBudgetError, RefusedError, call_confined
from nextlong_hub.tokenization.loading import LIMITS, auto_tokenizer, folder_of, quiet_transformers
from nextlong_hub.tokenization.tokenizer import Tokenizer

PROBES = (
    "It's 2024: NASA's 10,000 kg probe didn't stop.",
    " a space in front,\ttabs\tand  two spaces \n\n\nthree lines\r\n",
    "naïve café, ΑΒΓ, 日本語、한국어, 🙂👩‍👩‍👧",
    "def f(x):\n    return x**2  # <|endoftext|> <s> </s> [INST]\n",
)
"""Texts on which tokenizers are known to disagree."""


def difference_from_transformers(tokenizer: Tokenizer) -> str:
    """The first difference between `AutoTokenizer` and a tokenizer on the probes; empty when they agree.

    Where `AutoTokenizer` cannot open the tokenizer, the text says why.

    Raises:
        AuthError, NetworkError, RecipeError, StorageError: see `load_tokenizer`.
    """
    folder = folder_of(tokenizer, ())
    try:
        kind, found = call_confined(probe_here, str(folder), LIMITS)
    except (RefusedError, OutOfBudgetError) as error:
        return f"AutoTokenizer cannot open it: {error}"
    for text, ids in zip(PROBES, found, strict=True):
        ours = tokenizer.encode(text).tolist()
        if ids != ours:
            return f"{kind} makes other tokens of {text!r} ({len(ids)}) than tokenizer.json ({len(ours)})"
    return ""


def probe_here(folder: str) -> tuple[str, list[list[int]]]:
    """The class of the tokenizer that transformers makes of a folder, and its ids of the probes.

    Raises:
        RecipeError: see `auto_tokenizer`.
    """
    with quiet_transformers():
        theirs = auto_tokenizer(Path(folder))
        ids = [theirs(text, add_special_tokens=False, split_special_tokens=True)["input_ids"] for text in PROBES]
    return type(theirs).__name__, ids
