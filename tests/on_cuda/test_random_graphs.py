"""Random programs on target `cuda` against the oracle: values, and gradients of all inputs."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pullback.tests.levels.programs import Recipe, recipes
from pullback.tests.levels.test_all_operations import ALL, check_agreement
from pullback.tests.levels.test_random_programs import NUMPY, SEEDS, compiled, same

ON_ONE_DEVICE = [i for i, (name, _) in enumerate(ALL) if name != "graph.copy_to"]
PICKED = st.lists(st.sampled_from(ON_ONE_DEVICE), min_size=2, max_size=6)
EXAMPLES = {"stand-in": 2, "device": 40}
FIXTURES = [HealthCheck.function_scoped_fixture]  # the stand-in may see one program after the other


@pytest.mark.parametrize("part", range(4))
def test_graphs_over_all_operations(place: str, part: int) -> None:
    if place == "stand-in" and part:
        pytest.skip("a part of the programs")

    @given(PICKED, st.integers(part << 16, (part + 1) << 16))
    @settings(max_examples=EXAMPLES[place], suppress_health_check=FIXTURES)
    def agrees(picked: list[int], seed: int) -> None:
        check_agreement(picked, seed, "cuda")

    agrees()


@pytest.mark.parametrize("dtype", NUMPY)
def test_graphs_of_many_operations(place: str, dtype: str) -> None:
    @given(recipes(), SEEDS)
    @settings(max_examples=EXAMPLES[place], suppress_health_check=FIXTURES)
    def agrees(recipe: Recipe, seed: int) -> None:
        inputs = recipe.inputs(seed, NUMPY[dtype])
        same(compiled(recipe, dtype, "cuda")(*inputs), compiled(recipe, dtype, "numpy")(*inputs), dtype)

    agrees()
