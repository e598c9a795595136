"""Programs of level `gpu` on fibers: the text is that of the step, and memory and arguments are checked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp

import pullback as pb
from pullback.backends.cuda.program_source import cuda_source
from pullback.backends.fibers import compile_text as compiling
from pullback.backends.fibers.fiber_program import FiberProgram
from pullback.backends.fibers.kernel_library import ThreadOrder
from pullback.backends.interpreter.execution_error import ExecutionError
from pullback.dialects.context import context
from pullback.dialects.graph.tensor.types import GraphError
from pullback.dialects.ir.source import parse
from pullback.driver.targets.registry import target_named
from pullback.tests.backends.fibers.texts import line_of
from pullback.tests.gpu import programs
from pullback.tests.gpu.programs import Program
from pullback.tests.gpu.test_emitters import PROGRAMS
from pullback.tools import run

pytestmark = pytest.mark.compiler


@pytest.mark.parametrize("name", PROGRAMS)
def test_against_numpy_in_each_order(name: str) -> None:
    program = PROGRAMS[name]()
    for order in ThreadOrder:
        buffers = [buffer.copy() for buffer in program.buffers]
        FiberProgram(program.module, order).run("main", buffers, program.undefined)
        for got, expected in zip(buffers[-len(program.expected) :], program.expected, strict=True):
            np.testing.assert_allclose(got, expected, rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("build", [programs.tanh_chain, programs.gather, programs.softmax, programs.moments])
def test_nothing_undefined_is_in_the_text(build: Callable[[], Program]) -> None:
    program = build()
    FiberProgram(program.module, sanitize=True).run("main", program.buffers, program.undefined)
    for got, expected in zip(program.outputs, program.expected, strict=True):
        np.testing.assert_allclose(got, expected, rtol=2e-6, atol=1e-6)


def test_the_text_that_is_compiled_is_that_of_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    plain = compiling._run

    def noted(compiler: object, work: Path, *arguments: str) -> None:
        if (work / compiling.TEXT).exists():
            seen.append((work / compiling.TEXT).read_bytes())
        plain(compiler, work, *arguments)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(compiling, "_run", noted)
    with pb.Graph():
        x = pb.placeholder("f32", (3, 41), name="x")
        step = pb.compile([x], [pb.sum(x * 3.25, axis=1)], target="fibers")
    step(np.ones((3, 41), np.float32))
    assert set(seen) == {step.ir("cuda").encode()}


TEMPLATE = """
builtin.module attributes {{gpu.container_module}} {{
  gpu.module @kernels {{
    gpu.func @k(%x : memref<256xf32>, %y : memref<256xf32>, %n : index, %b : i1, %f : f64, %w : i8) kernel
        attributes {{known_block_size = array<i32: 64, 1, 1>}} {{
      %b0 = gpu.block_id x
      %t = gpu.thread_id x
      %d = gpu.block_dim x
      %first = arith.muli %b0, %d : index
      %i = arith.addi %first, %t : index
{body}
      gpu.return
    }}
  }}
  func.func @main(%x : memref<256xf32>, %y : memref<256xf32>) {{
    %four = arith.constant 4 : index
    %threads = arith.constant {threads} : index
    %one = arith.constant 1 : index
    %n = arith.constant 3 : index
    %true = arith.constant true
    %f = arith.constant 0.5 : f64
    %w = arith.constant -7 : i8
    gpu.launch_func @kernels::@k blocks in (%four, %one, %one) threads in (%threads, %one, %one)
      args(%x : memref<256xf32>, %{second} : memref<256xf32>, %n : index, %true : i1, %f : f64, %w : i8)
    func.return
  }}
}}
"""
COPY = """
  %v = memref.load %x[%i] : memref<256xf32>
  memref.store %v, %y[%i] : memref<256xf32>
