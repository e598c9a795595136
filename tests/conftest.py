"""Which tests run: a sample by default (`make test`), everything with `--all` (`make test-all`).

- `@pytest.mark.slow` runs with `--all` only.
- `@pytest.mark.matrix(n)` on a parametrised test keeps n of its cases, chosen by the seed that the header prints:
  0 unless PULLBACK_SEED says otherwise, so that a change fares alike in every run; `make test-all` draws a new one.
- `@pytest.mark.gpu` is skipped where there is no NVIDIA device, and says what is missing; where the environment
  variable PULLBACK_EXPECT_GPU is set it fails instead. A device is quick: with `-m gpu` no matrix is sampled.
- what needs a C++ compiler is skipped where there is none: a test that raises `NoCompilerError`, and one with
  `@pytest.mark.compiler`. Where the environment variable CI is set it fails instead.
- compiled CUDA text is kept in one folder for the session, unless PULLBACK_CACHE names one that stays. Native programs
  are compiled each time, so that a test never runs what another one, with another compiler, has left; the tools that
  tests start, as processes of their own, do keep theirs there. So do they keep the bytecode of Python there that
  PYTHONDONTWRITEBYTECODE would have each of them make again.
- the fixture `kernels_compile` has NVRTC compile the GPU kernels that the tests of a file make.
- the fixture `rng` gives each test random numbers of its own, by the same seed.

`make test` has ten minutes on two cores, of which compiling takes a third, NVRTC a twelfth. What keeps a test cheap:

- cases that differ in their inputs alone share a program: `functools.cache` around what compiles a text or a graph, and
  around arrays and expected values, where the compiling is not what is tested. A small program takes 80 ms on `cpu`, a
  call microseconds, the evaluator as long as NumPy. Targets vary fastest where theirs is the upper `parametrize`, so
  `lru_cache(maxsize=1)` is enough for large arrays that all of them read.
- `step.ir(level)` lowers again each time: ask once.
- our tools run in the process of the test (`shell.run_shell`, `opt.main`): a Python of its own takes 0.6 seconds.
- sizes are those that show it: what must not recurse needs 2,000 operations, which is beyond Python's limit.
- sweeps over many operations, dtypes or shapes are matrices.

`--durations=20` shows what costs most; the processor's time, beside other work, is what `resource.getrusage` says.
"""

from __future__ import annotations

import ctypes
import gc
import os
import random
import shutil
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Generator
from typing import Any

import hypothesis
import numpy as np
import pytest

from pullback.backends.cuda_runtime.api import CudaMissingError, device_count
from pullback.backends.fibers.compiler import NoCompilerError, find_compiler
from pullback.backends.object_cache.private_folder import VARIABLE
from pullback.backends.object_cache.program_cache import PROGRAMS
from pullback.tests.compiled_kernels import kernels_compile as kernels_compile
from pullback.tests.targets import EXPECT_GPU


def _seed(asked: str) -> int:
    return random.SystemRandom().randrange(2**32) if asked == "random" else int(asked)


SEED = _seed(os.environ.get("PULLBACK_SEED") or "0")
os.environ["PULLBACK_SEED"] = str(SEED)  # the processes that share the work must choose the same sample

hypothesis.settings.register_profile(
    "sampled", deadline=None, max_examples=25, derandomize=True, database=None
)
hypothesis.settings.register_profile("all", deadline=None, max_examples=200)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="run every test, not a sample")


def pytest_configure(config: pytest.Config) -> None:
    hypothesis.settings.load_profile("all" if config.getoption("--all") else "sampled")
    PROGRAMS.is_on = False
    if VARIABLE not in os.environ:  # the processes that share the work find it set
        folder = tempfile.mkdtemp(prefix="pullback-tests-")
        os.environ[VARIABLE] = folder
        if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
            os.environ["PYTHONPYCACHEPREFIX"] = folder
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def pytest_report_header(config: pytest.Config) -> str:
    return f"seed: {SEED} (PULLBACK_SEED={SEED} repeats this run)"


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Python looks for no garbage among the tests, which are all needed: neither while they are found nor later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if EXPECT_GPU not in os.environ and (reason := _missing_for_gpus()):
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason=reason))
    if "CI" not in os.environ and (reason := _missing_compiler()):
        for item in items:
            if item.get_closest_marker("compiler"):
                item.add_marker(pytest.mark.skip(reason=reason))
    if config.getoption("--all"):
        return
    sampled = [
        item for item in items if not (item.get_closest_marker("gpu") and config.option.markexpr == "gpu")
    ]
    left_out = {item for item in sampled if item.get_closest_marker("slow")} | _unsampled(sampled)
    config.hook.pytest_deselected(items=[item for item in items if item in left_out])
    items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, Any, Any]:
    try:
        return (yield)
    except NoCompilerError as error:
        if "CI" in os.environ:
            raise
        pytest.skip(str(error))


def _missing_for_gpus() -> str | None:
    try:
        ctypes.CDLL("libcuda.so.1")  # before what takes a second to import
    except OSError:
        return "no NVIDIA driver: there is no libcuda.so.1"
    try:
        device_count()
    except CudaMissingError as error:
        return str(error)
    return None


def _missing_compiler() -> str | None:
    try:
        find_compiler()
    except NoCompilerError as error:
        return str(error)
    return None


def _unsampled(items: list[pytest.Item]) -> set[pytest.Item]:
    """The cases of matrices that the sample leaves out."""
    matrices: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("matrix"):
            on_device = "on a device: " * bool(item.get_closest_marker("gpu"))
            matrices[on_device + item.nodeid.partition("[")[0]].append(item)
    left_out: set[pytest.Item] = set()
    for name, cases in matrices.items():
        marker = cases[0].get_closest_marker("matrix")
        assert marker is not None
        (size,) = marker.args
        kept = random.Random(f"{SEED}{name}").sample(cases, min(size, len(cases)))
        left_out.update(set(cases) - set(kept))
    return left_out


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    return np.random.default_rng([SEED, zlib.crc32(request.node.nodeid.encode())])
