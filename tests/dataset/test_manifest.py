"""The manifest: read back as it was written, refused when it is damaged, and never mistaken for somebody else's."""

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from nextlong_hub.core.files import digest_of, json_bytes
from nextlong_hub.dataset import config_record, corpus_record
from nextlong_hub.dataset import manifest as manifest_records
from nextlong_hub.dataset.config_record import (
    ConfigRecord,
    FileRecord,
    IngredientRecord,
    RepeatRecord,
    SegmentRecord,
    SynthesisRecord,
    TokenizerRecord,
)
from nextlong_hub.dataset.corpus_record import CorpusRecord, SourceRecord
from nextlong_hub.dataset.manifest import (
    MANIFEST_NAME,
    Manifest,
    differences,
    is_as_written,
    parse_manifest,
    read_manifest,
    write_manifest,
)
from nextlong_hub.errors import DataError
from nextlong_hub.recipe import load_recipe


def config(name: str, **ingredients: int) -> ConfigRecord:
    """The record of a configuration of one file; with `ingredients`, of a mixture."""
    recipe = load_recipe(name)
    counts = dict.fromkeys(SynthesisRecord.model_fields, 3) | {
        "not_eligible": {"too_long": 1},
        "discarded": {},
        "selection": {"passed_over": {"repeats_the_row": 4}, "relaxed": 0, "cut_samples": 0, "cut_meta_chunks": 0},
        "stop_words": {"shares": {"ru": 0.71}, "chunks": 1024},
    }
    return ConfigRecord(
        recipe=recipe.model_dump(mode="json", exclude={"corpus"}),
        fingerprint=recipe.fingerprint,
        rows=3,
        tokens=3 * recipe.target_length,
        segments=SegmentRecord(
            meta=6, negative=90, distinct_negatives=70, largest_reuse=2, reuse_gini=0.25, score_quantiles={"0.5": 12.5}
        ),
        synthesis=None if ingredients else SynthesisRecord.model_validate(counts),
        mixture={
            part: IngredientRecord(rows=rows, recipe=load_recipe(part).model_dump(mode="json", exclude={"corpus"}))
            for part, rows in ingredients.items()
        },
        repeats=(RepeatRecord(run_tokens=8, runs=90, near=3, farther=2, far=1),),
        files=(
            FileRecord(path=f"data/{name}/train-00000-of-00001.parquet", sha256="ab" * 32, bytes=9, rows=3, tokens=7),
        ),
    )


@pytest.fixture
def manifest() -> Manifest:
    """Two configurations, one of them a mixture, from a source without licence or weight."""
    return Manifest(
        version="0.1.0",
        seed=42,
        corpus=CorpusRecord(
            digest="c0ffee",
            documents=5,
            chunks=11,
            characters=20_000,
            skipped={"empty": 1},
            sources=(
                SourceRecord(name="notes é", path="notes.jsonl", license=None, weight=None, documents=5, characters=9),
            ),
        ),
        tokenizer=TokenizerRecord(name="demo", revision=None, digest="d16e57", characters_per_token=4.25),
        configs={"128k": config("128k"), "subset": config("subset", **{"64k": 2, "512k": 1})},
    )


@pytest.fixture
def folder(tmp_path: Path, manifest: Manifest) -> Path:
    """A folder with that manifest."""
    write_manifest(tmp_path, manifest)
    return tmp_path


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the JSON by hand."""
    content = json.loads((folder / MANIFEST_NAME).read_text())
    change(content)
    (folder / MANIFEST_NAME).write_text(json.dumps(content))


def test_a_manifest_is_read_back_as_it_was_written(folder: Path, manifest: Manifest) -> None:
    """Every record, None and float survives, and writing it again gives the same bytes."""
    again = read_manifest(folder)
    assert again == manifest
    content = (folder / MANIFEST_NAME).read_bytes()
    write_manifest(folder, manifest)
    assert (folder / MANIFEST_NAME).read_bytes() == content
    assert [path.name for path in folder.iterdir()] == [MANIFEST_NAME]


def test_a_manifest_of_an_earlier_version_is_read(folder: Path, manifest: Manifest) -> None:
    """It lacks what was added later, has its own digest over the rest, and is laid out as it was written."""
    content = json.loads((folder / MANIFEST_NAME).read_text())
    for name in ("reading", "stated", "insisted"):
        del content["corpus"]["sources"][0][name]
    del content["digest"]
    old = json_bytes({**content, "digest": digest_of(content)})
    assert parse_manifest(old, "old") == manifest
    assert is_as_written(old)
    assert not is_as_written(old.replace(b"  ", b" "))


def test_files_of_all_configurations_are_listed(manifest: Manifest) -> None:
    """Configuration by configuration, in the manifest's order."""
    assert [file.path.split("/")[1] for file in manifest.files] == ["128k", "subset"]


