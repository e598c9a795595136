"""Equations and factorizations of matrices as loops, which ask the host where NumPy raises an exception."""
