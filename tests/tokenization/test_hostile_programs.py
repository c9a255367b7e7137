"""Chat templates and tokenizers are programs that come from anywhere: none takes time or memory without end."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextlong_hub.errors import DataError, RecipeError
from nextlong_hub.records import Message
from nextlong_hub.tokenization import ChatTemplate, load_tokenizer, rendering
from nextlong_hub.tokenization.bounded import growth_of
from nextlong_hub.tokenization.soundness import require_sound

TALK = [Message("user", "first words"), Message("assistant", "b")]

ENDLESS = {
    "loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "values within values, compared": "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}"
    "{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x == ns.x | list }}{{ ns.x }}",
}
TOO_LARGE = {
    "a width": "{{ '{:>9999999999}'.format('x') }}",
    "a width given": "{{ '%*d' % (10**10, 1) }}",
    "a filter": "{{ 'x' | center(10**10) }}",
    "an indent": "{{ [1] | tojson(indent=10**10) }}",
    "a product": "{{ 'x' * 10**10 }}",
    "a replacement": "{{ ('x' * 10**6).replace('x', 'y' * 10**6) }}",
    "a number as bytes": "{{ (5).to_bytes(10**11, 'big') }}",
    "doubling": "{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
    "the text itself": "{% for i in range(200) %}{{ 'x' * 10**6 }}{% endfor %}",
}


@pytest.fixture
def hasty() -> Iterator[None]:
    """A conversation may take one second and not ten."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rendering, "CPU_SECONDS", 1)
        rendering._confined.cache_clear()
        yield
    rendering._confined().close()
    rendering._confined.cache_clear()


def stopped(template: str, taken: str) -> None:
    """The error names the template and the conversation, and says what to do; the next template is rendered."""
    hostile = ChatTemplate(text=template, name="of the tokenizer odd/one")
    with pytest.raises(RecipeError, match=rf"of the tokenizer odd/one was stopped .*'first words': .*{taken}.*use ano"):
        hostile.render(TALK)
    assert ChatTemplate(text="{{ messages[0].content }}").render(TALK) == "first words"


@pytest.mark.slow
@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("kind", ENDLESS)
def test_a_template_without_end_is_stopped_and_named(kind: str) -> None:
    """After its time."""
    stopped(ENDLESS[kind], "1 seconds")


@pytest.mark.slow
@pytest.mark.parametrize("kind", TOO_LARGE)
def test_a_template_that_grows_is_stopped_and_named(kind: str) -> None:
    """At its memory, long before its time is over."""
    stopped(TOO_LARGE[kind], "MiB of memory")


def test_a_macro_that_calls_itself_refuses_the_conversation() -> None:
    """Recursion ends where Python ends it."""
    with pytest.raises(DataError, match="RecursionError"):
        ChatTemplate(text="{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}").render(TALK)


def tokenizer(**changes: Any) -> dict[str, Any]:
    """A `tokenizer.json` of two tokens; a key of the model is given as `model__key`."""
    values: dict[str, Any] = {
        "version": "1.0",
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": None,
        "model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []},
    }
    for key, value in changes.items():
        place, _, inner = key.partition("__")
        if inner:
            values[place] = values[place] | {inner: value}
        else:
            values[place] = value
    return values


def replacement(pattern: dict[str, str], content: str) -> dict[str, Any]:
    """A step of a normalizer."""
    return {"type": "Replace", "pattern": pattern, "content": content}


def expression(regex: str) -> dict[str, Any]:
    """A pre-tokenizer that isolates what an expression matches."""
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}


