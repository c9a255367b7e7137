"""What a build would give and cost, told from a few documents and without writing anything.

survey      what is in the corpus, from a sample of it
forecast    what a configuration makes of that
predicting  the whole run: rows, disk, memory, time
"""
