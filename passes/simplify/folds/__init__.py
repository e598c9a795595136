"""The folds of `canonicalize`, by subject: importing a module of them fills the table."""

from __future__ import annotations

from pullback.passes.simplify.folds import arithmetic, constants, matmul, reductions, shapes, slices
from pullback.passes.simplify.matching import FOLDS

SUBJECTS = (constants, arithmetic, shapes, reductions, matmul, slices)
"""In the order in which folds of one operation are tried, as far as their modules import in it."""

__all__ = ["FOLDS", "SUBJECTS"]
