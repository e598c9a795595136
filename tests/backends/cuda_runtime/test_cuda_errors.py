"""What goes wrong on a device, and what is said of it."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback.backends.cuda_runtime import api
from pullback.backends.cuda_runtime.device_queues import device_queue
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.tests.backends.cuda_runtime.programs_on_devices import X, agree, host_operation, layers
from pullback.tests.cuda_core.fixtures import standing_in
from pullback.tests.cuda_core.stand_in import StandIn

pytestmark = pytest.mark.compiler
SIGNATURE = "main_kernel_1(%input0: memref<32xf32>"


def test_a_device_that_is_lost(core: StandIn) -> None:
    trained = layers()
    trained.step(X)
    core.faults.fail_kernel("main_kernel_1")
    with pytest.raises(pb.CudaError) as caught:
        trained.step(X)
    message = str(caught.value)
    assert message.startswith("cuda:0 reports: CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access")
    assert "one of these commands of the step of (x: memref<8x4xf32>):" in message
    assert f"kernel @{SIGNATURE}" in message
    assert "grid (1, 1, 1), block (" in message
    assert "The device is lost in this process, with the variables on it" in message
    assert "PULLBACK_CUDA_SYNC=1" in message
    assert caught.value.__notes__ == ["the step that this ended had changed the variables 'w', 'v'"]
    for action in (lambda: trained.step(X), trained.variables[0].numpy, lambda: layers().step(X)):
        with pytest.raises(pb.CudaError, match=r"cuda:0 is lost in this process, .*start a new process"):
            action()


def test_a_device_that_another_one_waits_for_is_lost() -> None:
    with standing_in(devices=2) as core:
        with pb.Graph():
            x = pb.placeholder("f32", (3,), name="x")
            with pb.device("cuda:0"):
                y = pb.exp(x)
            with pb.device("cuda:1"):
                z = y * 2
        step = pb.compile([x], [z], target="cuda", device_outputs=True)
        one = np.ones(3, np.float32)
        step(one)
        device_queue(1).synchronize()
        core.faults.fail_kernel("main_kernel_0")
        step(one)
        with pytest.raises(pb.CudaError, match=r"cuda:0 reports: (.|\n)*kernel @main_kernel_0(.|\n)*is lost"):
            device_queue(1).synchronize()
        device_queue(1).enter()
        with pytest.raises(pb.CudaError, match="cuda:0 is lost in this process"):
            step(one)


def test_the_command_is_named_where_each_is_waited_for(
    core: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = layers()
    monkeypatch.setenv("PULLBACK_CUDA_SYNC", "1")
    trained.step(X)
    core.faults.fail_kernel("main_kernel_1")
    with pytest.raises(pb.CudaError) as caught:
        trained.step(X)
    message = str(caught.value)
    assert message.startswith("cuda:0 fails in the step of (x: memref<8x4xf32>): CUDA_ERROR_ILLEGAL_ADDRESS")
    assert f"kernel @{SIGNATURE}" in message
    assert 'gpu.launch_func in @main "matmul_1"' in message
    assert "main_kernel_0" not in message
    assert "lost in this process" in message


def test_a_graph_that_is_refused_is_run_command_by_command(core: StandIn) -> None:
    trained, expected = layers(), layers("numpy")
    core.faults.fail_instantiation()
    with pytest.raises(pb.CudaError, match=r"OUT_OF_MEMORY(.|\n)*Run one by one, none of them fails"):
        trained.step(X)
    expected.step(X)
    agree(trained.step(X), expected.step(X))


@pytest.mark.parametrize(
    ("bytes_", "what"),
    [
        (0, "128 bytes for input 'x'"),
        (200, r"\d+ bytes for the values between kernels"),
        (700, "variable '[wv]'"),
    ],
)
def test_no_memory(bytes_: int, what: str) -> None:
    with standing_in(memory=bytes_):
        trained = layers()
        with pytest.raises(pb.CudaError, match=rf"cuda:0 cannot give .*{what}: CUDA_ERROR_OUT_OF_MEMORY"):
            trained.step(X)
        assert np.isfinite(trained.contents()[0]).all()


def test_a_text_that_nvrtc_refuses(core: StandIn) -> None:
    core.faults.fail_compilation("kernels.cu(3): error: nonsense")
    with pytest.raises(pb.CudaError, match=r"NVRTC refuses the text(.|\n)*error: nonsense"):
        cosine().__call__(X)


def test_a_kernel_that_is_not_there(core: StandIn) -> None:
    core.faults.lose_kernel("main_kernel_0")
    with pytest.raises(pb.CudaError, match=r"cuda:0 does not load kernel @main_kernel_0: .*NOT_FOUND"):
        host_operation()(X)


def cosine() -> pb.Step:
    """A program that no other test compiles."""
    with pb.Graph():
        x = pb.placeholder("f32", (8, 4), name="x")
        return pb.compile([x], [pb.cos(x) * 0.37], target="cuda")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"driver": False}, r"needs the NVIDIA driver, which is not there or does not work \(.*: install it"),
        ({"devices": 0}, "needs an NVIDIA GPU, and the driver shows none: see nvidia-smi"),
    ],
)
def test_what_is_missing(options: dict[str, int], message: str) -> None:
    with standing_in(**options):
        step = cosine()
        with pytest.raises(pb.CudaError, match=message) as caught:
            step(X)
        assert "\n" not in str(caught.value)


def test_the_wheel_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise ImportError(f"No module named '{name}'")

    monkeypatch.setattr(api.importlib, "import_module", refuse)
    api._imported.cache_clear()
    with pytest.raises(
        pb.CudaError, match=r"needs the wheel cuda-core \(.*\): pip install 'pullback\[cuda\]'"
    ):
        cosine()(X)


def test_a_device_that_is_not_there(core: StandIn) -> None:
    with pytest.raises(
        DiagnosticError, match=r"to run on cuda:1, which is not there: there are cpu:0, cuda:0"
    ):
        layers(devices=("cuda:0", "cuda:1")).step(X)
    with pytest.raises(pb.CudaError, match="no device cuda:1 on this machine: expected one of cuda:0"):
        device_queue(1)


def test_a_device_that_does_not_answer() -> None:
    with standing_in() as core:
        core.lose_device(0)
        with pytest.raises(
            pb.CudaError, match=r"cuda:0 cannot be used: CUDA_ERROR_DEVICE_UNAVAILABLE: .*nvidia-smi"
        ):
            layers().step(X)
