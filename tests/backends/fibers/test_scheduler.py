"""The order of threads, and what the scheduler says where threads of a block do not meet."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from pullback.backends.fibers import kernel_library
from pullback.backends.fibers.kernel_library import LaunchError, ThreadOrder
from pullback.tests.backends.fibers.texts import launch, library_of, line_of

pytestmark = pytest.mark.compiler

TEXT = """
extern "C" __global__ void turns(int* turn, int* count) {
  const int thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  const int block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  turn[count[0]++] = block * (int)(blockDim.x * blockDim.y * blockDim.z) + thread;
}
extern "C" __global__ void turns_after_a_barrier(int* turn, int* count) {
  const int thread = threadIdx.x;
  turn[count[0]++] = thread;
  __syncthreads();
  turn[count[0]++] = thread;
}
extern "C" __global__ void barrier_in_a_branch(float* y) {
  if (threadIdx.x < 40) __syncthreads();
}
extern "C" __global__ void two_barriers(float* y) {
  if (threadIdx.x < 32) __syncthreads();
  else
    __syncthreads();
}
extern "C" __global__ void barrier_for_the_first_block(float* y) {
  if (blockIdx.x == 0) __syncthreads();
  y[blockIdx.x] = 1.0f;
}
extern "C" __global__ void return_before_a_barrier(float* y) {
  if (threadIdx.x % 2) return;
  __syncthreads();  // behind the return
}
extern "C" __global__ void return_early(float* y) {
  __syncthreads();
  if (threadIdx.x >= 10) return;
  y[threadIdx.x] = 1.0f;
}
extern "C" __global__ void shuffle_in_a_branch(float* y) {
  if (threadIdx.x < 3) y[0] = __shfl_xor_sync(0xffffffff, y[0], 1);
}
extern "C" __global__ void shuffle_beside_a_barrier(float* y) {
  if (threadIdx.x < 8) y[0] = __shfl_down_sync(0xffffffff, y[0], 1);
  else __syncthreads();  // beside it
}
extern "C" __global__ void shuffle_of_one_warp(float* y) {
  if (threadIdx.x < 32) y[threadIdx.x] = __shfl_xor_sync(0xffffffff, y[threadIdx.x], 31);
}
extern "C" __global__ void shuffle_with_nobody(float* y) {
  y[threadIdx.x] = __shfl_xor_sync(0xffffffff, y[threadIdx.x], 16);
}
extern "C" __global__ void shuffle_for_some(float* y) {
  y[threadIdx.x] = __shfl_xor_sync(0x0000ffff, y[threadIdx.x], 1);
}
extern "C" __global__ void trapped(float* y) {
  if (threadIdx.x == 5) __trap();
}
extern "C" __global__ void uninitialised(float* y, int* z) {
  __shared__ float s[64];
  __shared__ int t[3];
  if (threadIdx.x == 0) {
    y[blockIdx.x] = s[threadIdx.x];
    z[blockIdx.x] = t[2];
  }
  s[threadIdx.x] = 1.0f;
  t[2] = 1;
}
"""


def sequence(order: ThreadOrder, kernel: str = "turns", grid: int = 1, block: int = 80) -> list[int]:
    turn, count = np.zeros(2 * grid * block, np.int32), np.zeros(1, np.int32)
    launch(TEXT, kernel, turn, count, grid=(grid, 1, 1), block=(block, 1, 1), order=order)
    return turn[: count[0]].tolist()


def test_orders() -> None:
    assert sequence(ThreadOrder.FORWARDS) == list(range(80))
    assert sequence(ThreadOrder.FORWARDS, grid=3) == list(range(240))
    # Backwards the last lane of the last warp is first, and the last block.
    assert sequence(ThreadOrder.BACKWARDS) == list(reversed(range(80)))
    assert sequence(ThreadOrder.BACKWARDS, grid=3) == list(reversed(range(240)))


@pytest.mark.parametrize("block", [1, 2, 31, 32, 33, 96, 1000, 1024])
def test_a_strided_order_has_each_thread_once(block: int) -> None:
    turns = sequence(ThreadOrder.STRIDED, grid=3, block=block)
    assert sorted(turns) == list(range(3 * block))
    if block > 2:
        assert turns not in (sorted(turns), sorted(turns, reverse=True))


@pytest.mark.parametrize("order", ThreadOrder)
def test_a_warp_runs_to_the_barrier_before_the_next_one_starts(order: ThreadOrder) -> None:
    turns = sequence(order, "turns_after_a_barrier", block=64)
    assert len(turns) == 128
    assert sorted(turns[:64]) == list(range(64))
    for start in range(0, 128, 32):
        assert len({turn // 32 for turn in turns[start : start + 32]}) == 1


@pytest.mark.parametrize(
    ("kernel", "marked", "said"),
    [
        (
            "barrier_in_a_branch",
            "if (threadIdx.x < 40) __syncthreads",
            "divergent barrier: only threads 0-39 of 64 reach it; returned: threads 40-63",
        ),
        (
            "two_barriers",
            "if (threadIdx.x < 32) __syncthreads",
            "divergent barrier: only threads 0-31 of 64 reach it; at the barrier of line 19: threads 32-63",
        ),
        (
            "return_before_a_barrier",
            "behind the return",
            "divergent barrier: only threads 0, 2, 4, 6, ... of 64 reach it; returned: threads 1, 3, 5, 7, ...",
        ),
        (
            "shuffle_in_a_branch",
            "if (threadIdx.x < 3)",
            "divergent shuffle: only threads 0-2 of 64 reach it; returned: threads 3-31",
        ),
        (
            "shuffle_beside_a_barrier",
            "if (threadIdx.x < 8)",
            "divergent shuffle: only threads 0-7 of 64 reach it; at the barrier of line 39: threads 8-31",
        ),
        ("shuffle_for_some", "0x0000ffff", "the mask 0x0000ffff is not that of all lanes"),
        ("trapped", "__trap()", "thread 5 calls __trap()"),
    ],
)
def test_divergence(kernel: str, marked: str, said: str) -> None:
    with pytest.raises(LaunchError) as error:
        launch(TEXT, kernel, np.zeros(64, np.float32), grid=(2, 1, 1))
    assert str(error.value) == f"block (0, 0, 0), line {line_of(TEXT, marked)}: {said}"


def test_the_block_that_diverges_is_named() -> None:
    with pytest.raises(LaunchError, match=r"^block \(1, 0, 1\), line"):
        launch(TEXT, "trapped", np.zeros(1), grid=(2, 1, 2), order=ThreadOrder.BACKWARDS)


def test_a_shuffle_with_a_lane_that_is_not_there() -> None:
    with pytest.raises(LaunchError, match="thread 0 shuffles with lane 16, which its warp does not have"):
        launch(TEXT, "shuffle_with_nobody", np.zeros(64, np.float32), block=(16, 1, 1))


@pytest.mark.parametrize("order", ThreadOrder)
def test_what_a_part_of_a_block_may_do(order: ThreadOrder) -> None:
    y = np.zeros(64, np.float32)
    launch(TEXT, "return_early", y, order=order)
    assert y.tolist() == [1.0] * 10 + [0.0] * 54
    launch(TEXT, "barrier_for_the_first_block", y, grid=(64, 1, 1), order=order)
    assert y.tolist() == [1.0] * 64
    y = np.arange(64, dtype=np.float32)
    launch(TEXT, "shuffle_of_one_warp", y, order=order)
    assert y.tolist() == [*reversed(range(32)), *range(32, 64)]


def test_a_launch_after_one_that_failed() -> None:
    for _ in range(2):
        with pytest.raises(LaunchError):
            launch(TEXT, "barrier_in_a_branch", np.zeros(64, np.float32))
        assert sequence(ThreadOrder.FORWARDS, "turns_after_a_barrier", block=33)[33:] == list(range(33))


def test_shared_memory_is_poisoned_before_each_block() -> None:
    y, z = np.zeros(3, np.float32), np.zeros(3, np.int32)
    launch(TEXT, "uninitialised", y, z, grid=(3, 1, 1))
    assert np.isnan(y).all()
    assert z.tolist() == [-262149] * 3


def test_threads_and_blocks_of_three_dimensions() -> None:
    turn, count = np.zeros(2 * 3 * 4 * 2 * 3 * 5, np.int32), np.zeros(1, np.int32)
    launch(TEXT, "turns", turn, count, grid=(2, 3, 4), block=(2, 3, 5))
    assert turn.tolist() == list(range(turn.size))


def test_a_launch_stops_between_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Ctrl-C does; whoever runs the kernel again runs all of it."""
    monkeypatch.setattr(kernel_library, "SECONDS_BETWEEN_POLLS", 0.0)
    polls: list[int] = []

    def poll() -> None:
        polls.append(len(polls))
        if len(polls) == 3:
            raise KeyboardInterrupt

    y = np.zeros(8, np.float32)
    library, values = library_of(TEXT), [y.ctypes.data]
    run = partial(library.launch, "barrier_for_the_first_block", (8, 1, 1), (32, 1, 1), values)
    with pytest.raises(KeyboardInterrupt):
        run(ThreadOrder.FORWARDS, poll)
    np.testing.assert_array_equal(y, [1, 1, 1, 0, 0, 0, 0, 0])
    run(ThreadOrder.BACKWARDS, lambda: None)
    np.testing.assert_array_equal(y, np.ones(8))
