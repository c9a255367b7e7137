"""Where work runs: typed tasks go in, receipts come out."""
