"""Tests of whole programs on target `cuda`: on a device, and where there is none on the stand-in for `cuda.core`."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from pullback.tests.cuda_core.fixtures import standing_in


@pytest.fixture(
    params=[
        pytest.param("stand-in", marks=pytest.mark.compiler),
        pytest.param("device", marks=pytest.mark.gpu),
    ]
)
def place(request: pytest.FixtureRequest) -> Generator[str]:
    """Where target `cuda` runs in a test, and which of both it is."""
    if request.param == "device":
        yield request.param
        return
    with standing_in():
        yield request.param
