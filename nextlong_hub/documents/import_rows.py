"""What `import` reads: rows that others have published, each kept as it is.

    texts        corpus ▶ read ▶ encode                  rows of one document each
    MDS shards   survey ▶ decode, by the same tokens     rows as they were packed

What made the texts is not known, so each document is one segment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nextlong_hub.core.files import digest_of, read_json
from nextlong_hub.corpus.in_memory import Source
from nextlong_hub.corpus.ingest import FoundCorpus, find_corpus, read_corpus
from nextlong_hub.corpus.licences import insisted, statements_of
from nextlong_hub.corpus.secrets import OnSecret, SecretCounts, merged_secrets
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.dataset.corpus_description import corpus_record, secrets_record
from nextlong_hub.dataset.corpus_record import CorpusRecord, ReadingRecord, SourceRecord, StatedRecord
from nextlong_hub.dataset.packing_plan import PackedPlan
from nextlong_hub.dataset.write import ChosenRows, PlainRows, outcome_record
from nextlong_hub.documents.fit import UNIT_DOCUMENTS, refuse_packed_rows, rows_of, whole_documents
from nextlong_hub.documents.import_tasks import ImportCounts, ImportShard, ImportTexts, SurveyCounts, SurveyShard
from nextlong_hub.documents.lineage import retrieval_of
from nextlong_hub.documents.mds_folder import find_shards, is_mds
from nextlong_hub.documents.produce import UNIT_CHARACTERS
from nextlong_hub.documents.tasks import unit_ranges
from nextlong_hub.errors import DataError, RecipeError, argument
from nextlong_hub.execution.base import Receipt
from nextlong_hub.execution.run import Run
from nextlong_hub.method.settings import ANY_REPETITION, WHOLE_DOCUMENT
from nextlong_hub.producer import Inputs, Produced
from nextlong_hub.recipe import FitSettings, OutputSettings, Recipe
from nextlong_hub.tokenization import SpecialTokens, Tokenizer, control_tokens
from nextlong_hub.tokenization.tasks import TokenizerReference, measure_characters_per_token

_SHORTEST_TARGET = 8
"""Of a recipe; rows may be shorter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """What to import."""

    source: Source
    """An MDS folder, or texts in any form that `build` reads."""
    tokenizer: str
    """A folder, a Hub name, or `demo`; of MDS rows the one that made them."""
    config: str = "imported"
    """What the configuration is called."""
    filters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Settings of the filters that leave texts out, by the names of the filters."""
    on_secret: OnSecret | None = None
    """See `Recipe.on_secret`. None masks secrets in texts, and keeps those in MDS rows, which stay as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRows:
    """Imported rows in finished units, and what they were made from."""

    inputs: Inputs
    produced: Produced


def import_source(run: Run, request: ImportRequest, tokenizer: Tokenizer) -> ImportedRows:
    """Read the source: a folder with an MDS index row by row, anything else as texts.

    Raises:
        DataError: the source cannot be read, is damaged, or holds nothing.
        RecipeError: the configuration's name cannot be used, there is no such filter, or it cannot filter shards.
        StorageError: no space, or no permission.
    """
    source = request.source
    if isinstance(source, SourceSettings) and is_mds(Path(source.path)):
        if request.filters:
            raise RecipeError(
                f"{source.path} holds MDS shards, whose rows are kept token for token, so that no filter "
                f"({', '.join(request.filters)}) can leave a document out; import it without --decontaminate, or give "
                "the texts that it was made from"
            )
        if request.on_secret in ("mask", "drop"):
            raise RecipeError(
                f"{source.path} holds MDS shards, whose rows are kept token for token, so that "
                f"{argument('on-secret', request.on_secret)} can change none of them; take keep or fail, or give the "
                "texts that it was made from"
            )
        return _import_shards(run, source, request.config, request.on_secret or "keep", tokenizer)
    return _import_texts(run, request, tokenizer)


def require_name(config: str) -> None:
    """Make sure that a configuration can be called so.

    Raises:
        RecipeError: it cannot.
    """
    _recipe(config, _SHORTEST_TARGET)


