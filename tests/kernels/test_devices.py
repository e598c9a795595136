"""Programs over several devices at level `kernels`: what rewrites make stays where it was, and kernels are of one."""

from __future__ import annotations

from collections.abc import Iterator

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr, ModuleOp, StringAttr, TensorType
from xdsl.ir import Attribute, Operation
from xdsl.traits import IsTerminator

from pullback.dialects.context import context
from pullback.dialects.graph import OPS
from pullback.dialects.graph.examples import EXAMPLES, program
from pullback.dialects.graph.kernel.devices import DEVICES
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.op.families import Composite
from pullback.dialects.graph.state.variables import VariableOp
from pullback.dialects.graph.tensor.device import DEVICE
from pullback.dialects.graph.tensor.types import VariableType, is_static
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.source import parse
from pullback.passes.kernels.form.form_kernels import FormKernels
from pullback.passes.kernels.form.legalization_rules import rule_of

THERE = StringAttr("cuda:1")


def elsewhere(example: str) -> ModuleOp:
    """An example of an operation on a device that is not the default, in a program that returns what it computes."""
    module = parse(context(), program(example)).module
    (function,) = module.ops
    assert isinstance(function, func.FuncOp)
    block = function.body.block
    for argument in (a for a in block.args if isinstance(a.type, VariableType)):
        variable = VariableOp.create(
            result_types=[argument.type], properties={"variable": StringAttr(f"{argument.name_hint}")}
        )
        argument.replace_all_uses_with(variable.results[0])
        block.insert_op_before(variable, block.ops.first)
    for op in placed_in(function):
        op.attributes[DEVICE] = THERE
    function.attributes[DEVICES] = ArrayAttr([THERE for _ in block.args])
    last = block.last_op
    assert last is not None
    last.operands = [value for op in block.ops for value in op.results]
    function.update_function_type()
    return module


def placed_in(function: func.FuncOp) -> Iterator[Operation]:
    """The operations that have a device, if any has."""
    for op in function.walk():
        if not (op is function or op.has_trait(IsTerminator) or isinstance(op.parent_op(), Kernel)):
            yield op


def types_in(module: ModuleOp) -> Iterator[Attribute]:
    """The types of tensors that operations take and give."""
    for op in module.walk():
        yield from (v.type for v in (*op.operands, *op.results) if isinstance(v.type, TensorType))


REPLACED = {
    name: texts
    for name, texts in EXAMPLES.items()
    if issubclass(OPS[name], Composite) or rule_of(OPS[name]) is not None
}
"""Examples of the operations that forming may replace by others."""


def test_what_takes_the_place_of_an_operation_is_where_that_was() -> None:
    replaced: set[str] = set()
    refused: list[str] = []
    for name, example in ((name, text) for name, texts in REPLACED.items() for text in texts):
        module = elsewhere(example)
        if not all(map(is_static, types_in(module))):
            continue
        try:
            FormKernels(device="cuda").apply(Context(), module)
        except DiagnosticError as error:
            refused.append(str(error))
            continue
        (function,) = module.ops
        assert isinstance(function, func.FuncOp)
        for op in placed_in(function):
            assert op.attributes.get(DEVICE) == THERE, f"{name} left {op.name}"
        inside = [op for kernel in module.walk() if isinstance(kernel, Kernel) for op in kernel.body.walk()]
        assert not any(DEVICE in op.attributes for op in inside), name
        replaced.update([] if any(op.name == name for op in module.walk()) else [name])
    assert all("is still open" in error or "static shapes" in error for error in refused), refused
    assert len(replaced) > 40, sorted(replaced)
