"""Measurements that are not tests: each folder is a benchmark of its own."""
