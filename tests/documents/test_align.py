"""Documents of shared rows take a multiple of so many tokens, for context parallelism: fitted ones, mixes, talks."""

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from building import make_request, plain_tokenizer, read_rows
from chat_worlds import CHATML, chat_recipe, tokenizer_of
from transformers import PreTrainedTokenizerFast

import nextlong_hub
from nextlong_hub.cli.arguments import BuildArguments, build_request
from nextlong_hub.core.files import sha256_of
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.dataset.best_fit import unpack
from nextlong_hub.dataset.config_record import PackingRecord
from nextlong_hub.dataset.manifest import read_manifest, write_manifest
from nextlong_hub.documents.fit import FitRequest, Mode
from nextlong_hub.errors import RecipeError
from nextlong_hub.exports import ExportRequest, export
from nextlong_hub.load_dataset.on_demand import open_session
from nextlong_hub.pipeline import BuildRequest, build, fit
from nextlong_hub.recipe import Recipe, load_recipes
from nextlong_hub.stats import measure
from nextlong_hub.testing.worlds import make_documents, tiny_recipe, write_corpus
from nextlong_hub.tokenization import find_padding, load_tokenizer
from nextlong_hub.verification import verify

EOS = 50_256
"""Of the embedded tokenizer, which has no token of padding."""
Row = dict[str, Any]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty short documents; nobody may change it."""
    return write_corpus(tmp_path_factory.mktemp("world") / "corpus.jsonl", make_documents(40, paragraphs=(1, 3)))


def fit_request(corpus: Path, align: int = 16, modes: set[Mode] | None = None, target: int = 512) -> FitRequest:
    """Documents in rows of so many tokens, each ended by the EOS."""
    source = SourceSettings(name="corpus", path=str(corpus), license="cc0-1.0")
    wanted = frozenset(modes or {"pack"})
    return FitRequest(
        source=source, tokenizer="demo", target_length=target, modes=wanted, add_eos_token=True, align=align
    )


@pytest.fixture(scope="module")
def fitted(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fitted documents of multiples of 16; nobody may change it."""
    output = tmp_path_factory.mktemp("fitted") / "dataset"
    fit(fit_request(corpus), output)
    return output


def packing_of(folder: Path) -> PackingRecord:
    """What the manifest says of the one configuration's packing."""
    manifest = read_manifest(folder)
    assert manifest is not None
    [config] = manifest.configs.values()
    assert config.packing is not None
    return config.packing


def check_rows(rows: list[Row], multiple: int, padding_id: int, most: int) -> int:
    """Every document takes a multiple, behind which nothing is learnt; the tokens of padding."""
    padded = 0
    for row in rows:
        assert row["token_count"] == len(row["input_ids"]) == len(row["assistant_masks"]) <= most
        end = 0
        for document, length in zip(row["documents"], row["seq_lengths"], strict=True):
            assert length == document["tokens"] and length % multiple == 0
            end += length
            behind = slice(end - document["padding"], end)
            assert set(row["input_ids"][behind]) <= {padding_id} and not any(row["assistant_masks"][behind])
            padded += document["padding"]
        assert end == row["token_count"]
    return padded


def test_fitted_documents_are_aligned_counted_and_verified(fitted: Path, corpus: Path) -> None:
    """Rows, manifest, statistics and card say the same; text and ids of each document are as they were."""
    rows = read_rows(fitted, "512-packed")
    padded = check_rows(rows, 16, EOS, 512)
    said = packing_of(fitted)
    assert (said.align, said.padding_tokens, said.padding_id) == (16, padded, EOS) and padded > 16
    [stats] = measure(fitted).configs
    assert stats.packing is not None
    assert stats.packing.padding_tokens == padded == stats.tokens - (stats.learnt_tokens or 0)
    for row in rows:
        for document in unpack(row):
            ids = plain_tokenizer().encode(document["text"], add_special_tokens=False).ids
            assert document["input_ids"] == [*ids, EOS] and set(document["assistant_masks"]) == {1}
    assert verify(fitted, sources=[SourceSettings(name="corpus", path=str(corpus))], tokenizer="demo").faults == ()
    first = nextlong_hub.open(fitted).sample(0)
    assert f"{sum(one['padding'] for one in rows[0]['documents'])} of them padding" in repr(first)
    card = (fitted / "README.md").read_text(encoding="utf-8")
    assert f"multiples of 16, by padding behind them ({padded:,} tokens, not learnt), so that 8 devices can" in card
    assert "--align 16" in card and "of padding" in nextlong_hub.open(fitted)._repr_html_()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda row, end: row["input_ids"].__setitem__(end - 1, 5), "its padding is other than the token 50256"),
        (lambda row, end: row["assistant_masks"].__setitem__(end - 1, 1), "the loss is taken on its padding"),
        (lambda row, end: row["documents"][0].__setitem__("padding", 16), "padding of "),
    ],
)
def test_verify_looks_behind_the_documents(
    fitted: Path, tmp_path: Path, change: Callable[[Row, int], None], message: str
) -> None:
    """Another token, a loss there, or more of it than a document can lack."""
    [path] = (fitted / "data" / "512-packed").glob("*.parquet")
    table = pq.read_table(path)
    rows = table.to_pylist()
    place = next(n for n, row in enumerate(rows) if row["documents"][0]["padding"])
    change(rows[place], rows[place]["seq_lengths"][0])
    folder = tmp_path / "changed"
    (folder / "data" / "512-packed").mkdir(parents=True)
    manifest = read_manifest(fitted)
    assert manifest is not None
    config = manifest.configs["512-packed"]
    changed = folder / config.files[0].path
    pq.write_table(pa.Table.from_pylist(rows, table.schema), changed, write_page_checksum=True)
    record = config.files[0].model_copy(
        update={"sha256": sha256_of(changed), "bytes": changed.stat().st_size, "rows_sha256": ""}
    )
    configs = {"512-packed": config.model_copy(update={"files": (record,)})}
    write_manifest(folder, manifest.model_copy(update={"configs": configs}))
    assert any(message in fault.message for fault in verify(folder).faults)


