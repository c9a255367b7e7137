"""Checks of one document: name, length, tokens, segments, and the corpus that it names."""

from collections.abc import Iterator
from typing import Any
from zlib import crc32

from nextlong_hub.dataset.config_record import ConfigRecord
from nextlong_hub.producer import RowChecker
from nextlong_hub.synthesis.portability import Size
from nextlong_hub.tokenization import Tokenizer
from nextlong_hub.verification.report import Check

_ENCODED_TWICE = 32
"""Of so many texts one, by its id, is encoded by the reference as well, where another program encodes all."""


def check_document(place: str, row: dict[str, Any], config: ConfigRecord, check: Check) -> None:
    """Check one row, or one document of a packed row, by the recipe that its id names."""
    name = row["id"].partition("/")[0]
    checker = check.checkers.get(name)
    if checker is None:
        check.fault(place, f"the id {row['id']!r} names no recipe of this configuration")
        return
    for message in _common_faults(row, checker, may_be_longer=check.made_for > 1):
        check.fault(place, message)
    for message in checker.shape_faults(row):
        check.fault(place, message)
    check.segments += len(row["segments"])
    check.encoded_rows += check.tokenizer is not None or bool(check.others)
    if check.tokenizer is not None:
        messages = list(checker.token_faults(row))
        check.not_exact += bool(messages) and config.not_exact > 0
        for message in messages if not config.not_exact else ():
            check.fault(place, message)
        _check_encoder(place, row, check.tokenizer, check)
    _check_sizes(place, row, checker, check)
    if corpus := check.corpora.get(name):
        check.rebuilt_rows += 1
        for message in checker.corpus_faults(row, corpus):
            check.fault(place, message)
        for document, chunk in corpus.barred([(segment["document"], segment["chunk"]) for segment in row["segments"]]):
            check.fault(place, f"holds chunk {chunk:,} of document {document!r}, which a filter of its recipe bars")


def _common_faults(row: dict[str, Any], checker: RowChecker, *, may_be_longer: bool) -> Iterator[str]:
    """Faults in the name or the length of a document."""
    recipe, offset, origin = checker.recipe, row.get("offset", 0), row["meta_document"]
    if row["id"] != f"{recipe.name}/{origin}" + (f"@{offset}" if offset else ""):
        yield f"the id {row['id']!r} does not name its meta-document {origin!r}"
    if offset and not checker.may_be_split:
        yield f"it begins at character {offset:,} of {origin!r}, but nothing was split"
    is_shorter = row["token_count"] < recipe.target_length
    if row["token_count"] != recipe.target_length and not (checker.may_be_shorter if is_shorter else may_be_longer):
        yield f"has {row['token_count']:,} tokens instead of {recipe.target_length:,}"
    if "input_ids" in row and len(row["input_ids"]) != row["token_count"]:
        yield f"input_ids has {len(row['input_ids']):,} entries, token_count says {row['token_count']:,}"


def _check_encoder(place: str, row: dict[str, Any], tokenizer: Tokenizer, check: Check) -> None:
    """Encode some texts by the reference as well: a fault of the fast encoder would be in the row and in the check."""
    if check.encoded_twice and crc32(row["id"].encode()) % _ENCODED_TWICE:
        return
    differs = tokenizer.differs_from_reference(row["text"])
    if differs is not None:
        check.encoded_twice += 1
        if differs:
            check.fault(place, f"{' and '.join(tokenizer.engines(0))} give other ids for its text")


def _check_sizes(place: str, row: dict[str, Any], checker: RowChecker, check: Check) -> None:
    """Check that a sample has the target length under each tokenizer, and exactly under at least one.

    Documents that may be shorter have no length to reach.
    """
    if checker.may_be_shorter:
        return
    recipe = checker.recipe
    special_tokens = recipe.add_bos_token + recipe.add_eos_token
    counts = {other.digest: len(other.encode(row["text"])) + special_tokens for other in check.others}
    for other in check.others:
        if counts[other.digest] < recipe.target_length:
            check.fault(
                place,
                f"has {counts[other.digest]:,} tokens under {other.name} instead of at least {recipe.target_length:,}",
            )
    if check.tokenizer is not None:
        counts[check.tokenizer.digest] = row["token_count"]
    if 1 < check.made_for == len(counts) and min(counts.values()) > recipe.target_length:
        check.fault(place, f"has more than {recipe.target_length:,} tokens under every tokenizer it was made for")
    for digest, tokens in counts.items():
        size = Size(characters=len(row["text"]), tokens=tokens, target_length=recipe.target_length)
        check.sizes[digest].append(size)
