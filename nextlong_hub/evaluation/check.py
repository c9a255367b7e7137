"""A finished folder against its record, and the rows of each item against each other."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.dataset.folder import EVALUATION_NAME
from nextlong_hub.dataset.row_digest import digest_rows
from nextlong_hub.dataset.shards import read_table
from nextlong_hub.errors import DataError
from nextlong_hub.evaluation.columns import SCHEMA
from nextlong_hub.evaluation.facts import question, statement
from nextlong_hub.evaluation.pieces import Fact
from nextlong_hub.evaluation.record import damaged_files, read_record
from nextlong_hub.tokenization import Tokenizer

_Key = tuple[str, int, int]


@dataclass(slots=True)
class EvaluationCheck:
    """Counts of a check, and what is wrong."""

    faults: list[tuple[str, str]] = field(default_factory=list)
    """Place and message."""
    files: int = 0
    rows: int = 0
    segments: int = 0
    encoded_rows: int = 0


def check_evaluation(folder: Path, tokenizer: Tokenizer | None = None) -> EvaluationCheck:
    """Check a folder that `riffle` made.

    Always: sizes and sha256 of its files, the columns, the exact length of each row, its spans, and that the rows of a
    pair have the same pieces with the same tokens, those of an item the same target at the same positions. With a
    tokenizer each text is encoded again.
    """
    check = EvaluationCheck()
    content = read_record(folder)
    if content is None:
        check.faults.append((EVALUATION_NAME, "is not whole: the folder is unfinished or was changed; make it again"))
        return check
    if tokenizer is not None and tokenizer.digest != content["tokenizer"]["digest"]:
        check.faults.append(("tokenizer", "is not the one that the rows were made with; give that one"))
        tokenizer = None
    check.faults += damaged_files(folder, content)
    check.files = len(content["files"])
    for file in content["files"] if not check.faults else ():
        try:
            table = read_table(folder / file["path"])
        except DataError as error:
            check.faults.append((file["path"], error.message))
            continue
        if table.schema != SCHEMA or digest_rows([table]) != file["rows_sha256"] or table.num_rows != file["rows"]:
            check.faults.append((file["path"], "does not hold the rows that were written"))
            continue
        _check_rows(table.to_batches(max_chunksize=1), content["settings"]["target_length"], tokenizer, check)
    if check.rows != content["rows"] and not check.faults:
        check.faults.append((EVALUATION_NAME, f"says {content['rows']:,} rows, and there are {check.rows:,}"))
    return check


def _check_rows(batches: Any, target_length: int, tokenizer: Tokenizer | None, check: EvaluationCheck) -> None:
    """The rows of one file, in which items are whole."""
    pairs: dict[str, Mapping[_Key, bytes]] = {}
    items: dict[int, Any] = {}
    for batch in batches:
        ids = batch["input_ids"][0].values.to_numpy(zero_copy_only=False)
        row = batch.drop_columns(["input_ids"]).to_pylist()[0] | {"input_ids": ids}
        check.rows += 1
        check.segments += len(row["segments"])
        faults = [*_shape_faults(row, target_length)]
        if not faults:
            target = [(one["kind"], one["start"], ids[one["start"] : one["end"]].tobytes()) for one in row["targets"]]
            if items.setdefault(row["item"], target) != target:
                faults.append("its targets are not those of the other rows of its item")
            pieces = _pieces(row)
            if pairs.setdefault(row["pair"], pieces) != pieces:
                faults.append("it has other text or other tokens than the other rows of its pair")
        if not faults and tokenizer is not None:
            check.encoded_rows += 1
            encoded, _ = tokenizer.encode_with_starts(row["text"])
            if not np.array_equal(encoded, ids[len(ids) - len(encoded) :]) or len(ids) - len(encoded) > 1:
                faults.append("its text does not encode to its input_ids")
        check.faults += [(row["id"], fault) for fault in faults]


def _shape_faults(row: Mapping[str, Any], target_length: int) -> Iterator[str]:
    """What one row alone shows."""
    if len(row["input_ids"]) != target_length or row["token_count"] != target_length:
        yield f"it has {len(row['input_ids']):,} tokens, not {target_length:,}"
    ends = [0]
    for segment in row["segments"]:
        if not ends[-1] <= segment["start"] <= segment["end"] <= len(row["text"]):
            yield "its segments do not follow each other within its text"
            return
        ends.append(segment["end"])
    if any(not 0 < one["start"] < one["end"] <= target_length for one in row["targets"]) or not row["targets"]:
        yield "its targets do not lie within its tokens"
    if row["condition"] == "riffled" and min(row["between"]) < row["distance"]:
        yield f"two of its chunks stand {min(row['between']):,} tokens apart, not {row['distance']:,}"
    for fact in row["facts"]:
        if row["text"][fact["start"] : fact["end"]] != statement(Fact(key=fact["key"], value=fact["value"])):
            yield f"the sentence about {fact['key']} does not stand where it says"
    if row["answer"]:
        asked = [fact for fact in row["facts"] if question(Fact(key=fact["key"], value="")) == row["question"]]
        is_said = [fact["value"] for fact in asked] == [row["answer"]]
        if not is_said or not row["text"].endswith(f"{row['question']} {row['answer']}"):
            yield "its answer is not what it says of the question"


def _pieces(row: Mapping[str, Any]) -> Mapping[_Key, bytes]:
    """The text of each segment and what stands behind it, by chunk; and all tokens, in ascending order."""
    segments = row["segments"]
    starts = [segment["start"] for segment in segments] + [len(row["text"])]
    found: dict[_Key, bytes] = {
        (segment["document"], segment["chunk"], segment["offset"]): row["text"][start:stop].encode()
        for segment, start, stop in zip(segments, starts, starts[1:], strict=False)
    }
    tokens: NDArray[np.int32] = np.sort(row["input_ids"])
    return found | {("", -1, -1): tokens.tobytes()}
