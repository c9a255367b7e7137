"""Hard-negative retrieval: the one door to BM25."""
