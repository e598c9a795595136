"""Operations that move elements and compute none: reshape, transpose, broadcast, slice, pad, split, concat.

Each element of a result is one of an operand, at a place known when the graph is built. Where the place is a value of
a run, the operation is in `by_index`. Copies whose gradient is a sum (tile, repeat) are in `along_axes/repeating.py`.
"""
