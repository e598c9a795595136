"""The folds of `canonicalize`, by subject: importing a module of them fills the table."""

from __future__ import annotations

from importlib import import_module

from pullback.passes.simplify.matching import FOLDS, folds_of

SUBJECTS = (
    "constants",
    "fills",
    "arithmetic",
    "logic",
    "powers",
    "complex_numbers",
    "shapes",
    "slicing",
    "split_concat",
    "reshaped_pieces",
    "copy_to",
    "repeating",
    "functions_of_copies",
    "reductions",
    "sums_of_pieces",
    "sums_of_products",
    "largest_of_windows",
    "along_axis",
    "matmul",
    "outer_products",
    "einsum",
    "matrices",
    "slices",
)
"""In the order in which the folds of one operation are tried."""

for subject in SUBJECTS:
    import_module(f"{__name__}.{subject}")

__all__ = ["FOLDS", "SUBJECTS", "folds_of"]
