"""What an audit finds, in sentences: for the terminal and for the page."""

from collections.abc import Iterator
from dataclasses import dataclass

from nextlong_hub.audit.result import CorpusAudit, Repetition, SourceAudit, TokenizerAudit
from nextlong_hub.core.printable import counted, size
from nextlong_hub.corpus.secrets import found_in_words
from nextlong_hub.corpus.telling import columns_seen, not_read
from nextlong_hub.method.periods import LONGEST_PERIOD, TIMES_MASKED

_MOST_COLUMNS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One thing that was found."""

    about: str
    """A word or two."""
    sentence: str
    """Without a full stop."""
    is_warning: bool = False
    """Whether a build is the worse for it."""


def told(audit: CorpusAudit) -> Iterator[Told]:
    """All that is found besides lengths and yields."""
    for source in audit.sources:
        yield from _source(source)
    if audit.secrets.kinds:
        found = found_in_words(audit.secrets.kinds, audit.secrets.documents)
        yield Told(about="Secrets", sentence=f"{found}; a build masks them unless told otherwise", is_warning=True)
    yield _repeated_ids(audit)
    yield _copies(audit)
    yield _languages(audit)
    for one in audit.tokenizers:
        yield _repetition(one)


def bucket_name(shortest: int) -> str:
    """The lengths of one bucket: `1,024 to 2,047`."""
    if shortest <= 1:
        return f"{shortest}"
    return f"{shortest:,} to {2 * shortest - 1:,}"


def masking(repetition: Repetition) -> str:
    """What documents hold that trainers mask a row for, in words."""
    if not repetition.documents:
        most = f"{repetition.most_times} times at most" if repetition.most_times > 1 else "nowhere three times"
        return f"no document holds 1 to {LONGEST_PERIOD} tokens {TIMES_MASKED} times on end ({most})"
    worst = ", ".join(f"{one.id} ({one.times:,})" for one in repetition.worst)
    return (
        f"{counted(repetition.documents, 'document')} with 1 to {LONGEST_PERIOD} tokens {TIMES_MASKED} times on end or "
        f"more, for which OLMo-core and MaxText mask the loss of a whole row: {worst}"
        f"{', …' * (repetition.documents > len(repetition.worst))}"
    )


def _source(source: SourceAudit) -> Iterator[Told]:
    limit = f", up to the limit of {source.limit}" if source.limit else ""
    yield Told(
        about=source.name,
        sentence=f"{counted(source.documents, 'document')}, {size(source.text_bytes)} of text{limit}",
    )
    if source.left_out:
        reasons = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in source.left_out.items())
        is_bad = set(source.left_out) != {"empty"}
        fate = "; a build stops at those that are not empty, unless it is told to skip them" if is_bad else ""
        left_out = counted(sum(source.left_out.values()), "document")
        yield Told(about=source.name, sentence=f"{left_out} left out: {reasons}{fate}", is_warning=is_bad)
    if source.files:
        yield Told(about=source.name, sentence=not_read(source.files))
    unused = list(source.unused)
    shown = [*unused[:_MOST_COLUMNS], *(["…"] if len(unused) > _MOST_COLUMNS else [])]
    if columns := columns_seen(source.columns, shown, list(source.members)):
        yield Told(about=source.name, sentence=f"columns: {columns}")
    if source.numbered:
        yield Told(about=source.name, sentence=f"{counted(source.numbered, 'row')} without an id")


def _repeated_ids(audit: CorpusAudit) -> Told:
    found = audit.repeated_ids
    sample = "" if found.is_whole else f" of an even sample of {found.ids:,}"
    if not found.documents:
        return Told(about="Ids", sentence=f"no id{sample} comes twice")
    repeated = counted(found.documents, "document")
    return Told(
        about="Ids",
        sentence=f"{repeated} with an id{sample} that came before; a build stops at it, unless it is told to skip it",
        is_warning=True,
    )


def _copies(audit: CorpusAudit) -> Told:
    found = audit.copies
    whole = f"of {counted(found.documents, 'document')}"
    sample = whole if found.is_whole else f"{whole} in an even sample"
    same, near = (f"{number:,} ({number / max(1, found.documents):.1%})" for number in (found.same, found.near))
    return Told(
        about="Copies",
        sentence=f"{sample} {same} have the text of an earlier one, {near} nearly",
    )


def _languages(audit: CorpusAudit) -> Told:
    found = audit.languages
    shares = sorted(found.shares.items(), key=lambda one: (-one[1], one[0]))
    listed = ", ".join(f"{code} {share:.1%}" for code, share in shares)
    rest = f"{max(0.0, 1 - sum(found.shares.values())):.1%} in none that is known, or a rare one"
    sentence = ", ".join(filter(None, [listed, rest])) if found.documents else "no document to look at"
    return Told(about="Languages", sentence=f"{sentence}; of {counted(found.documents, 'document')}, by stop words")


def _repetition(one: TokenizerAudit) -> Told:
    return Told(
        about="Repetition",
        sentence=f"{one.name}: {masking(one.repetition)}",
        is_warning=one.repetition.documents > 0,
    )
