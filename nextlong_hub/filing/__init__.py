"""Finished rows become the published files of a configuration.

configurations  which row goes where, and what the files then hold
packed_plan     which documents share a row
packed_tables   rows of one document become rows of several, by moving borders
units           what a worker runs: copy rows, or pack them
tally           what was published, counted
"""
