"""What a build would give and cost, estimated from a few thousand documents; nothing is written but a temporary folder.

sample      a corpus ▶ an even sample of its documents, and its size
trial       the sample ▶ a small build, measured
estimator   the trial ▶ the rates and sizes of the whole corpus
estimate    a `BuildRequest` ▶ rows, disk, memory and time of the run: `estimate`, what `build --dry-run` prints
"""
