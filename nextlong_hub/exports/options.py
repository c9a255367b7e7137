"""The request for an export, checked against format and rows before the first byte is written."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nextlong_hub.dataset import SplitReader
from nextlong_hub.dataset.schema import LOSS_MASK
from nextlong_hub.errors import RecipeError, argument
from nextlong_hub.exports.base import FORMATS, ExportFormat, ExportSettings
from nextlong_hub.exports.endings import EOS_RULES, Ending, EosRule, find_eos
from nextlong_hub.tokenization import EMBEDDED, Tokenizer, load_tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """The request; None leaves a choice to the format."""

    format: str
    config: str | None = None
    """None: `128k` where there is one, else the first."""
    tokenizer: str | None = None
    """Encode the texts with this tokenizer; None takes the stored tokens."""
    pack_tokens: int | None = None
    """Pack documents into rows of this many tokens."""
    shard_bytes: int | None = None
    compression: Literal["zstd"] | None = None
    by_source: bool = False
    hashes: tuple[str, ...] = ()
    token_bytes: Literal[2, 4] | None = None
    eos: EosRule | None = None
    """How each document ends: see `endings`."""
    eos_id: int | None = None
    """The id of the EOS; None asks the tokenizer."""


def open_tokenizer(kind: ExportFormat, request: ExportRequest) -> Tokenizer | None:
    """The tokenizer that is named; None where none is.

    Raises:
        RecipeError: the format is text, or there is no such tokenizer.
    """
    if request.tokenizer is None:
        return None
    if kind.tokens == "never":
        raise RecipeError(
            f"{kind.name} is text, which its trainer encodes itself; leave out {argument('tokenizer')}, or choose "
            "another format"
        )
    return load_tokenizer(request.tokenizer)


def choose_tokenizer(kind: ExportFormat, named: Tokenizer | None, split: SplitReader) -> Tokenizer | None:
    """The tokenizer for the texts; None where tokens are stored or not needed.

    Raises:
        RecipeError: there are no tokens and no tokenizer, or the one named cannot be used for these rows.
    """
    has_tokens = "input_ids" in split.columns
    if named is None:
        if kind.tokens == "always" and not has_tokens:
            raise RecipeError(
                f"{split.config} of {split.where} has no input_ids, and {kind.name} needs tokens; name the tokenizer "
                f"of the model you train with {argument('tokenizer')}"
            )
        return None
    if has_tokens and split.manifest is not None and split.manifest.tokenizer.digest == named.digest:
        return None
    if LOSS_MASK in split.columns:
        raise RecipeError(
            f"the loss mask of {split.config} belongs to the tokens it was made with; leave out "
            f"{argument('tokenizer')}, or build "
            f"{split.config} anew with that tokenizer"
        )
    if "text" not in split.columns:
        raise RecipeError(f"{split.config} of {split.where} has no text to encode; leave out {argument('tokenizer')}")
    return named


def choose_settings(
    kind: ExportFormat, request: ExportRequest, split: SplitReader, named: Tokenizer | None
) -> ExportSettings:
    """Resolve all settings, with the defaults of the format; `named` is the tokenizer of the request, opened.

    Raises:
        RecipeError: the format does not support the request or the rows.
    """
    has_tokens = "input_ids" in split.columns or named is not None
    for refusal in (*_refused_rows(kind, split), *_refused_options(kind, request, has_tokens=has_tokens)):
        raise RecipeError(refusal)
    recorded = split.manifest.tokenizer.name if split.manifest else ""
    return ExportSettings(
        name=split.config,
        pack_tokens=request.pack_tokens,
        shard_bytes=request.shard_bytes or kind.shard_bytes,
        compression=request.compression,
        by_source=request.by_source,
        hashes=tuple(sorted(set(request.hashes))),
        token_bytes=request.token_bytes or _token_bytes(kind, _vocabulary_size(named, split)),
        masked=LOSS_MASK in split.columns,
        ending=_choose_ending(kind, request, split, named),
        tokenizer_name=Path(request.tokenizer).name if request.tokenizer else recorded or "unknown tokenizer",
    )


def _choose_ending(kind: ExportFormat, request: ExportRequest, split: SplitReader, named: Tokenizer | None) -> Ending:
    rule = request.eos or kind.eos
    if rule == "keep" and not kind.eos_is_border:
        return Ending()
    eos = request.eos_id if request.eos_id is not None else find_eos(named, split)
    is_aligned = split.record is not None and split.record.packing is not None and split.record.packing.align > 1
    return Ending(
        rule=rule,
        eos=eos,
        is_border=kind.eos_is_border,
        is_uniform=is_aligned and rule == "append" and kind.takes_packed_rows,
    )


def _refused_rows(kind: ExportFormat, split: SplitReader) -> Iterator[str]:
    if kind.wants_text and "text" not in split.columns:
        yield f"{split.config} of {split.where} has no text, and {kind.name} needs it; choose another format"
    if LOSS_MASK in split.columns and not kind.takes_loss_mask:
        yield (
            f"{split.config} has a loss mask, which {kind.name} cannot carry: the model would also learn prompts or "
            f"padding; choose {_those(lambda other: other.takes_loss_mask)}"
        )


def _refused_options(kind: ExportFormat, request: ExportRequest, *, has_tokens: bool) -> Iterator[str]:
    if request.pack_tokens is not None and not kind.takes_packed_rows:
        others = _those(lambda other: other.takes_packed_rows)
        yield f"{kind.name} cannot carry rows of several documents; leave out {argument('pack')}, or choose {others}"
    if request.pack_tokens is not None and not has_tokens:
        yield (
            f"{argument('pack')} counts tokens, and {kind.name} has none here; leave it out, or name a "
            f"{argument('tokenizer')}"
        )
    if request.compression is not None and request.compression not in kind.compressions:
        yield f"{kind.name} cannot be compressed with {request.compression}; leave out {argument('compression')}"
    if request.by_source and not kind.takes_sources_apart:
        others = _those(lambda other: other.takes_sources_apart)
        yield f"{kind.name} has no folders for sources; leave out {argument('by-source', True)}, or choose {others}"
    unknown = sorted(set(request.hashes) - set(kind.hashes))
    if unknown:
        yield (
            f"{kind.name} holds no {unknown[0]} digests; it takes {argument('hash')} "
            f"{' or '.join(kind.hashes) or 'nothing'}"
        )
    if request.shard_bytes is not None and not kind.shard_bytes:
        yield f"{kind.name} puts all tokens into one file; leave out {argument('shard-bytes')}"
    if request.shard_bytes is not None and request.shard_bytes > (kind.most_shard_bytes or request.shard_bytes):
        yield (
            f"{kind.name} can index files of {kind.most_shard_bytes:,} bytes, but {argument('shard-bytes')} is "
            f"{request.shard_bytes:,}; give less"
        )
    if request.eos not in (None, *EOS_RULES):
        yield f"{argument('eos', request.eos)} is none of {', '.join(EOS_RULES)}; choose one of them"
    if request.eos_id is not None and not (isinstance(request.eos_id, int) and 0 <= request.eos_id < 2**31):
        yield f"{argument('eos-id', request.eos_id)} is no token id; give one from 0 to {2**31 - 1:,}"
    if request.eos is not None and not (kind.tokens == "always" or (kind.tokens == "where stored" and has_tokens)):
        yield f"{kind.name} is text, whose ends its trainer makes; leave out {argument('eos')}"
    if request.token_bytes is not None and kind.token_bytes is None:
        yield f"{kind.name} leaves no choice how many bytes a token has; leave out {argument('token-bytes')}"


def _those(fit: Callable[[ExportFormat], bool]) -> str:
    """The formats that fit, as the end of a sentence: `jsonl, mds or trl`."""
    *names, last = [one.name for one in FORMATS.values() if fit(one)]
    return f"{', '.join(names)} or {last}" if names else last


def _vocabulary_size(named: Tokenizer | None, split: SplitReader) -> int | None:
    """Size of the vocabulary: of a named or embedded tokenizer, or from the manifest; None when it is unknown."""
    if named is not None:
        return named.vocabulary_size
    if split.manifest is None:
        return None
    recorded = split.manifest.tokenizer
    if recorded.name == EMBEDDED:
        return load_tokenizer(EMBEDDED).vocabulary_size
    return next((one.vocabulary_size for one in split.manifest.portability if one.digest == recorded.digest), None)


def _token_bytes(kind: ExportFormat, vocabulary: int | None) -> Literal[2, 4]:
    if kind.token_bytes == "by vocabulary" and vocabulary is None:
        raise RecipeError(
            f"{kind.name} reads tokens of 2 or 4 bytes by the size of the vocabulary, which this dataset does not "
            f"tell; name its tokenizer with {argument('tokenizer')}, or give {argument('token-bytes')}"
        )
    return 2 if vocabulary is not None and vocabulary <= kind.two_byte_vocabulary else 4
