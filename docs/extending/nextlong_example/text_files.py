"""An export format: each document a text file of its own, beside a list of where they came from."""

from collections.abc import Iterator

from nextlong_hub.core.files import json_bytes
from nextlong_hub.exports.base import ExportFormat, ExportSettings
from nextlong_hub.exports.export_rows import ExportRow
from nextlong_hub.exports.writer import ExportWriter


def write(rows: Iterator[ExportRow], writer: ExportWriter, settings: ExportSettings) -> None:
    """Write one row after the other; the writer notes the digest of each file."""
    sources = {}
    for number, row in enumerate(rows):
        writer.put(f"{number:06d}.txt", row.text.encode())
        sources[f"{number:06d}.txt"] = row.source
    writer.put("sources.json", json_bytes(sources))


FORMAT = ExportFormat(
    name="text-files",
    reader="anything that reads text",
    trainer_setting='load_dataset("text", data_dir={0!r}, sample_by="document")',
    write=write,
    tokens="never",
    wants_text=True,
    takes_packed_rows=False,
    takes_loss_mask=False,
    shard_bytes=0,
)
