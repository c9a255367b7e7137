"""Whether trainers will see the tokens we count: transformers' own view of a tokenizer beside ours.

A trainer opens a tokenizer by `AutoTokenizer`, whose class may override what `tokenizer.json` says (a space put in
front of every text, another splitter). Texts are fitted by `tokenizer.json`, so such a row would miss its length there.
"""

import os
import warnings
from typing import Any

from nextlong_hub.tokenization.loading import folder_of
from nextlong_hub.tokenization.tokenizer import Tokenizer

PROBES = (
    "It's 2024: NASA's 10,000 kg probe didn't stop.",
    " a space in front,\ttabs\tand  two spaces \n\n\nthree lines\r\n",
    "naïve café, ΑΒΓ, 日本語、한국어, 🙂👩‍👩‍👧",
    "def f(x):\n    return x**2  # <|endoftext|> <s> </s> [INST]\n",
)
"""Texts on which tokenizers are known to disagree."""


def difference_from_transformers(tokenizer: Tokenizer) -> str:
    """What `AutoTokenizer` makes of the probes that we do not, or why it cannot be asked; empty when they agree.

    Raises:
        AuthError, NetworkError, RecipeError, StorageError: see `load_tokenizer`.
    """
    folder = folder_of(tokenizer, ())
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")  # or it announces on import that there is no PyTorch
    with warnings.catch_warnings(action="ignore"):
        from transformers import AutoTokenizer

        try:
            theirs: Any = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False, local_files_only=True)
        except Exception as error:  # whatever a tokenizer class raises on files it does not like
            reason = str(error).strip().splitlines() or [type(error).__name__]
            return f"AutoTokenizer cannot open it: {reason[0]}"
        for text in PROBES:
            ours = tokenizer.encode(text).tolist()
            ids = theirs(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
            if ids != ours:
                kind = type(theirs).__name__
                return f"{kind} makes other tokens of {text!r} ({len(ids)}) than tokenizer.json ({len(ours)})"
    return ""
