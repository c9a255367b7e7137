"""Retrieval measured: ours beside rank-bm25, bm25s and tantivy. `RETRIEVAL.md` one folder up says how to read it."""