def _import_texts(run: Run, request: ImportRequest, tokenizer: Tokenizer) -> ImportedRows:
    inputs = Inputs(corpus=find_corpus(run, [rows_of(request.source)]), tokenizers=(tokenizer,), seed=0)
    refuse_packed_rows(inputs.corpus)
    config = request.config
    filters = {name: dict(settings) for name, settings in request.filters.items()}
    given = {
        "retrieval": retrieval_of(request.source),
        "filters": filters,
        "on_secret": request.on_secret or "mask",
    }
    recipe = _recipe(config, _SHORTEST_TARGET).model_copy(update=given).with_pinned_filters()
    store = read_corpus(run, inputs.corpus, whole_documents(recipe))
    identity = digest_of(["import", recipe.fingerprint, store.id, tokenizer.digest])
    folder = run.workspace.units(config, identity)
    tasks = [
        ImportTexts(
            key=f"unit-{number:05d}",
            output=folder / f"unit-{number:05d}.parquet",
            store=store.folder,
            start=start,
            stop=stop,
            recipe=recipe,
            tokenizer=TokenizerReference.of(tokenizer),
        )
        for number, (start, stop) in enumerate(unit_ranges(store.document_characters, UNIT_DOCUMENTS, UNIT_CHARACTERS))
    ]
    receipts = run.map("import", tasks, identity)
    chosen = _plain_rows(receipts)
    if not chosen.rows:
        raise DataError(f"none of {store.documents:,} texts has a token; there is nothing to import")
    produced = Produced(
        recipe=_recipe(config, max(receipt.counts.longest_tokens for receipt in receipts)).model_copy(
            update={**given, "filters": recipe.filters}
        ),
        rows=chosen,
        outcome=outcome_record([receipt.counts for receipt in receipts], store.documents),
        corpus=corpus_record(inputs.corpus, store),
        characters_per_token=measure_characters_per_token(store, tokenizer),
        store=None,
        counts=_counted(receipts),
    )
    return ImportedRows(inputs=inputs, produced=produced)


def _import_shards(
    run: Run, source: SourceSettings, config: str, on_secret: OnSecret, tokenizer: Tokenizer
) -> ImportedRows:
    shards = find_shards(Path(source.path))
    stamps = [(asdict(shard), shard.path.stat().st_mtime_ns) for shard in shards]
    identity = digest_of(["import", config, stamps, tokenizer.digest])
    folder = run.workspace.units(config, identity)
    bos, eos = _control_ids(tokenizer)
    surveys = run.map(
        "survey",
        [
            SurveyShard(
                key=f"shard-{number:05d}", output=folder / f"shard-{number:05d}.json", shard=shard, bos=bos, eos=eos
            )
            for number, shard in enumerate(shards)
        ],
        identity,
    )
    counts = [survey.counts for survey in surveys]
    if not sum(one.documents for one in counts):
        raise DataError(f"the {len(shards):,} shards of {source.path} hold no document; there is nothing to import")
    special = _special_tokens(counts, bos, eos)
    masked = any("mask" in shard.columns.names for shard in shards)
    packed = masked or any(one.most_documents != 1 for one in counts)
    longest = max(one.longest_tokens for one in counts)
    recipe = _recipe(config, longest, packed=packed, special=special).model_copy(update={"on_secret": on_secret})
    receipts = run.map(
        "import",
        [
            ImportShard(
                key=f"unit-{number:05d}",
                output=folder / f"unit-{number:05d}.parquet",
                shard=shard,
                source=source.name,
                masked=masked,
                recipe=recipe,
                tokenizer=TokenizerReference.of(tokenizer),
                special_tokens=special,
            )
            for number, shard in enumerate(shards)
        ],
        digest_of([identity, recipe.fingerprint]),
    )
    digest = digest_of([one.sha256 for one in counts])
    corpus = _record_of_shards(source, digest, receipts)
    documents = sum(receipt.counts.candidates for receipt in receipts)
    produced = Produced(
        recipe=recipe,
        rows=_packed_rows(surveys, receipts) if packed else _plain_rows(receipts),
        outcome=outcome_record([receipt.counts for receipt in receipts], documents),
        corpus=corpus,
        characters_per_token=corpus.characters / sum(receipt.counts.tokens for receipt in receipts),
        store=None,
        counts={**_counted(receipts), "outside_tokens": sum(one.outside_tokens for one in counts)},
    )
    found = FoundCorpus(sources=(), pieces=(), digest=digest)
    return ImportedRows(inputs=Inputs(corpus=found, tokenizers=(tokenizer,), seed=0), produced=produced)


