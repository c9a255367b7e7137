"""Hands the room `proof` what it needs: documents as they are read, rows as they lie in their files, and a tokenizer.

Which documents of the sources a corpus holds, and which chunks its filters bar, is taken from the corpus as it was read
again: a filter is not applied a second time by other code.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any, Self

import numpy as np

from nextlong_hub import corpus
from nextlong_hub.corpus.filters import open_filters
from nextlong_hub.corpus.ingest import FoundCorpus
from nextlong_hub.corpus.secrets import scanned
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.dataset.best_fit import unpack
from nextlong_hub.dataset.config_record import ConfigRecord
from nextlong_hub.dataset.manifest import MANIFEST_NAME
from nextlong_hub.dataset.reader import SplitReader, open_split
from nextlong_hub.errors import DataError
from nextlong_hub.execution.progress import ProgressTracker
from nextlong_hub.producer import producer_of
from nextlong_hub.proof import Amount, Choices, Finding, Prover, Statistics, Texts, prove_piece, spoken
from nextlong_hub.proof.choices import Scoring
from nextlong_hub.proof.negatives import Encode
from nextlong_hub.recipe import Recipe
from nextlong_hub.verification.report import Check, ProofCounts

_OTHER_CORPUS = "nothing was derived again, for the given corpus is another one than the dataset was made of"
_DAMAGED = "none of its rows was derived again, for a file of it is damaged"
_NO_TEXTS = "all of it: {} are not derived again"
_BROKEN = "all of it: its row is at fault as it lies there, and is not taken apart"
_KEPT = "its segments, which it had before it came here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One configuration, and the corpus that its rows are derived from."""

    name: str
    config: ConfigRecord
    recipes: Mapping[str, Recipe]
    """By the name before the slash in a row's id; filters lie where they lie here."""
    stores: Mapping[str, ChunkStore]
    """Of the same names."""

    @classmethod
    def of(cls, name: str, config: ConfigRecord, recipes: Mapping[str, Recipe], check: Check) -> Self:
        """The claim of a configuration whose corpora were just read."""
        stores = {recipe: texts.store for recipe, texts in check.corpora.items()}
        return cls(name=name, config=config, recipes=recipes, stores=stores)


@dataclass(slots=True, kw_only=True)
class _Counting:
    """What is known so far of the rows of one configuration."""

    claim: Claim
    rows: dict[int, str]
    """Their numbers, with their places."""
    texts: int = 0
    proven: int = 0
    borders: int = 0
    scores: int = 0
    encoded: int = 0
    passed_over: Counter[str] = field(default_factory=Counter)
    open: Counter[str] = field(default_factory=Counter)

    def add(self, finding: Finding) -> None:
        self.texts += 1
        self.proven += finding.is_proven
        self.borders += finding.borders
        self.scores += finding.scores
        self.encoded += finding.encoded
        self.passed_over.update(finding.passed_over)
        self.open.update(set(finding.open))

    def counts(self) -> ProofCounts:
        return ProofCounts(
            config=self.claim.name,
            rows=len(self.rows),
            of_rows=self.claim.config.rows,
            texts=self.texts,
            proven=self.proven,
            borders=self.borders,
            scores=self.scores,
            encoded=self.encoded,
            passed_over=dict(sorted(self.passed_over.items())),
            open=dict(sorted(self.open.items())),
        )


def prove_claims(folder: Path, claims: Sequence[Claim], amount: Amount, check: Check, tracker: ProgressTracker) -> None:
    """Derive rows of every configuration again, and add what is wrong to the faults.

    Args:
        folder: the dataset.
        claims: its configurations.
        amount: how many rows of each.
        check: takes faults, counts and remarks; its tokenizer, where there is one, counts tokens.
        tracker: shows how far it is.

    Raises:
        DataError, StorageError: the corpus cannot be read once more.
    """
    if not check.is_same_corpus or check.found is None:
        check.remarks.append(_OTHER_CORPUS)
        return
    damaged = {fault.place.split("/")[1] for fault in check.faults if fault.place.endswith(".parquet")}
    counting = []
    for claim in claims:
        if claim.name in damaged:
            check.remarks.append(f"{claim.name}: {_DAMAGED}")
        else:
            counting.append(_begin(claim, amount, check))
    parts: defaultdict[str, list[tuple[_Counting, str]]] = defaultdict(list)
    for one in counting:
        for name, recipe in one.claim.recipes.items():
            is_text = producer_of(recipe).reads == "texts"
            parts[one.claim.stores[name].id if is_text else ""].append((one, name))
    with tracker.rounds():
        for some in parts.values():
            _prove_world(folder, some, check, tracker)
    check.proofs += [one.counts() for one in counting]