"""


def module(body: str = COPY, second: str = "y", threads: int = 64) -> ModuleOp:
    made = parse(context(), TEMPLATE.format(body=body, second=second, threads=threads)).module
    made.verify()
    return made


def launch(
    body: str = COPY, second: str = "y", threads: int = 64, undefined: tuple[int, ...] = ()
) -> np.ndarray:
    x, y = np.arange(256, dtype=np.float32), np.zeros(256, np.float32)
    FiberProgram(module(body, second, threads)).run("main", [x, y], undefined)
    return y


def test_numbers_as_arguments() -> None:
    y = launch("""
      %n32 = arith.index_cast %n : index to i32
      %w32 = arith.extsi %w : i8 to i32
      %b32 = arith.extui %b : i1 to i32
      %s0 = arith.addi %n32, %w32 : i32
      %s = arith.addi %s0, %b32 : i32
      %s1 = arith.sitofp %s : i32 to f32
      %f32 = arith.truncf %f : f64 to f32
      %v = arith.addf %s1, %f32 : f32
      memref.store %v, %y[%i] : memref<256xf32>""")
    assert y.tolist() == [3 - 7 + 1 + 0.5] * 256


def test_written_argument_may_not_overlap_another() -> None:
    with pytest.raises(ExecutionError, match=r"arguments %y \(written\) and %x of @k overlap"):
        launch(second="x")


def test_blocks_of_another_size_than_promised() -> None:
    with pytest.raises(ExecutionError, match=r"@k promises blocks of \(64, 1, 1\) threads, got \(32, 1, 1\)"):
        launch(threads=32)


@pytest.mark.parametrize("distance", [1, 1000])
def test_a_store_beside_an_argument(distance: int) -> None:
    store = f"""
      %c = arith.constant {distance} : index
      %j = arith.addi %i, %c : index
      %v = memref.load %x[%i] : memref<256xf32>
      memref.store %v, %y[%j] : memref<256xf32>"""
    with pytest.raises(ExecutionError, match=r"@k writes to memory before or after its argument %[xy]"):
        launch(store)


def test_a_load_beside_an_argument_is_nan() -> None:
    y = launch("""
      %c = arith.constant 1 : index
      %j = arith.addi %i, %c : index
      %v = memref.load %x[%j] : memref<256xf32>
      memref.store %v, %y[%i] : memref<256xf32>""")
    assert y[:255].tolist() == list(range(1, 256)) and np.isnan(y[255])


def test_what_no_kernel_has_written_is_nan() -> None:
    y = launch("", undefined=(1,))
    assert np.isnan(y).all()


def test_divergence_names_the_launch_the_kernel_and_the_block() -> None:
    barrier = """
      %c40 = arith.constant 40 : index
      %low = arith.cmpi ult, %t, %c40 : index
      scf.if %low {
        gpu.barrier
      }"""
    with pytest.raises(ExecutionError) as error:
        launch(barrier)
    assert error.value.op is not None and error.value.op.name == "gpu.launch_func"
    line = line_of(cuda_source(module(barrier)), "__syncthreads")
    assert str(error.value) == (
        f"gpu.launch_func in @main: @k: block (0, 0, 0), line {line}: divergent barrier: only threads 0-39 of 64 reach "
        f"it; returned: threads 40-63\n  kernels.cu:{line}: __syncthreads();"
    )


def test_memory_of_another_type() -> None:
    program = FiberProgram(module())
    with pytest.raises(Exception, match="float64"):
        program.run("main", [np.zeros(256), np.zeros(256, np.float32)])


def test_launches_of_one_library_take_turns() -> None:
    """Two programs of one text share its memory, and threads of Python call both."""
    with pb.Graph():
        x = pb.placeholder("f32", (30, 70))
        outputs = [pb.sum(x * x, axis=1), pb.sum(x, axis=0)]
        steps = [pb.compile([x], outputs, target="fibers") for _ in range(2)]
    data = np.random.default_rng(0).standard_normal((4, 30, 70)).astype(np.float32)
    results: list[list[np.ndarray]] = [[] for _ in range(4)]

    def work(number: int) -> None:
        for _ in range(5):
            results[number].append(np.concatenate(steps[number % 2](data[number])))

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, found in enumerate(results):
        expected = np.concatenate([(data[number] ** 2).sum(1), data[number].sum(0)])
        assert len(found) == 5
        for result in found:
            np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-4)


def test_input_that_is_a_part_of_an_array() -> None:
    """Its address is no multiple of 16, and a device copies it to one that is."""
    with pb.Graph():
        x = pb.placeholder("f32", (512,))
        step = pb.compile([x], [x + x], target="fibers")
    data = np.arange(515, dtype=np.float32)
    for start in range(4):
        np.testing.assert_array_equal(step(data[start : start + 512])[0], 2 * data[start : start + 512])


def test_options_in_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    counted = """
      %z = arith.constant 0 : index
      %v = memref.load %y[%z] : memref<256xf32>
      %c1 = arith.constant 1.0 : f32
      %next = arith.addf %v, %c1 : f32
      memref.store %next, %y[%z] : memref<256xf32>
      memref.store %next, %y[%i] : memref<256xf32>"""
    run_on_memory = target_named("fibers").run_on_memory
    assert run_on_memory is not None

    def turns() -> list[float]:
        x, y = np.zeros(256, np.float32), np.zeros(256, np.float32)
        run_on_memory(module(counted), "main", [x, y], ())
        return y.tolist()

    assert turns() == [256, *range(2, 257)]
    monkeypatch.setenv("PULLBACK_FIBERS_ORDER", "backwards")
    assert turns() == list(range(256, 0, -1))
    monkeypatch.setenv("PULLBACK_FIBERS_SANITIZE", "1")
    assert turns() == list(range(256, 0, -1))
    monkeypatch.setenv("PULLBACK_FIBERS_ORDER", "sideways")
    with pytest.raises(GraphError, match="'sideways': expected one of forwards, backwards, strided"):
        turns()


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "f.mlir"
    path.write_text("""
    func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
      %y = graph.add %x, %x : tensor<3xf32>
      func.return %y : tensor<3xf32>
    }""")
    assert run.main([str(path), "--target", "fibers", "--input", "x=[1,2,3]", "--values"]) == 0
    assert "[2.0, 4.0, 6.0]" in capsys.readouterr().out
