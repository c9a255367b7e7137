"""Recipes: every choice that decides the bytes is checked, written out and part of the fingerprint; nothing else is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plugins import install_extension
from pydantic import BaseModel

from nextlong_hub.errors import RecipeError
from nextlong_hub.recipe import (
    Recipe,
    load_recipe,
    load_recipes,
    parse_recipe,
    parse_setting,
    recipe_names,
    recorded_recipe,
)

FINGERPRINTS = {
    "64k": "8cb13fa06e11",
    "128k": "acb7abf67d2a",
    "512k": "9dc92b547587",
    "subset": "d4d397c4a9c9",
    "mix": "d8e056df90cd",
    "instruct": "3f027438a3fa",
}

OTHER_VALUES: dict[str, Any] = {
    "name": "other",
    "target_length": 4096,
    "tokens": False,
    "add_bos_token": True,
    "add_eos_token": True,
    "on_bad_document": "skip",
    "on_secret": "drop",
    "filters": {"language": {"keep": ["de", "en"]}},
    "chunking.mode": "reference",
    "chunking.chunk_characters": 1024,
    "chunking.minimum_characters": 0,
    "meta_documents.choice": "nested",
    "meta_documents.length_preference": 0.5,
    "meta_documents.minimum_chunks": 3,
    "meta_documents.maximum_share": 0.25,
    "meta_documents.patience": 100,
    "retrieval.retriever": "rank-bm25",
    "retrieval.formula": "okapi",
    "retrieval.k1": 1.2,
    "retrieval.b": 0.5,
    "retrieval.stop_words": ["en", "de"],
    "retrieval.keep_short_words": True,
    "retrieval.shard_chunks": 1000,
    "retrieval.postings_budget": 2.0,
    "retrieval.pool_chunks": 9,
    "retrieval.options": {"characters": 4},
    "negatives.near_duplicate": 0.75,
    "negatives.shingle_words": 8,
    "negatives.first_rank": 9,
    "negatives.guard": "tokens",
    "negatives.guard_shingles": 0.4,
    "negatives.guard_tokens": 0.05,
    "interleave.layout": "none",
    "interleave.fill": "reference",
    "interleave.separator": "\n\n",
    "interleave.characters_per_token": 3.5,
    "interleave.adjustment": 2.0,
    "output.unit_documents": 3,
    "output.shard_bytes": 1000,
    "output.row_group_bytes": 100,
    "fit.truncate": True,
    "fit.discard": True,
    "mixture": [{"recipe": "64k", "share": 1.0}],
    "mix.recipe": "128k",
    "mix.documents": 0.25,
    "conversations.form": "sharegpt",
    "conversations.columns": ["dialogue"],
    "conversations.system_prompt": "Be brief.",
    "conversations.too_long": "discard",
    "conversations.chat_template": "llama3",
    "conversations.template_variables": {"date_string": "26 Jul 2024"},
    "pack": True,
    "packing.window_tokens": 1000,
    "packing.align": 16,
    "producer": "mine",
    "options": {"depth": 2},
}
"""For each choice a value that is not its default."""

NEEDS: dict[str, dict[str, Any]] = {
    "fit.": {"fit.truncate": False, "fit.discard": False},
    "mix.": {"pack": True, "mix.recipe": "64k"},
    "conversations.": {"pack": True, "conversations.form": "auto"},
    "packing.align": {"pack": True, "mixture": [{"recipe": "64k", "share": 1.0}]},
    "pack": {"mixture": [{"recipe": "64k", "share": 1.0}]},
    "retrieval.options": {"retrieval.retriever": "overlap"},
}
"""What else a recipe must say for a choice to stand in it, by how the choice begins."""

PROSE: dict[str, Any] = {"description": "Something else", "corpus": [{"name": "notes", "path": "notes.jsonl"}]}
"""What does not decide the bytes: words, and a corpus, which has a digest of its own."""


@pytest.fixture(autouse=True, scope="module")
def retriever_with_options(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A retriever that is not ours, for ours have no options."""
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(
            str(install_extension(folder, "nextlong_hub.retrievers", "overlap", "overlap_retriever:RETRIEVER"))
        )
        yield


def make(**overrides: Any) -> Recipe:
    """A recipe with nothing but a name, and `overrides` by dotted key."""
    return parse_recipe(b'name = "x"', "x.toml", {key.replace("__", "."): value for key, value in overrides.items()})


def changed(key: str, *, by: bool = True) -> Recipe:
    """A recipe with another value for one choice, or, without `by`, only with what that choice needs."""
    base = next((needs for prefix, needs in NEEDS.items() if key.startswith(prefix)), {})
    return make(**base | ({key: OTHER_VALUES[key]} if by else {}))


