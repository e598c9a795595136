"""Blocks of rows: what lies between products is computed for some rows of a matrix at a time, in a loop."""
