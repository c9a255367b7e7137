"""Kinds of faults, found by the constant `FAULTS` that each of the modules here defines.

Names begin with what is disturbed. The number of a hole is that of the list in `report`, of what 1,850 faults broke
before there was a mechanism against it.
"""
