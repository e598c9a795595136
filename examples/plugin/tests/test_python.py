"""The package from Python: values, gradients, targets, errors."""

import numpy as np
import pytest

import pullback as pb
from shrinkage.operations import keep_largest, soft_threshold

X = np.array([1, -2, 3, 0.1], np.float32)


@pytest.mark.parametrize("target", ["numpy", "cpu", "simt", "checked"])
def test_soft_threshold(target):
    with pb.Graph():
        x = pb.placeholder("f32", (4,), name="x")
        y = soft_threshold(2 * x, 0.5)
        (dx,) = pb.gradients(y, [x])
        step = pb.compile([x], [y, dx], target=target)
    value, gradient = step(X)
    np.testing.assert_array_equal(value, [1.5, -3.5, 5.5, 0])
    np.testing.assert_array_equal(gradient, [2, 2, 2, 0])
    if target != "numpy":
        assert "graph.soft_threshold" in step.ir("kernels").partition("graph.kernel")[2]


@pytest.mark.parametrize("target", ["numpy", "cpu", "simt", "checked"])
@pytest.mark.parametrize("axis", [0, -1])
def test_keep_largest(target, axis):
    with pb.Graph():
        x = pb.placeholder("f32", (2, 3), name="x")
        y = keep_largest(x, 2, axis)
        step = pb.compile([x], [y, *pb.gradients(y, [x])], target=target)
    value, gradient = step(np.array([[1, -2, 3], [-4, 5, 0]], np.float32))
    expected = [[0, -2, 3], [-4, 5, 0]] if axis == -1 else [[1, -2, 3], [-4, 5, 0]]
    np.testing.assert_array_equal(value, expected)
    np.testing.assert_array_equal(gradient, np.not_equal(expected, 0))


def test_gradients_are_those_of_differences():
    with pb.Graph():
        x = pb.placeholder("f64", (5,), name="x")
        y = pb.sum(keep_largest(soft_threshold(x, 0.5) * x, 3))
        assert pb.check_gradients(y, [x]).worst < 1e-6


def test_explain():
    with pb.Graph():
        x = pb.placeholder("f32", (4,), name="x")
        assert "shrink.keep_largest" in str(pb.explain(keep_largest(x, 2), x))


def test_modules(tools):
    module = pb.parse(tools.folder / "p.mlir")
    module = pb.pipeline("sparse,verify-level{level=graph}")(module)
    assert str(module).count("graph.soft_threshold") == 1
    for target in ("numpy", "checked"):
        value, gradient = module.run([X], target=target)
        np.testing.assert_array_equal(value, [0, -1.25, 2.25, 0])
        np.testing.assert_array_equal(gradient, [0, 1, 1, 0])


def test_wrong_arguments():
    with pb.Graph():
        x = pb.placeholder("f32", (4,), name="x")
        with pytest.raises(ValueError, match="k_c1: k must be 1 to 4, got 5"):
            keep_largest(x, 5)
        with pytest.raises(ValueError, match="dtype_c1: needs a real floating-point dtype, got i32"):
            soft_threshold(pb.cast(x, "i32"), 0.5)
