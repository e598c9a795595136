"""The device of what a rewrite makes: that of the operation whose place it takes."""

from __future__ import annotations

from xdsl.ir import Operation

from pullback.dialects.graph.tensor.device import DEVICE


def place_like(made: Operation, replaced: Operation) -> None:
    """Has a new operation run where the one that it stands for does, unless it says itself where."""
    device = replaced.attributes.get(DEVICE)
    if device is not None:
        made.attributes.setdefault(DEVICE, device)
