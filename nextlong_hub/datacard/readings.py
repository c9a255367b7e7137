"""What a card says of how each source was read, and of what was not."""

from collections.abc import Iterator

from nextlong_hub.core.printable import counted
from nextlong_hub.corpus.pieces import OTHERS
from nextlong_hub.corpus.secrets import found_in_words
from nextlong_hub.datacard.escaping import Markdown, code, escape
from nextlong_hub.dataset.corpus_record import ReadingRecord, SourceRecord

_MOST_NAMES = 8


def reading_of(source: SourceRecord) -> Markdown:
    """How a source was read, as the end of a sentence; empty where all of it was read and nothing is to be said."""
    return Markdown("; ".join(_parts(source.reading)))


def _parts(reading: ReadingRecord) -> Iterator[str]:
    if reading.held:
        yield f"a {escape(reading.held)} in the memory of a Python program"
    chosen = {"configuration": reading.config, "split": reading.split, "commit": reading.revision}
    said = [f"{name} {code(value)}" for name, value in chosen.items() if value]
    if said:
        yield ", ".join(said)
    if reading.limit:
        yield f"read up to a limit of {code(reading.limit)} in a fixed order of its files"
    if reading.text_column != ReadingRecord().text_column:
        yield f"texts in {code(reading.text_column)}"
    if reading.numbered:
        yield f"{counted(reading.numbered, 'row')} without an id, called by file and row"
    if reading.left_out:
        files = [f"{escape(one.reason)} ({one.files:,})" for one in reading.left_out]
        yield f"files not read: {', '.join(files)}"
    if reading.secrets and reading.secrets.kinds:
        yield found_in_words(reading.secrets.kinds, reading.secrets.documents)
    evidence = reading.evidence
    if evidence.items:
        ranked = sorted(evidence.items, key=lambda name: (name == OTHERS, -evidence.items[name], name))
        items = [f"{code(name)} ({evidence.items[name]:,})" for name in ranked[:_MOST_NAMES]]
        unnamed = sum(evidence.items[name] for name in ranked[_MOST_NAMES:])
        more = f", and {counted(unnamed, 'document')} with others" if unnamed else ""
        first = evidence.examples[0]
        documents = sum(evidence.items.values())
        yield (
            f"{counted(documents, 'document')} with words of items of benchmarks: {', '.join(items)}{more}, such as "
            f"{code(first.document)} with {code(first.words)}; `manifest.json` has more"
        )
    yield from map(escape, evidence.remarks)
    for what, counts in (("columns", reading.unused_columns), ("archived files", reading.unread_members)):
        if counts:
            names = sorted(counts, key=lambda name: (-counts[name], name))
            more = f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else ""
            yield f"{what} not used: {', '.join(map(code, names[:_MOST_NAMES]))}{more}"
