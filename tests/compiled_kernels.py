"""NVRTC compiles the kernels of every program that tests run on `simt` and `fibers`: one CUDA program a test file.

What a test file makes is recorded as it is made, equal kernels once, and compiled at the end of the file. What NVRTC
refuses, and kernels whose values do not fit registers, are errors there, with the test that made the kernel. `--all`
takes every kernel for both architectures, `make test` up to SAMPLE of a file's for one of them in turns.
"""

from __future__ import annotations

import os
import random
import re
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest import mock

import pytest
from xdsl.dialects.builtin import ModuleOp

from pullback.backends.cuda import nvrtc
from pullback.backends.cuda.functions import definitions
from pullback.backends.cuda.program_source import DeviceDefinition, gpu_modules, parts
from pullback.backends.host_program.host_program import HostProgram
from pullback.dialects.ir.diagnostics import UnsupportedError
from pullback.driver.targets.launched_function import LaunchedFunction

ARCHITECTURES = ("sm_90", "sm_80")
SAMPLE = 32
"""Kernels of a test file that `make test` compiles: NVRTC takes up to 0.1 s for one."""


def needs_nvrtc(test):
    """Skips a test where the wheel is not installed; where `CI` is set, it fails."""
    missing = not nvrtc.available() and not os.environ.get("CI")
    return pytest.mark.skipif(missing, reason="no nvidia-cuda-nvrtc")(test)


@dataclass
class Kernels:
    """Kernels by their text, and the tests that made them."""

    origins: dict[str, str] = field(default_factory=dict)

    def record(self, module: ModuleOp) -> None:
        """Keep the kernels of a module, under names that do not depend on it."""
        test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
        made = parts(module)
        constants = [part for part in made if not part.is_kernel]
        for part in made:
            if part.is_kernel:
                self.origins.setdefault(_by_itself(part, constants), f"{part.name} of {test}")

    def program(self, count: int | None, seed: object) -> tuple[str, dict[str, str]]:
        """The program of a sample of the kernels, or of all; and where each is from."""
        texts = sorted(self.origins)
        chosen = texts if count is None else random.Random(str(seed)).sample(texts, min(count, len(texts)))
        made, origins = list[str](), dict[str, str]()
        for number, text in enumerate(chosen):
            origins[f"{_KERNEL}{number}"] = origin = self.origins[text]
            line = f"#line 1 {_quoted(origin)}\n"
            made.append(line + re.sub(rf"\b({_KERNEL}|{_CONSTANT})", rf"\g<1>{number}", text))
        return "\n".join([definitions("".join(made)), *made]), origins

    def check(self, architecture: str, count: int | None, seed: object) -> None:
        """Compile them; raises AssertionError, with the kernel and its test."""
        if not self.origins:
            return
        source, origins = self.program(count, seed)
        compiled = nvrtc.compile_program(source, architecture, verbose=True)
        assert compiled.resources.keys() == origins.keys()
        for name, resources in compiled.resources.items():
            assert not resources.spill_bytes, (
                f"{origins[name]} spills registers on {architecture}: {resources}"
            )


_KERNEL, _CONSTANT = "recorded_kernel_", "recorded_constant_"


def _by_itself(kernel: DeviceDefinition, constants: list[DeviceDefinition]) -> str:
    """The text of a kernel and of the constants that it reads."""
    text = re.sub(rf"\b{kernel.name}\b", _KERNEL, kernel.text)
    for number, constant in enumerate(constants):
        name = rf"\b{constant.name}\b"
        if re.search(name, text):
            text = re.sub(name, f"{_CONSTANT}_{number}_", f"{constant.text}\n{text}")
    return text


def _quoted(text: str) -> str:
    return '"' + re.sub(r'["\\]', "'", text) + '"'


@contextmanager
def recorded() -> Generator[Kernels]:
    """While this lasts, the kernels of all programs are recorded; those of targets must have a text."""
    kernels = Kernels()
    errors: dict[int, UnsupportedError] = {}
    make_program, make_function = HostProgram.__init__, LaunchedFunction.__init__

    def program(self: HostProgram, module: ModuleOp) -> None:
        make_program(self, module)
        try:
            if gpu_modules(module):
                kernels.record(module)
        except UnsupportedError as error:  # hand-written kernels may hold what only the emulator runs
            errors[id(module)] = error

    def function(self: LaunchedFunction, module: ModuleOp, *arguments) -> None:
        if id(module) in errors:
            raise errors[id(module)]
        make_function(self, module, *arguments)

    with (
        mock.patch.object(HostProgram, "__init__", program),
        mock.patch.object(LaunchedFunction, "__init__", function),
    ):
        yield kernels


@pytest.fixture(scope="module", autouse=True)
def kernels_compile(request: pytest.FixtureRequest) -> Generator[None]:
    """Compiles what the tests of a file have made."""
    if not nvrtc.available() and not os.environ.get("CI"):
        yield
        return
    with recorded() as kernels:
        yield
    everything = request.config.getoption("--all")
    file = request.node.nodeid
    turn = zlib.crc32(file.encode()) % len(ARCHITECTURES)
    for architecture in ARCHITECTURES if everything else ARCHITECTURES[turn : turn + 1]:
        kernels.check(architecture, None if everything else SAMPLE, f"{os.environ['PULLBACK_SEED']} {file}")
