"""How a corpus is stored: a file a format."""
