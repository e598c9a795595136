"""NVRTC compiles the kernels of every program that tests run on `simt` and `fibers`: one CUDA program a test file.

What a test file makes is recorded as it is made, equal kernels once, and compiled at the end of the file. What NVRTC
refuses, and kernels whose values do not fit registers, are errors there, with the test that made the kernel. `--all`
takes both architectures, `make test` one of them for each file, in turns. Kernels with planted faults are left out.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from unittest import mock

import pytest
from xdsl.dialects.builtin import ModuleOp

from pullback.backends.cuda.functions import definitions
from pullback.backends.cuda.program_source import DeviceDefinition, gpu_modules, parts
from pullback.backends.cuda_runtime.compile_kernels import compile_kernels
from pullback.backends.host_program.host_program import HostProgram
from pullback.dialects.ir.diagnostics import UnsupportedError
from pullback.driver.targets.launched_function import LaunchedFunction

ARCHITECTURES = ("sm_90", "sm_80")


def has_nvrtc() -> bool:
    """Whether the wheels are installed."""
    try:
        return bool(version("cuda-core") and version("nvidia-cuda-nvrtc"))
    except PackageNotFoundError:
        return False


def needs_nvrtc(test):
    """Skips a test where the wheel is not installed; where `CI` is set, it fails."""
    missing = not has_nvrtc() and not os.environ.get("CI")
    return pytest.mark.skipif(missing, reason="no cuda-core or no nvidia-cuda-nvrtc")(test)


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

    def program(self) -> tuple[str, dict[str, str]]:
        """The program of the kernels, and where each is from."""
        made, origins = list[str](), dict[str, str]()
        for number, text in enumerate(sorted(self.origins)):
            origins[f"{_KERNEL}{number}"] = origin = self.origins[text]
            line = f"#line 1 {_quoted(origin)}\n"
            made.append(line + re.sub(rf"\b({_KERNEL}|{_CONSTANT})", rf"\g<1>{number}", text))
        return "\n".join([definitions("".join(made)), *made]), origins

    def check(self, architecture: str) -> None:
        """Compile them; raises AssertionError, with the kernel and its test."""
        if not self.origins:
            return
        source, origins = self.program()
        compiled = compile_kernels(source, architecture, verbose=True)
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


_left_out = ContextVar("left_out", default=False)


@contextmanager
def not_recorded() -> Generator[None]:
    """While this lasts, kernels are not recorded: those with planted faults would say nothing of the emitters."""
    token = _left_out.set(True)
    try:
        yield
    finally:
        _left_out.reset(token)


@contextmanager
def recorded() -> Generator[Kernels]:
    """While this lasts, the kernels of all programs are recorded; those of targets must have a text."""
    kernels = Kernels()
    errors: dict[int, UnsupportedError] = {}
    make_program, make_function = HostProgram.__init__, LaunchedFunction.__init__

    def program(self: HostProgram, module: ModuleOp, *arguments) -> None:
        make_program(self, module, *arguments)
        try:
            if gpu_modules(module) and not _left_out.get():
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
    if not has_nvrtc() and not os.environ.get("CI"):
        yield
        return
    with recorded() as kernels:
        yield
    turn = zlib.crc32(request.node.nodeid.encode()) % len(ARCHITECTURES)
    for architecture in ARCHITECTURES if request.config.getoption("--all") else ARCHITECTURES[turn:][:1]:
        kernels.check(architecture)
