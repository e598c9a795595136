"""Decomposition: composite operations become simpler ones, where kernels compute all of these."""

from __future__ import annotations

from xdsl.dialects import func
from xdsl.dialects.builtin import TensorType
from xdsl.ir import Operation

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.op.families import Composite
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.types import is_static
from pullback.dialects.ir.operations_within import operations_within
from pullback.passes.lowering.support import HOST, has_kernel_dtypes, runs_natively
from pullback.passes.rewriting.replacement import Replacements
from pullback.passes.rewriting.same_device import place_like
from pullback.passes.rewriting.statistic import Statistic
from pullback.passes.simplify.canonicalize import canonicalize
from pullback.passes.simplify.cse import merge_equal
from pullback.passes.simplify.dce import remove_dead

DECOMPOSED = Statistic("composite operations that were replaced by others")


def decompose(function: func.FuncOp) -> None:
    """Replaces the composites of a function that become native.

    What forward and backward composites have in common (the exponentials of a softmax and of its gradient) is
    computed once.
    """
    replacements = Replacements()
    found = False
    for op in operations_within(function):
        if op is function or isinstance(op.parent_op(), Kernel):
            continue
        replacements.update(op)
        if isinstance(op, Composite) and becomes_native(op):
            found = True
            _replace(op, replacements)
    DECOMPOSED.add(len(replacements.replaced))
    replacements.drop_replaced()
    if found:
        canonicalize(function)
        merge_equal(function)
        remove_dead(function)


def _replace(op: Composite, replacements: Replacements) -> None:
    assert op.parent is not None
    made: list[Operation] = []
    with inserting(made.append):
        results = op.expand()
    assert results is not None, "what stays whole does not become native"
    for new in made:
        new.location = op.location
        place_like(new, op)
        op.parent.insert_op_before(new, op)
    values = results if isinstance(results, tuple) else (results,)
    replacements.replace(op, [t.value for t in values])
    for new in made:
        replacements.update(new)
        if isinstance(new, Composite):
            _replace(new, replacements)


def becomes_native(op: Operation) -> bool:
    """Tells whether kernels compute an operation, or all those of its decomposition.

    Half of a composite in kernels would cost a call to the host as well.
    """
    if not isinstance(op, Composite):
        return runs_natively(op)
    tensors = [t for t in (*op.operand_types, *op.result_types) if isinstance(t, TensorType)]
    if HOST in op.attributes or not has_kernel_dtypes(op) or not all(map(is_static, tensors)):
        return False
    made: list[Operation] = []
    with inserting(made.append):
        found = op.expand()
    native = found is not None and all(map(becomes_native, made))
    for trial in made:
        trial.drop_all_references()
    return native
