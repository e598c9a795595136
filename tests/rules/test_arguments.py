"""Rules 1 to 19: valid ys, xs and grad_ys, and the errors for others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb


def vector(name: str = "x") -> pb.Tensor:
    return pb.placeholder("f32", (3,), name=name)


def test_rule_1_one_tensor_or_a_list_gives_a_list(graph: pb.Graph) -> None:
    x = vector()
    y = x * x
    for ys, xs in [(y, x), ([y], [x]), ((y,), (x,)), (y, (x,))]:
        result = pb.gradients(ys, xs)
        assert type(result) is list
        assert len(result) == 1
        np.testing.assert_array_equal(pb.run(result[0], {x: [1.0, 2.0, 3.0]}), [2, 4, 6])


def test_rule_2_numbers_and_arrays_become_constants(graph: pb.Graph) -> None:
    x = vector()
    assert pb.gradients(3.0, x) == [None]
    assert pb.gradients(x, 3.0) == [None]
    assert pb.gradients(np.ones(2, np.float32), [x, np.ones(2, np.float32)]) == [None, None]


def test_rule_2_a_list_of_tensors_is_stacked(graph: pb.Graph) -> None:
    x = vector()
    (dx,) = pb.gradients([[x, x * x]], x)
    np.testing.assert_array_equal(pb.run(dx, {x: [1.0, 2.0, 3.0]}), [3, 5, 7])


def test_rule_2_a_string_is_no_name(graph: pb.Graph) -> None:
    x = vector("x")
    with pytest.raises(ValueError, match=r"xs\[0\]: expected a tensor.* got str"):
        pb.gradients(x * x, "x")


@pytest.mark.parametrize("wrong", [None, {}, (i for i in range(1)), object()], ids=lambda v: type(v).__name__)
@pytest.mark.parametrize("argument", ["ys", "xs", "stop_gradients"])
def test_rule_3_what_is_no_tensor_is_named(graph: pb.Graph, argument: str, wrong: object) -> None:
    x = vector()
    arguments: dict[str, Any] = {"ys": [x * x], "xs": [x], "stop_gradients": []}
    arguments[argument] = [*arguments[argument], wrong]
    index = len(arguments[argument]) - 1
    before = str(graph)
    with pytest.raises(
        ValueError, match=rf"{argument}\[{index}\]: expected .*{type(wrong).__name__}"
    ) as caught:
        pb.gradients(**arguments)
    assert isinstance(caught.value, TypeError)
    assert str(graph) == before


def test_rule_3_no_operation_and_no_nested_list_in_xs(graph: pb.Graph) -> None:
    x = vector()
    v = pb.Variable(np.zeros(3, np.float32))
    with pytest.raises(ValueError, match=r"xs\[0\]: expected .* got Operation"):
        pb.gradients(x, v.assign(x))
    with pytest.raises(ValueError, match=r"xs\[1\]: expected .* nested list"):
        pb.gradients(x, [x, [x]])


def test_rule_4_nothing_asked_for(graph: pb.Graph) -> None:
    x = vector()
    assert pb.gradients(x * x, []) == []
    assert pb.gradients([], [x, x]) == [None, None]


def test_rule_5_a_variable_stands_for_all_its_reads(graph: pb.Graph) -> None:
    v = pb.Variable(np.array([1, 2, 3], np.float32))
    read = v.read()
    y = read * read + v * 10.0
    whole, part, fresh = pb.gradients(y, [v, read, v.read()])
    np.testing.assert_array_equal(pb.run(whole), [12, 14, 16])
    np.testing.assert_array_equal(pb.run(part), [2, 4, 6])
    assert fresh is None


def test_rule_6_slices_may_be_ys(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (4, 2), name="x")
    rows = pb.gather(x, np.array([0, 2], np.int32))
    (slices,) = pb.gradients(rows * rows, x)
    assert isinstance(slices, pb.IndexedSlices)
    (second,) = pb.gradients(slices, x)
    np.testing.assert_array_equal(
        pb.run(second, {x: np.ones((4, 2), np.float32)}).dense(), [[2, 2], [0, 0], [2, 2], [0, 0]]
    )


def test_rule_7_one_graph(graph: pb.Graph) -> None:
    x = vector()
    with pb.Graph():
        other = vector()
    y = x * x
    calls: list[tuple[str, Any, Any, Any]] = [
        ("xs", y, other, None),
        ("ys", [y, other], x, None),
        ("grad_ys", y, x, [other]),
    ]
    for label, ys, xs, grad_ys in calls:
        with pytest.raises(ValueError, match=rf"{label}\[\d\] must be from the same graph as ys\[0\]"):
            pb.gradients(ys, xs, grad_ys)
    with pytest.raises(ValueError, match=r"stop_gradients\[0\] must be from the same graph"):
        pb.gradients(y, x, stop_gradients=[other])
    with pytest.raises(ValueError, match="'x' belongs to another graph"):
        pb.add(x, other)


def test_rule_7_work_happens_in_the_graph_of_the_tensors(graph: pb.Graph) -> None:
    x = vector()
    y = x * x
    with pb.Graph() as other:
        (dx,) = pb.gradients(y, x)
    assert not other.operations
    np.testing.assert_array_equal(pb.run(dx, {x: [1.0, 2.0, 3.0]}), [2, 4, 6])


def test_rule_7_without_tensors_a_graph_must_be_entered() -> None:
    with pytest.raises(ValueError, match=r"no graph to add to: work inside `with pb\.Graph"):
        pb.gradients(1.0, 2.0)


def test_rule_9_every_invalid_argument_is_a_value_error(graph: pb.Graph) -> None:
    x = vector()
    y = x * x
    invalid: list[dict[str, Any]] = [
        {"grad_ys": [None, None]},
        {"grad_ys": ["one"]},
        {"name": 3},
        {"name": "no spaces"},
        {"aggregation_method": 7},
        {"gate_gradients": "sometimes"},
        {"stop_gradients": [3.0]},
        {"unconnected_gradients": "nope"},
    ]
    before = str(graph)
    for arguments in invalid:
        with pytest.raises(ValueError, match=r"."):
            pb.gradients(y, x, **arguments)
        assert str(graph) == before


def test_rule_10_grad_ys_length(graph: pb.Graph) -> None:
    x = vector()
    y = x * x
    with pytest.raises(ValueError, match="Passed 2 grad_ys for 1 ys"):
        pb.gradients(y, x, [y, y])
    with pytest.raises(ValueError, match="Passed 3 grad_ys for 1 ys"):
        pb.gradients(y, x, [1.0, 2.0, 3.0])
    (dx,) = pb.gradients(y, x, x)
    np.testing.assert_array_equal(pb.run(dx, {x: [1.0, 2.0, 3.0]}), [2, 8, 18])


def test_rule_11_a_missing_grad_y_is_ones(graph: pb.Graph) -> None:
    x = vector()
    (dx,) = pb.gradients([x * 2.0, x * 3.0], x, [None, np.full(3, 10, np.float32)])
    np.testing.assert_array_equal(pb.run(dx, {x: [0.0, 0.0, 0.0]}), [32, 32, 32])


def test_rule_12_the_default_has_the_shape_of_y_at_run_time(graph: pb.Graph) -> None:
    x = pb.placeholder("f64", (None, None), name="x")
    (dx,) = pb.gradients(x * x, x)
    assert dx.dtype == "f64"
    np.testing.assert_array_equal(pb.run(dx, {x: np.ones((2, 5))}), np.full((2, 5), 2.0))


@pytest.mark.parametrize("dtype", ["complex<f32>", "complex<f64>"])
def test_rule_13_a_complex_y_needs_a_grad_y(graph: pb.Graph, dtype: str) -> None:
    z = pb.placeholder(dtype, (2,), name="z")
    y, real = z * z, pb.real(z)
    before = str(graph)
    with pytest.raises(ValueError, match=r"Gradients of complex tensors must set grad_ys: ys\[1\]") as caught:
        pb.gradients([real, y], z)
    assert isinstance(caught.value, TypeError)
    assert str(graph) == before
    data = np.array([1 + 2j, -3j])
    (dz,) = pb.gradients(y, z, [pb.ones_like(y)])
    np.testing.assert_allclose(pb.run(dz, {z: data.astype(numpy_name(dtype))}), np.conj(2 * data))


def numpy_name(dtype: str) -> str:
    return {"complex<f32>": "complex64", "complex<f64>": "complex128"}[dtype]


def test_rule_14_no_gradient_of_a_truth_value(graph: pb.Graph) -> None:
    x = vector()
    with pytest.raises(ValueError, match=r"ys\[0\] \('greater'\) is i1: expected a numeric tensor") as caught:
        pb.gradients(x > 0.0, x)
    assert isinstance(caught.value, TypeError)


def test_rule_15_integers(graph: pb.Graph) -> None:
    n = pb.placeholder("i32", (2,), name="n")
    assert pb.gradients(n * n, n) == [None]
    (itself,) = pb.gradients(n, n)
    assert itself.dtype == "i32"
    np.testing.assert_array_equal(pb.run(itself), [1, 1])


@pytest.mark.parametrize("dtype", ["i32", "f64", "complex<f32>"])
def test_rule_16_and_17_a_grad_y_has_the_dtype_of_its_y(graph: pb.Graph, dtype: str) -> None:
    x = vector()
    with pytest.raises(ValueError, match=rf"grad_ys\[0\] has dtype {dtype}, expected f32") as caught:
        pb.gradients(pb.identity(x), x, [pb.ones((3,), dtype)])
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize("shape", [(), (1,), (4,), (3, 1)])
def test_rule_18_a_grad_y_has_the_shape_of_its_y(graph: pb.Graph, shape: tuple[int, ...]) -> None:
    x = vector()
    with pytest.raises(
        ValueError, match=r"grad_ys\[0\] has type tensor<.*>, expected the shape of 'multiply'"
    ):
        pb.gradients(x * x, x, [pb.ones(shape)])


def test_rule_19_grad_ys_stay_live(graph: pb.Graph) -> None:
    """Forward mode by two backward passes: the gradient of v -> vjp(v) is the derivative along u."""
    x, v = vector("x"), vector("v")
    u = np.array([1, 10, 100], np.float32)
    (vjp,) = pb.gradients(x * x, x, [v])
    (jvp,) = pb.gradients(vjp, v, [u])
    np.testing.assert_array_equal(pb.run(jvp, {x: [1.0, 2.0, 3.0]}), [2, 40, 600])
