"""Tensors from attributes and shapes alone: constants, fills, random numbers.

Later folders make constants, so this one comes first and uses none of them. `iota` and `one_hot`, which are
decomposed into broadcasts and selections, are in `by_index/sequences.py`.
"""
