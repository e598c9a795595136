"""What the words of CUDA mean on fibers: shuffles, casts of bits, vectors, checks of undefined behaviour."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.backends.fibers.compile_text import CompileError
from pullback.backends.fibers.kernel_library import LaunchError, ThreadOrder
from pullback.tests.backends.fibers.texts import launch, library_of, line_of

pytestmark = pytest.mark.compiler


def shuffles(type_: str) -> str:
    """Kernels that shuffle numbers of a type in each way, by a distance and a width that they read."""
    ways = {"": "idx", "_up": "up", "_down": "down", "_xor": "across"}
    return "".join(
        f"""
extern "C" __global__ void {name}({type_}* y, const {type_}* x, const int* by) {{
  y[threadIdx.x] = __shfl{way}_sync(0xffffffff, x[threadIdx.x], by[0], by[1]);
}}"""
        for way, name in ways.items()
    )


def source_lane(way: str, lane: int, by: int, width: int) -> int:
    """As CUDA's manual has it: a lane outside of the group of `width` is the own one."""
    group = lane // width * width
    match way:
        case "idx":
            return group + by % width
        case "up":
            return lane - by if lane - by >= group else lane
        case "down":
            return lane + by if lane + by < group + width else lane
        case _:
            return lane ^ by if lane ^ by < group + width else lane


@pytest.mark.parametrize(
    ("type_", "dtype"), [("float", "f4"), ("double", "f8"), ("int", "i4"), ("long long", "i8")]
)
def test_shuffles(type_: str, dtype: str) -> None:
    x = np.arange(64).astype(dtype) * 3 - 7
    for way in ("idx", "up", "down", "across"):
        for by, width in ((1, 32), (5, 32), (16, 32), (3, 8), (2, 4), (0, 1)):
            y = np.zeros(64, dtype)
            launch(shuffles(type_), way, y, x, np.array([by, width], np.int32), order=ThreadOrder.STRIDED)
            expected = [x[lane // 32 * 32 + source_lane(way, lane % 32, by, width)] for lane in range(64)]
            assert y.tolist() == expected, (way, by, width)


VECTORS = """
struct __align__(16) f32x4 { float at[4]; };
template <typename T, int N> struct alignas(sizeof(T) * N < 16 ? sizeof(T) * N : 16) Vector { T at[N]; };
alignas(16) __device__ const float table[4] = {1.0f, 2.0f, 3.0f, 4.0f};
template <typename T> __device__ __forceinline__ T twice(T a) { return a + a; }

extern "C" __global__ void __launch_bounds__(64) quads(float* __restrict__ y, const float* __restrict__ x) {
  const f32x4 v = *(const f32x4*)&x[4 * threadIdx.x];
  const Vector<float, 4> w = *(const Vector<float, 4>*)&table[0];
  Vector<float, 4> sum;
#pragma unroll
  for (int lane = 0; lane < 4; ++lane) sum.at[lane] = twice(v.at[lane]) + w.at[lane];
  *(Vector<float, 4>*)&y[4 * threadIdx.x] = sum;
}
extern "C" __global__ void shared_index(float* y, const int* offset) {
  __shared__ float s[64];
  s[threadIdx.x + offset[0]] = 1.0f;
  __syncthreads();
  y[threadIdx.x] = s[threadIdx.x];
}
extern "C" __global__ void misaligned(float* y, const int* offset) {
  y[0] = ((const f32x4*)(y + offset[0]))->at[0];
}
extern "C" __global__ void shifted(int* y, const int* offset) {
  y[0] = 1 << (31 + offset[0]);
}
extern "C" __global__ void divided(int* y, const int* offset) {
  y[0] = 7 % (1 - offset[0]);
}
extern "C" __global__ void unset_truth(int* y, const int* offset) {
  __shared__ bool set[1];
  if (!offset[0]) set[0] = true;
  y[0] = set[0] ? 2 : 3;
}
extern "C" __global__ void bits(int* i, long long* l, float* f, double* d) {
  i[0] = __float_as_int(f[0]);
  l[0] = __double_as_longlong(d[0]);
  f[1] = __int_as_float(0x7f800000);
  d[1] = __longlong_as_double(0x7ff8000000000000ll);
  f[2] = rsqrtf(4.0f);
  d[2] = rsqrt(16.0);
  i[1] = isnan(d[1]) + 2 * isinf(f[1]) + 4 * isfinite(f[1]) + 8 * warpSize;
  i[2] = __umulhi(0x80000000u, 6u);
}
"""


@pytest.mark.parametrize("sanitize", [False, True])
def test_vectors(sanitize: bool) -> None:
    x, y = np.arange(256, dtype=np.float32), np.zeros(256, np.float32)
    launch(VECTORS, "quads", y, x, sanitize=sanitize)
    assert y.tolist() == (2 * x + np.tile([1, 2, 3, 4], 64)).tolist()


def test_casts_of_bits() -> None:
    i, l_ = np.zeros(3, np.int32), np.zeros(1, np.int64)
    f, d = np.array([1.0, 0, 0], np.float32), np.array([-2.0, 0, 0])
    launch(VECTORS, "bits", i, l_, f, d, block=(1, 1, 1))
    assert (i[0], l_[0]) == (f[:1].view(np.int32)[0], np.array([-2.0]).view(np.int64)[0])
    assert f[1] == np.inf and np.isnan(d[1])
    assert (f[2], d[2], i[1], i[2]) == (0.5, 0.25, 1 + 2 + 8 * 32, 3)


@pytest.mark.parametrize(
    ("kernel", "marked", "said"),
    [
        (
            "shared_index",
            "s[threadIdx.x + offset[0]]",
            r"thread 63: index 64 is out of bounds for type 'float ?\[64\]'",
        ),
        (
            "misaligned",
            "(y + offset[0])",
            "thread 0: misaligned memory is accessed as type .*f32x4.* 16 bytes",
        ),
        ("shifted", "1 << (31 + offset[0])", "thread 0: a shift by more bits than there are"),
        ("divided", "7 % (1 - offset[0])", "thread 0: a division by zero"),
        ("unset_truth", "set[0] ? 2 : 3", "thread 0: a bool is neither 0 nor 1"),
    ],
)
def test_undefined_behaviour_names_its_line(kernel: str, marked: str, said: str) -> None:
    y = np.zeros(64 + 4, np.float32)
    y = y[-y.ctypes.data % 16 // 4 :]
    launch(VECTORS, kernel, y, np.zeros(1, np.int32), sanitize=True)
    with pytest.raises(LaunchError, match=rf"^block \(0, 0, 0\), line {line_of(VECTORS, marked)}: {said}"):
        launch(VECTORS, kernel, y, np.ones(1, np.int32), sanitize=True)


def test_a_misaligned_access_is_always_an_error() -> None:
    y = np.zeros(8, np.float32)
    with pytest.raises(LaunchError, match="thread 0: misaligned memory is accessed"):
        launch(VECTORS, "misaligned", y, np.full(1, 1 + y.ctypes.data % 16 // 4, np.int32))


def test_a_text_that_is_refused() -> None:
    with pytest.raises(CompileError, match=r"(?s)refuses the CUDA text.*kernels\.cu:2.*nonsense"):
        library_of('\nextern "C" __global__ void k(float* y) { y[0] = nonsense; }')


def test_a_kernel_that_needs_too_much_stack() -> None:
    text = """extern "C" __global__ void k(float* y) {
      volatile float a[20000];
      a[threadIdx.x] = y[0];
      y[1] = a[1];
    }"""
    with pytest.raises(CompileError, match="frame size"):
        library_of(text)
