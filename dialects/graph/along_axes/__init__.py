"""Operations that combine, scan, order or repeat elements along axes: reductions, softmax, losses, norms, sorting.

`axis_families.py` has what they share. Sums of products of two tensors are in `linear_algebra`, sums over windows
that slide in `windows`.
"""
