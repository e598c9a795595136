"""Modules that passes make are accepted in one walk, and what was accepted once is refused where it is changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pytest
from xdsl.dialects import arith, func, memref, scf
from xdsl.dialects.builtin import (
    FunctionType,
    IndexType,
    IntegerAttr,
    MemRefType,
    ModuleOp,
    StringAttr,
    i32,
    i64,
)
from xdsl.ir import Block, Operation, Region, SSAValue

import pullback as pb
from pullback.dialects.valid_in_one_walk import is_valid_in_one_walk
from pullback.dialects.verification import VerificationError, verify
from pullback.passes.pipeline.levels import LevelName


@pytest.mark.parametrize("level", ["gradients", "graph", "kernels", "loops"])
def test_every_level_is_accepted(level: LevelName) -> None:
    with pb.Graph():
        x, n = pb.placeholder("f32", (4, 8)), pb.placeholder("i32", ())
        table = pb.constant(np.arange(64, dtype=np.float32).reshape(8, 8))
        y = pb.softmax(pb.tanh(x @ table) + 1)
        _, steps = pb.while_loop(lambda i, _: i < n, lambda i, z: (i + 1, z * y), (0, y))
        loss = pb.sum(steps)
        step = pb.compile([x, n], [loss, *pb.gradients(loss, [x])], target="cpu")
    assert is_valid_in_one_walk(step.module(level).op)


OpT = TypeVar("OpT", bound=Operation)


def loops() -> ModuleOp:
    """`for i in 0..4: memref.store i, m[i]`, in a function that is called."""
    index = IndexType()
    memory = MemRefType(i64, [4])
    block, body = Block(arg_types=[memory]), Block(arg_types=[index])
    first, end, step = bounds = [arith.ConstantOp(IntegerAttr(n, index)) for n in (0, 4, 1)]
    number = arith.IndexCastOp(body.args[0], i64)
    body.add_ops([number, memref.StoreOp.get(number, block.args[0], [body.args[0]]), scf.YieldOp()])
    loop = scf.ForOp(first, end, step, [], Region(body))
    block.add_ops([*bounds, loop, func.ReturnOp()])
    callee = func.FuncOp("f", FunctionType.from_lists([memory], []), Region(block))
    caller = Block(arg_types=[memory])
    caller.add_ops([func.CallOp("f", [caller.args[0]], []), func.ReturnOp()])
    return ModuleOp([callee, func.FuncOp("g", FunctionType.from_lists([memory], []), Region(caller))])


def found(module: ModuleOp, kind: type[OpT]) -> OpT:
    return next(op for op in module.walk() if isinstance(op, kind))


def with_name(module: ModuleOp) -> None:
    found(module, func.FuncOp).properties["sym_name"] = StringAttr("h")


def with_type(module: ModuleOp) -> None:
    found(module, func.FuncOp).properties["function_type"] = FunctionType.from_lists([i32], [])


def without_property(module: ModuleOp) -> None:
    del found(module, func.FuncOp).properties["function_type"]


def with_property(module: ModuleOp) -> None:
    found(module, scf.ForOp).properties["depth"] = StringAttr("1")


def without_operand(module: ModuleOp) -> None:
    loop = found(module, scf.ForOp)
    loop.operands = list(loop.operands)[:2]


def with_other_operand(module: ModuleOp) -> None:
    store = found(module, memref.StoreOp)
    store.operands = [store.indices[0], *list(store.operands)[1:]]


def without_end(module: ModuleOp) -> None:
    end = found(module, scf.YieldOp)
    end.detach()
    end.erase()


def with_two_ends(module: ModuleOp) -> None:
    block = found(module, scf.ForOp).body.block
    block.insert_op_before(scf.YieldOp(), block.first_op)  # pyright: ignore[reportArgumentType] it has operations


def with_value_of_other_function(module: ModuleOp) -> None:
    _, other = (op.body.block for op in module.ops if isinstance(op, func.FuncOp))
    store = found(module, memref.StoreOp)
    store.operands = [store.value, other.args[0], *store.indices]


def before_its_operand(module: ModuleOp) -> None:
    bound = found(module, arith.ConstantOp)
    block = bound.parent
    assert block is not None and block.last_op is not None
    bound.detach()
    block.insert_op_before(bound, block.last_op)


def with_own_result(module: ModuleOp) -> None:
    cast = found(module, arith.IndexCastOp)
    cast.operands = [SSAValue.get(cast)]


def without_block(module: ModuleOp) -> None:
    body = found(module, scf.ForOp).body
    block = body.block
    body.detach_block(block)
    block.erase()


@pytest.mark.parametrize(
    "spoil",
    [
        with_name, with_type, without_property, with_property, without_operand, with_other_operand, without_end,
        with_two_ends, with_value_of_other_function, before_its_operand, with_own_result, without_block,
    ],
    ids=lambda spoil: spoil.__name__,
)  # fmt: skip
def test_what_was_accepted_is_refused_when_it_is_changed(spoil: Callable[[ModuleOp], None]) -> None:
    module = loops()
    verify(module)
    assert is_valid_in_one_walk(module)
    spoil(module)
    assert not is_valid_in_one_walk(module)
    with pytest.raises(VerificationError):
        verify(module)
