"""Published long-context datasets of others, brought into a folder of ours.

import_rows(SourceSettings(name="nextlong", path="NExtLong-512K"), tokenizer="./llama3", output=Path("imported"))

mds_folder   an MDS folder ▶ its shards, and the rows of one
units        what a worker does with a shard, or with texts
running      from the source to the committed folder
"""

from nextlong_hub.documents.import_rows import ImportReport, import_rows

__all__ = ["ImportReport", "import_rows"]
