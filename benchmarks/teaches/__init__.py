"""What a model learns from rows of ours: one small base, the same number of tokens of each arm, the same questions to all.

    settings    the sizes of an experiment            plan        what is run and tested, written down before
    split       training and held-out documents       arms        the data sets that are compared
    build       the package builds each arm           replay      its rows again, from spans and digests
    items       the questions, made once              contexts    their tokens
    model       a small Llama                         training    base and arms
    evaluate    the answers                           experiment  the whole run, within its time
    results     one line a model                      analyse     tests, tables and decisions; figure

What makes rows and items (`build`, `items`) needs the package; what trains (`replay`, `contexts`, `model` and so on) needs
NumPy, PyArrow, tokenizers and PyTorch only, so that it runs on a bare machine with a GPU.
"""