def _begin(claim: Claim, amount: Amount, check: Check) -> _Counting:
    """Choose the rows of a configuration; packed ones that cannot be taken apart are told at once."""
    numbers = amount.of(claim.name, claim.config.rows)
    ends = list(accumulate(file.rows for file in claim.config.files))
    rows = {}
    for number in numbers:
        file = bisect_right(ends, number)
        first = ends[file] - claim.config.files[file].rows
        rows[number] = f"{claim.config.files[file].path}, row {number - first}"
    one = _Counting(claim=claim, rows=rows)
    if claim.config.packing is not None:
        broken = set(rows.values()) & {fault.place for fault in check.faults}
        one.rows = {number: place for number, place in rows.items() if place not in broken}
        for _ in broken:
            one.add(Finding(open=[_BROKEN]))
    return one


def _prove_world(folder: Path, parts: Sequence[tuple[_Counting, str]], check: Check, tracker: ProgressTracker) -> None:
    """Prove the texts of all recipes, each of a configuration, that read and cut the corpus alike."""
    first, name = parts[0]
    recipe = first.claim.recipes[name]
    if producer_of(recipe).reads != "texts" or check.found is None:
        for one, maker in parts:
            for _ in _texts(folder, one, maker):
                one.add(Finding(open=[_NO_TEXTS.format(producer_of(recipe).reads)]))
        return
    store = first.claim.stores[name]
    with Texts(_choices(recipe, ()).cutting) as texts:
        with tracker.stage("prove: cut", store.documents, "documents") as done:
            for document, whole, barred in _documents(check.found, recipe, store):
                texts.add(document, whole, barred)
                done(1)
        provers = _provers(folder, parts, texts, check, tracker)
        rows = sum(len(one.rows) for one, _ in parts)
        with tracker.stage("prove: rows", rows, "rows") as done:
            for one, maker in parts:
                for place, text in _texts(folder, one, maker, done):
                    finding = provers[one.claim.name, maker](text)
                    for message in finding.faults:
                        check.fault(place, f"proven from the corpus: {message}")
                    one.add(finding)


def _provers(
    folder: Path, parts: Sequence[tuple[_Counting, str]], texts: Texts, check: Check, tracker: ProgressTracker
) -> dict[tuple[str, str], Callable[[Mapping[str, Any]], Finding]]:
    """What proves a text, by configuration and recipe; the corpus is counted once for all that count alike."""
    encode = _encoder(check)
    choices: dict[tuple[str, str], Choices] = {}
    queries: defaultdict[Scoring, set[int]] = defaultdict(set)
    provers: dict[tuple[str, str], Callable[[Mapping[str, Any]], Finding]] = {}
    languages: dict[str, float] | None = None
    for one, maker in parts:
        recipe = one.claim.recipes[maker]
        if not producer_of(recipe).retrieves:
            special_tokens = int(recipe.add_bos_token) + int(recipe.add_eos_token)
            provers[one.claim.name, maker] = partial(_prove_piece, texts, special_tokens, encode)
            continue
        if recipe.retrieval.stop_words == "auto":
            languages = spoken(texts) if languages is None else languages
            _check_languages(one.claim, maker, languages, check)
        chosen = choices[one.claim.name, maker] = _choices(recipe, tuple(languages or ()), check.made_for)
        if chosen.is_scored_again:
            for _, row in _texts(folder, one, maker):
                queries[chosen.scoring].update(texts.chunks_of(row["meta_document"]))
    statistics = {}
    for scoring, asked in queries.items():
        with tracker.stage("prove: count words", texts.chunks, "chunks") as done:
            statistics[scoring] = Statistics(texts, scoring, sorted(asked), done)
    for key, chosen in choices.items():
        known = statistics.get(chosen.scoring) if chosen.is_scored_again else None
        provers[key] = Prover(chosen, texts, known, encode).prove
    return provers


