"""A fixture with a graph to build in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import pullback as pb


@pytest.fixture
def graph() -> Iterator[pb.Graph]:
    """A graph that is entered for the test."""
    with pb.Graph() as g:
        yield g
