"""What a report says of the sources: how much of them was not read, or left out; and who encoded the rest."""

from typing import TYPE_CHECKING

from nextlong_hub.cli.reports.wording import words
from nextlong_hub.core.printable import counted
from nextlong_hub.dataset.secrets import keeps_secrets, secrets_of
from nextlong_hub.terminal import show_line

if TYPE_CHECKING:
    from nextlong_hub.dataset.manifest import Manifest


def show_encoders(manifest: "Manifest") -> None:
    """Print who made the token ids, where it was not the reference alone."""
    *fast, reference = manifest.tokenizer.encoders or ("",)
    if fast:
        show_line(f"Encoded by {' and '.join(fast)}, tried to give the ids of {reference}.")


def show_not_read(manifest: "Manifest") -> None:
    """Print, for each source that holds more than was read, how much more; the manifest has the names."""
    for source in manifest.corpus.sources:
        reading = source.reading
        parts = {
            "file": sum(one.files for one in reading.left_out),
            "column": len(reading.unused_columns),
            "archived file": sum(reading.unread_members.values()),
        }
        said = [counted(number, noun) for noun, number in parts.items() if number]
        if reading.limit:
            said.append(f"all beyond the limit of {reading.limit}")
        if said:
            show_line(f"Not read of {source.name}: {', '.join(said)}; manifest.json names them.")


def show_secrets(manifest: "Manifest") -> None:
    """Print what secrets were found, and what became of them; nothing where there was none."""
    found = manifest.corpus.secrets
    if found is not None and found.kinds:
        show_line(f"{secrets_of(manifest)}.", "bold yellow")
        if keeps_secrets(manifest):
            show_line("Rows may hold them: whoever reads them can use those that are still valid.", "bold yellow")


def show_left_out(manifest: "Manifest") -> None:
    """Print how many documents were left out, and chunks barred, by reason; nothing where none was."""
    corpus = manifest.corpus
    kinds = {"document": corpus.skipped, "chunk": corpus.barred}
    left_out, barred = (
        ", ".join(f"{counted(number, noun)} ({words(reason)})" for reason, number in sorted(counts.items()))
        for noun, counts in kinds.items()
    )
    if left_out:
        show_line(f"Left out: {left_out}.")
    if barred:
        documents = counted(corpus.barred_documents, "document")
        show_line(f"Barred from all rows: {barred}, in {documents} that no row extends.")