def _choices(recipe: Recipe, languages: Sequence[str], tokenizers: int = 1) -> Choices:
    return Choices.of(recipe.public_values(), languages, tokenizers)


def _check_languages(claim: Claim, maker: str, found: Mapping[str, float], check: Check) -> None:
    """The languages that the manifest names must be those that are found again; older manifests name none."""
    record = claim.config.row_stop_words.get(maker)
    if record is not None and dict(record.shares) != found:
        check.fault(
            MANIFEST_NAME,
            f"says that the corpus of {maker!r} is in the languages {dict(record.shares)}, and it is found to be in "
            f"{dict(found)}",
        )


def _prove_piece(texts: Texts, special_tokens: int, encode: Encode | None, row: Mapping[str, Any]) -> Finding:
    finding = prove_piece(row, texts.text_of(row["meta_document"]), special_tokens, encode)
    if {segment["document"] for segment in row["segments"]} != {row["meta_document"]}:
        finding.open.append(_KEPT)
    return finding


def _encoder(check: Check) -> Encode | None:
    """The library's own tokenizer; None where none was given."""
    if check.tokenizer is None:
        return None
    backend = check.tokenizer.copy_backend()
    return lambda text: backend.encode(text, add_special_tokens=False).ids


def _documents(found: FoundCorpus, recipe: Recipe, store: ChunkStore) -> Iterator[tuple[str, str, list[int]]]:
    """The documents of a store as they are in their files, but for secrets: id, text, and the chunks that are barred.

    Raises:
        DataError: the files do not hold them any more.
    """
    filters = open_filters(recipe.filters)
    barred: defaultdict[int, list[int]] = defaultdict(list)
    for chunk, owner in zip(store.barred_chunks.tolist(), store.document_of(store.barred_chunks).tolist(), strict=True):
        barred[owner].append(chunk - int(store.first_chunk[owner]))
    number = 0
    for part in store.summary.parts:
        piece = found.pieces[int(part.name.split("-")[1])]
        ids = iter(store.document_ids(np.arange(number, number + part.documents)))
        wanted = next(ids, None)
        for found_here in corpus.read(piece, recipe.on_bad_document) if wanted is not None else ():
            if isinstance(found_here, corpus.Skipped):
                continue
            document = scanned(found_here, recipe.on_secret, piece.location).document
            if document.id != wanted:
                continue
            if filters.by_name and filters.reject(document) is not None:
                continue
            yield document.id, document.text, barred.get(number, [])
            number += 1
            wanted = next(ids, None)
            if wanted is None:
                break
        if wanted is not None:
            raise DataError(f"{piece.place} has no document {wanted!r} any more; restore it, and run the command again")


def _texts(
    folder: Path, one: _Counting, maker: str, done: Callable[[int], object] = lambda rows: None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The texts that a recipe made in the rows of a configuration that are to be proven, with their places."""
    with closing(open_split(folder, one.claim.name)) as split:
        for number, place in one.rows.items():
            row = _values(split, number)
            packed = one.claim.config.packing is not None
            for document, text in enumerate(unpack(row) if packed else [row]):
                if text["id"].partition("/")[0] == maker:
                    yield f"{place}, document {document}" if packed else place, text
            done(1)


def _values(split: SplitReader, number: int) -> dict[str, Any]:
    """A row as plain values; what its file does not hold is absent."""
    row = split.row(number)
    fields = {one.name for one in split.schema.field("segments").type.value_type}
    values: dict[str, Any] = {
        "id": row.id,
        "text": row.text,
        "token_count": row.token_count,
        "meta_document": row.meta_document,
        "source": row.source,
        "segments": row.segments.select([name for name in row.segments.column_names if name in fields]).to_pylist(),
        "documents": row.documents.to_pylist(),
    }
    if "input_ids" in split.columns:
        values["input_ids"] = row.input_ids.tolist()
    return values