def test_exports_keep_padding_in_shared_rows_and_nowhere_else(fitted: Path, tmp_path: Path) -> None:
    """Megatron Bridge drops a token of each document, so the EOS is behind all of them; others get the documents."""
    bridge = export(fitted, ExportRequest(format="megatron-bridge", eos_id=EOS), tmp_path / "bridge")
    assert bridge.document_multiple == 16 and bridge.eos_appended == bridge.documents
    assert "multiple of 16 tokens, so context_parallel_size may be 8" in bridge.shared_rows
    again = export(fitted, ExportRequest(format="megatron-bridge", eos_id=EOS), tmp_path / "bridge")
    assert again.is_unchanged and again.shared_rows == bridge.shared_rows
    assert "16 tokens, which 8 devices" in export(fitted, ExportRequest(format="jsonl"), tmp_path / "j").shared_rows
    assert "cp_size=1" in export(fitted, ExportRequest(format="trl"), tmp_path / "trl").shared_rows
    said = packing_of(fitted)
    alone = export(fitted, ExportRequest(format="skyrl"), tmp_path / "skyrl")
    assert alone.tokens == bridge.tokens - bridge.eos_appended - said.padding_tokens
    assert alone.learned_tokens == alone.tokens
    with pytest.raises(RecipeError, match="learn prompts or padding; choose"):
        export(fitted, ExportRequest(format="megatron"), tmp_path / "megatron")


def test_the_same_text_without_an_option_is_not_padded(corpus: Path, tmp_path: Path) -> None:
    """No mask, no padding, the fingerprint of before; `align=1` is the same."""
    plain, one = fit_request(corpus, 0).recipe, fit_request(corpus, 1).recipe
    assert "align" not in plain.public_values()["packing"] and not one.pads
    fit(fit_request(corpus, 0), tmp_path / "plain")
    rows = read_rows(tmp_path / "plain", "512-packed")
    assert "assistant_masks" not in rows[0] and all(not d["padding"] for row in rows for d in row["documents"])
    assert packing_of(tmp_path / "plain").padding_id is None


