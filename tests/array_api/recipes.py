"""A recipe for each function that both have: how to draw calls of it."""

from __future__ import annotations

from collections.abc import Mapping

from pullback.tests.array_api import creation, elementwise, linear_algebra, manipulation, statistics
from pullback.tests.array_api.draws import Recipe

RECIPES: Mapping[str, Recipe] = {
    **elementwise.RECIPES,
    **creation.RECIPES,
    **statistics.RECIPES,
    **manipulation.RECIPES,
    **linear_algebra.RECIPES,
}
