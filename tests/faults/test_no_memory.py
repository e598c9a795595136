"""A step for which there is no memory raises MemoryError, keeps nothing of it, and runs again with less."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import numpy as np, pullback as pb, resource, sys

with pb.Graph():
    x, n = pb.placeholder("f32", (500_000,), name="x"), pb.placeholder("i32", (), name="n")
    v = pb.Variable(np.zeros((), np.float32), name="v")
    _, y = pb.while_loop(
        lambda i, y: pb.less(i, n), lambda i, y: (i + 1, pb.sin(y)), (pb.constant(0, "i32"), x)
    )
    (dx,) = pb.gradients(pb.sum(y), [x])
    step = pb.compile(inputs=[x, n], outputs=[dx, v.assign_add(1.0)], target="cpu")
ones = np.ones(500_000, np.float32)
before = step(ones, np.int32(3))[0]
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (400 << 20),) * 2)
for _ in range(3):  # what was allocated until then is freed
    try:
        step(ones, np.int32(1_000_000))
    except MemoryError as error:
        print(error)
np.testing.assert_array_equal(step(ones, np.int32(3))[0], before)
print(v.numpy())
"""
"""A loop that would keep 2 TB for its gradient."""


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="other systems do not limit a process's memory so"
)
@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_loop_that_keeps_too_much(threads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLBACK_NUM_THREADS", threads)
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    *errors, v = done.stdout.splitlines()
    assert len(errors) == 3
    assert all(e.startswith("no memory for ") and "of a stack" in e for e in errors)
    assert float(v) == 2.0
