"""Dataset folders as they were before columns were renamed."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from nextlong_hub.core.files import digest_of, sha256_of
from nextlong_hub.dataset.manifest import MANIFEST_NAME, parse_manifest, write_manifest
from nextlong_hub.dataset.row_digest import digest_rows

EARLIER = {"assistant_masks": "loss_mask", "seq_lengths": "document_lengths"}
"""What those columns were called."""


def name_as_before(folder: Path) -> None:
    """Give the columns of all files their earlier names, and the manifest what it says of such files."""
    content = json.loads((folder / MANIFEST_NAME).read_text())
    for config in content["configs"].values():
        for record in config["files"]:
            path = folder / record["path"]
            table = earlier(pq.read_table(path))
            pq.write_table(table, path, write_page_checksum=True)
            record |= {"sha256": sha256_of(path), "bytes": path.stat().st_size, "rows_sha256": digest_rows([table])}
    del content["digest"]
    manifest = parse_manifest(json.dumps(content | {"digest": digest_of(content)}).encode(), MANIFEST_NAME)
    assert manifest is not None
    write_manifest(folder, manifest)


def earlier(table: pa.Table) -> pa.Table:
    """The same columns by the names that they had."""
    return table.rename_columns([EARLIER.get(name, name) for name in table.column_names])