def choices(model: type[BaseModel], prefix: str = "") -> list[str]:
    """Every choice of a recipe as a dotted key; an optional section counts as its choices."""
    found = []
    for name, field in model.model_fields.items():
        kinds = [field.annotation, *getattr(field.annotation, "__args__", ())]
        sections = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        is_table = sections and not str(field.annotation).startswith("tuple")
        found += choices(sections[0], f"{prefix}{name}.") if is_table else [f"{prefix}{name}"]
    return found


def test_six_recipes_come_along() -> None:
    """Shortest first, then those that take rows, conversations last, each under the name of its file and as long."""
    assert recipe_names() == ["64k", "128k", "512k", "subset", "mix", "instruct"]
    lengths = {name: load_recipe(name).target_length for name in recipe_names()}
    own = {"64k": 65_536, "128k": 131_072, "512k": 524_288}
    assert lengths == {**own, "subset": 524_288, "mix": 65_536, "instruct": 65_536}
    assert [load_recipe(name).name for name in recipe_names()] == recipe_names()
    assert [(part.recipe, part.share) for part in load_recipe("subset").mixture] == [("64k", 2.0), ("512k", 1.0)]


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_fingerprints_are_pinned(name: str) -> None:
    """If this fails, published datasets of this name would no longer be reproducible."""
    assert load_recipe(name).fingerprint == FINGERPRINTS[name]


def test_a_recipe_that_says_what_was_the_default_once_is_the_one_it_always_was() -> None:
    """What was published then can be made again, and a manifest that is silent means it."""
    recipe = load_recipe("64k", {"retrieval.stop_words": ["en"], "on_secret": "keep"})
    assert recipe.fingerprint == "7372b1992e7f"
    assert recorded_recipe(recipe.model_dump(mode="json")) == recipe
    values = recipe.model_dump(mode="json")
    del values["retrieval"]["stop_words"], values["on_secret"]
    assert recorded_recipe(values) == recipe
    assert load_recipe("64k").retrieval.stop_words == "auto"


@pytest.mark.parametrize(
    ("written", "read"), [("auto", "auto"), ("ru", ("ru",)), (["de", "en"], ("de", "en")), ([], ())]
)
def test_stop_words_are_a_list_of_languages_one_of_them_or_auto(written: Any, read: Any) -> None:
    """A language alone is a list of one; what is read is written out and read back, as TOML and as JSON."""
    recipe = load_recipe("64k", {"retrieval.stop_words": written})
    assert recipe.retrieval.stop_words == read
    assert parse_recipe(recipe.to_toml().encode(), "again") == recipe
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe


def test_every_recipe_is_pinned() -> None:
    """A recipe that comes along without a pinned fingerprint could change unnoticed."""
    assert list(FINGERPRINTS) == recipe_names()


def test_every_choice_is_tried_below() -> None:
    """A new field must be declared to be a choice or prose."""
    assert sorted(choices(Recipe)) == sorted(OTHER_VALUES.keys() | PROSE.keys())


@pytest.mark.parametrize("key", OTHER_VALUES)
def test_every_choice_changes_the_fingerprint(key: str) -> None:
    """No choice that decides the bytes can differ between two recipes of one fingerprint."""
    assert changed(key, by=False).fingerprint != changed(key).fingerprint


@pytest.mark.parametrize("key", PROSE)
def test_prose_does_not_change_the_fingerprint(key: str) -> None:
    """What is only said about a recipe leaves its datasets alone."""
    assert make(**{key: PROSE[key]}) != make()
    assert make(**{key: PROSE[key]}).fingerprint == make().fingerprint


def test_the_way_of_writing_does_not_change_the_fingerprint() -> None:
    """A whole number where a fraction may stand, a default written out, another order: the same recipe."""
    written = parse_recipe(b'target_length = 131_072\nname = "x"\n[retrieval]\nb = 0.75\nk1 = 2', "x.toml")
    assert written == make(retrieval__k1=2.0)
    assert written.fingerprint == make(retrieval__k1=2.0).fingerprint


def test_the_resolved_recipe_is_complete_and_gives_the_same_fingerprint() -> None:
    """`to_toml` writes every choice, so that nothing depends on later defaults."""
    for one in [changed(key) for key in OTHER_VALUES] + [make(**PROSE)]:
        again = parse_recipe(one.to_toml().encode(), "again")
        assert again == one
        assert again.fingerprint == one.fingerprint
    for name in recipe_names():
        recipe = load_recipe(name)
        assert parse_recipe(recipe.to_toml().encode(), name) == recipe
        assert "postings_budget = 0.0" in recipe.to_toml()


