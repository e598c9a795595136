"""Fixtures for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pullback.dialects.graph.op.graph_op import OPS


@pytest.fixture
def own_operations() -> Iterator[None]:
    """Operations that a test defines leave the dialect with it."""
    before = {*OPS.added}
    yield
    for name in {*OPS.added} - before:
        OPS.remove(name)
