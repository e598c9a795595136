"""The fixture `core`: the stand-in in the place of `cuda.core`, for a test of target `cuda`.

A folder of tests has it by `from pullback.tests.cuda_core.fixtures import core as core` in its `conftest.py`.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest

from pullback.backends.cuda_runtime.api import using
from pullback.backends.cuda_runtime.device_queues import forget
from pullback.tests.cuda_core.stand_in import StandIn


@contextmanager
def standing_in(**options: Any) -> Generator[StandIn]:
    """A stand-in that the runtime uses; at the end, what CUDA leaves undefined and was done is an error.

    Args:
        options: those of `StandIn`.
    """
    core = StandIn(**options)
    try:
        with using(core):
            yield core
    finally:
        forget(core)
    core.check()


@pytest.fixture
def core(request: pytest.FixtureRequest) -> Generator[StandIn]:
    """A stand-in with one device, or with the options that a test is given indirectly."""
    with standing_in(**getattr(request, "param", {})) as made:
        yield made