ADDED = {"content": "<x>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
DOUBLING = {"type": "Sequence", "normalizers": [replacement({"String": "a"}, "aa")] * 27}
UNSOUND = {
    "an id": (tokenizer(model__vocab={"a": 0, "b": 2**31}), "the id 2,147,483,648"),
    "an added id": (tokenizer(added_tokens=[{"id": 2**31, **ADDED}]), "the id 2,147,483,648"),
    "a long replacement": (tokenizer(normalizer=replacement({"String": "a"}, "b" * 10**6)), "content has 1,000,000"),
    "doubling": (tokenizer(normalizer=DOUBLING), "more than 10,000 characters of one"),
    "nothing replaced": (
        tokenizer(normalizer={"type": "Sequence", "normalizers": [replacement({"Regex": ""}, "x")] * 40}),
        "more than 10,000 characters of one",
    ),
    "a decoder": (tokenizer(decoder=replacement({"String": "a"}, "b" * 20_000)), "its decoder may make"),
    "an expression": (tokenizer(pre_tokenizer=expression("a|" * 10**6)), "Regex has 2,000,000 characters"),
    "many steps": (
        tokenizer(pre_tokenizer={"type": "Sequence", "pretokenizers": [expression("a")] * 300}),
        "number of steps of the pre_tokenizer is 301",
    ),
    "a suffix": (tokenizer(model__end_of_word_suffix="x" * 10**6), "the length of end_of_word_suffix is 1,000,000"),
    "long words": (tokenizer(model__max_input_chars_per_word=10**9), "max_input_chars_per_word is 1,000,000,000"),
}


def write(folder: Path, values: Any) -> str:
    """Write a tokenizer; gives its folder."""
    (folder / "tokenizer.json").write_text(json.dumps(values))
    return str(folder)


@pytest.mark.parametrize("kind", UNSOUND)
def test_a_tokenizer_without_bounds_is_not_opened(kind: str, tmp_path: Path) -> None:
    """The error names the file and the setting, and says what to do."""
    values, message = UNSOUND[kind]
    with pytest.raises(RecipeError, match=rf"tokenizer.json is not opened: .*{message}.*use another tokenizer"):
        load_tokenizer(write(tmp_path, values))


def test_json_that_is_nested_too_deeply_is_no_tokenizer(tmp_path: Path) -> None:
    """Brackets end no stack."""
    (tmp_path / "tokenizer.json").write_text("[" * 100_000)
    with pytest.raises(RecipeError, match="nested too deeply"):
        load_tokenizer(str(tmp_path))


def test_the_embedded_tokenizer_would_be_opened_as_well() -> None:
    """It is not looked at, as it is ours; so it is looked at here."""
    require_sound(load_tokenizer("demo").copy_backend().to_str().encode())


def test_a_tokenizer_that_multiplies_is_named(tmp_path: Path) -> None:
    """Two thousand tokens of each character are no tokens of a text."""
    odd = load_tokenizer(write(tmp_path, tokenizer(normalizer=replacement({"String": "a"}, "b" * 2000))))
    with pytest.raises(RecipeError, match=r"makes 44,000 tokens of 22 characters: it multiplies the text"):
        odd.encode("a" * 22)


@pytest.mark.filterwarnings("default")
def test_an_expression_that_cannot_go_on_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What the library calls a panic is an error of ours, for short texts and in the thread that is waited for."""
    odd = load_tokenizer(write(tmp_path, tokenizer(pre_tokenizer=expression("(a+)+b"))))
    for text in ("a" * 100, "a" * 5000):
        with pytest.raises(
            RecipeError, match=r"cannot go on .*retry-limit.*regular expressions in its tokenizer\.json"
        ):
            odd.count([text])


def test_an_expression_that_tries_for_ever_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The work is left behind, and the error says of how much text."""
    monkeypatch.setattr("nextlong_hub.tokenization.bounded._FREE_SECONDS", 0.01)
    monkeypatch.setattr("nextlong_hub.tokenization.bounded._CHARACTERS_A_SECOND", 1e12)
    odd = load_tokenizer(write(tmp_path, tokenizer(pre_tokenizer=expression("(?:a+)+(?:a+)+(?=b)"))))
    with pytest.raises(RecipeError, match=r"was given up: 1,500 characters took it more than"):
        odd.encode("a" * 1500)


def test_growth_is_known_from_the_settings() -> None:
    """What steps make of one character is multiplied; a text replaced by no longer one does not grow."""
    assert growth_of(None) == growth_of(replacement({"String": " "}, "▁")) == 1
    assert growth_of(replacement({"String": "ab"}, "xyz")) == 2
    assert growth_of(replacement({"Regex": " +"}, " ")) == 2
    assert growth_of({"type": "Prepend", "prepend": "▁"}) == 2
    assert growth_of(DOUBLING) == 2**27
    assert growth_of({"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Lowercase"}]}) == 54


@given(st.text(min_size=1, max_size=40), st.sampled_from(["NFC", "NFD", "NFKC", "NFKD", "Lowercase"]))
def test_no_text_grows_more_than_is_known(text: str, kind: str) -> None:
    """The library itself makes no more characters of a text than `growth_of` says."""
    from tokenizers import normalizers

    step = getattr(normalizers, kind)()
    assert len(step.normalize_str(text)) <= growth_of({"type": kind}) * len(text)
