"""Rows that spell special tokens are counted by the text that is encoded by itself, and told wherever it matters."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
import tokenizers
from building import build_command, make_request, read_rows

from nextlong_hub.cli import run
from nextlong_hub.dataset.config_record import ConfigRecord, PortabilityRecord, SpelledRecord
from nextlong_hub.dataset.manifest import read_manifest, write_manifest
from nextlong_hub.dataset.spelled import SpelledCounts, SpelledShard, spelled_elsewhere, spelled_record
from nextlong_hub.exports import ExportRequest, export
from nextlong_hub.pipeline import build
from nextlong_hub.testing.worlds import make_documents, tiny_recipe, write_corpus
from nextlong_hub.tokenization import load_tokenizer
from nextlong_hub.tokenization.spelled import SpellingFinder
from nextlong_hub.verification import verify

END = "<|endoftext|>"
OTHER = "<|im_end|>"


def counted(table: pa.Table, *, conversations: bool = False) -> tuple[int, dict[str, int]]:
    """Rows and tokens of a table under GPT-2's tokenizer."""
    counts = SpelledCounts()
    counts.add_table(table, SpellingFinder(load_tokenizer("demo")), conversations=conversations)
    return counts.rows, dict(counts.tokens)


def test_a_row_counts_once_and_its_tokens_each() -> None:
    """Of three rows two spell the token, one of them twice."""
    assert counted(pa.table({"text": [f"a{END}b{END}", "plain", END]})) == (2, {END: 3})


def test_what_a_chat_template_wrote_is_not_counted() -> None:
    """Both rows hold it between their messages, the second one in a message, too."""
    texts = [f"hello{END}", f"say {END}{END}"]
    segments = [[{"start": 0, "end": 5}], [{"start": 0, "end": 4 + len(END)}]]
    table = pa.table({"text": texts, "segments": segments, "assistant_masks": [[1], [1]]})
    assert counted(table, conversations=True) == (1, {END: 1})


def test_two_documents_of_a_packed_row_spell_nothing_together() -> None:
    """Each is encoded by itself."""
    documents = [[{"start": 0, "end": 6}, {"start": 6, "end": len(END)}]]
    assert counted(pa.table({"text": [END], "documents": documents})) == (0, {})


def test_what_further_tokenizers_spell_is_told_of_those_that_spell_something() -> None:
    """One that finds nothing, and one that was not asked, are not named."""
    tokenizers_asked = [PortabilityRecord.model_construct(name=name, digest=name[0]) for name in ("a/x", "b/y", "c/z")]
    found = {"a": SpelledRecord(rows=0, tokens={}), "b": SpelledRecord(rows=2, tokens={END: 3})}
    config = ConfigRecord.model_construct(rows=8, spelled_elsewhere=found)
    assert spelled_elsewhere(config, tokenizers_asked) == [
        f"under b/y 2 of 8 rows spell special tokens as text ({END!r}): encode text with split_special_tokens=True"
    ]


def test_the_manifest_names_the_ten_spelled_most() -> None:
    """Of twelve tokens in two shards the last two are only counted."""
    shards = [
        SpelledShard(rows=3, tokens={f"<{n:02}>": 20 - n for n in range(12)}),
        SpelledShard(rows=1, tokens={"<11>": 1}),
    ]
    record = spelled_record(shards)
    assert record == SpelledRecord(rows=4, tokens={f"<{n:02}>": 20 - n for n in range(10)}, more_tokens=10 + 10)