def test_the_recipes_behind_the_rows_are_kept(folder: Path) -> None:
    """A configuration's own, or those of a mixture's ingredients, with the fingerprints they had."""
    manifest = read_manifest(folder)
    assert manifest is not None
    assert manifest.configs["128k"].row_recipes == {"128k": load_recipe("128k")}
    assert {name: recipe.fingerprint for name, recipe in manifest.configs["subset"].row_recipes.items()} == {
        name: load_recipe(name).fingerprint for name in ("64k", "512k")
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.pop("seed"), "'seed' is missing; add it"),
        (lambda m: m["corpus"].pop("digest"), "'corpus.digest' is missing"),
        (lambda m: m.update(seed="many"), "seed = 'many': Input should be a valid integer"),
        (lambda m: m.update(format=2), "format = 2: Input should be 1"),
        (lambda m: m.update(extra=1), "unknown key 'extra'"),
        (lambda m: m["configs"]["128k"].update(row=1), "unknown key 'configs.128k.row'; .*did you mean 'rows'"),
        (lambda m: m["configs"]["128k"]["files"][0].update(sha1=""), "unknown key 'configs.128k.files.0.sha1'"),
        (lambda m: m["configs"]["subset"]["mixture"]["64k"].update(share=1), "unknown key .*mixture.64k.share"),
        (lambda m: m["configs"].update({"64k": []}), "configs.64k"),
        (lambda m: m.update(configs=None), "configs = None"),
        (lambda m: m["configs"].update({"../x": m["configs"]["128k"]}), "configs.*should match pattern"),
        (lambda m: m["configs"].update({"nul": m["configs"]["128k"]}), "configs.*Windows reserves this name"),
        (lambda m: m["configs"].update({"128K": m["configs"]["128k"]}), "'128k' and '128K' differ in capitals only"),
    ],
)
def test_a_damaged_manifest_is_a_data_error(
    folder: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    """Whatever is missing, unknown or of another kind is named, together with the file and the remedy."""
    edit(folder, change)
    with pytest.raises(
        DataError, match=rf"manifest\.json cannot be used: .*{message}.*another version of nextlong-hub: build again"
    ):
        read_manifest(folder)


@pytest.mark.parametrize("kept_share", [0.99, 0.5, 0.1])
def test_a_manifest_that_was_cut_short_is_ours_and_damaged(folder: Path, kept_share: float) -> None:
    """A half copied manifest must not make its folder look like unfinished work, to be overwritten."""
    path = folder / MANIFEST_NAME
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept_share)])
    with pytest.raises(DataError, match=r"manifest\.json is not JSON any more"):
        read_manifest(folder)


@pytest.mark.parametrize(
    "content", ['{"name": "My web app", "icons": []}', "[]", '"text"', '{"tool": "other"}', "", "{"]
)
def test_a_foreign_manifest_is_not_ours(tmp_path: Path, content: str) -> None:
    """Other programs have a `manifest.json` too."""
    (tmp_path / MANIFEST_NAME).write_text(content)
    assert read_manifest(tmp_path) is None


def test_a_folder_without_a_manifest_has_none(tmp_path: Path) -> None:
    """Nor has a folder that does not exist, or a file."""
    assert read_manifest(tmp_path) is None
    assert read_manifest(tmp_path / "absent") is None
    (tmp_path / "file").write_text("")
    assert read_manifest(tmp_path / "file") is None