@pytest.mark.parametrize(
    ("align", "modes", "target", "message"),
    [
        (24, {"pack"}, 512, "512 tokens, no multiple of 24 .*; make rows of 504 or 528, or choose"),
        (1024, {"pack"}, 512, "make rows of 1,024, or choose"),
        (16, {"truncate"}, 512, "packs none; a row that is one document may be split anywhere: leave out"),
        (-2, {"pack"}, 512, "no number of tokens from 1 to"),
        (65_537, {"pack"}, 512, "no number of tokens from 1 to"),
    ],
)
def test_what_cannot_be_met_is_refused_before_work(
    corpus: Path, tmp_path: Path, align: int, modes: set[Mode], target: int, message: str
) -> None:
    """With the remedy, and nothing written."""
    with pytest.raises(RecipeError, match=message):
        fit(fit_request(corpus, align, modes, target), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_align_holds_for_the_recipes_that_pack() -> None:
    """Samples are left as they are; where nothing packs, it is refused, as are rows that are no multiple."""
    request = build_request(BuildArguments(configs=("64k", "mix", "instruct"), align=16, tokenizer="demo"))
    assert {recipe.name: recipe.packing.align for recipe in request.recipes} == {"64k": 0, "mix": 16, "instruct": 16}
    with pytest.raises(RecipeError, match="no recipe of this run packs its rows"):
        build_request(BuildArguments(configs=("64k",), align=16))
    with pytest.raises(RecipeError, match=r"'mix' has rows of 65,536 tokens, no multiple of 24 .*65,520 or 65,544"):
        load_recipes(["mix"], {"packing.align": 24})
    with pytest.raises(RecipeError, match="its rows have no tokens; set tokens = true"):
        load_recipes(["mix"], {"packing.align": 16, "tokens": False})


def mix_of(**overrides: Any) -> Recipe:
    """Samples of 512 tokens and documents in rows of 1,024."""
    values: dict[str, Any] = {"name": "mix", "pack": True, "mix": {"recipe": "tiny"}, "target_length": 1024}
    return tiny_recipe(**{**values, "packing": {"align": 32}, **overrides})


def test_a_sample_must_be_a_multiple_itself(corpus: Path, tmp_path: Path) -> None:
    """Samples have exact lengths, and are never padded."""
    recipe = mix_of(target_length=1536, packing={"align": 48})
    request = replace(make_request(corpus, recipe, rows={"mix": 2}), ingredients=(tiny_recipe(),))
    with pytest.raises(RecipeError, match="a sample of tiny has 512 tokens, no multiple of 48"):
        build(request, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_mix_pads_its_documents_and_no_sample(corpus: Path, tmp_path: Path) -> None:
    """Shares count what is no padding; on demand the rows are the same."""
    folder, recipe = tmp_path / "mix", mix_of()
    build(replace(make_request(corpus, recipe, rows={"mix": 3}), ingredients=(tiny_recipe(),)), folder)
    rows = read_rows(folder, "mix")
    padded = check_rows(rows, 32, EOS, 1024)
    documents = [document for row in rows for document in row["documents"]]
    assert {document["padding"] for document in documents if document["id"].startswith("tiny/")} == {0}
    manifest = read_manifest(folder)
    assert manifest is not None
    parts = manifest.configs["mix"].mixture
    assert packing_of(folder).padding_tokens == padded > 0
    assert sum(part.tokens for part in parts.values()) + padded == manifest.configs["mix"].tokens
    assert verify(folder, sources=[SourceSettings(name="corpus", path=str(corpus))], tokenizer="demo").faults == ()
    (tmp_path / "tiny.toml").write_text(tiny_recipe().to_toml())
    (tmp_path / "mix.toml").write_text(mix_of(mix={"recipe": str(tmp_path / "tiny.toml")}).to_toml())
    session = open_session(
        str(tmp_path / "mix.toml"), corpus=str(corpus), tokenizer="demo", samples=3, work=tmp_path / "work"
    )
    again = [row for unit in session.units() for table in session.tables(unit) for row in table.to_pylist()]
    assert [row["input_ids"] for row in again] == [row["input_ids"] for row in rows]


@pytest.mark.slow
def test_conversations_are_padded_behind_their_last_turn(tmp_path: Path) -> None:
    """Their mask stays that of the answers; the token of padding is the tokenizer's own."""
    chat = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer_of("chatml").copy_backend(),
        chat_template=CHATML,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
    )
    chat.save_pretrained(tmp_path / "chat")
    turns = [{"from": "human", "value": "What is {} + 1?"}, {"from": "gpt", "value": "It is {}, and one more."}]
    talks = tmp_path / "talks.jsonl"
    talks.write_text("".join(json.dumps({"conversations": turns}).replace("{}", "9" * n) + "\n" for n in range(1, 12)))
    recipe = chat_recipe("auto").model_copy(update={"packing": mix_of(packing={"align": 8}).packing})
    sources = (SourceSettings(name="talks", path=str(talks), license="cc0-1.0"),)
    tokenizer = str(tmp_path / "chat")
    build(BuildRequest(recipes=(recipe,), sources=sources, tokenizer=tokenizer), tmp_path / "out")
    padding_id = find_padding(load_tokenizer(tokenizer))
    assert padding_id == chat.convert_tokens_to_ids("<|endoftext|>")
    assert check_rows(read_rows(tmp_path / "out", "chat"), 8, padding_id, 128) > 0
    assert verify(tmp_path / "out", sources=sources, tokenizer=tokenizer).faults == ()


@pytest.mark.slow
def test_the_command_on_the_card_makes_aligned_rows_again(
    fitted: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the command line, byte for byte."""
    from nextlong_hub.cli import run

    monkeypatch.chdir(tmp_path)
    (tmp_path / "corpus.jsonl").write_bytes(corpus.read_bytes())
    blocks = re.findall(r"```sh\n(.*?)```", (fitted / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    [command] = [block.replace("\\\n", " ") for block in blocks if block.startswith("nextlong-hub fit corpus")]
    assert run([*shlex.split(command)[1:], "--num-proc", "1", "--quiet"]) == 0
    assert read_rows(tmp_path / "again", "512-packed") == read_rows(fitted, "512-packed")
