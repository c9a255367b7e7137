"""What `dense` and `hybrid` share: a vector for each chunk, on disk, and exact search among them.

options      which vectors: those of an encoder, or the user's
encoders     encoders of texts, from a folder or the Hub
embeddings   vectors that the user brings, and the chunks to make them of
grid         vectors as whole numbers, whose products are exact
index        vectors ▶ the index on disk
search       the chunks nearest to a query, by products in blocks
clusters     approximate search with faiss, for a corpus of very many chunks
wording      what the card says of them
"""
