"""Measures the errors of the math library in ulps, over every f32, or every n-th of them.

    python benchmarks/ulp.py tanh sin              these functions at every f32
    python benchmarks/ulp.py --every 128           every function at every 128th f32

The reference is NumPy's in f64. The docstrings of `backends/cpu/math` state what this measures.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray

from pullback.tests.backends.cpu.math_functions import MAX_ULP, errors_in_ulp, reference
from pullback.tests.backends.cpu.native import compile_text, elementwise

CHUNK = 1 << 20


def worst_of(name: str, every: int) -> tuple[float, np.float32]:
    """The largest error of a function, and where it is."""
    run = compile_text(elementwise(f"%r = math.{name} %v : T", "f32", "f32", CHUNK))
    y = np.empty(CHUNK, np.float32)
    worst = (0.0, np.float32(0))
    for first in range(0, 1 << 32, CHUNK * every):
        bits = np.arange(first, first + CHUNK * every, every, dtype=np.uint64) & 0xFFFFFFFF
        x: NDArray[np.float32] = bits.astype(np.uint32).view(np.float32)
        run(x, y)
        errors = errors_in_ulp(y, reference(name, x, "f32"))
        at = int(errors.argmax())
        worst = max(worst, (float(errors[at]), x[at]), key=lambda found: found[0])
    return worst


def main() -> None:
    """Prints a line for each function."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("functions", nargs="*", default=[*MAX_ULP], help="names in the dialect math")
    parser.add_argument("--every", type=int, default=1, help="takes every n-th f32 (default: 1)")
    options = parser.parse_args()
    for name in options.functions:
        error, where = worst_of(name, options.every)
        print(f"{name}: {error:.3f} ulp at {where!r}", flush=True)


if __name__ == "__main__":
    main()
