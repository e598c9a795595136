"""Nests (pytrees): lists, tuples, dicts and dataclasses of leaves, and the keys under which traces are kept."""
