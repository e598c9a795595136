"""Without a wheel, a driver or a device, target `cuda` says in one line which it is and what to do."""

from __future__ import annotations

import ctypes
import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

import pullback as pb
from pullback.backends.cuda_runtime import api
from pullback.backends.cuda_runtime.api import CudaMissingError
from pullback.tests.cuda_core.fixtures import standing_in
from pullback.tests.driver.host_cases import numbers
from pullback.tools import run

PROGRAM = """func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = graph.sin %x : tensor<4xf32>
  func.return %y : tensor<4xf32>
}
"""
MISSING = {
    "wheel": r"target 'cuda' needs the wheel cuda-core \(.*\): pip install 'pullback\[cuda\]'",
    "driver": r"target 'cuda' needs the NVIDIA driver, .*: install it, or take target 'fibers' or 'simt'.*",
    "device": r"target 'cuda' needs an NVIDIA GPU, .*: see nvidia-smi and CUDA_VISIBLE_DEVICES, .*",
}
"""What is said, by what is missing."""


@pytest.fixture(params=MISSING)
def said(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Generator[str]:
    """What is to be said; while this lasts, that part is missing."""
    with ExitStack() as stack:
        if request.param == "wheel":
            api._imported.cache_clear()
            monkeypatch.setitem(sys.modules, "cuda.core", None)
        else:
            absent = {"driver": False} if request.param == "driver" else {"devices": 0}
            stack.enter_context(standing_in(**absent))
        yield MISSING[request.param]


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "program.mlir"
    path.write_text(PROGRAM)
    return str(path)


def test_the_tool_says_it_in_one_line(said: str, program: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main([program, "--target", "cuda", "--input", "x=[1, 2, 3, 4]"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert re.fullmatch(f"pullback-run: error: {said}\n", printed.err)


def test_an_error_of_python_says_it_in_one_line(said: str) -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (3,), name="x")
        step = pb.compile([x], x * 2.0, target="cuda")
    for _ in range(2):  # it is still missing when it is asked for again
        with pytest.raises(CudaMissingError) as error:
            step(numbers(3))
        assert re.fullmatch(said, str(error.value))
        assert isinstance(error.value, pb.CudaError)


def test_programs_are_compiled_all_the_same(said: str) -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (3,), name="x")
        step = pb.compile([x], x * 2.0, target="cuda")
        np.testing.assert_array_equal(pb.compile([x], x * 2.0, target="cpu")(numbers(3)), 2 * numbers(3))
    assert "__global__" in step.ir("cuda")


def test_the_installed_tool_on_this_machine(program: str) -> None:
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        command = [
            sys.executable,
            "-m",
            "pullback.tools.run",
            program,
            "--target=cuda",
            "--input=x=[1,2,3,4]",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert re.fullmatch(f"pullback-run: error: ({MISSING['driver']}|{MISSING['wheel']})\n", done.stderr)
    else:
        pytest.skip("there is a driver")
