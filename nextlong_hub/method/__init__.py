"""The paper as pure functions: chunks, negatives, interleaving and order; no input or output."""
