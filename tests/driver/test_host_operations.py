"""Operations that no kernel computes run on the host, between native kernels, on every path through the compiler."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph.op.families import Unary
from pullback.dialects.graph.op.graph_op import graph_op
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.tests.driver.host_cases import BREAKS, BrokenError, agree, backwards, extremes, numbers

pytestmark = pytest.mark.usefixtures("own_operations")


def test_between_kernels() -> None:
    turned = backwards()
    with pb.Graph():
        x = pb.placeholder("f32", (2, 3), name="x")
        y = turned.of(x * 2.0) * x
        step = agree([x], [y, *pb.gradients(y, x), turned.of(pb.ones((2, 3)))], numbers(2, 3))
    assert step.ir("kernels").count("graph.kernel") == 4
    assert step.ir("loops").count("graph.op = ") == 3


def test_several_results_and_constants() -> None:
    op = extremes()
    with pb.Graph():
        x = pb.placeholder("f32", (3, 4), name="x")
        ordered, above = (pb.Tensor(r) for r in op.emit([x.value]).results)
        _, fixed = (pb.Tensor(r) for r in op.emit([pb.constant([[-1.0, 2.0], [0.5, -4.0]]).value]).results)
        agree([x], [ordered, above, pb.where(above, ordered, -1.0), fixed, ordered], numbers(3, 4))


@pytest.mark.parametrize("shape", [(), (1,), (0, 3), (17,)])
def test_shapes(shape: tuple[int, ...]) -> None:
    op = extremes()
    with pb.Graph():
        x = pb.placeholder("f32", shape, name="x")
        ordered, above = (pb.Tensor(r) for r in op.emit([x.value]).results)
        agree([x], [ordered * 2.0, above, pb.max(ordered)], numbers(*shape))


def test_inside_loops() -> None:
    turned, op = backwards(), extremes()
    with pb.Graph():
        x = pb.placeholder("f32", (4,), name="x")

        def going_on(i: pb.Tensor, y: pb.Tensor) -> pb.Tensor:
            return pb.Tensor(op.emit([(8.0 - pb.max(y)).value]).results[1])

        def body(i: pb.Tensor, y: pb.Tensor) -> tuple[pb.Tensor, pb.Tensor]:
            return i + 1, turned.of(y * (x + 1.5)) + turned.of(pb.constant([0.5, 1.0, 1.5, 2.0]))

        count, y = pb.while_loop(going_on, body, [0, x])
        step = agree([x], [count, y, *pb.gradients(y, x)], np.abs(numbers(4)))
    assert "memref.alloc" in step.ir("loops")


@pytest.mark.parametrize("target", ["cpu", "simt"])
def test_old_contents_of_a_variable(target: str) -> None:
    turned = backwards()
    with pb.Graph():
        x = pb.placeholder("f32", (3,), name="x")
        w = pb.Variable(np.array([1, 2, 3], np.float32), name="w")
        before = turned.of(w.read())
        update = w.assign(w.read() + x)
        after = turned.of(w.read())
        step = pb.compile([x], [before, update, after, turned.of(before + after)], target=target)
    old, _, new, both = step(np.array([1, 1, 1], np.float32))
    np.testing.assert_array_equal(old, [3, 2, 1])
    np.testing.assert_array_equal(new, [4, 3, 2])
    np.testing.assert_array_equal(both, [3, 5, 7])


@pytest.mark.parametrize("target", ["cpu", "simt"])
def test_read_only_inputs_stay_so(target: str) -> None:
    turned = backwards()
    with pb.Graph():
        x = pb.placeholder("f32", (3,), name="x")
        step = pb.compile([x], turned.of(x), target=target)
    data = np.array([1, 2, 3], np.float32)
    data.flags.writeable = False
    np.testing.assert_array_equal(step(data), [3, 2, 1])


@pytest.mark.parametrize("target", ["cpu", "simt"])
def test_a_gate_of_slices(target: str) -> None:
    with pb.Graph():
        t = pb.placeholder("i32", (4,), name="t")
        w = pb.Variable(np.ones((6, 3), np.float32), name="w")
        v = pb.Variable(np.ones(3, np.float32), name="v")
        loss = pb.sum(pb.gather(w, t) * v)
        dw, dv = pb.gradients(loss, [w, v], gate_gradients="graph")
        step = pb.compile([t], [loss, w.assign_sub(dw), v.assign_sub(dv)], target=target)
    assert float(step(np.array([1, 2, 1, 0], np.int32))[0]) == 12
    np.testing.assert_array_equal(w.numpy()[:, 0], [0, -1, 0, 1, 1, 1])


def test_more_views_in_a_row_than_a_kernel_repeats() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (2, 3, 4), name="x")
        y = x
        for _ in range(12):
            y = pb.reshape(pb.transpose(y), y.shape)
        agree([x], [y, y * 2.0], numbers(2, 3, 4))


# ---- exceptions -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["cpu", "simt"])
def test_an_exception_comes_out_and_nothing_after_it_has_run(target: str) -> None:
    turned = backwards()
    with pb.Graph():
        x = pb.placeholder("f32", (3,), name="x")
        w = pb.Variable(np.zeros(3, np.float32), name="w")
        step = pb.compile([x], [turned.of(x), w.assign(turned.of(x) + w.read())], target=target)
    step(np.array([1, 2, 3], np.float32))
    with pytest.raises(BrokenError, match="cannot turn this around"):
        step(np.array([5, 6, BREAKS], np.float32))
    np.testing.assert_array_equal(w.numpy(), [3, 2, 1])
    np.testing.assert_array_equal(step(np.array([1, 2, 3], np.float32))[0], [3, 2, 1])
    np.testing.assert_array_equal(w.numpy(), [6, 4, 2])


def test_an_exception_ends_a_loop() -> None:
    turned = backwards()
    with pb.Graph():
        x = pb.placeholder("f32", (2,), name="x")
        _, y = pb.while_loop(lambda i, y: pb.max(y) > 0.0, lambda i, y: (i + 1, turned.of(y) + 1.0), [0, x])
        outputs = [y, *pb.gradients(y, x)]
        steps = [pb.compile([x], outputs, target=target) for target in ("cpu", "simt", "numpy")]
    for step in steps:
        with pytest.raises(BrokenError):
            step(np.array([1, 1], np.float32))


def test_values_that_an_operation_refuses() -> None:
    @graph_op
    class Refusing(Unary):
        name = "graph.test_refusing"

        def numpy(self, *operands: Any) -> Any:
            raise ValueError("the values are not positive")

    messages: list[str] = []
    with pb.Graph():
        x = pb.placeholder("f32", (2,), name="x")
        y = Refusing.of(x)
        for target in ("cpu", "simt", "numpy"):
            with pytest.raises(ValueError, match="the values are not positive") as raised:
                pb.compile([x], y, target=target)(np.zeros(2, np.float32))
            messages.append(str(raised.value))
    assert len(set(messages)) == 1


@pytest.mark.parametrize("target", ["cpu", "simt"])
def test_an_operation_that_breaks_its_promise(target: str) -> None:
    @graph_op
    class Doubling(Unary):
        name = "graph.test_doubling"

        def numpy(self, *operands: Any) -> Any:
            return operands[0].astype(np.float64)

    with pb.Graph():
        x = pb.placeholder("f32", (2,), name="x")
        step = pb.compile([x], Doubling.of(x), target=target)
    with pytest.raises(DiagnosticError, match=r"numpy\(\) gives an array of float64 .* its type is float32"):
        step(np.zeros(2, np.float32))
