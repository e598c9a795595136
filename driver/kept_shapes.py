"""For how many shapes of its inputs a program is kept compiled."""

from __future__ import annotations

KEPT_SHAPES = 64
"""The number of latest different shapes, unless told."""
