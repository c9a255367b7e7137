"""Each export beside the format's own writer, on the same rows, in turns."""
