"""A function of tensors, compiled for arrays like some that are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pullback as pb


def compiled(function: Callable[..., Any], *operands: Any, target: str = "cpu") -> Any:
    """A function of operands of these shapes and dtypes."""
    with pb.Graph():
        given = [pb.placeholder(str(x.dtype), x.shape) for x in operands]
        return pb.compile(given, function(*given), target=target)
