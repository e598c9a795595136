"""Kernels that scatter rows: their order, the sums of those of one index, and the choice between methods."""
