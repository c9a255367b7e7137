"""Verify a dataset folder: every file, row and segment, and on request every character against the corpus.

The folder alone shows that nothing was damaged since the manifest was written. With the tokenizer and the corpus the
rows themselves are checked: a changed row could come with a changed sha256.

    folder           `verify`: the whole folder, configuration by configuration
    companions       the files beside the shards: recipes, card and pictures
    shards           one shard and its rows
    packed_faults    how the documents of a packed row are laid out
    documents        one document, by the checker of its producer
    configurations   counts, order and portability of a whole configuration
    apart            documents that configurations must not share
    exported         a finished export
    evaluated        rows to evaluate with
    proving          sampled rows derived again from the documents of the corpus, by the room `proof`
    report           faults and counts
"""

from nextlong_hub.verification.folder import verify
from nextlong_hub.verification.report import Fault, VerifyReport

__all__ = ["Fault", "VerifyReport", "verify"]
