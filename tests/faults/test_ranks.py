"""Operands of different ranks, scalars, eight and nine dims: some raised IndexError, or failed only at run time.

Whatever is given: the right result, or a `ValueError` that says what is wrong.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import DYNAMIC_INDEX, TensorType
from xdsl.ir import Attribute, Operation
from xdsl.utils.exceptions import VerifyException

import pullback as pb
from pullback.dialects.context import context
from pullback.dialects.graph import OPS
from pullback.dialects.graph.examples import EXAMPLES, program
from pullback.dialects.graph.gradient.custom_gradient import DisabledGradientError
from pullback.dialects.graph.tensor.types import MAX_RANK, GraphError, shape_of_type, tensor_type
from pullback.dialects.ir.source import parse
from pullback.tests.faults.calls import KNOWN, calls, functions

FUNCTIONS = functions()


# ---- the operations -----------------------------------------------------------------------------------------------


@pytest.mark.matrix(60)
@pytest.mark.parametrize("name", EXAMPLES)
def test_operand_types_of_other_ranks(name: str) -> None:
    for example in EXAMPLES[name]:
        for op in parse(context(), program(example)).module.walk():
            if op.name == name:
                for types in _varied([v.type for v in op.operands]):
                    _check_inference(op, types)


def _varied(types: Sequence[Attribute]) -> Iterator[list[Attribute]]:
    """These types with one or two of them replaced, and all of one rank."""
    others = [_others(t) for t in types]
    for i, j in itertools.combinations_with_replacement(range(len(types)), 2):
        for a, b in itertools.product(others[i], others[j]):
            changed = list(types)
            changed[i], changed[j] = a, b
            yield changed
    for same in zip(*others, strict=False):
        yield list(same)


def _others(type_: Attribute) -> list[Attribute]:
    if not isinstance(type_, TensorType):
        return [type_]
    element_type, rank = type_.element_type, type_.get_num_dims()
    shapes = [(2,) * n for n in (0, 1, 2, 3, 4, 8, 9)] + [(DYNAMIC_INDEX,) * rank, (0,) * rank]
    return [*(tensor_type(element_type, shape) for shape in shapes), type_]


def _check_inference(op: Operation, types: Sequence[Attribute]) -> None:
    try:
        results = OPS[op.name].infer(tuple(types), op.properties)
        made = OPS[op.name].create(operands=[], result_types=results, properties=op.properties)
    except (GraphError, NotImplementedError, VerifyException):
        return
    assert made.result_types == tuple(results)


def test_every_result_has_at_most_eight_dims() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (2,) * 8, name="x")
        i = pb.placeholder("i32", (2, 2), name="i")
        for make in (
            lambda: pb.gather(x, i),
            lambda: pb.gather(x, i, axis=3),
            lambda: pb.expand_dims(x, 0),
            lambda: pb.stack([x, x]),
            lambda: pb.one_hot(pb.cast(x, "i32"), 3),
            lambda: pb.tensordot(x, x, 0),
            lambda: pb.diag(x),
            lambda: pb.zeros((1,) * 9),
            lambda: pb.full((1,) * 9, 2.0),
            lambda: pb.broadcast_to(x, (1, *(2,) * 8)),
            lambda: pb.reshape(x, (1, *(2,) * 8)),
            lambda: x[None],
            lambda: pb.random_normal((1,) * 9),
        ):
            with pytest.raises(ValueError, match=r"rank above 8|at most 8|rank_c1"):
                make()


def test_what_was_found_first() -> None:
    with pb.Graph():
        m, v = pb.ones((2, 2)), pb.ones((2,))
        with pytest.raises(ValueError, match="rank_c7: operands must have one rank, got"):
            pb.concat([m, v], 1)
        assert pb.run(pb.pad(pb.constant(3.0), [])) == 3
        with pytest.raises(ValueError, match="sizes_c1"):
            pb.run(pb.split(x := pb.placeholder("f32", (None,)), [2, 2]), {x: np.ones(2, np.float32)})


@pytest.mark.parametrize("target", ["numpy", "cpu"])
def test_a_run_refuses_extents_that_do_not_fit_by_a_value_error(target: str) -> None:
    """It was a `VerificationError` on `cpu`, where the type of a result does not follow from its operands."""
    with pb.Graph():
        x = pb.placeholder("f64", (None, 2), name="x")
        i = pb.placeholder("i32", (None, 1), name="i")
        for y in (pb.reshape(x, (3, 1)), pb.scatter_nd(i, x, (4, 2)), pb.broadcast_to(x, (3, 2))):
            with pytest.raises(ValueError, match=r"reshape|scatter_nd|broadcast_to"):
                pb.compile([x, i], [y], target)(np.ones((2, 2)), np.zeros((3, 1), np.int32))


# ---- the functions --------------------------------------------------------------------------------------------------


@pytest.mark.matrix(30)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_calls_with_operands_of_all_ranks(name: str) -> None:
    with pb.Graph():
        if name in KNOWN:
            pb.run(KNOWN[name]())
        feeds: dict[pb.Tensor, Any] = {}
        worked = 0
        for tried, (args, options) in enumerate(calls(name, FUNCTIONS[name], 400, feeds)):
            if tried >= 40 and worked:
                break
            worked += _call(name, args, options, feeds)
            if len(feeds) > 8:
                feeds.clear()
    assert worked or name in KNOWN, "no call fits: give one in KNOWN"


def _call(name: str, args: list[Any], options: dict[str, Any], feeds: dict[pb.Tensor, Any]) -> bool:
    """One call, its values and its gradients; whether anything came of it."""
    try:
        made = FUNCTIONS[name](*args, **options)
    except ValueError:
        return False
    tensors = [t for t in _leaves(made) if isinstance(t, pb.Tensor)]
    assert all(len(t.shape) <= MAX_RANK for t in tensors)
    try:
        values = pb.run(tensors, feeds)
        xs = [x for x in feeds if x.dtype in ("f32", "f64")]
        ys = [t for t in tensors if t.dtype in ("f32", "f64")]
        gradients = pb.gradients(ys, xs) if xs and ys else []
        pb.run([g for g in gradients if g is not None], feeds)
    except (ValueError, DisabledGradientError):  # where extents are known only then
        return True
    for tensor, value in zip(tensors, values, strict=True):
        expected = shape_of_type(tensor.type)
        assert len(expected) == value.ndim, f"{name}{args}{options}: {tensor}, {value.shape}"
        assert all(n in (m, DYNAMIC_INDEX) for n, m in zip(expected, value.shape, strict=True))
    return True


def _leaves(made: Any) -> list[Any]:
    return [leaf for part in made for leaf in _leaves(part)] if isinstance(made, list | tuple) else [made]
