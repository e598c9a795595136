"""Every operation on target `cuda` against the oracle: values, and gradients of the first order."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.tests.docs.test_support import ROWS
from pullback.tests.ops.case import Case
from pullback.tests.ops.collected import PARAMETERS
from pullback.tests.ops.test_meaning import check_target
from pullback.tools.generate import support_rows


@pytest.mark.parametrize("case", PARAMETERS)
@pytest.mark.matrix(6)
def test_an_operation(case: Case, place: str, rng: np.random.Generator) -> None:
    check_target(case, "cuda", rng)


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.matrix(3)
def test_what_the_page_says_of_gpus(name: str, place: str) -> None:
    cell = support_rows.cell(name, "f32", "cuda")
    assert str(cell or "") == ROWS[name].split("|")[2].strip()
