"""A corpus that was found and read, as its manifest describes it."""

from collections.abc import Sequence
from dataclasses import asdict

from nextlong_hub.corpus.ingest import FoundCorpus
from nextlong_hub.corpus.licences import Statements, insisted
from nextlong_hub.corpus.naming import public_path
from nextlong_hub.corpus.remote import without_query
from nextlong_hub.corpus.secrets import SecretCounts
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.corpus.store import ChunkStore, SourceCounts
from nextlong_hub.dataset.corpus_record import (
    CorpusRecord,
    EvidenceRecord,
    LeftOutRecord,
    OriginRecord,
    ReadingRecord,
    SecretsRecord,
    SourceRecord,
    StatedRecord,
)
from nextlong_hub.secret_scan import RULES


def corpus_record(found: FoundCorpus, store: ChunkStore) -> CorpusRecord:
    """What the manifest says of a corpus."""
    summary = store.summary
    return CorpusRecord(
        digest=found.digest,
        documents=summary.documents,
        chunks=summary.chunks,
        characters=summary.characters,
        skipped=summary.skipped,
        barred=summary.barred,
        barred_documents=len(store.barred_documents),
        sources=source_records(found, summary.sources),
    )


def source_records(found: FoundCorpus, counts: Sequence[SourceCounts] = ()) -> tuple[SourceRecord, ...]:
    """What the manifest says of each source; without `counts`, what is known of it before it is read."""
    unread = [SourceCounts(name=source.name, documents=0, characters=0) for source in found.sources]
    return tuple(_source_record(found, *both) for both in zip(found.sources, counts or unread, strict=True))


def _source_record(found: FoundCorpus, source: SourceSettings, counts: SourceCounts) -> SourceRecord:
    license, is_insisted = insisted(source.license)
    stated = found.stated.get(source.name, Statements())
    return SourceRecord(
        name=source.name,
        path=public_path(without_query(source.path)),
        license=license,
        insisted=is_insisted,
        stated=tuple(StatedRecord(**asdict(one)) for one in stated.licences),
        languages=stated.languages,
        weight=source.weight,
        documents=counts.documents,
        characters=counts.characters,
        reading=_reading_record(found, source, counts),
    )


def _reading_record(found: FoundCorpus, source: SourceSettings, counts: SourceCounts) -> ReadingRecord:
    """How one source was read, and what of it was not."""
    return ReadingRecord(
        config=source.config,
        split=source.split,
        revision=source.revision,
        limit=source.limit,
        held=found.held.get(source.name, ""),
        text_column=source.text_column,
        id_column=source.id_column,
        record_columns=source.record_columns,
        numbered=counts.numbered,
        left_out=tuple(LeftOutRecord(**asdict(files)) for files in found.left_out.get(source.name, ())),
        unused_columns=dict(counts.unused),
        unread_members=dict(counts.members),
        evidence=EvidenceRecord.model_validate(asdict(counts.evidence)),
        origins=tuple(OriginRecord(**asdict(origin)) for origin in counts.origins),
        languages=dict(counts.languages),
        secrets=secrets_record(counts.secrets),
    )


def secrets_record(counts: SecretCounts) -> SecretsRecord:
    """What the manifest says of the secrets in the documents of a source."""
    return SecretsRecord(rules=RULES, kinds=dict(counts.kinds), documents=counts.documents)
