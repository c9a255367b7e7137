"""One document: its length, its tokens, its segments, and the corpus it claims to come from."""

from typing import Any

from nextlong_hub.conversations.assemble import ChatBench
from nextlong_hub.dataset.manifest import ConfigRecord
from nextlong_hub.recipe import ConversationSettings, Recipe
from nextlong_hub.synthesis.portability import Size
from nextlong_hub.tokenization.special_tokens import find_frames
from nextlong_hub.verification.conversation_faults import conversation_faults
from nextlong_hub.verification.findings import Check
from nextlong_hub.verification.packed_faults import name_faults, piece_faults
from nextlong_hub.verification.row_faults import corpus_faults, segment_faults, token_faults


def check_row(place: str, row: dict[str, Any], config: ConfigRecord, check: Check) -> None:
    """Check one document by the recipe that its id names."""
    recipe = check.recipes.get(row["id"].partition("/")[0])
    if recipe is None:
        check.fault(place, f"the id {row['id']!r} names no recipe of this configuration")
        return
    for message in name_faults(row, recipe):
        check.fault(place, message)
    if recipe.conversations is not None:
        _check_conversation(place, row, recipe, check)
        return
    may_be_shorter = recipe.pack or (recipe.fit is not None and not recipe.fit.discard)
    may_be_longer = check.made_for > 1
    if row["token_count"] != recipe.target_length and not (
        may_be_shorter if row["token_count"] < recipe.target_length else may_be_longer
    ):
        check.fault(place, f"has {row['token_count']:,} tokens instead of {recipe.target_length:,}")
    if "input_ids" in row and len(row["input_ids"]) != row["token_count"]:
        check.fault(place, f"input_ids has {len(row['input_ids']):,} entries, token_count says {row['token_count']:,}")
    if check.tokenizer is not None:
        if recipe.name not in check.frames:
            check.frames[recipe.name] = find_frames(recipe, [check.tokenizer])
        messages = list(token_faults(row, check.tokenizer, check.frames[recipe.name]))
        check.not_exact += bool(messages) and config.not_exact > 0
        for message in messages if not config.not_exact else ():
            check.fault(place, message)
    _check_sizes(place, row, recipe, check)
    for message in segment_faults(row, recipe):
        check.fault(place, message)
    check.segments += len(row["segments"])
    if corpus := check.corpora.get(recipe.name):
        check.rebuilt_rows += 1
        for message in piece_faults(row, corpus) if recipe.pack else corpus_faults(row, recipe, corpus):
            check.fault(place, message)


def _check_conversation(place: str, row: dict[str, Any], recipe: Recipe, check: Check) -> None:
    """One conversation of a packed row."""
    settings = recipe.conversations or ConversationSettings()
    corpus = check.corpora.get(recipe.name)
    bench = None
    if check.tokenizer is not None:
        bench = check.benches.get(recipe.name) or ChatBench(recipe, check.tokenizer)
        check.benches[recipe.name] = bench
    for message in conversation_faults(row, settings, bench, corpus):
        check.fault(place, message)
    check.segments += len(row["segments"])
    check.encoded_rows += bench is not None
    check.rebuilt_rows += corpus is not None


def _check_sizes(place: str, row: dict[str, Any], recipe: Recipe, check: Check) -> None:
    """How long a sample is under each tokenizer: long enough, and no longer than the hungriest of them demands."""
    framing = recipe.add_bos_token + recipe.add_eos_token
    check.encoded_rows += check.tokenizer is not None or bool(check.others)
    counts = {other.digest: len(other.encode(row["text"])) + framing for other in check.others}
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
