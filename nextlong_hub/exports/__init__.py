"""Finished rows in the forms that trainers read: a file a format, each with a `FORMAT`.

    export("nextlong", ExportRequest(format="mds", config="64k", pack_tokens=524_288), Path("prolong/64k"))

    base         what a format is, and the registry of them
    options      what is asked for, checked against the format
    run          `export`: rows from a dataset to the last file
    export_rows  rows read in batches; taken apart into documents, or packed into longer rows
    writer       the folder: files whole or absent, and the manifest that vouches for them
    parquet      shards of Parquet, which several formats share

    mds              ProLong and NExtLong        mds_layout: the bytes of a shard, both ways
    trl, axolotl     Parquet with tokens and labels
    text             Parquet with text: LLaMA-Factory, torchtitan
    megatron, nanotron    flat files of tokens with an index
    jsonl            everything, for readers without a format of their own

To add a format, write a file with a `FORMAT` beside these, or in a package of yours, named by an entry point of the
group `nextlong_hub.exports`. Nothing else has to know of it.
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
