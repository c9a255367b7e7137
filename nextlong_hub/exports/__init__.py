"""Finished rows in the forms that trainers read.

    export("nextlong", ExportRequest(format="mds", config="64k", pack_tokens=524_288), Path("prolong/64k"))

    rows      read in batches; taken apart into documents, or packed into longer rows
    seam      what a format is: a few facts, and a function that writes rows
    outbox    the folder: files whole or absent, and the manifest that vouches for them
    choosing  what is asked for, checked against the format
    running   rows from the one end to the other
    mds       ProLong and NExtLong        mds_layout: the bytes of a shard, both ways
    trl, axolotl                          Parquet with tokens and labels
    text                                  Parquet with text: LLaMA-Factory, torchtitan
    megatron, nanotron                    flat files of tokens with an index
    jsonl                                 everything, for anybody

A new format is a module with a `FORMAT`, named in `running.FORMATS`.
"""

from nextlong_hub.exports.export import FORMATS, ExportReport, export
from nextlong_hub.exports.options import ExportRequest

__all__ = ["FORMATS", "ExportReport", "ExportRequest", "export"]
