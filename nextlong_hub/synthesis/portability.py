"""What each tokenizer makes of the same samples: how many reach a length, and what a trainer would cut off."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nextlong_hub.corpus.naming import public_path
from nextlong_hub.dataset.config_record import PortabilityRecord, ReachRecord
from nextlong_hub.producer import Inputs, Produced
from nextlong_hub.tokenization import Tokenizer

LENGTHS = (65_536, 131_072, 524_288)
"""Context lengths that models are trained for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """One sample under one tokenizer."""

    characters: int
    tokens: int
    """Special tokens that the recipe adds included."""
    target_length: int


def sizes_of(produced: Produced, tokenizers: int) -> list[list[Size]]:
    """The sizes of the samples of a configuration under each of so many tokenizers; rows not measured are left out."""
    sizes: list[list[Size]] = [[] for _ in range(tokenizers)]
    for unit, row in produced.rows.places():
        if unit not in produced.sizes:
            continue
        measured = produced.sizes[unit]
        characters, *counts = measured.rows[row]
        for own, tokens in zip(sizes, counts, strict=True):
            own.append(Size(characters=characters, tokens=tokens, target_length=measured.target_length))
    return sizes


def reach(sizes: Iterable[Size]) -> ReachRecord:
    """What a tokenizer makes of samples of these sizes."""
    listed = list(sizes)
    return ReachRecord(
        rows=len(listed),
        reaching=sum(size.tokens >= size.target_length for size in listed),
        characters=sum(size.characters for size in listed),
        tokens=sum(size.tokens for size in listed),
        rows_reaching={str(length): sum(size.tokens >= length for size in listed) for length in LENGTHS},
        truncated_tokens=sum(max(0, size.tokens - size.target_length) for size in listed),
    )


def portability(
    inputs: Inputs, produced: Sequence[Produced], kept: Sequence[PortabilityRecord]
) -> tuple[PortabilityRecord, ...]:
    """The table of the manifest.

    Args:
        inputs: the tokenizers, in the order in which they were named.
        produced: the configurations of this run; those whose rows were not measured are left out.
        kept: the table of the dataset that the configurations are added to, made with the same tokenizers.
    """
    sizes = {one.recipe.name: sizes_of(one, len(inputs.tokenizers)) for one in produced if one.sizes}
    if not sizes:
        return tuple(kept)
    before = [record.configs for record in kept] or [{} for _ in inputs.tokenizers]
    return tuple(
        _record(tokenizer, {**old, **{config: reach(own[number]) for config, own in sizes.items()}})
        for number, (tokenizer, old) in enumerate(zip(inputs.tokenizers, before, strict=True))
    )


def _record(tokenizer: Tokenizer, configs: Mapping[str, ReachRecord]) -> PortabilityRecord:
    tokens = sum(config.tokens for config in configs.values())
    characters = sum(config.characters for config in configs.values())
    truncated = sum(config.truncated_tokens for config in configs.values())
    return PortabilityRecord(
        name=public_path(tokenizer.name),
        revision=tokenizer.revision,
        digest=tokenizer.digest,
        vocabulary_size=tokenizer.vocabulary_size,
        tokens_per_character=round(tokens / characters, 6) if characters else 0.0,
        rows_reaching={
            str(length): sum(config.rows_reaching[str(length)] for config in configs.values()) for length in LENGTHS
        },
        truncated_share=round(truncated / tokens, 6) if tokens else 0.0,
        configs=dict(sorted(configs.items())),
    )
