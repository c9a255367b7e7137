"""Special tokens that a text spells: found exactly where a stock AutoTokenizer makes other ids."""

import json
import warnings
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from tokenizers import AddedToken

from nextlong_hub.tokenization import load_tokenizer
from nextlong_hub.tokenization.spelled import SpellingFinder


def stock(folder: Path) -> Any:
    """What a trainer opens."""
    with warnings.catch_warnings(action="ignore"):
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(str(folder))


def require_exact(folder: Path, texts: list[str]) -> list[dict[str, int]]:
    """Require that something is found in exactly those texts that have other ids; return what is found in each."""
    ours, theirs = load_tokenizer(str(folder)), stock(folder)
    finder = SpellingFinder(ours)
    found = [dict(finder.find([text])) for text in texts]
    differ = [theirs(text, add_special_tokens=False)["input_ids"] != ours.encode(text).tolist() for text in texts]
    assert [bool(names) for names in found] == differ
    kept = [theirs(text, add_special_tokens=False, split_special_tokens=True)["input_ids"] for text in texts]
    assert kept == [ours.encode(text).tolist() for text in texts]
    return found


def test_gpt2_spells_its_only_special_token() -> None:
    """Only whole ones count, and `split_special_tokens=True` keeps them text."""
    whole = "<|endoftext|>"
    texts = ["plain", f"a{whole}b", f"{whole} and {whole}", "<| endoftext|>", "<|endoftext", "<|im_end|>", ""]
    with as_file(files("nextlong_hub.builders").joinpath("demo/gpt2")) as folder:
        found = require_exact(folder, texts)
    assert found == [{}, {whole: 1}, {whole: 2}, {}, {}, {}, {}]


def test_the_rules_of_each_token_hold(tmp_path: Path) -> None:
    """Of a single word, a normalised one, one with the same id as text, one within another, special or not."""
    model = tokenizers.models.WordLevel({"[same]": 0, "?": 1, "a": 2}, unk_token="?")
    backend = tokenizers.Tokenizer(model)
    backend.normalizer = tokenizers.normalizers.Lowercase()
    backend.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    specials = [AddedToken(text, normalized=False) for text in ("[same]", "<x>", "<x>>")]
    specials += [AddedToken("mask", single_word=True, normalized=False), AddedToken("[low]", normalized=True)]
    backend.add_special_tokens(specials)
    backend.add_tokens([AddedToken("plain<x>", normalized=False)])
    (tmp_path / "tokenizer.json").write_text(backend.to_str())
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "?"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    texts = ["a [same] a", "a[same]a", "a mask a", "unmasked", "a [LOW] a", "<x>", "<x>>", "plain<x>", "a"]
    found = require_exact(tmp_path, texts)
    assert found == [{}, {"[same]": 1}, {"mask": 1}, {}, {"[low]": 1}, {"<x>": 1}, {"<x>>": 1}, {}, {}]


@pytest.mark.parametrize("texts", [[], ["a <|endoftext|>", "b", "<|endoftext|>"]])
def test_texts_are_added_up(texts: list[str]) -> None:
    """Several texts of one row count together."""
    assert SpellingFinder(load_tokenizer("demo")).find(texts).total() == 2 * bool(texts)
