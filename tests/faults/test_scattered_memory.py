"""Memory with small holes above gigabytes in use: the parts of one object file must not be loaded far apart.

LLVM's older linker took each section wherever there was room, and ended the process where code and its constants were
more than 2 GiB from each other.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import ctypes
import mmap
import numpy as np
import pullback as pb

libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
NO_RESERVE = 0x4000


def mapped(size):
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NO_RESERVE
    return libc.mmap(None, size, 0, flags, -1, 0)


def compiled_sum(values):
    with pb.Graph():
        x = pb.placeholder("f32", values.shape)
        y = pb.sum(pb.exp(x) * pb.constant(values))
        return pb.compile([x], [y, *pb.gradients(y, x)], target="cpu")


def check(count):
    values = np.linspace(0, 1, count, dtype="f4")
    total, gradient = compiled_sum(values)(np.zeros(count, "f4"))
    np.testing.assert_allclose(total, values.sum(), rtol=1e-4)
    np.testing.assert_allclose(gradient, values, rtol=1e-5)


check(10)
for _ in range(4000):  # fills what holes there are
    mapped(4096)
blocks = [mapped(4096) for _ in range(400)]
mapped(6 << 30)
for block in blocks[::2]:
    libc.munmap(block, 4096)
for count in (11, 12, 13, 50_000):
    check(count)
print("done")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="where memory is mapped is Linux's business here")
def test_sections_of_one_object_lie_together() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
