"""Operations that move elements and compute none: reshape, transpose, broadcast, slice, pad, split, concat.

Each element of a result is one of an operand, at a position known when the graph is built. If it is known only at run
time, the operation is in `by_index`. Copies whose gradient is a sum (tile, repeat) are in `along_axes/repeating.py`.
"""
