"""What is typed becomes what is built."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextlong_hub.cli.arguments import (
    BuildArguments,
    build_request,
    parse_amount,
    parse_by_config,
    parse_sources,
)
from nextlong_hub.corpus.naming import default_name
from nextlong_hub.errors import RecipeError
from nextlong_hub.execution.local import default_workers
from nextlong_hub.facade.requests import PUBLISHED, modes_of, rows_of
from nextlong_hub.recipe import Recipe, load_recipe, load_recipes


def parse_rows(
    recipes: Sequence[Recipe], ingredients: Sequence[Recipe], samples: Sequence[str], tokens: Sequence[str]
) -> dict[str, int]:
    """The rows that `--samples` and `--tokens` ask for."""
    return rows_of(recipes, ingredients, parse_by_config("--samples", samples), parse_by_config("--tokens", tokens))


def test_the_first_of_several_tokenizers_counts(tmp_path: Path) -> None:
    """`--tokenizer` may be given again; rows hold the tokens of the first."""
    file = tmp_path / "own.toml"
    file.write_text('name = "own"\n[[corpus]]\nname = "a"\npath = "a.txt"\n')
    several = build_request(BuildArguments(recipe_files=[str(file)], tokenizer=["one", "other", "one"]))
    assert (several.tokenizer, several.more_tokenizers) == ("one", ("other", "one"))
    assert several.tokenizers == ("one", "other")


def test_without_arguments_the_demo_is_built_in_all_published_configurations() -> None:
    """The first command anybody types needs no option at all."""
    request = build_request(BuildArguments())
    assert [recipe.name for recipe in request.recipes] == list(PUBLISHED)
    assert [source.path for source in request.sources] == ["demo"]
    assert request.tokenizer == "demo"
    assert request.rows == {}


def test_the_published_configurations_are_those_that_come_with_the_package() -> None:
    """None of the published names is a dead one."""
    assert [load_recipe(name).name for name in PUBLISHED] == list(PUBLISHED)


def test_a_recipe_file_stands_beside_named_configurations(tmp_path: Path) -> None:
    """`--recipe` adds to what is named, and alone it replaces the default four."""
    file = tmp_path / "mine.toml"
    file.write_text('name = "mine"\ntarget_length = 512\n')
    alone = build_request(BuildArguments(recipe_files=[str(file)]))
    beside = build_request(BuildArguments(configs=["64k"], recipe_files=[str(file)]))
    assert [recipe.name for recipe in alone.recipes] == ["mine"]
    assert [recipe.name for recipe in beside.recipes] == ["64k", "mine"]


def test_the_recipe_names_the_corpus_when_the_command_line_does_not(tmp_path: Path) -> None:
    """`[[corpus]]` of a recipe is used, and `--corpus` goes before it."""
    file = tmp_path / "mine.toml"
    file.write_text('name = "mine"\n[[corpus]]\nname = "web"\npath = "web.jsonl"\nweight = 2.0\n')
    own = build_request(BuildArguments(recipe_files=[str(file)], tokenizer="demo"))
    named = build_request(BuildArguments(recipe_files=[str(file)], corpora=["b.txt"], tokenizer="demo"))
    assert [(source.name, source.weight) for source in own.sources] == [("web", 2.0)]
    assert [source.name for source in named.sources] == ["b"]


def test_two_recipes_cannot_name_two_corpora(tmp_path: Path) -> None:
    """One run has one corpus, and the message says how to choose it."""
    for name in ("one", "two"):
        (tmp_path / f"{name}.toml").write_text(f'name = "{name}"\n[[corpus]]\nname = "{name}"\npath = "{name}.txt"\n')
    files = [str(tmp_path / f"{name}.toml") for name in ("one", "two")]
    with pytest.raises(RecipeError, match=r"one, two name different corpora.*give corpus="):
        build_request(BuildArguments(recipe_files=files, tokenizer="demo"))


def test_settings_change_every_recipe_of_the_run() -> None:
    """`--set` and `--on-bad-document` reach ingredients of mixtures too."""
    arguments = BuildArguments(configs=["subset"], settings=["retrieval.k1=1.2"], on_bad_document="skip")
    request = build_request(arguments)
    every = (*request.recipes, *request.ingredients)
    assert {recipe.name for recipe in every} == {"subset", "64k", "512k"}
    assert {(recipe.retrieval.k1, recipe.on_bad_document) for recipe in every} == {(1.2, "skip")}


def test_columns_are_those_of_every_source() -> None:
    """`--text-column` and `--id-column` hold for all of --corpus."""
    arguments = BuildArguments(corpora=["a.txt", "b.txt"], tokenizer="demo", text_column="body", id_column="key")
    assert {(s.text_column, s.id_column) for s in build_request(arguments).sources} == {("body", "key")}


def test_a_tokenizer_is_chosen_by_a_person_unless_all_is_demo() -> None:
    """Rows counted in tokens of an unintended tokenizer would be worthless, so it is never a silent default."""
    with pytest.raises(RecipeError, match=r"tokenizer= is missing.*tokenizer='demo'"):
        build_request(BuildArguments(corpora=["docs.parquet"]))
    assert build_request(BuildArguments(corpora=["demo"])).tokenizer == "demo"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("data/books.jsonl.zst", "books"),
        ("web.parquet", "web"),
        ("notes/", "notes"),
        ("web-*.jsonl.gz", "web"),
        ("allenai/c4", "c4"),
        ("hf://datasets/allenai/c4@main/en/*.json.gz", "c4"),
        ("v1.5.parquet", "v1.5"),
        ("*.txt", "corpus"),
    ],
)
def test_a_source_without_a_name_is_called_after_its_path(path: str, name: str) -> None:
    """File, folder, glob and Hub dataset each give the name a person would use."""
    assert default_name(path) == name


def test_sources_have_different_names_whatever_their_order() -> None:
    """Equal stems are numbered by path, so the order of the command line does not reach the bytes."""
    paths = ["b/data.parquet", "a/data.parquet", "data=c/data.parquet"]
    expected = {"data": "c/data.parquet", "data-2": "a/data.parquet", "data-3": "b/data.parquet"}
    assert {source.name: source.path for source in parse_sources(paths)} == expected
    assert parse_sources(paths) == parse_sources(reversed(paths))


def test_an_existing_path_with_an_equals_sign_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`year=2024/part.parquet`, as Hive lays files out, is not a source called `year`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "year=2024").mkdir()
    assert [(source.name, source.path) for source in parse_sources(["year=2024"])] == [("year=2024", "year=2024")]


def test_a_source_named_twice_is_refused() -> None:
    """A name given by hand is never changed, so two equal ones are an error."""
    with pytest.raises(RecipeError, match="names 'web' twice"):
        parse_sources(["web=a.txt", "web=b.txt"])


@pytest.mark.parametrize(
    ("text", "amount"), [("128", 128), ("1_000", 1000), ("1,000", 1000), ("4B", 4 * 10**9), ("1.5m", 1_500_000)]
)
def test_amounts_have_decimal_suffixes(text: str, amount: int) -> None:
    """K, M, B and T are powers of ten, in either case."""
    assert parse_amount(text, "--tokens") == amount


@given(st.integers(1, 10**15), st.sampled_from([("", 0), ("K", 3), ("M", 6), ("B", 9), ("T", 12)]))
def test_any_whole_amount_is_read_exactly(number: int, suffix: tuple[str, int]) -> None:
    """No amount goes through a float."""
    assert parse_amount(f"{number}{suffix[0]}", "--tokens") == number * 10 ** suffix[1]


@pytest.mark.parametrize("text", ["", "0", "-3", "1.5", "4G", "many", "1.2345K", "0.0M"])
def test_an_amount_that_is_no_number_of_rows_is_refused(text: str) -> None:
    """The message shows how to write one."""
    with pytest.raises(RecipeError, match="no whole number above 0; write it as 128, 500K, 4B"):
        parse_amount(text, "--tokens")


def test_tokens_become_rows_rounded_up() -> None:
    """4 rows of 65,536 are 262,144 tokens: one token more needs a fifth row."""
    recipes, ingredients = load_recipes(["64k", "128k"])
    assert parse_rows(recipes, ingredients, [], ["262144"]) == {"64k": 4, "128k": 2}
    assert parse_rows(recipes, ingredients, [], ["64k=262145"]) == {"64k": 5}


def test_the_amount_for_one_configuration_goes_before_the_one_for_all() -> None:
    """`--samples 8 --samples 64k=2` is 2 rows of 64k and 8 of everything else, and --tokens may serve another one."""
    recipes, ingredients = load_recipes(["64k", "128k", "512k"])
    assert parse_rows(recipes, ingredients, ["8", "64k=2"], ["512k=1M"]) == {"64k": 2, "128k": 8, "512k": 2}


def test_a_mixture_counts_its_rows_by_the_tokens_of_its_parts() -> None:
    """2 : 1 by tokens is 16 rows of 64k for each of 512k: 17 rows are 1,572,864 tokens."""
    recipes, ingredients = load_recipes(["subset"])
    assert parse_rows(recipes, ingredients, [], ["1572864"]) == {"subset": 17, "64k": 16, "512k": 1}


def test_rows_are_rounded_up_exactly() -> None:
    """A target length that is no power of two gives no row too many: 3 rows of 1,000 tokens are 3,000 tokens."""
    recipes, ingredients = load_recipes(["64k"], {"target_length": 1000})
    for rows in range(1, 500):
        assert parse_rows(recipes, ingredients, [], [f"{rows * 1000}"]) == {"64k": rows}


def test_ingredients_of_an_unbounded_mixture_are_unbounded() -> None:
    """Nothing limits what nobody has limited."""
    recipes, ingredients = load_recipes(["subset"])
    assert parse_rows(recipes, ingredients, [], []) == {}


@pytest.mark.parametrize(
    ("samples", "tokens", "message"),
    [
        (["128=4"], [], r"'128' is not being built.*64k, 128k.*did you mean '128k'"),
        (["4", "5"], [], "given twice for all configurations"),
        (["64k=4", "64k=5"], [], "given twice for 64k"),
        (["64k=4"], ["64k=1M"], "both give the size of 64k"),
        (["4"], ["1M"], "both give the size of all configurations"),
    ],
)
def test_sizes_that_do_not_fit_together_are_refused(samples: list[str], tokens: list[str], message: str) -> None:
    """What two options say about one configuration is never silently dropped."""
    with pytest.raises(RecipeError, match=message):
        parse_rows(*load_recipes(["64k", "128k"]), samples, tokens)


def test_modes_are_words_with_a_comma() -> None:
    """`truncate,discard` is both, and a misspelt word is named with the likely one."""
    assert modes_of(["truncate", " discard"]) == {"truncate", "discard"}
    with pytest.raises(RecipeError, match=r"'trunkate' is neither.*did you mean 'truncate'"):
        modes_of(["trunkate"])


def test_a_large_machine_is_not_filled_unasked() -> None:
    """By default there is a worker for each processor, 8 at most."""
    assert 1 <= default_workers() <= 8
