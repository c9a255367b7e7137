"""Files, settings, printable text, signals and memory: no knowledge of datasets."""
