"""Matrices (…, m, n): products, einsum, factors, solutions, determinants, eigenvalues and singular values.

`matrix_families.py` has what operations on matrices share; `contraction_plan.py` splits a sum of products into
transposes, reshapes and one matrix product. Convolutions, which are products too, are in `windows`.
"""
