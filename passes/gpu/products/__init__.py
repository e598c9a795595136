"""Kernels of matrix products: tiles of the result and of the factors, parts of long sums, and what fits a block."""
