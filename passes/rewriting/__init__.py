"""Utilities of rewrites: replacement of values, scopes of names, union-find, limits of size."""
