"""Reading speed of every corpus format, beside `datasets` reading the same file."""
