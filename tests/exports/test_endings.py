"""How exported documents end, and where that cannot be."""

from pathlib import Path

import pytest
from packed_rows import packed_row, write_packed
from trainer_readers import read_megatron, read_olmo, read_torchtitan

from nextlong_hub.errors import DataError, RecipeError
from nextlong_hub.exports import ExportRequest, export

ROWS = [packed_row("r", [("a", "web", [1, 2, 3]), ("b", "web", [4, 9])])]
"""Two documents; the second ends with the EOS already."""


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Those rows, without a manifest."""
    return write_packed(tmp_path_factory.mktemp("rows"), ROWS)


def test_a_document_that_ends_already_is_left_as_it_is(rows: Path, tmp_path: Path) -> None:
    """The EOS takes the place of the last token, or comes behind it, once."""
    fit = export(rows, ExportRequest(format="megatron", eos="fit", eos_id=9), tmp_path / "fit")
    assert read_megatron(tmp_path / "fit") == [[1, 2, 9], [4, 9]]
    assert (fit.eos_replacing, fit.eos_appended, fit.tokens) == (1, 0, 5)
    longer = export(rows, ExportRequest(format="megatron", eos="append", eos_id=9), tmp_path / "append")
    assert read_megatron(tmp_path / "append") == [[1, 2, 3, 9], [4, 9]]
    assert (longer.eos_replacing, longer.eos_appended, longer.tokens) == (0, 1, 6)
    kept = export(rows, ExportRequest(format="torchtitan", eos="keep"), tmp_path / "keep")
    assert read_torchtitan(tmp_path / "keep") == [[1, 2, 3], [4, 9]]
    assert (kept.eos_replacing, kept.eos_appended) == (0, 0)


def test_an_eos_inside_a_document_is_refused_where_it_would_cut_it(tmp_path: Path) -> None:
    """A reader that finds borders by the EOS would make two documents of one."""
    folder = write_packed(tmp_path / "rows", [packed_row("r", [("a", "web", [1, 9, 3])])])
    request = ExportRequest(format="olmo", token_bytes=2, eos_id=9)
    with pytest.raises(DataError, match=r"the document 'a' has the EOS \(id 9\) at token 1 of 3"):
        export(folder, request, tmp_path / "out")
    assert not list((tmp_path / "out").glob("token_ids*.csv.gz"))
    with pytest.raises(DataError, match=r"has the EOS \(id 7\) nowhere"):
        export(folder, ExportRequest(format="olmo", token_bytes=2, eos="keep", eos_id=7), tmp_path / "kept")
    export(folder, ExportRequest(format="torchtitan", eos_id=9), tmp_path / "offsets")
    assert read_torchtitan(tmp_path / "offsets") == [[1, 9, 3, 9]]


def test_an_unknown_eos_is_asked_for(rows: Path, tmp_path: Path) -> None:
    """Without a manifest nobody knows the tokenizer; nothing is written before the question."""
    with pytest.raises(RecipeError, match=r"whose id is not known of .*give eos_id="):
        export(rows, ExportRequest(format="torchtitan"), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    for wrong in (-1, 2**31, "x"):
        with pytest.raises(RecipeError, match="no token id"):
            export(rows, ExportRequest(format="torchtitan", eos_id=wrong), tmp_path / "out")  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match="is none of keep, fit, append"):
        export(rows, ExportRequest(format="torchtitan", eos="end"), tmp_path / "out")  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match="text is text, whose ends its trainer makes"):
        export(rows, ExportRequest(format="text", eos="append"), tmp_path / "out")


def test_a_vocabulary_of_two_bytes_is_the_readers_own(built: Path, tmp_path: Path) -> None:
    """OLMo-core guesses uint16 for 65,536 entries; the embedded tokenizer has 50,257."""
    export(built, ExportRequest(format="olmo"), tmp_path / "out")
    assert all(len(ids) == 512 and ids[-1] == 50_256 for ids, _ in read_olmo(tmp_path / "out", 2))
