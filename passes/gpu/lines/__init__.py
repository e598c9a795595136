"""Kernels that reduce along rows or columns: how lines are shared among threads, and what becomes of their results."""
