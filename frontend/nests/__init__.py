"""Nests (pytrees): lists, tuples, dicts and dataclasses of leaves, and keys that tell equal values of two kinds apart."""