def test_differences_name_both_sides(manifest: Manifest) -> None:
    """What both have and disagree on, one line each; a configuration that only one side knows is none."""
    kept = manifest.inputs()
    assert list(kept) == ["corpus", "tokenizer", "other tokenizers", "seed", "recipe 128k", "recipe subset"]
    assert differences(kept, kept) == []
    assert differences(kept, {"recipe 64k": "new"}) == []
    assert differences(kept, kept | {"seed": 7, "corpus": "beef"}) == [
        "corpus: c0ffee there, beef here",
        "seed: 42 there, 7 here",
    ]


def _set(*path: Any) -> Callable[[dict[str, Any]], None]:
    """A change that puts the last of `path` where the others lead."""
    *steps, last, value = path

    def change(content: dict[str, Any]) -> None:
        for step in steps:
            content = content[step]
        content[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (_set("configs", {}), "configs"),
        (_set("configs", "128k", "files", []), "configs.128k.files"),
        (_set("configs", "128k", "files", 0, "path", "data/../../x.parquet"), "configs.128k.files.0.path"),
        (_set("configs", "128k", "files", 0, "path", "/x.parquet"), "configs.128k.files.0.path"),
        (_set("configs", "128k", "files", 0, "path", "data/\u202ex.parquet"), "configs.128k.files.0.path"),
        (_set("configs", "128k", "files", 0, "rows", -1), "configs.128k.files.0.rows"),
        (_set("configs", "128k", "rows", 10**30), "configs.128k.rows"),
        (_set("configs", "128k", "recipe", "name", "../x"), "name = '../x'"),
        (_set("configs", "128k", "recipe", "target_length", 10**30), "target_length"),
        (_set("configs", "subset", "mixture", "64k", "recipe", {}), "configs.subset.mixture.64k.recipe"),
        (_set("configs", "a\x1b[31m", {}), "configs"),
        (_set("version", "<b>1"), "version"),
        (_set("version", "1\n# Heading"), "version"),
    ],
)
def test_a_manifest_from_elsewhere_is_checked_like_a_recipe(
    folder: Path, change: Callable[[dict[str, Any]], None], place: str
) -> None:
    """With a digest that fits, too: a name, path, number or recipe that no run writes is refused by its place."""

    def forge(content: dict[str, Any]) -> None:
        change(content)
        del content["digest"]
        content["digest"] = digest_of(content)

    edit(folder, forge)
    with pytest.raises(DataError, match="cannot be used") as caught:
        read_manifest(folder)
    assert place in str(caught.value)


def test_json_without_an_end_to_its_depth_is_no_manifest(folder: Path) -> None:
    """It is damaged, if it was ours; else it is somebody else's."""
    deep = "[" * 100_000 + "]" * 100_000
    (folder / MANIFEST_NAME).write_text(f'{{"tool": "nextlong-hub", "configs": {deep}}}')
    with pytest.raises(DataError, match="is not JSON any more"):
        read_manifest(folder)
    (folder / MANIFEST_NAME).write_text(deep)
    assert read_manifest(folder) is None


SAID_WITHOUT_BEING_WRITTEN = {
    "Manifest.tool": "nextlong-hub",
    "Manifest.format": 1,
    "Manifest.kind": "build",
    "ReadingRecord.text_column": "text",
    "ReadingRecord.id_column": "id",
}
"""What a manifest says by leaving it out."""


def test_what_a_manifest_leaves_out_is_nothing() -> None:
    """Manifests of earlier versions lack fields: they are read as no number, no text, no entry; never as something."""
    records = [
        one
        for module in (manifest_records, config_record, corpus_record)
        for one in vars(module).values()
        if inspect.isclass(one) and issubclass(one, BaseModel) and one.__module__ == module.__name__
    ]
    said = {}
    for record in records:
        for name, field in record.model_fields.items():
            default = None if field.is_required() else field.get_default(call_default_factory=True)
            if default and not isinstance(default, BaseModel):
                said[f"{record.__name__}.{name}"] = default
    assert len(records) > 15
    assert said == SAID_WITHOUT_BEING_WRITTEN
