"""Special tokens: `bos_token` and `eos_token` around a row's ids, where a recipe adds them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from building import make_request, read_rows
from tiny_tokenizers import byte_level

from nextlong_hub.errors import RecipeError
from nextlong_hub.pipeline import BuildRequest, build
from nextlong_hub.testing.worlds import tiny_recipe
from nextlong_hub.tokenization import SpecialTokens, control_tokens, find_special_tokens, load_tokenizer
from nextlong_hub.verification import verify


def write_folder(folder: Path, *names: str, **files: Any) -> str:
    """A tokenizer folder whose special tokens have these names; `files` lie beside `tokenizer.json`."""
    backend = byte_level().copy_backend()
    backend.add_special_tokens(list(names))
    values = json.loads(backend.to_str()) | files.pop("tokenizer", {})
    folder.mkdir(exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(values))
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return str(folder)


def template(*pieces: str) -> dict[str, Any]:
    """A post-processor that puts a text, `A`, between special tokens."""
    single = [
        {"Sequence": {"id": "A", "type_id": 0}} if piece == "A" else {"SpecialToken": {"id": piece, "type_id": 0}}
        for piece in pieces
    ]
    special = {piece: {"id": piece, "ids": [700], "tokens": [piece]} for piece in pieces if piece != "A"}
    processor = {"type": "TemplateProcessing", "single": single, "pair": single, "special_tokens": special}
    return {"post_processor": processor}


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({"tokenizer_config": {"bos_token": "<s>", "eos_token": "</s>"}}, {"bos_token": "<s>", "eos_token": "</s>"}),
        ({"tokenizer_config": {"bos_token": None, "eos_token": {"content": "</s>"}}}, {"eos_token": "</s>"}),
        ({"special_tokens_map": {"bos_token": {"content": "<s>", "lstrip": False}}}, {"bos_token": "<s>"}),
        (
            {"tokenizer_config": {"bos_token": "<s>"}, "special_tokens_map": {"bos_token": "x", "eos_token": "</s>"}},
            {"bos_token": "<s>", "eos_token": "</s>"},
        ),
        ({"tokenizer": template("<s>", "A", "</s>")}, {"bos_token": "<s>", "eos_token": "</s>"}),
        ({"tokenizer": template("<s>", "A")}, {"bos_token": "<s>"}),
        ({"tokenizer_config": ["no table"]}, {}),
        ({}, {}),
    ],
)
def test_names_are_found_where_a_folder_tells_them(tmp_path: Path, files: Any, named: dict[str, str]) -> None:
    """In the configuration, else in the map of special tokens, else in the template."""
    tokenizer = load_tokenizer(write_folder(tmp_path / "own", "<s>", "</s>", **files))
    assert control_tokens(tokenizer) == named


def test_ids_stand_between_those_asked_for(tmp_path: Path) -> None:
    """Each by itself, both, or none; what is not asked for need not exist."""
    own = {"tokenizer_config": {"bos_token": "<s>", "eos_token": "</s>"}}
    tokenizer = load_tokenizer(write_folder(tmp_path / "own", "<s>", "</s>", **own))
    numbers = {token.content: number for number, token in tokenizer.added_tokens.items()}
    bos, eos = numbers["<s>"], numbers["</s>"]
    ids = np.array([5, 6], np.int32)
    by_choice = {
        (a, b): find_special_tokens(tokenizer, bos=a, eos=b).around(ids).tolist()
        for a in (False, True)
        for b in (False, True)
    }
    assert by_choice == {
        (False, False): [5, 6],
        (False, True): [5, 6, eos],
        (True, False): [bos, 5, 6],
        (True, True): [bos, 5, 6, eos],
    }
    assert (SpecialTokens(bos=1, eos=None).tokens, SpecialTokens().tokens) == (1, 0)
    assert SpecialTokens(bos=1, eos=2).around(ids).dtype == np.int32


def test_a_tokenizer_without_the_token_is_refused_before_anything_is_made(corpus_file: Path, tmp_path: Path) -> None:
    """The message names what the tokenizer has; a name without a token is no token either."""
    files = {"tokenizer_config": {"eos_token": "</s>", "bos_token": "<missing>"}}
    folder = write_folder(tmp_path / "own", "</s>", **files)
    request = make_request(corpus_file, tiny_recipe(add_bos_token=True))
    request = BuildRequest(recipes=request.recipes, sources=request.sources, tokenizer=folder, rows=request.rows)
    with pytest.raises(RecipeError, match=r"sets add_bos_token, but .*own has no bos_token .* eos_token '</s>'.*; set"):
        build(request, tmp_path / "dataset")
    assert not (tmp_path / "dataset").exists()
    with pytest.raises(RecipeError, match="it has: neither bos_token nor eos_token"):
        find_special_tokens(load_tokenizer(write_folder(tmp_path / "bare")), bos=False, eos=True)


@pytest.mark.slow
def test_rows_with_special_tokens_have_exactly_the_target(corpus_file: Path, tmp_path: Path) -> None:
    """The special tokens count in the target, belong to no segment, and are verified with the row."""
    recipe = tiny_recipe(add_bos_token=True, add_eos_token=True)
    request = make_request(corpus_file, recipe)
    build(request, tmp_path / "dataset")
    rows = read_rows(tmp_path / "dataset")
    gpt2 = load_tokenizer("demo")
    assert len(rows) == 8
    for row in rows:
        assert row["token_count"] == len(row["input_ids"]) == 512
        assert row["input_ids"] == [50256, *gpt2.encode(row["text"]).tolist(), 50256]
    assert verify(tmp_path / "dataset", sources=request.sources, tokenizer="demo").faults == ()
