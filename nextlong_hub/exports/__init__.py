"""Export of rows to the formats that trainers read: one file for each format, with a `FORMAT`.

    export("nextlong", ExportRequest(format="mds", config="64k", pack_tokens=524_288), Path("prolong/64k"))

    base                  `ExportFormat`, and the registry of formats
    options               the request, checked against the format
    run                   `export`: from a dataset to the last file
    endings               how each document ends: with an EOS or without
    export_rows           rows read in batches, unpacked into documents or packed into longer rows
    proof                 what was written is read back
    writer                the export writer: the folder, its files and their manifest
    parquet, flat         Parquet shards, and flat files of tokens, used by several formats

    mds                   ProLong and NExtLong; mds_layout: the bytes of a shard, encoded and decoded
    trl, axolotl          Parquet with tokens and labels
    text                  Parquet with text: LLaMA-Factory, torchtitan
    megatron_bridge       packed Parquet
    skyrl                 Parquet with tokens and a mask: SkyRL, prime-rl
    megatron, nanotron    flat files of tokens with an index
    olmo, torchtitan,
    nanogpt, numpy        flat arrays of tokens with the borders of documents
    litdata               chunks of tokens: LitData, LitGPT
    jsonl                 every field of a row, for other readers

To add a format, write a file with a `FORMAT` beside these, or put one into another package and name it by an entry
point of the group `nextlong_hub.exports`.
"""

from typing import TYPE_CHECKING

from nextlong_hub.core.lazy import names_imported_when_used

if TYPE_CHECKING:
    from nextlong_hub.exports.base import FORMATS
    from nextlong_hub.exports.options import ExportRequest
    from nextlong_hub.exports.run import ExportReport, export

__all__ = ["FORMATS", "ExportReport", "ExportRequest", "export"]

__getattr__ = names_imported_when_used(
    __name__, {"FORMATS": "base", "ExportReport": "run", "ExportRequest": "options", "export": "run"}
)
