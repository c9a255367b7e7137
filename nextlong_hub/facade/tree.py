"""A dataset as a tree: what it was made from, and each configuration with its rows, tokens, digests and discards.

What is discarded is counted in the manifest: documents that were left out when the corpus was read, and candidates
that became no row.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from itertools import chain

from nextlong_hub.core.files import digest_of
from nextlong_hub.core.printable import compact, counted, listed, size, visible_line
from nextlong_hub.corpus.secrets import found_in_words
from nextlong_hub.dataset.config_record import ConfigRecord, PackingRecord, TokenizerRecord
from nextlong_hub.dataset.corpus_record import CorpusRecord, SourceRecord
from nextlong_hub.dataset.locate import DatasetLocation
from nextlong_hub.dataset.manifest import Manifest
from nextlong_hub.recipe import recorded_recipe

_MOST_SOURCES = 12
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Node:
    """One line of the tree, and those below it."""

    name: str
    facts: str
    below: tuple["Node", ...] = ()


def as_text(location: DatasetLocation, missing: Mapping[str, int]) -> str:
    """The tree for a terminal."""
    root = _root(location, missing)
    return "\n".join([_said(root), *_lines(root.below)])


def as_html(location: DatasetLocation, missing: Mapping[str, int]) -> str:
    """The tree for a notebook, as lists; names from a dataset cannot act as markup."""
    root = _root(location, missing)
    return f'<div class="tex2jax_ignore mathjax_ignore">{_item(root)}{_list(root.below)}</div>'


def _lines(nodes: tuple[Node, ...], before: str = "") -> Iterator[str]:
    for number, node in enumerate(nodes, 1):
        is_last = number == len(nodes)
        yield f"{before}{'└── ' if is_last else '├── '}{_said(node)}"
        yield from _lines(node.below, f"{before}{'    ' if is_last else '│   '}")


def _said(node: Node) -> str:
    return visible_line(f"{node.name}: {node.facts}" if node.facts else node.name)


def _list(nodes: tuple[Node, ...]) -> str:
    items = (f"<li>{_item(node)}{_list(node.below)}</li>" for node in nodes)
    return f"<ul>{''.join(items)}</ul>" if nodes else ""


def _item(node: Node) -> str:
    facts = f": {escape(visible_line(node.facts))}" if node.facts else ""
    return f"<b>{escape(visible_line(node.name))}</b>{facts}"


def _root(location: DatasetLocation, missing: Mapping[str, int]) -> Node:
    manifest = location.manifest
    if manifest is None:
        below = tuple(Node(name, counted(len(files), "file")) for name, files in location.configs.items())
        return Node(location.name, f"{counted(len(below), 'configuration')}, without a manifest of nextlong-hub", below)
    rows = sum(config.rows for config in manifest.configs.values())
    tokens = sum(config.tokens for config in manifest.configs.values())
    file_bytes = size(sum(file.bytes for file in manifest.files))
    commit = f", commit {location.commit[:_DIGITS]}" if location.commit else ""
    facts = f"{counted(len(manifest.configs), 'configuration')}, {_rows(rows, tokens)}, {file_bytes}{commit}"
    configs = (_config(name, config, missing.get(name, 0)) for name, config in manifest.configs.items())
    below = (_corpus(manifest.corpus), *_tokenizers(manifest), *configs)
    return Node(location.name, facts, below)


def _rows(rows: int, tokens: int) -> str:
    return f"{counted(rows, 'row')}, {compact(tokens)} tokens"


def _corpus(corpus: CorpusRecord) -> Node:
    facts = f"{counted(corpus.documents, 'document')}, {compact(corpus.characters)} characters, digest "
    facts += corpus.digest[:_DIGITS]
    below = [_source(source) for source in corpus.sources[:_MOST_SOURCES]]
    if len(corpus.sources) > _MOST_SOURCES:
        below.append(Node(f"{len(corpus.sources) - _MOST_SOURCES:,} more sources", ""))
    if corpus.skipped:
        below.append(Node("left out", listed(corpus.skipped)))
    if corpus.secrets and corpus.secrets.kinds:
        below.append(Node("secrets", found_in_words(corpus.secrets.kinds, corpus.secrets.documents)))
    return Node("corpus", facts, tuple(below))


def _source(source: SourceRecord) -> Node:
    reading = source.reading
    came = reading.held or source.path
    licences = ", ".join(license or "licence not stated" for license in source.licences)
    facts = f"{came}, {counted(source.documents, 'document')}, {licences}"
    below = [Node("columns not used", ", ".join(sorted(reading.unused_columns)))] if reading.unused_columns else []
    below += [Node("files not read", f"{one.reason} ({one.files:,})") for one in reading.left_out]
    return Node(source.name, facts, tuple(below))


def _tokenizers(manifest: Manifest) -> Iterator[Node]:
    first: TokenizerRecord = manifest.tokenizer
    yield Node("tokenizer", f"{first.name}, digest {first.digest}")
    for other in manifest.portability[1:]:
        yield Node("tokenizer", f"{other.name}, digest {other.digest}")


def _config(name: str, config: ConfigRecord, missing: int) -> Node:
    recipe = recorded_recipe(config.recipe)
    target = f"of {recipe.target_length:,} tokens" if not recipe.pack else f"of {recipe.target_length:,} tokens at most"
    files = digest_of([file.sha256 for file in config.files])
    facts = (
        f"{counted(config.rows, 'row')} {target}, {compact(config.tokens)} tokens; recipe {config.fingerprint}, "
        f"files {files}"
    )
    return Node(name, facts, tuple(chain(_parts(config), _outcome(config), _not_made(missing))))


def _parts(config: ConfigRecord) -> Iterator[Node]:
    for name, part in config.mixture.items():
        tokens = f", {compact(part.tokens)} tokens" if part.tokens else ""
        yield Node(f"of {name}", f"{counted(part.rows, 'row')}{tokens}")
    segments = config.segments
    if segments.negative:
        yield Node("made of", f"{segments.meta:,} meta-chunks and {segments.negative:,} hard negatives")
    if config.packing is not None:
        yield Node("packed", _packing(config.packing))
    if config.preview is not None:
        shown = counted(config.preview.file.rows, "row")
        yield Node("shown on the Hub", f"{config.preview.name}: the beginnings of {shown}, no data")


def _packing(packing: PackingRecord) -> str:
    facts = f"{counted(packing.documents, 'document')}, rows {packing.fill:.1%} full"
    if packing.align <= 1:
        return facts
    return f"{facts}, documents of multiples of {packing.align:,} tokens, {packing.padding_tokens:,} of padding"


def _outcome(config: ConfigRecord) -> Iterator[Node]:
    synthesis = config.synthesis
    if synthesis is None:
        return
    not_eligible = {reason: documents for reason, documents in synthesis.not_eligible.items() if documents}
    if not_eligible:
        yield Node("not eligible", listed(not_eligible))
    discarded = listed(synthesis.discarded)
    yield Node("discarded", f"{discarded} of {counted(synthesis.candidates, 'candidate')}")
    if synthesis.given_up:
        yield Node("given up", f"{counted(synthesis.given_up, 'document')} not tried, as hardly any gave a row")
    if synthesis.truncated:
        yield Node("cut", f"{counted(synthesis.truncated, 'text')}, by {compact(synthesis.truncated_tokens)} tokens")


def _not_made(missing: int) -> Iterator[Node]:
    if missing:
        yield Node("asked for and not made", counted(missing, "row"))