@pytest.fixture(scope="module")
def spelling(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three rows of documents that spell the token in every chunk."""
    folder = tmp_path_factory.mktemp("spelling")
    documents = [replace(one, text=one.text.replace(". ", f". {END}")) for one in make_documents(40)]
    corpus = write_corpus(folder / "corpus.jsonl", documents)
    build(make_request(corpus, tiny_recipe(), rows=3), folder / "dataset")
    return folder / "dataset"


def test_it_is_told_by_manifest_card_and_text(
    spelling: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The manifest counts, the card names the setting, an export of text warns, and one with ids does not."""
    manifest = read_manifest(spelling)
    assert manifest is not None
    record = manifest.configs["tiny"].spelled
    assert record is not None
    assert record == SpelledRecord(rows=3, tokens={END: sum(row["text"].count(END) for row in read_rows(spelling))})
    assert "3 of 3 rows of `tiny` spell special tokens" in (spelling / "README.md").read_text()
    assert run(["export", str(spelling), "text", "--output", str(tmp_path / "text"), "--quiet"]) == 0
    assert "split_special_tokens=True" in " ".join(capsys.readouterr().out.split())
    assert export(spelling, ExportRequest(format="jsonl"), tmp_path / "jsonl").spelled == ""


def test_verify_counts_again(spelling: Path) -> None:
    """With its tokenizer another count is a fault; without one, or where the manifest counts none, there is none."""
    manifest = read_manifest(spelling)
    assert manifest is not None
    record = manifest.configs["tiny"]
    assert verify(spelling, tokenizer="demo").faults == ()
    for spelled, faults in ((SpelledRecord(rows=2, tokens={END: 1}), 1), (None, 0)):
        changed = {"tiny": record.model_copy(update={"spelled": spelled})}
        write_manifest(spelling, manifest.model_copy(update={"configs": changed}))
        assert len([one for one in verify(spelling, tokenizer="demo").faults if "spell" in one.message]) == faults
        assert not any("spell" in one.message for one in verify(spelling).faults)
    write_manifest(spelling, manifest)


def other_tokenizer(folder: Path) -> Path:
    """A tokenizer of two characters a token, with a special token of its own."""
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    backend = tokenizers.Tokenizer(tokenizers.models.BPE({one: n for n, one in enumerate(alphabet)}, []))
    backend.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = tokenizers.decoders.ByteLevel()
    backend.add_special_tokens([tokenizers.AddedToken(OTHER, special=True)])
    folder.mkdir()
    backend.save(str(folder / "tokenizer.json"))
    return folder


@pytest.mark.slow
def test_every_tokenizer_that_rows_are_made_for_is_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Texts spell a special token of the second tokenizer and none of the first; report, card and verify say it."""
    documents = [replace(one, text=one.text.replace(". ", f". {OTHER}")) for one in make_documents(40)]
    corpus = write_corpus(tmp_path / "corpus.jsonl", documents)
    other, output = other_tokenizer(tmp_path / "other"), tmp_path / "out"
    command = build_command(corpus, output, tmp_path / "tiny.toml", "--tokenizer", str(other))
    assert run(command) == 0
    assert f"tiny: under other 8 of 8 rows spell special tokens as text ('{OTHER}')" in said(capsys)
    manifest = read_manifest(output)
    assert manifest is not None
    record = manifest.configs["tiny"]
    assert record.spelled == SpelledRecord(rows=0, tokens={})
    held = sum(row["text"].count(OTHER) for row in read_rows(output))
    assert record.spelled_elsewhere == {manifest.portability[1].digest: SpelledRecord(rows=8, tokens={OTHER: held})}
    assert "Under `other` 8 of 8 rows of `tiny` spell special tokens" in (output / "README.md").read_text()
    assert verify(output, tokenizer=["demo", str(other)]).faults == ()
    wrong = {manifest.portability[1].digest: SpelledRecord(rows=1, tokens={OTHER: 1})}
    changed = {"tiny": record.model_copy(update={"spelled_elsewhere": wrong})}
    write_manifest(output, manifest.model_copy(update={"configs": changed}))
    [fault] = verify(output, tokenizer=["demo", str(other)]).faults
    assert "spell" in fault.message


@pytest.mark.parametrize("command", ["fit", "import"])
def test_whole_texts_are_told_too(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The reports of `fit` and `import` say it as that of `build` does."""
    corpus = write_corpus(tmp_path / "corpus.jsonl", [replace(one, text=one.text + END) for one in make_documents(3)])
    more = ["--target", "4096", "--mode", "truncate"] if command == "fit" else []
    output = ["--output", str(tmp_path / "out"), "--num-proc", "1", "--quiet"]
    assert run([command, str(corpus), "--tokenizer", "demo", *more, *output]) == 0
    name = "4k" if command == "fit" else "imported"
    assert f"{name}: 3 of 3 rows spell special tokens as text ('{END}')" in said(capsys)


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """What a command printed, without the breaks of its lines."""
    return " ".join(capsys.readouterr().out.split())
