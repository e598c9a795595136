"""Random programs on random devices: every operand is where it is used, copied once, and no number changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import Block

from pullback.backends.evaluator.evaluator import EvaluationError, evaluate
from pullback.dialects.context import context
from pullback.dialects.graph.gradient.markers import Gate
from pullback.dialects.graph.kernel.argument_roles import DEVICES as DEVICES_OF_ARGUMENTS
from pullback.dialects.graph.kernel.argument_roles import strings
from pullback.dialects.graph.kernel.check_placement import check_placement
from pullback.dialects.graph.kernel.op_devices import device_of_value, is_spread
from pullback.dialects.graph.state.copy_to import CopyTo
from pullback.dialects.graph.state.variables import VariableOp
from pullback.dialects.graph.tensor.device import CUDA, DEVICE, device_of_op
from pullback.dialects.graph.tensor.types import data_type_of, is_static
from pullback.dialects.ir.source import parse
from pullback.dialects.ir.text import print_module
from pullback.driver.run_pipeline import has_kernels, main_function, run_pipeline
from pullback.passes.placement.device_requests import operations_in, variable_of
from pullback.passes.placement.place_devices import PlaceDevices
from pullback.tests.graphs import sample
from pullback.tools.fuzz.random_programs import random_program

DEVICES = ("cpu:0", "/gpu:0", "cuda:1", "/device:GPU:2")


def ask_for_devices(module: ModuleOp, rng: np.random.Generator) -> set[str]:
    """Asks for random devices in a program, for variables where they are named; returns those that were asked for."""
    asked: set[str] = set()
    share = rng.choice([0.1, 0.4, 0.9])
    for op in operations_in(main_function(module).body.block):
        is_free = variable_of(op) is None or isinstance(op, VariableOp)
        if op.next_op is not None and is_free and rng.random() < share:
            op.attributes[DEVICE] = StringAttr(str(rng.choice(DEVICES)))
            asked.add(str(device_of_op(op)))
    return asked


def results(module: ModuleOp, inputs: Sequence[Any], contents: Mapping[str, Any]) -> list[Any]:
    """What a program returns, and what its variables hold afterwards."""
    variables = {name: array.copy() for name, array in contents.items()}
    with np.errstate(all="ignore"):
        returned = evaluate(main_function(module), inputs, variables)
    return [*map(np.asarray, returned), *variables.values()]


@pytest.mark.parametrize("seed", range(4))
def test_placements_keep_numbers_and_every_operand_is_there(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(4):
        program = random_program(rng)
        module = parse(context(), program.text).module
        if has_kernels(module):
            continue
        run_pipeline(module, "finish")
        main = main_function(module)
        types = [argument.type for argument in main.body.block.args]
        if not program.inputs and not all(map(is_static, types)):
            continue  # nothing says which extents fit together
        inputs = program.inputs or [sample(rng, type_) for type_ in types]
        variables = {
            op.label: program.variables.get(op.label, sample(rng, data_type_of(op.results[0].type)))
            for op in main.walk()
            if isinstance(op, VariableOp)
        }
        try:
            expected = results(module, inputs, variables)
        except EvaluationError:
            continue  # a program that cannot be run on these inputs
        asked = ask_for_devices(module, rng)
        PlaceDevices("cuda").apply(context(), module)
        module.verify()
        check_placement(main)
        check_copies(main.body.block)
        assert is_spread(main) == (devices_in(main) - {CUDA} != set()) and (
            asked - {CUDA} or not is_spread(main)
        )
        for before, after in zip(expected, results(module, inputs, variables), strict=True):
            assert (after.dtype, after.shape, after.tobytes()) == (
                before.dtype,
                before.shape,
                before.tobytes(),
            )
        text = print_module(module)
        PlaceDevices("cuda").apply(context(), module)
        assert print_module(module) == text, "what is placed moves again"


def check_copies(block: Block) -> None:
    """Each operation has its operands on its device, and each value one copy on each other device at most."""
    copies: Counter[tuple[object, str | None]] = Counter()
    for op in operations_in(block):
        if isinstance(op, CopyTo):
            copies[op.operands[0], device_of_op(op)] += 1
            assert device_of_value(op.operands[0]) != device_of_op(op)
        elif DEVICE in op.attributes and not isinstance(op, Gate):
            assert {device_of_value(value) for value in op.operands} <= {device_of_op(op)}
    assert max(copies.values(), default=1) == 1


def devices_in(main: FuncOp) -> set[str]:
    """All devices that operations and arguments of a function are on."""
    ops = {device_of_op(op) for op in main.walk()}
    return {device for device in (*ops, *(strings(main, DEVICES_OF_ARGUMENTS) or ())) if device is not None}
