"""Rows of docs/support.md (which operation runs where), made by running the examples of each operation.

They are run in every dtype that their verifier lets pass, on the oracle, on `cpu` and on a target for GPUs, with
gradients of both orders. What the targets compute must agree.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import DYNAMIC_INDEX, ModuleOp, i1
from xdsl.ir import Attribute, Block, BlockArgument, Operation
from xdsl.utils.exceptions import ParseError, VerifyException

from pullback.dialects.context import context
from pullback.dialects.graph.by_index.gather import Densify, MakeSlices, SliceValues
from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.creation.random import Random
from pullback.dialects.graph.examples import EXAMPLES, program, spelled_out
from pullback.dialects.graph.movement.shapes import dynamic_shape
from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.tensor.accumulators import HALVES
from pullback.dialects.graph.tensor.insertion import Insert, inserting
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    DTYPES,
    SlicesType,
    data_type_of,
    element_type_of,
    is_complex,
    is_inexact,
    numpy_dtype,
    shape_of_type,
)
from pullback.dialects.ir.source import parse
from pullback.driver.program import compile_function
from pullback.driver.run_pipeline import main_function
from pullback.passes.gradients.emitter import GradientOptions
from pullback.passes.gradients.engine import gradients
from pullback.passes.gradients.rule_registry import RuleState, state_of
from pullback.passes.lowering.support import runs_on_host
from pullback.passes.placement.device_warnings import DeviceWarning

SUBJECTS = (r"(?<!complex<)f32", "complex<f32>", "i32", r"\bi1\b", "i64")
"""The dtypes in an example that may be replaced by others: f32 that is not half of a complex number, and so on."""
TOLERANCE = {"bf16": 0.1, "f16": 0.02, "f32": 2e-4, "complex<f32>": 2e-4}


ON_GPUS = "simt"
"""The target that runs the kernels for GPUs."""


@dataclass(frozen=True)
class Cell:
    """The results for an operation in a dtype: the order of its gradients, and which targets ask the host."""

    order: int
    hosts: tuple[bool, ...]

    def __str__(self) -> str:
        return f"{self.order} {'/'.join('h' if host else 'k' for host in self.hosts)}"


class MatrixError(Exception):
    """Something that the matrix promises does not hold; the message says what."""


def row(name: str, on_gpus: str = ON_GPUS) -> str:
    """One operation's row of the table."""
    cells = [cell(name, dtype, on_gpus) for dtype in DTYPES]
    return f"| `{name}` | {' | '.join('' if c is None else str(c) for c in cells)} |"


def cell(name: str, dtype: str, on_gpus: str = ON_GPUS) -> Cell | None:
    """Computes the cell of an operation and a dtype; `None` where no example of it passes the verifier.

    Raises:
        MatrixError: an example passes and does not run, or the targets disagree.
    """
    modules = [_module(name, example, dtype) for example in EXAMPLES[name]]
    targets = ("cpu", on_gpus)
    cells = [_run(name, dtype, module, targets) for module in modules if module is not None]
    return max(cells, key=lambda c: c.order) if cells else None


# ---- programs -------------------------------------------------------------------------------------------------


def _module(name: str, example: str, dtype: str) -> ModuleOp | None:
    """An example about this dtype, as a function without results; `None` if it is none."""
    text, named = program(example), spelled_out(example)
    for written, meant in (*((s, dtype) for s in SUBJECTS if re.search(s, named)), ("f32", "f64")):
        try:
            module = parse(context(), re.sub(written, meant, text)).module
            module.verify()
        except (ParseError, VerifyException, ValueError):
            continue
        if _is_about(name, module, dtype) and not _shaped_by_argument(module):
            return module
    return None


def _is_about(name: str, module: ModuleOp, dtype: str) -> bool:
    """Tells whether an operand has this dtype; a result, for what reads nothing or a seed."""
    made = _made(name, module)
    values = made.results if isinstance(made, Random) or not made.operands else made.operands
    return dtype in {_dtype(v.type) for v in values}


def _made(name: str, module: ModuleOp) -> Operation:
    return [op for op in main_function(module).body.block.ops if op.name == name][-1]


def _dtype(type_: Attribute) -> str:
    return str(element_type_of(data_type_of(type_)))


def _shaped_by_argument(module: ModuleOp) -> bool:
    """Tells whether a result's shape is data: `cpu` is for shapes that the inputs' shapes say."""
    for op in main_function(module).body.block.ops:
        at = type(op).SHAPE_OPERAND if isinstance(op, GraphOp) else None
        if at is not None and len(op.operands) > at and isinstance(op.operands[at], BlockArgument):
            return True
    return False


