"""The method of the paper as pure functions, without input or output.

settings          the method's sections of a recipe
chunking          a document ▶ meta-chunks
negatives         retrieved chunks ▶ the hard negatives of each meta-chunk
near_duplicates   near-copies of a meta-chunk, which are no negatives
guard             negatives that repeat what their row holds already
repeats           runs of tokens that a text repeats, by distance
interleave        meta-chunks and negatives ▶ one long text
order             seeded orders, and queues merged in proportion
"""
