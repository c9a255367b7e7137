"""Hard-negative retrieval: the one door to BM25."""

from nextlong_hub.retrieval.base import Retriever, build_index, open_retriever

__all__ = ["Retriever", "build_index", "open_retriever"]
