"""Programs over several devices at level `kernels`: what rewrites make stays where it was, and kernels are of one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr, ModuleOp, StringAttr, TensorType
from xdsl.ir import Attribute, Operation
from xdsl.traits import IsTerminator

from pullback.dialects.context import context
from pullback.dialects.graph import OPS
from pullback.dialects.graph.examples import EXAMPLES, program
from pullback.dialects.graph.kernel.argument_roles import DEVICES
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.op_devices import device_of_value
from pullback.dialects.graph.kernel.schedule import CpuTuning, GpuTuning
from pullback.dialects.graph.op.families import Composite
from pullback.dialects.graph.state.variables import VariableOp
from pullback.dialects.graph.tensor.device import DEVICE, HOST, device_of_op
from pullback.dialects.graph.tensor.types import VariableType, is_static
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.source import parse
from pullback.passes.kernels.form.form_kernels import FormKernels
from pullback.passes.kernels.form.legalization_rules import rule_of
from pullback.passes.kernels.memory.plan_memory import plan_function
from pullback.passes.pipeline.verify_level import verify_level
from pullback.passes.placement.place_devices import PlaceDevices
from pullback.tests.kernels.machine import Machine
from pullback.tests.kernels.programs import Program, arguments, contents, outcome, programs

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
        block.add_op(variable) if block.first_op is None else block.insert_op_before(variable, block.first_op)
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


@given(programs(), st.data())
def test_programs_over_several_devices_compute_the_same(program: Program, data: st.DataObject) -> None:
    expected = outcome(program.function)
    for op in program.function.walk():
        asks = op is not program.function and not op.has_trait(IsTerminator)
        if asks and not any(isinstance(v.type, VariableType) for v in op.operands):
            device = data.draw(st.sampled_from([None, "/cpu:0", "cuda:0", "/device:GPU:1"]))
            if device is not None:
                op.attributes[DEVICE] = StringAttr(device)
    PlaceDevices(device="cuda").apply(Context(), program.module)
    FormKernels(device="cuda").apply(Context(), program.module)
    plan = plan_function(program.function)
    verify_level(program.module, "kernels")
    for op in program.module.walk():
        if isinstance(op, Kernel) and op.schedule is not None:
            tuned = op.schedule.data
            on_cpu = device_of_op(op) == HOST
            assert (tuned.cpu == CpuTuning()) is not on_cpu and (not on_cpu or tuned.gpu == GpuTuning())
    assert all(device_of_value(v) == s.device for s in plan.lives.storages for v in s.values)
    variables = contents()
    machine = Machine(program.function, arguments(), variables)
    for value, got in zip(expected, [*machine.outputs, *variables.values()], strict=True):
        np.testing.assert_allclose(got, value, rtol=1e-9, atol=1e-12)