@given(st.text(st.characters(exclude_categories=["Cs"])), st.floats(min_value=0, max_value=1e300))
def test_any_text_and_number_survives_the_resolved_recipe(text: str, number: float) -> None:
    """Quotes, control characters, line ends and extreme numbers are read back as they were."""
    recipe = make(description=text, interleave__separator=text, retrieval__k1=number)
    again = parse_recipe(recipe.to_toml().encode(), "again")
    assert again == recipe
    assert again.fingerprint == recipe.fingerprint


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ('name = "x"\ntarget_lenght = 9', r"unknown key 'target_lenght'; known here: name, .*did you mean 'target_le"),
        ('name = "x"\n[retrieval]\nk_1 = 2.0', r"unknown key 'retrieval.k_1'; .* \(did you mean 'k1'\?\)"),
        ('name = "x"\n[[mixture]]\nrecipe = "y"\nshares = 1.0', r"unknown key 'mixture.0.shares'.*mean 'share'"),
        ('name = "x"\n[fit]\ntruncate = true\ndiscart = true', r"unknown key 'fit.discart'.*did you mean 'discard'"),
        ('name = "x"\nzzz = 1', r"unknown key 'zzz'; known here: name, .*, packing, "),
        ('name = "x"\npack = true', "packs its rows, but a synthesised sample fills a row by itself"),
        ('name = "x"\n[conversations]', "makes rows of conversations, which are packed.*; set pack = true"),
        ('name = "x"\npack = true\nadd_bos_token = true\n[conversations]', "leave out add_bos_token"),
        ("target_length = 9", "'name' is missing; add it"),
        ('name = "a/b"', "name = 'a/b': String should match pattern"),
        ('name = "../x"', "should match pattern"),
        ('name = "x."', "name = 'x.': the name of a folder on Windows cannot end in a dot; leave the dot out"),
        ('name = "con"', "name = 'con': Windows reserves this name for a device; choose another, such as 'my-con'"),
        ('name = "Aux.v2"', "name = 'Aux.v2': Windows reserves this name"),
        ('name = "lpt1"', "name = 'lpt1': Windows reserves this name"),
        ('name = "x"\ntarget_length = "9"', "target_length = '9': Input should be a valid integer"),
        ('name = "x"\ntarget_length = 7', "target_length = 7: Input should be greater than or equal to 8"),
        ('name = "x"\ntokens = 1', "tokens = 1: Input should be a valid boolean"),
        ('name = "x"\n[retrieval]\nb = 1.5', "retrieval.b = 1.5: Input should be less than or equal to 1"),
        ('name = "x"\n[retrieval]\nk1 = inf', "retrieval.k1 = inf: Input should be a finite number"),
        ('name = "x"\n[interleave]\nadjustment = nan', "interleave.adjustment = nan: Input should be"),
        ('name = "x"\n[chunking]\nmode = "fast"', "chunking.mode = 'fast': Input should be 'lossless' or 'reference'"),
        ('name = "x"\nchunking = 5', "chunking = 5: Input should be a valid"),
        ('name = "x"\n[[mixture]]\nrecipe = "x"\nshare = 1.0', "'x' cannot be an ingredient of its own mixture"),
        (
            'name = "x"\nmixture = [{recipe = "y", share = 1.0}, {recipe = "y", share = 2.0}]',
            "names an ingredient of its mixture twice; add the shares up",
        ),
        ("name = ", r"is not TOML: Invalid value"),
        ("name = \udcff", "is not TOML: 'utf-8' codec"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(toml: str, message: str) -> None:
    """Every fault names the file, the key, what came and what was needed; it is a fault of usage, exit code 2."""
    with pytest.raises(RecipeError, match=rf"^mine\.toml:? .*{message}") as caught:
        parse_recipe(toml.encode("utf-8", "surrogateescape"), "mine.toml")
    assert caught.value.exit_code == 2


def test_several_faults_are_named_at_once() -> None:
    """Nobody has to run a command once for each mistake."""
    with pytest.raises(RecipeError, match=r"'name' is missing.*; target_length = 1:.*; unknown key 'seeds'"):
        parse_recipe(b"target_length = 1\nseeds = 4", "mine.toml")


def test_unknown_names_are_answered_with_the_known_ones(tmp_path: Path) -> None:
    """A misspelt recipe gets a suggestion, a missing file its path."""
    with pytest.raises(RecipeError, match=r"no recipe '128'; there are: 128k, .*\(did you mean '128k'\?\)"):
        load_recipe("128")
    with pytest.raises(RecipeError, match=r"no recipe file .*absent\.toml; give the path"):
        load_recipe(str(tmp_path / "absent.toml"))
    with pytest.raises(RecipeError, match=r"no recipe '\.\./builders/64k'"):
        load_recipe("../builders/64k")


def test_a_file_of_your_own(tmp_path: Path) -> None:
    """A path that ends in .toml is read instead of a name, and messages call it by its path."""
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\ntarget_length = 4096\n')
    assert load_recipe(str(path)).target_length == 4096
    path.write_text("nmae = 1")
    with pytest.raises(RecipeError, match=r"mine\.toml: .*unknown key 'nmae'.*did you mean 'name'"):
        load_recipe(str(path))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("retrieval.k1=1.2", ("retrieval.k1", 1.2)),
        ("tokens = false", ("tokens", False)),
        ("chunking.mode=reference", ("chunking.mode", "reference")),
        ('chunking.mode="reference"', ("chunking.mode", "reference")),
        ("name=128k", ("name", "128k")),
        ('retrieval.stop_words=["en", "de"]', ("retrieval.stop_words", ["en", "de"])),
        ("interleave.separator=", ("interleave.separator", "")),
        (r'interleave.separator="\n\n"', ("interleave.separator", "\n\n")),
        ("description=a=b", ("description", "a=b")),
    ],
)  # fmt: skip
def test_settings_are_read_as_toml_or_as_a_word(text: str, expected: tuple[str, Any]) -> None:
    """What a user writes after `--set`."""
    assert parse_setting(text) == expected


