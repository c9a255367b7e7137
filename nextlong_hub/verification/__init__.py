"""A dataset folder proves itself: every file, row and segment, and on request every character of the corpus.

What a check can find depends on what it is given. The folder alone proves that nothing was damaged since the manifest
was written. With the tokenizer and the corpus it proves that the rows are what the manifest says they are, even to a
reader who trusts neither: whoever changes a row can also change its sha256.

    folder ▶ companions (what lies beside the shards)
           ▶ shards ▶ packed_faults (how documents share a row) ▶ documents (each by the checker of its producer)
           ▶ configurations (what only all rows together show)
"""

from nextlong_hub.verification.folder import verify
from nextlong_hub.verification.report import Fault, VerifyReport

__all__ = ["Fault", "VerifyReport", "verify"]
