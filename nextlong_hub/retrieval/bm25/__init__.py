"""Exact BM25 over shards."""