@pytest.mark.parametrize("text", ["retrieval.k1", "=5", " =5", ""])
def test_a_setting_without_a_key_is_refused(text: str) -> None:
    """The message shows how to write one."""
    with pytest.raises(RecipeError, match=r"write it as --set retrieval\.k1=1\.2"):
        parse_setting(text)


def test_overrides_reach_into_sections() -> None:
    """Dotted keys set one choice and leave its neighbours alone; a wrong one is a fault like in the file."""
    recipe = load_recipe("64k", {"retrieval.k1": 1.2, "output.unit_documents": 4, "tokens": False})
    assert (recipe.retrieval.k1, recipe.retrieval.b, recipe.tokens) == (1.2, 0.75, False)
    assert (recipe.output.unit_documents, recipe.target_length) == (4, 65_536)
    assert load_recipe("64k", {}) == load_recipe("64k")
    with pytest.raises(RecipeError, match=r"recipe 64k: unknown key 'retrieval\.k_1'.*did you mean 'k1'"):
        load_recipe("64k", {"retrieval.k_1": 1})
    with pytest.raises(RecipeError, match=r"'name\.first' goes through 'name', which is no table"):
        load_recipe("64k", {"name.first": 1})


def test_ingredients_come_with_the_mixture_and_overrides_hold_for_all() -> None:
    """`subset` brings 64k and 512k unless they are asked for themselves; nothing may be asked for twice."""
    recipes, ingredients = load_recipes(["64k", "subset"], {"tokens": False})
    assert [recipe.name for recipe in recipes] == ["64k", "subset"]
    assert [recipe.name for recipe in ingredients] == ["512k"]
    assert not any(recipe.tokens for recipe in (*recipes, *ingredients))
    assert load_recipes(["64k", "512k", "subset"])[1] == ()
    with pytest.raises(RecipeError, match="'64k' was asked for 2 times; name it once"):
        load_recipes(["64k", "128k", "64k"])


def test_names_that_are_one_folder_on_some_systems_are_refused(tmp_path: Path) -> None:
    """`Mine` and `mine` are one folder on Windows and macOS; a name that only begins like a device is good."""
    for name in ("Mine", "mine", "console", "null.v2"):
        (tmp_path / f"{name}.toml").write_text(f'name = "{name}"')
    with pytest.raises(RecipeError, match=r"'Mine' and 'mine' differ in capitals only.* one folder .*; rename one"):
        load_recipes([str(tmp_path / f"{name}.toml") for name in ("Mine", "console", "mine")])
    assert len(load_recipes([str(tmp_path / f"{name}.toml") for name in ("Mine", "console", "null.v2")])[0]) == 3