def _run(name: str, dtype: str, module: ModuleOp, targets: Sequence[str]) -> Cell:
    """Runs what a function computes, and its gradients, on all targets."""
    function = main_function(module)
    block = function.body.block
    _make_slices(block)
    _drop_unused(function)
    end, made = block.last_op, _made(name, module)
    assert end is not None

    def place(op: Operation) -> None:
        block.insert_op_before(op, end)

    with inserting(place):
        values = [_dense(Tensor(r)) for r in made.results]
    levels = _gradients(values, block, place) if state_of(type(made)) is RuleState.RULE else []
    results = [t.value for level in (values, *levels) for t in level]
    end.operands = results
    function.update_function_type()
    return Cell(len(levels), _hosts(f"{name} in {dtype}", module, targets, TOLERANCE.get(dtype, 1e-6)))


def _gradients(values: Sequence[Tensor], block: Block, place: Insert) -> list[list[Tensor]]:
    """The gradients of each order with respect to the arguments: of the second one those that are not none."""
    xs = [a for a in block.args if is_inexact(element_type_of(a.type))]
    levels: list[list[Tensor]] = []
    ys = [t for t in values if is_inexact(t.element_type)]
    while ys and xs and len(levels) < 2:
        with inserting(place):
            seeds = [_ones(y) for y in ys]
        found = gradients([y.value for y in ys], xs, seeds, block, place, GradientOptions())
        with inserting(place):
            ys = [_dense(g) for g in found if g is not None]
        if not ys and not levels:
            break
        levels.append(ys)
        if not ys:  # linear: its second derivative is none
            break
    return levels + [[]] * (1 if len(levels) == 1 else 0)


def _hosts(what: str, module: ModuleOp, targets: Sequence[str], tolerance: float) -> tuple[bool, ...]:
    """For each target whether the host runs an operation there; raises `MatrixError` where a target is wrong."""
    inputs = [_sample(a.type) for a in main_function(module).body.block.args]
    with np.errstate(all="ignore"):
        expected = compile_function(module, "numpy")(inputs, {})
    hosts: list[bool] = []
    for target in targets:
        compiled = compile_function(module, target)
        with np.errstate(all="ignore"), catch_warnings():
            simplefilter("ignore", DeviceWarning)  # some examples name devices, and `cpu` has one
            got, scheduled = compiled(inputs, {}), parse(context(), compiled.ir("kernels")).module
        for a, b in zip(got, expected, strict=True):
            wide = [np.asarray(v, np.complex128 if v.dtype.kind == "c" else np.float64) for v in (a, b)]
            # The evaluator rounds half precision after each operation: what cancels is then as far off as its terms.
            finite = np.abs(wide[1][np.isfinite(wide[1])])
            size = np.max(finite, initial=1.0) if b.dtype in HALVES else 1.0
            if not np.allclose(*wide, rtol=tolerance, atol=tolerance * size, equal_nan=True):
                raise MatrixError(f"{what}: {target} gives {a}, numpy {b}")
        hosts.append(any(runs_on_host(op) for op in main_function(scheduled).body.block.ops))
    return tuple(hosts)


def _dense(value: Tensor) -> Tensor:
    """A result that a function can return: slices made dense, truth values as their rows."""
    if not isinstance(value.type, SlicesType):
        return value
    return SliceValues.of(value) if value.type.data_type.element_type == i1 else Densify.of(value)


def _ones(y: Tensor) -> Tensor | None:
    """The seed of a complex y; real ones have one."""
    return Fill.full(1, y.type, *dynamic_shape(y)) if is_complex(y.element_type) else None


def _make_slices(block: Block) -> None:
    """Slices are made of their rows, since no function takes them."""
    for argument in list(block.args):
        if isinstance(argument.type, SlicesType) and argument.first_use is not None:
            rows, indices = (
                next(a for a in block.args if a.type == part)
                for part in (argument.type.values_type, argument.type.indices_type)
            )
            made = MakeSlices.create(operands=[rows, indices], result_types=[argument.type])
            assert block.first_op is not None
            block.insert_op_before(made, block.first_op)
            argument.replace_all_uses_with(made.results[0])


def _drop_unused(function: func.FuncOp) -> None:
    block = function.body.block
    for argument in list(block.args):
        if argument.first_use is None:
            block.erase_arg(argument)
    function.update_function_type()


def _sample(type_: Attribute) -> Any:
    """Values on which every operation is defined; matrices that are square are positive definite."""
    shape = tuple(2 if n == DYNAMIC_INDEX else n for n in shape_of_type(type_))
    dtype = numpy_dtype(element_type_of(type_))
    rng = np.random.default_rng(len(shape))
    if not is_inexact(element_type_of(type_)):
        return np.asarray(rng.integers(0, 2, shape)).astype(dtype)
    values = rng.uniform(0.2, 0.9, shape) + (0.1j if dtype.kind == "c" else 0)
    if len(shape) == 2 and shape[0] == shape[1]:
        values = values @ values.T.conj() + np.eye(shape[0])
    return np.asarray(values).astype(dtype)
