"""A program that tests of the stand-in write: a device, a stream, and kernels."""

from __future__ import annotations

import numpy as np

from pullback.tests.cuda_core.stand_in import StandIn

TEXT = """
// kernels: extern "C" __global__ void in_a_comment(int x)
extern "C" __global__ void __launch_bounds__(256) scale(const float* __restrict__ x, float* y, float by,
    unsigned n) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = x[i] * by;
}
extern "C" __global__ void beyond(float* y) { y[threadIdx.x + 4] = 1.0f; }
extern "C" __global__ void traps(float* y) { __trap(); }
"""
N = 300


class DeviceProgram:
    """A device with memory of two kinds, and kernels."""

    def __init__(self, core: StandIn, device: int = 0) -> None:
        self.core = core
        self.device = core.Device(device)
        self.device.set_current()
        self.stream = self.device.create_stream()
        self.code = core.Program(TEXT, "c++", core.ProgramOptions(arch="sm_90")).compile("cubin")
        self.host = core.PinnedMemoryResource()

    def array(self, buffer) -> np.ndarray:
        return np.from_dlpack(buffer).view(np.float32)

    def pinned(self, n: int = N):
        return self.host.allocate(4 * n, stream=self.stream)

    def memory(self, n: int = N):
        return self.device.allocate(4 * n, stream=self.stream)

    def scale(self, x, y, by=2.0, n=N):
        config = self.core.LaunchConfig(grid=(N + 127) // 128, block=128)
        kernel = self.code.get_kernel("scale")
        self.core.launch(self.stream, config, kernel, x, y, np.float32(by), np.uint32(n))