def test_a_choice_of_a_section_holds_for_the_recipes_that_have_it() -> None:
    """`mix.documents` changes the mix and not its samples; where no recipe has the section, that is said."""
    (mix,), (samples,) = load_recipes(["mix"], {"mix.documents": 0.25, "target_length": 4096})
    assert mix.mix is not None
    assert (mix.mix.documents, samples.mix, samples.name) == (0.25, None, "64k")
    assert mix.target_length == samples.target_length == 4096
    (mix,), (samples,) = load_recipes(["mix"], {"mix": "128k"})
    assert mix.ingredients == (samples.name,) == ("128k",)
    with pytest.raises(RecipeError, match=r"mix\.documents is set, but no recipe of this run has a section \[mix\]"):
        load_recipes(["64k", "128k"], {"mix.documents": 0.25})


def test_ingredients_are_found_beside_the_file_that_names_them(tmp_path: Path) -> None:
    """A recipe file of that name comes before one of the package; a path is another way, and a name is written."""
    (tmp_path / "64k.toml").write_text('name = "64k"\ntarget_length = 1000\n')
    (tmp_path / "mine.toml").write_text('name = "half"\ntarget_length = 65536\npack = true\nmix = "64k"\n')
    (half,), (samples,) = load_recipes([str(tmp_path / "mine.toml")])
    assert (half.ingredients, samples.target_length) == (("64k",), 1000)
    assert load_recipes([str(tmp_path / "mine.toml"), "64k"])[1] == ()
    (tmp_path / "64k.toml").rename(tmp_path / "other.toml")
    (half,), (samples,) = load_recipes([str(tmp_path / "mine.toml")], {"mix.recipe": str(tmp_path / "other.toml")})
    assert (half.ingredients, samples.target_length) == (("64k",), 1000)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"mix.documents": 1.5}, r"recipe mix: mix\.documents = 1\.5: Input should be less than 1"),
        ({"mix.recipe": "mix"}, "recipe 'mix' cannot be an ingredient of its own mixture"),
        ({"mix.docs": 0.5}, r"unknown key 'mix\.docs'.*did you mean"),
        ({"pack": False}, "which are packed, .* set pack = true"),
        ({"mix.recipe": "65k"}, "no recipe '65k'.*did you mean '64k'"),
    ],
)
def test_a_mix_that_cannot_be_is_refused(overrides: dict[str, Any], message: str) -> None:
    """In one sentence, with what to write instead."""
    with pytest.raises(RecipeError, match=message):
        load_recipes(["mix"], overrides)


@pytest.mark.parametrize("reverse", [False, True])
def test_one_word_for_a_section_goes_with_its_other_choices(*, reverse: bool) -> None:
    """In either order, and over a table or a word in the file."""
    choices = {"interleave": "none", "interleave.separator": "|", "meta_documents": "nested"}
    overrides = dict(reversed(choices.items())) if reverse else choices
    for content in (
        b'name = "x"',
        b'name = "x"\ninterleave = "interleaved"',
        b'name = "x"\n[interleave]\nfill = "even"',
    ):
        recipe = parse_recipe(content, "x.toml", overrides)
        assert (recipe.interleave.layout, recipe.interleave.separator) == ("none", "|")
        assert recipe.meta_documents.choice == "nested"


@pytest.mark.parametrize(
    ("key", "value", "least_or_most"),
    [
        ("interleave__separator", "-" * 100_000, "at most 1000 characters"),
        ("retrieval__shard_chunks", 0, "greater than or equal to 1"),
        ("negatives__first_rank", 10**9, "less than or equal to 65536"),
        ("negatives__shingle_words", 10**9, "less than or equal to 1000"),
        ("packing__window_tokens", 10**12, "less than 2147483648"),
        ("output__unit_documents", 10**9, "less than or equal to 65536"),
        ("output__row_group_bytes", 10**12, "less than 2147483648"),
        ("interleave__characters_per_token", 1e-300, "greater than or equal to 0.01"),
    ],
)
def test_a_value_that_would_make_no_end_is_refused(key: str, value: Any, least_or_most: str) -> None:
    """The message names the setting and its bound."""
    with pytest.raises(RecipeError, match=rf"{key.replace('__', '.')} = .*{least_or_most}"):
        make(**{key: value})


@pytest.mark.parametrize("text", ["corpus=" + "[" * 5000, "a=" + "{a=" * 5000])
def test_a_setting_that_is_nested_without_end_is_refused(text: str) -> None:
    """What `--set` gives goes through the same parser as a file."""
    with pytest.raises(RecipeError, match="cannot be read: it is nested too deeply"):
        parse_setting(text)


def test_a_recipe_that_is_nested_without_end_is_refused() -> None:
    """A file of a few kilobytes ends no stack and takes no hours."""
    for text in ("a = " + "[" * 5000, "a." * 20_000 + "a = 1"):
        with pytest.raises(RecipeError, match="nested too deeply"):
            parse_recipe(text.encode(), "mine.toml")
