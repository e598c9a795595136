"""Tests of whole programs on target `cuda`: on a device, and where there is none on the stand-in for `cuda.core`."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from pullback.dialects.ir.diagnostics import DiagnosticError
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
    with standing_in(devices=2):
        yield request.param


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, Any, Any]:
    """Skips a test that names a second device where there is one; other faults of placement fail."""
    try:
        return (yield)
    except DiagnosticError as error:
        if "cuda:1, which is not there: there are cpu:0, cuda:0;" not in str(error):
            raise
        pytest.skip(f"one device alone: {error}".splitlines()[0])
