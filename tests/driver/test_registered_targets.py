"""A target is one object, registered once: every list, message and text finds it, and passes know it by text alone."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from xdsl.dialects.builtin import ModuleOp

import pullback as pb
from pullback.backends.interpreter.interpreter import interpret
from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.dialects.ir.text import print_module
from pullback.driver.layout import Layout
from pullback.driver.run_pipeline import lowered
from pullback.driver.targets.registry import (
    TARGETS,
    forms,
    register_target,
    target_named,
    targets,
    unregister_target,
)
from pullback.driver.targets.target import Target, Text
from pullback.passes.pipeline.catalog import PASSES
from pullback.passes.pipeline.levels import LEVELS
from pullback.passes.pipeline.pipelines import parse_passes, with_options
from pullback.tools import opt, run

Array = npt.NDArray[Any]
SINE = """func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = graph.sin %x : tensor<4xf32>
  func.return %y : tensor<4xf32>
}
"""


class InterpretedFunction:
    """Runs `@main` of a module of level `loops` on the interpreter."""

    def __init__(self, loops: ModuleOp, graph: ModuleOp) -> None:
        self._loops, self._layout = loops, Layout.of(loops, graph)

    def __call__(self, inputs: Sequence[Array], variables: Mapping[str, Array]) -> list[Array]:
        arrays, undefined, outputs = self._layout.buffers(inputs, variables)
        interpret(self._loops, arrays, undefined=undefined)
        return outputs


def run_on_memory(module: ModuleOp, entry: str, arrays: Sequence[Array], undefined: Sequence[int]) -> None:
    interpret(module, arrays, entry, undefined=undefined)


INTERPRETER = Target(
    name="interpreter",
    meaning="CPU loops on the interpreter",
    passes="kernels,loops",
    capabilities=lambda: {"vector-bits": 128},
    executor=InterpretedFunction,
    texts=(
        Text(
            "size", "loops", lambda module: f"{len(list(module.ops))} functions\n", "module-size", "Its size."
        ),
    ),
    run_on_memory=run_on_memory,
)


@pytest.fixture
def interpreter() -> Iterator[None]:
    register_target(INTERPRETER)
    yield
    unregister_target("interpreter")
    assert list(targets()) == ["numpy", "cpu", "simt", "fibers", "cuda"]


def step_of(target: str) -> Any:
    with pb.Graph():
        x = pb.placeholder("f32", (None, 13), name="x")
        w = pb.Variable(np.ones(13, np.float32), name="w")
        y = pb.sum(pb.tanh(x) * w.read(), axis=1)
        return pb.compile([x], [y, w.assign_sub(pb.gradients(y, w)[0]), w], target=target)


@pytest.mark.usefixtures("interpreter")
def test_a_registered_target_runs_programs(rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 13)).astype(np.float32)
    for found, expected in zip(step_of("interpreter")(x), step_of("numpy")(x), strict=True):
        if expected is not None:
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.usefixtures("interpreter")
def test_each_text_is_that_of_the_targets_own_pipeline() -> None:
    texts = {name: step_of(name).ir("loops", [(8, 13)]) for name in ("interpreter", "cpu", "numpy")}
    assert "vector<8xf32>" not in texts["interpreter"]
    assert "vector<8xf32>" in texts["cpu"]
    assert "vector<8xf32>" in texts["numpy"]  # of the first target with such a level
    assert step_of("numpy").ir("size", [(2, 13)]).endswith(" functions\n")
    with pytest.raises(
        ValueError, match=r"expected one of gradients, graph, kernels, loops, llvm, gpu, cuda, plan, size$"
    ):
        step_of("cpu").ir("sizes")


@pytest.mark.usefixtures("interpreter")
def test_a_registered_target_is_in_lists_and_messages(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    program = tmp_path / "sine.mlir"
    program.write_text(SINE)
    assert run.main(["--list-targets"]) == 0
    assert (
        f"interpreter: CPU loops on the interpreter (-p '{INTERPRETER.pipeline}')\n"
        in capsys.readouterr().out
    )
    assert opt.main(["--list-targets", "--json"]) == 0
    assert {"name": "module-size", "summary": "Its size."} in json.loads(capsys.readouterr().out)
    assert opt.main([str(program), "-p", INTERPRETER.pipeline, "-t", "module-size"]) == 0
    assert capsys.readouterr().out == "2 functions\n"
    assert opt.main([str(program), "-t", "nosuch"]) == 1
    assert "expected one of mlir, llvm-ir, cuda-cpp, module-size\n" in capsys.readouterr().err
    for passes in ("", "kernels,loops"):
        given = ["--input", "x=[0,0,0,0]", "--values", "--target", "interpreter"]
        assert run.main([str(program), "-p", passes, *given]) == 0
        assert "= [0.0, 0.0, 0.0, 0.0]" in capsys.readouterr().out
    with pytest.raises(
        ValueError,
        match="expected one of numpy, cpu, simt, fibers, cuda, interpreter; did you mean 'interpreter'",
    ):
        step_of("interpreted")


def test_what_is_registered_must_fit() -> None:
    for target, message in {
        replace(INTERPRETER, name="cpu"): "target 'cpu' is registered already",
        replace(
            INTERPRETER, texts=target_named("cpu").texts
        ): "form of output 'llvm-ir' is registered already",
        replace(
            INTERPRETER, passes="kernels"
        ): "its text 'size' is of level 'loops', which its pipeline 'kernels' does",
        replace(
            INTERPRETER, texts=(), passes="kernel"
        ): "unknown pass or pipeline 'kernel'; did you mean 'kernels'",
        replace(INTERPRETER, passes="kernel"): "unknown pass or pipeline 'kernel'; did you mean 'kernels'",
    }.items():
        with pytest.raises(ValueError, match=message):
            register_target(target)
    with pytest.raises(
        ValueError, match="target 'interpreter' is not known: expected one of numpy, cpu, simt"
    ):
        unregister_target("interpreter")
    assert list(forms()) == ["llvm-ir", "cuda-cpp"]


def test_capabilities_are_options_in_the_text() -> None:
    assert with_options("form-kernels{vector-bits=512},loops", {"vector-bits": 256}) == (
        'form-kernels{vector-bits=512},lower-to-loops{vector-bits=256},verify-level{level="loops"}'
    )
    with pytest.raises(ValueError, match="no pass of 'kernels,gpu' takes the option 'lanes'"):
        with_options("kernels,gpu", {"lanes": 4})
    for target in targets().values():
        assert all(level in LEVELS for level in target.levels)
        parse_passes(target.pipeline)


@pytest.mark.parametrize("target", ["cpu", "simt"])
def test_no_state_lies_outside_of_the_text(target: str) -> None:
    """Two runs in a pipe are one, wherever the pipeline is cut, and give what the step shows."""
    step = step_of(target)
    static = step._program.specialised([(4, 13)])
    pipeline, last = target_named(target).pipeline, target_named(target).levels[-1]
    shown = step.ir(last, [(4, 13)])
    passes = re.split(r",(?![^{]*})", pipeline)
    for cut in range(len(passes) + 1):
        first = print_module(lowered(static, ",".join(passes[:cut])))
        second = lowered(parse(context(), first).module, ",".join(passes[cut:]))
        assert print_module(second) == shown, passes[cut:]


def test_docstrings_name_what_is_registered() -> None:
    documented = {
        pb.compile: targets(),
        type(step_of("numpy")).ir: {n for t in targets().values() for n in t.shown},
    }
    for function, names in documented.items():
        assert [name for name in names if f'"{name}"' not in (function.__doc__ or "")] == []


WITHOUT_LLVM = """
import sys
import numpy as np
import pullback as pb
from pullback.tools import opt, run

