"""A corpus read through without a build, and what is in it: what `nextlong-hub survey` tells.

read      sources ▶ documents ▶ counters ▶ `CorpusAudit`: `audit`
counting  lengths, repetition, ids and languages of documents, as they come
copies    copies and near-copies among them
least     an even sample of bounded size, in any order
yields    what a dry run expects of the corpus
result    what travels: `CorpusAudit` and its parts
page/     the same as one HTML file without scripts

Memory does not grow with the corpus, and the same corpus gives the same result: what cannot be counted in bounded
memory is counted in an even sample, and the result says so.
"""
