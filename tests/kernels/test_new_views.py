"""Views and aliases that are defined here, each one class with its access: kernels read through them at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import pytest
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, operand_def, result_def, traits_def
from xdsl.traits import Pure

import pullback as pb
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.extend import (
    OPS,
    AccessMap,
    Affine,
    AffineAccess,
    Alias,
    Array,
    Indexed,
    NotDifferentiable,
    Properties,
    RowMajorAccess,
    View,
    dims,
    graph_op,
    identity,
    shape_of_type,
    tensor_type,
)
from pullback.passes.lowering.kinds import may_replace
from pullback.tests.loops.kernel_cases import kernel_function, sample, schedule

Shape = tuple[int, ...]


class OneView(View):
    """What the views of this test share: the shape of the result from that of the operand."""

    RESHAPED: ClassVar[Callable[[Shape], Shape]]
    operand = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    traits = traits_def(Pure(), NotDifferentiable())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        type_: Any = operands[0]
        return [tensor_type(type_.element_type, cls.RESHAPED(shape_of_type(type_)))]


@graph_op
class Diagonals(OneView):
    """The diagonal of each matrix."""

    name = "graph.test_diagonals"
    RESHAPED: ClassVar = staticmethod(lambda s: (*s[:-2], min(s[-2:])))

    def numpy(self, *operands: Array) -> Any:
        return np.diagonal(operands[0], axis1=-2, axis2=-1)

    def access(self, number: int, result: int = 0) -> AccessMap:
        space = self.iteration_shape()
        *batch, d = dims(space)
        return AffineAccess((*batch, d, d), self.shape_of(0), space)


@graph_op
class EverySecondBackwards(OneView):
    """Every second element of the last axis, from its end."""

    name = "graph.test_every_second_backwards"
    RESHAPED: ClassVar = staticmethod(lambda s: (*s[:-1], (s[-1] + 1) // 2))

    def numpy(self, *operands: Array) -> Any:
        return operands[0][..., ::-2]

    def access(self, number: int, result: int = 0) -> AccessMap:
        shape, space = self.shape_of(0), self.iteration_shape()
        *outer, last = dims(space)
        return AffineAccess((*outer, shape[-1] - 1 - 2 * last), shape, space)


@graph_op
class Windows(OneView):
    """The windows of three elements of the last axis."""

    name = "graph.test_windows"
    RESHAPED: ClassVar = staticmethod(lambda s: (*s[:-1], s[-1] - 2, 3))

    def numpy(self, *operands: Array) -> Any:
        return np.lib.stride_tricks.sliding_window_view(operands[0], 3, axis=-1)

    def access(self, number: int, result: int = 0) -> AccessMap:
        space = self.iteration_shape()
        *outer, first, within = dims(space)
        return AffineAccess((*outer, first + within), self.shape_of(0), space)


@graph_op
class WithoutLeadingOne(OneView, Alias):
    """The operand without its leading extent of 1."""

    name = "graph.test_without_leading_one"
    RESHAPED: ClassVar = staticmethod(lambda s: s[1:])

    def numpy(self, *operands: Array) -> Any:
        return operands[0][0]

    def access(self, number: int, result: int = 0) -> AccessMap:
        space = self.iteration_shape()
        return AffineAccess((Affine.number(len(space)), *dims(space)), self.shape_of(0), space)


@graph_op
class Backwards(OneView):
    """The operand with its last axis in reverse order."""

    name = "graph.test_backwards"
    RESHAPED: ClassVar = staticmethod(lambda s: s)

    def numpy(self, *operands: Array) -> Any:
        return operands[0][..., ::-1]

    def access(self, number: int, result: int = 0) -> AccessMap:
        space = self.iteration_shape()
        *outer, last = dims(space)
        return AffineAccess((*outer, space[-1] - 1 - last), space, space)


@graph_op
class Flattened(OneView, Alias):
    """The matrices as vectors, in row-major order."""

    name = "graph.test_flattened"
    RESHAPED: ClassVar = staticmethod(lambda s: (*s[:-2], s[-2] * s[-1]))

    def numpy(self, *operands: Array) -> Any:
        return operands[0].reshape(self.iteration_shape())

    def access(self, number: int, result: int = 0) -> AccessMap:
        return RowMajorAccess(self.shape_of(0), self.iteration_shape())


@graph_op
class OfNoFamily(Indexed):
    """An operation that states what it reads, and not how an element is computed of it."""

    name = "graph.test_of_no_family"
    operand = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    traits = traits_def(Pure(), NotDifferentiable())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        return operands

    def numpy(self, *operands: Array) -> Any:
        return operands[0] + 1

    def access(self, number: int, result: int = 0) -> AccessMap:
        return identity(self.shape_of(0))


VIEWS: list[type[OneView]] = [
    Diagonals,
    EverySecondBackwards,
    Windows,
    WithoutLeadingOne,
    Backwards,
    Flattened,
]
OPS.remove(OfNoFamily.name)
for defined in VIEWS:
    OPS.remove(defined.name)  # no other test knows them


def meaning(view: type[OneView], x: Array) -> Array:
    """What NumPy makes of an array."""
    with pb.Graph():
        op: Any = view.of(pb.constant(x)).op
    return op.numpy(x)


def compiled(x: Array, target: str, body: Callable[[pb.Tensor], Any]) -> tuple[pb.Step, Any]:
    """A step, and what it makes of an array."""
    with pb.Graph():
        given = pb.placeholder("f32", x.shape)
        step = pb.compile([given], body(given), target=target)
    return step, step(x)


def kernels(step: pb.Step) -> list[str]:
    """The kernels of a step; there is nothing that the host would run."""
    text = step.ir("kernels")
    assert "_host_" not in step.ir("gpu" if step.target == "simt" else "loops")
    return text.split("graph.kernel ")[1:]


def array(*shape: int) -> Array:
    return np.random.default_rng(3).uniform(-1, 1, shape).astype(np.float32)


targets = pytest.mark.parametrize("target", ["cpu", "simt"])
views = pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)


@targets
@views
def test_a_kernel_reads_through_a_view(view: type[OneView], target: str) -> None:
    x = array(1, 5, 9)
    step, y = compiled(x, target, lambda t: pb.tanh(view.of(t) * 2))
    np.testing.assert_allclose(y, np.tanh(meaning(view, x) * 2), rtol=1e-6)
    (kernel,) = kernels(step)
    assert view.name in kernel


@targets
@views
def test_a_reduction_reads_through_a_view(view: type[OneView], target: str) -> None:
    x = array(1, 33, 40)
    step, y = compiled(x, target, lambda t: pb.sum(view.of(t), axis=-1))
    np.testing.assert_allclose(y, meaning(view, x).sum(axis=-1), rtol=2e-5, atol=1e-5)
    (kernel,) = kernels(step)
    assert view.name in kernel


@targets
@views
def test_views_of_views_and_of_what_is_computed(view: type[OneView], target: str) -> None:
    x = array(1, 1, 6, 7)

    def body(t: pb.Tensor) -> Any:
        turned = pb.transpose(Backwards.of(pb.exp(t)), (0, 1, 3, 2))
        return pb.tanh(view.of(WithoutLeadingOne.of(turned))) + 1

    step, y = compiled(x, target, body)
    expected = np.tanh(meaning(view, np.exp(x)[..., ::-1].transpose(0, 1, 3, 2)[0])) + 1
    np.testing.assert_allclose(y, expected, rtol=1e-5)
    assert any(view.name in kernel for kernel in kernels(step))


@targets
def test_a_view_along_whole_axes_shares_the_loops_of_what_it_reads(target: str) -> None:
    x = array(1, 5, 9)
    shared, y = compiled(x, target, lambda t: pb.tanh(WithoutLeadingOne.of(pb.exp(t))) + 1)
    np.testing.assert_allclose(y, np.tanh(np.exp(x[0])) + 1, rtol=1e-6)
    assert len(kernels(shared)) == 1
    apart, y = compiled(x, target, lambda t: pb.tanh(Backwards.of(pb.exp(t))) + 1)
    np.testing.assert_allclose(y, np.tanh(np.exp(x)[..., ::-1]) + 1, rtol=1e-6)
    assert len(kernels(apart)) == 2, "its elements lie in another order: they must be stored before"


@targets
def test_an_alias_is_the_buffer_that_it_is_of(target: str) -> None:
    x = array(1, 5, 9)

    def body(t: pb.Tensor) -> Any:
        y = pb.exp(t)
        return [pb.sum(y), WithoutLeadingOne.of(y)]

    step, (total, y) = compiled(x, target, body)
    np.testing.assert_allclose(total, np.exp(x).sum(), rtol=1e-5)
    np.testing.assert_allclose(y, np.exp(x)[0], rtol=1e-6)
    kernels(step)
    assert "memref.copy" not in step.ir("gpu" if target == "simt" else "loops")


def test_without_a_body_the_host_runs_it() -> None:
    assert OfNoFamily.name not in OPS.registered  # a call of the host keeps the class that was lowered
    x = array(3, 4)
    step, y = compiled(x, "cpu", lambda t: pb.tanh(OfNoFamily.of(pb.exp(t))))
    np.testing.assert_allclose(y, np.tanh(np.exp(x) + 1), rtol=1e-6)
    assert "_host_0" in step.ir("loops")


@pytest.mark.parametrize(("view", "allowed"), [(WithoutLeadingOne, True), (Backwards, False)])
def test_an_operand_is_overwritten_only_where_it_is_read_at_its_index(
    view: type[OneView], allowed: bool
) -> None:
    shape = (1, 4, 5) if view is WithoutLeadingOne else (4, 5)
    _, kernel = kernel_function(
        schedule("pointwise", (4, 5)), [sample(shape)], lambda x: [pb.tanh(view.of(x))]
    )
    assert isinstance(kernel, Kernel)
    assert may_replace(kernel, 0, 0) is allowed


@targets
def test_an_update_through_a_view_keeps_old_elements_until_they_are_read(target: str) -> None:
    x = array(4, 9)
    with pb.Graph():
        v = pb.Variable(x, name="v")
        step = pb.compile([], v.assign(Backwards.of(v.read()) * 0.5), target=target)
    for _ in range(2):
        step()
        x = x[..., ::-1] * np.float32(0.5)
        np.testing.assert_array_equal(v.numpy(), x)