def _recipe(name: str, longest_tokens: int, *, packed: bool = False, special: SpecialTokens | None = None) -> Recipe:
    """The recipe of rows that are kept as they are; its target is the longest of them."""
    try:
        return Recipe(
            name=name,
            description="Imported rows, every one as it was",
            target_length=max(_SHORTEST_TARGET, longest_tokens),
            chunking=WHOLE_DOCUMENT,
            repetition=ANY_REPETITION,
            output=OutputSettings(unit_documents=UNIT_DOCUMENTS),
            fit=FitSettings(truncate=False, discard=False),
            pack=packed,
            add_bos_token=special is not None and special.bos is not None,
            add_eos_token=special is not None and special.eos is not None,
        )
    except ValueError as error:
        raise RecipeError(
            f"{argument('config', name)} is no name of a configuration; take letters, digits, '.', '_' and '-'"
        ) from error


def _control_ids(tokenizer: Tokenizer) -> tuple[int | None, int | None]:
    """The ids of the tokenizer's bos_token and eos_token, where it has them."""
    numbers = {token.content: number for number, token in tokenizer.added_tokens.items()}
    known = control_tokens(tokenizer)
    bos, eos = (numbers.get(known.get(kind, "")) for kind in ("bos_token", "eos_token"))
    return bos, eos


def _special_tokens(surveys: Sequence[SurveyCounts], bos: int | None, eos: int | None) -> SpecialTokens:
    """What every document stands between; a token that only some have is part of their texts."""
    documents = sum(one.documents for one in surveys)
    begin = sum(one.begin for one in surveys) == documents
    end = sum(one.end for one in surveys) == documents
    if bos == eos and any(one.single_tokens for one in surveys):
        end = end and not begin  # one token cannot be both
    return SpecialTokens(bos=bos if begin else None, eos=eos if end else None)


def _plain_rows(receipts: Sequence[Receipt[ImportCounts]]) -> ChosenRows:
    rows = PlainRows()
    rows.take(receipts)
    return rows.finish(None)


def _packed_rows(surveys: Sequence[Receipt[SurveyCounts]], receipts: Sequence[Receipt[ImportCounts]]) -> ChosenRows:
    """The rows as they were packed, document by document."""
    places, counts, sizes = [], [], []
    for number, (survey, receipt) in enumerate(zip(surveys, receipts, strict=True)):
        rows = [(documents, tokens) for documents, tokens in read_json(survey.output) if documents]
        documents = sum(count for count, _ in rows)
        places.append(np.stack([np.full(documents, number), np.arange(documents)], axis=1))
        counts += [count for count, _ in rows]
        bytes_per_token = receipt.counts.row_bytes / max(1, sum(tokens for _, tokens in rows))
        sizes += [tokens * bytes_per_token for _, tokens in rows]
    return ChosenRows(
        packed=PackedPlan(
            units=tuple(receipt.output for receipt in receipts),
            places=np.concatenate(places).astype(np.int32),
            borders=np.cumsum([0, *counts]),
            row_bytes=np.array(sizes, np.float64),
        )
    )


def _record_of_shards(source: SourceSettings, digest: str, receipts: Sequence[Receipt[ImportCounts]]) -> CorpusRecord:
    """What the manifest says of a corpus that is not known: the documents of the rows stand for it."""
    license, is_insisted = insisted(source.license)
    stated = statements_of(source)
    totals: dict[str, tuple[int, int]] = {}
    secrets: dict[str, list[SecretCounts]] = {}
    for receipt in receipts:
        for name, found in receipt.counts.secrets.items():
            secrets.setdefault(name, []).append(found)
        for name, (documents, characters) in receipt.counts.sources.items():
            before = totals.get(name, (0, 0))
            totals[name] = (before[0] + documents, before[1] + characters)
    documents = sum(count for count, _ in totals.values())
    return CorpusRecord(
        digest=digest,
        documents=documents,
        chunks=documents,
        characters=sum(characters for _, characters in totals.values()),
        skipped={},
        sources=tuple(
            SourceRecord(
                name=name,
                path=name,
                license=license,
                insisted=is_insisted,
                stated=tuple(StatedRecord(**asdict(one)) for one in stated.licences),
                languages=stated.languages,
                weight=None,
                documents=totals[name][0],
                characters=totals[name][1],
                reading=ReadingRecord(secrets=secrets_record(merged_secrets(secrets.get(name, ())))),
            )
            for name in sorted(totals)
        ),
    )


def _counted(receipts: Sequence[Receipt[ImportCounts]]) -> dict[str, int]:
    return {
        "not_exact": sum(receipt.counts.not_exact for receipt in receipts),
        "no_tokens": sum(sum(receipt.counts.discarded.values()) for receipt in receipts),
        "outside_tokens": 0,
    }