def loaded():
    return [name for name in sys.modules if name.partition(".")[0] == "llvmlite"]

with pb.Graph():
    x = pb.placeholder("f32", (4,), name="x")
    y = pb.tanh(x)
    step = pb.compile([x], [y, *pb.gradients(y, x)], target="numpy")
    native = pb.compile([x], [y], target="cpu")
step(np.zeros(4, np.float32))
emulated = pb.compile([x], [y], target="simt")
emulated(np.zeros(4, np.float32))
for level in ("gradients", "graph"):
    native.ir(level)
emulated.ir("kernels"), emulated.ir("cuda")
for pipeline in ("gradients,finish,kernels", "gradients,finish,kernels,loops", "gradients,finish,kernels,gpu"):
    assert opt.main([sys.argv[1], "-p", pipeline]) == 0
    assert not loaded(), pipeline
assert opt.main([sys.argv[1], "-p", "kernels,loops", "-t", "llvm-ir"]) == 0
assert run.main([sys.argv[1], "--input", "x=[0,0,0,0]"]) == 0
assert not loaded(), loaded()
native(np.zeros(4, np.float32))
assert loaded()
"""


def test_llvm_loads_when_a_cpu_target_is_first_used(tmp_path: Path) -> None:
    program = tmp_path / "sine.mlir"
    program.write_text(SINE)
    command = [sys.executable, "-c", WITHOUT_LLVM, str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_each_of_our_targets_could_be_registered() -> None:
    for target in TARGETS.ours.values():
        register_target(target)  # the same one again changes nothing, but is looked at


def test_the_catalog_names_each_pass_as_its_class_does() -> None:
    assert {name: factory().name for name, factory in PASSES.ours.items()} == {
        name: name for name in PASSES.ours
    }
