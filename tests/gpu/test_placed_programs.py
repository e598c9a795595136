"""Programs placed on several devices give what the evaluator gives, with no more copies than values that cross."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import pytest
from xdsl.dialects import func

import pullback as pb
from pullback.backends.host_program.run_device_memory import DEVICE_MEMORY, DeviceMemory
from pullback.backends.interpreter.compiled_blocks import Compiler, Environment, Step
from pullback.backends.interpreter.run_memory import Memory
from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.driver.checking.drawn_inputs import Inputs
from pullback.driver.checking.function_runs import run_function
from pullback.driver.program import compile_function
from pullback.driver.targets.native_callees import native_callees
from pullback.tests.cuda_core.fixtures import standing_in
from pullback.tests.driver.host_cases import turned

TARGETS = ("simt", "fibers")
PAIRS = (("/cpu:0", "/gpu:0"), ("/gpu:0", "/gpu:1"))
Copies: TypeAlias = "Counter[tuple[str, str]]"
Built: TypeAlias = tuple[list[pb.Tensor], list[Any], list[pb.Variable]]
"""Inputs, outputs, and variables."""


@pytest.fixture
def copies(monkeypatch: pytest.MonkeyPatch) -> Copies:
    """Counts the copies that programs run, by the devices that they go from and to."""
    counted: Copies = Counter()
    original = DEVICE_MEMORY["gpu.memcpy"]

    def build(compiler: Compiler, op: Any) -> Step:
        step = original(compiler, op)
        target, source = compiler.slots(op.operands)

        def run(environment: Environment) -> None:
            counted[device_of(environment[source]), device_of(environment[target])] += 1
            step(environment)

        return run

    monkeypatch.setitem(DEVICE_MEMORY, "gpu.memcpy", build)
    return counted


def device_of(memory: Memory) -> str:
    return memory.device if isinstance(memory, DeviceMemory) else "cpu:0"


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


def outcomes(make: Callable[[], Built], target: str, arrays: Sequence[np.ndarray], steps: int = 1) -> Any:
    """What each of some steps gives, then the contents of the variables; and the step."""
    with pb.Graph():
        inputs, outputs, variables = make()
        step = pb.compile(inputs, outputs, target=target)
        found = [np.asarray(value) for _ in range(steps) for value in step(*arrays) if value is not None]
        return [*found, *(variable.numpy() for variable in variables)], step


def agree(make: Callable[[], Built], target: str, *arrays: np.ndarray, steps: int = 1) -> pb.Step:
    """The target gives what the evaluator gives."""
    expected, _ = outcomes(make, "numpy", arrays, steps)
    found, step = outcomes(make, target, arrays, steps)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=3e-5, atol=1e-6)
    return step


def training(pair: tuple[str, str]) -> Built:
    """Two layers on two devices, and their gradients beside them."""
    x = pb.placeholder("f32", (4, 8), name="x")
    with pb.device(pair[0]):
        w = pb.Variable(numbers(8, 6), name="w")
        h = pb.tanh(x @ w)
    with pb.device(pair[1]):
        v = pb.Variable(numbers(6, 3), name="v")
        loss = pb.mean((h @ v) ** 2.0)
    optimizer = pb.train.GradientDescentOptimizer(0.1)
    update = optimizer.minimize(loss, gate_gradients=optimizer.GATE_NONE, colocate_gradients_with_ops=True)
    return [x], [loss, update], [w, v]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("pair", PAIRS)
def test_colocated_gradients_copy_what_crosses_and_nothing_else(
    pair: tuple[str, str], target: str, copies: Copies
) -> None:
    step = agree(lambda: training(pair), target, numbers(4, 8), steps=3)
    first, second = (device.replace("/gpu", "cuda").removeprefix("/") for device in pair)
    assert copies == {(first, second): 3, (second, first): 3}, "h there, and its gradient back"
    text = step.ir("gpu")
    assert text.count("gpu.memcpy") == 2
    assert text.count("func.func private @main_kernel") == 3 * (first == "cpu:0")


@pytest.mark.parametrize("target", TARGETS)
def test_terms_are_summed_where_they_are_before_the_sum_crosses(target: str, copies: Copies) -> None:
    def sums() -> Built:
        with pb.device("/gpu:0"):
            x = pb.placeholder("f32", (4, 8), name="x")
            here = pb.sum(pb.tanh(x)) + pb.sum(pb.exp(x))
        with pb.device("/gpu:1"):
            there = pb.sum(pb.sin(x)) + pb.sum(pb.cos(x))
        with pb.device("/gpu:0"):
            loss = here + there
        return [x], [loss, *pb.gradients(loss, [x], colocate_gradients_with_ops=True)], []

    step = agree(sums, target, numbers(4, 8))
    assert copies == {("cuda:0", "cuda:1"): 1, ("cuda:1", "cuda:0"): 2}, "x there; a scalar and one sum back"
    assert step.ir("gpu").count("gpu.memcpy") == 3


def looping() -> Built:
    """A loop on a GPU, whose body works on the host as well, and what it and its gradient keep on stacks."""
    x = pb.placeholder("f32", (4,), name="x")
    n = pb.placeholder("i32", (), name="n")
    with pb.device("/gpu:1"):
        v = pb.Variable(numbers(4), name="v")
        kept = pb.identity(v)

        def body(i: pb.Tensor, y: pb.Tensor) -> tuple[pb.Tensor, pb.Tensor]:
            with pb.device("/cpu:0"):
                z = turned(pb.tanh(y) * pb.constant(numbers(4)), axis=0)
            return i + 1, turned(z, axis=0) * 0.5 + kept

        _, y = pb.while_loop(lambda i, y: i < n, body, [pb.constant(0), x])
    gradients = pb.gradients(y, [x, v], colocate_gradients_with_ops=True)
    with pb.device("/cpu:0"):
        total = pb.Variable(np.zeros(4, np.float32), name="total")
        update = total.assign_add(gradients[0])
    return [x, n], [y, *gradients, update], [v, total]


@pytest.mark.parametrize("target", TARGETS)
def test_loops_stacks_host_operations_constants_and_variables_of_several_devices(
    target: str, copies: Copies
) -> None:
    step = agree(looping, target, numbers(4), np.array(20, np.int32), steps=2)
    text = step.ir("gpu")
    assert 'gpu.alloc(%c16) {graph.device = "cuda:1"}' in text
    assert "@main_host_" in text and "func.func private @main_kernel_" in text
    assert not any("cuda:0" in pair for pair in copies), "nothing was placed there"
    assert copies["cuda:1", "cuda:1"] and copies["cuda:1", "cpu:0"] > 2 * 20


def test_the_text_alone_says_all() -> None:
    arrays = (numbers(4), np.array(5, np.int32))
    with pb.Graph():
        inputs, outputs, _ = looping()
        step = pb.compile(inputs, outputs[:1], target="simt")
        text = step.ir("gpu", [(4,), ()])
        (expected,) = step(*arrays)
    alone = run_function(parse(context(), text).module, "main", Inputs(arrays, {"v": numbers(4)}))
    np.testing.assert_array_equal(alone.values[0], expected)


# ---- the runtime ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("pair", PAIRS)
def test_variables_of_the_host_and_of_devices_are_trained_by_the_runtime(pair: tuple[str, str]) -> None:
    with standing_in(devices=2):
        agree(lambda: training(pair), "cuda", numbers(4, 8), steps=3)


def test_the_runtime_runs_loops_over_several_devices() -> None:
    with standing_in(devices=2):
        agree(looping, "cuda", numbers(4), np.array(20, np.int32), steps=2)


STACKS = """
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %empty = graph.empty_stack {device = "cuda:0"} : STACK
  %tanh = graph.tanh %x {device = "cuda:0"} : tensor<4xf32>
  %there = graph.push %empty, %tanh {device = "cuda:0"} : (STACK, tensor<4xf32>) -> STACK
  %none = graph.empty_stack {device = "cpu:0"} : STACK
  %exp = graph.exp %x {device = "cpu:0"} : tensor<4xf32>
  %here = graph.push %none, %exp {device = "cpu:0"} : (STACK, tensor<4xf32>) -> STACK
  %sum = graph.add_n %here, %there {device = "cpu:0"} : (STACK, STACK) -> STACK
  %rest, %top = graph.pop %sum {device = "cpu:0"} : (STACK) -> (STACK, tensor<4xf32>)
  func.return %top : tensor<4xf32>
}
""".replace("STACK", "!graph.stack<tensor<4xf32>>")


@pytest.mark.parametrize("target", [*TARGETS, "cuda"])
def test_the_host_adds_to_the_rows_of_a_stack_that_was_copied(target: str) -> None:
    x = np.linspace(-1, 1, 4, dtype=np.float32)
    with standing_in():
        (found,) = compile_function(parse(context(), STACKS).module, target)([x], {})
    np.testing.assert_allclose(found, np.exp(x) + np.tanh(x), rtol=1e-6)


def test_kernels_of_the_host_that_share_a_function_are_native() -> None:
    """Products that turn their operands around call the function that does it."""
    with pb.Graph():
        x, w = (pb.placeholder("f32", (256, 256), name=name) for name in "xw")
        with pb.device("/cpu:0"):
            y = pb.matmul(x, w, transpose_a=True, transpose_b=True)
        with pb.device("/gpu:0"):
            z = y * 2.0
        step = pb.compile([x, w], z, "fibers")
    a, b = (np.random.default_rng(seed).standard_normal((256, 256), np.float32) for seed in (0, 1))
    np.testing.assert_allclose(step(a, b), 2 * a.T @ b.T, rtol=1e-4, atol=1e-4)
    module = parse(context(), step.ir("gpu")).module
    kernels = [op.sym_name.data for op in module.ops if isinstance(op, func.FuncOp) and op.sym_visibility]
    assert "func.call @main_transpose" in step.ir("gpu")
    assert set(native_callees(module)) == set(kernels)
