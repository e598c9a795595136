"""Where a filter was infinite, gradients of images were NaN near edges on targets, and not in NumPy.

A convolution multiplies the zeros around its images, so its transpose multiplies those of windows beyond the edges.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.tests.targets import COMPILED, share

Case = tuple[str, str, tuple[int, int], tuple[int, int]]
CASES: list[Case] = [
    ("conv2d", "VALID", (1, 2), (1, 1)),
    ("depthwise_conv2d", "VALID", (1, 1), (1, 1)),
    ("conv2d of groups", "SAME", (1, 1), (2, 2)),
    ("conv2d", "SAME", (3, 2), (1, 1)),
    ("depthwise_conv2d", "SAME", (1, 2), (1, 1)),
]
"""Functions, their padding, strides and dilations."""
FILTERS = {"conv2d": (2, 3, 4, 3), "conv2d of groups": (2, 3, 2, 4), "depthwise_conv2d": (2, 3, 4, 2)}


def results(case: Case, target: str) -> list[np.ndarray[Any, Any]]:
    """The value of a convolution and the gradients of both operands, for a filter with an infinity."""
    name, padding, strides, dilations = case
    rng = np.random.default_rng(0)
    images, filters = (rng.standard_normal(shape).astype("f") for shape in ((1, 9, 11, 4), FILTERS[name]))
    filters[1, 0, 1, 1] = -np.inf
    with pb.Graph():
        x, f = (pb.placeholder("f32", array.shape) for array in (images, filters))
        function = getattr(pb, name.split()[0])
        y = function(x, f, strides=strides, padding=padding, dilations=dilations)
        return list(pb.compile([x, f], [y, *pb.gradients(y, [x, f])], target=target)(images, filters))


@pytest.mark.parametrize("target", COMPILED)
def test_an_infinity_spoils_the_same_elements(target: str) -> None:
    for case in CASES[: share(len(CASES), target)]:
        for expected, got in zip(results(case, "numpy"), results(case, target), strict=True):
            np.testing.assert_allclose(got, expected, 1e-4, 1e-5, err_msg=str(case))


def test_elements_of_other_channels_are_spared() -> None:
    _, images, _ = results(CASES[0], "numpy")
    assert np.isnan(images[..., 1]).any()
    assert np.isfinite(images[..., [0, 2, 3]]).all()
