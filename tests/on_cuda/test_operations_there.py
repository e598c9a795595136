"""Every operation on target `cuda` against the oracle: values, and gradients of the first order."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.tests.ops.case import Case
from pullback.tests.ops.collected import PARAMETERS
from pullback.tests.ops.test_meaning import check_target


@pytest.mark.parametrize("case", PARAMETERS)
@pytest.mark.matrix(6)
def test_an_operation(case: Case, place: str, rng: np.random.Generator) -> None:
    check_target(case, "cuda", rng)
