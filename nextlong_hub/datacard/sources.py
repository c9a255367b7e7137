"""What a card says of the sources: each with its licences and, below it, what its rows say of where they come from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nextlong_hub.datacard.escaping import Markdown, code, escape
from nextlong_hub.datacard.licences import contradictions, identifier_of
from nextlong_hub.dataset.corpus_record import OriginRecord, SourceRecord
from nextlong_hub.dataset.manifest import Manifest

_MOST_ORIGINS = 20
_MOST_LICENCES = 6
_NOT_STATED = "not stated"
_LANGUAGE_COLUMNS = frozenset({"language", "languages", "lang", "lang_code", "language_code"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """One row of the table of sources: a source, or what some of its rows name as theirs."""

    name: Markdown
    place: Markdown
    """Where it is read from; empty of what rows name."""
    documents: int
    characters: int
    tokens: int
    """Estimated from the characters, by the characters of a token in the whole corpus."""
    licences: str


def source_rows(manifest: Manifest) -> list[SourceRow]:
    """The table of sources; of what the rows of one name, those of most characters."""
    per_token = manifest.tokenizer.characters_per_token
    return [row for source in manifest.corpus.sources for row in _rows_of(source, per_token)]


def languages_told(manifest: Manifest) -> str:
    """What the sources say of the languages of their texts, in their cards and row by row, in Markdown."""
    sources = manifest.corpus.sources
    columns = [
        f"rows of {escape(one.name)} have a column {code(name)}, which was not read"
        for one in sources
        for name in one.reading.unused_columns
        if name.rpartition(".")[2].lower() in _LANGUAGE_COLUMNS
    ]
    unread = f" But {'; '.join(columns)}: look there, and say it in the header of this card." if columns else ""
    said = {one.name: [*map(code, one.languages), *_said_by_rows(one)] for one in sources}
    stated = [f"{escape(name)} ({', '.join(parts)})" for name, parts in said.items() if parts]
    silent = [escape(name) for name, parts in said.items() if not parts]
    if not stated:
        return f"No source states its languages, and none was guessed.{unread}"
    rest = f" {_first(silent)} states none, and none was guessed." if len(silent) == 1 else ""
    if len(silent) > 1:
        rest = f" {_first(silent)} state none, and none was guessed."
    return f"Languages, as the sources state them: {_first(stated)}.{rest}{unread}"


def languages_of_rows(source: SourceRecord, least_share: float = 0.0) -> dict[str, int]:
    """Documents by the language that their rows state, the most frequent first, of those with at least this share."""
    counts = source.reading.languages
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return {language: number for language, number in ordered if number >= least_share * source.documents}


def _said_by_rows(source: SourceRecord) -> list[str]:
    counts = languages_of_rows(source)
    told = [f"{code(language)} {number:,}" for language, number in list(counts.items())[:_MOST_ORIGINS]]
    more = [f"{len(counts) - _MOST_ORIGINS:,} more"] if len(counts) > _MOST_ORIGINS else []
    return [f"by row: {', '.join([*told, *more])} of {source.documents:,} documents"] if told else []


def _first(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_ORIGINS:,} more" if len(names) > _MOST_ORIGINS else ""
    return ", ".join(names[:_MOST_ORIGINS]) + more


def insistences(manifest: Manifest) -> list[str]:
    """A sentence for each source whose licence was insisted upon against what its data say."""
    found = []
    for source in manifest.corpus.sources:
        said = contradictions(source)
        if said:
            places = ", ".join(f"{license} ({' and '.join(where)})" for license, where in said.items())
            found.append(f"{source.license} was insisted upon for {source.name}, and its data say {places}")
    return found


def _rows_of(source: SourceRecord, per_token: float) -> Iterator[SourceRow]:
    yield SourceRow(
        name=Markdown(escape(source.name)),
        place=_place(source),
        documents=source.documents,
        characters=source.characters,
        tokens=round(source.characters / per_token),
        licences=_listed([license or _NOT_STATED for license in source.licences])
        + (" (insisted upon)" if contradictions(source) else ""),
    )
    origins = source.reading.origins
    if len(origins) < 2 and not any(origin.source for origin in origins):
        return
    largest = sorted(origins, key=lambda one: (-one.characters, one.source, one.license))
    for origin in largest[:_MOST_ORIGINS]:
        yield _row(origin.source or "(unnamed)", [origin], source, per_token)
    rest = largest[_MOST_ORIGINS:]
    if rest:
        yield _row(f"{len(rest):,} more", rest, source, per_token)


def _row(name: str, origins: Sequence[OriginRecord], source: SourceRecord, per_token: float) -> SourceRow:
    characters = sum(origin.characters for origin in origins)
    whole = [source.license] if source.license else [one.license for one in source.stated]
    own = [one for origin in origins for one in ([origin.license] if origin.license else whole or [_NOT_STATED])]
    return SourceRow(
        name=Markdown(f"&emsp;{escape(name)}"),
        place=Markdown(""),
        documents=sum(origin.documents for origin in origins),
        characters=characters,
        tokens=round(characters / per_token),
        licences=_listed(own),
    )


def _listed(licences: Sequence[str]) -> str:
    distinct = list({identifier_of(one) or one: one for one in reversed(licences)}.values())[::-1]
    more = f" and {len(distinct) - _MOST_LICENCES:,} more" if len(distinct) > _MOST_LICENCES else ""
    return ", ".join(distinct[:_MOST_LICENCES]) + more


def _place(source: SourceRecord) -> Markdown:
    name = source.hub_name
    return Markdown(f"[{escape(name)}](https://huggingface.co/datasets/{name})") if name else code(source.path)
