"""Long samples from short documents: meta-chunks with hard negatives between them, and mixtures of such rows.

sampling      which documents are extended, in which order, and how much each sample takes
prepare       one configuration ▶ its candidates, measures, and the tasks of its units
tasks         what a worker runs: the retriever's answers of one unit ▶ its rows
assemble      answers ▶ negatives ▶ interleaved text ▶ samples of the target length
produce       the producer of the kind `synthesis`
mixture       the producer of the kind `mixture`: rows of other configurations in proportion
portability   how long the samples are under each tokenizer: the table of the manifest
check         what is wrong with a sample, alone and against its corpus
"""
