"""The result of each command in words and tables, on stdout: one module a topic."""
