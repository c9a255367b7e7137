"""What a model learns from rows of ours: one base, as many tokens of each arm, the same questions to all.

    settings    the sizes of an experiment            plan        what is run and tested, written down before
    split       training and held-out documents       arms        the data sets that are compared
    build       the package builds each arm           record      its rows as spans of the corpus
    choose      the questions, once                   prepare     all of that ▶ world
    spans       their tokens                          replay      rows again, from spans and digests
    contexts    the tokens of the questions           loading     world ▶ tokens
    model       a small Llama, its optimiser          training    base and arms, in batches
    evaluate    the answers                           experiment  the whole run, within its time
    results     one line a model                      verdicts    what the tests of the plan say; statistics
    analyse     the tables                            figure      the picture

What prepares (`prepare`, `build`, `record`, `choose`) needs the package; what trains needs NumPy, PyArrow, tokenizers
and PyTorch only, so that it runs on a bare machine with a GPU.
"""
