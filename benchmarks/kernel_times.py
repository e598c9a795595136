"""The time of each kernel in a step of a workload of `cpu.py`, and what part of it products compute.

    python benchmarks/kernel_times.py --only 1x1024                 the gradient of a transformer block
    python benchmarks/kernel_times.py --only LSTM --calls 500 --most 10

Reads of the cycle counter are put around each call of a kernel in the LLVM IR of the step, and their differences added
up in memory of this process. Of each kernel the least time of all calls of the step counts; loops call some often.
Kernels have the numbers of level `loops`, those of `graph.kernel` in level `kernels`; equal ones that of the first.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

from cpu_systems import Prepared, Pullback
from cpu_workloads import workloads
from workload import Workload

ENTRY = re.compile(r"^define [a-z ]*void @main\(.*?^}$", re.MULTILINE | re.DOTALL)
CALL = re.compile(r"^  call void @main_kernel_(\d+)\(.*$", re.MULTILINE)
KERNEL = re.compile(
    r"graph\.kernel .*?schedule<kind = (\w+), parallel = \[([^]]*)\](?:, reduce = \[([^]]*)\])?"
)
MOST_KERNELS = 4096
COUNTER = "declare i64 @llvm.readcyclecounter()"


class Counters:
    """The cycles and the number of calls of each place in the entry function that calls a kernel."""

    def __init__(self) -> None:
        self.kernels: list[int] = []
        """The number of the kernel at each place."""
        self._memory = (ctypes.c_int64 * (3 * MOST_KERNELS))()

    def instrumented(self, text: str) -> str:
        """The LLVM IR with the entry function's calls timed, if it holds that function."""
        entry = ENTRY.search(text)
        if entry is None:
            return text
        timed = CALL.sub(self._timed, entry[0])
        text = text[: entry.start()] + timed + text[entry.end() :]
        return text if COUNTER in text else f"{text}\n{COUNTER}\n"

    def _timed(self, call: re.Match[str]) -> str:
        number = len(self.kernels)
        if number == MOST_KERNELS:
            return call[0]
        self.kernels.append(int(call[1]))
        at, name = ctypes.addressof(self._memory) + 24 * number, f"%timed{number}"
        lines = [
            f"{name}.from = call i64 @llvm.readcyclecounter()",
            call[0].strip(),
            f"{name}.to = call i64 @llvm.readcyclecounter()",
            f"{name}.took = sub i64 {name}.to, {name}.from",
        ]
        for place, (offset, term) in enumerate(((0, f"{name}.took"), (8, "1"))):
            lines += [
                f"{name}.at{place} = inttoptr i64 {at + offset} to ptr",
                f"{name}.old{place} = load i64, ptr {name}.at{place}",
                f"{name}.new{place} = add i64 {name}.old{place}, {term}",
                f"store i64 {name}.new{place}, ptr {name}.at{place}",
            ]
        lines += [f"{name}.last = inttoptr i64 {at + 16} to ptr", f"store i64 {name}.to, ptr {name}.last"]
        return "\n".join(f"  {line}" for line in lines)

    def clear(self) -> None:
        ctypes.memset(self._memory, 0, ctypes.sizeof(self._memory))

    def read(self) -> list[tuple[int, int]]:
        """The cycles and calls of each place since the counters were cleared."""
        return [(self._memory[3 * n], self._memory[3 * n + 1]) for n in range(len(self.kernels))]

    @property
    def now(self) -> int:
        """The cycle counter when the first kernel ended."""
        return self._memory[2]


@dataclass(frozen=True)
class Place:
    """A call of a kernel in the step's program, and what all its calls in one step took."""

    kernel: int
    calls: int
    seconds: float


def prepared(workload: Workload, threads: int, counters: Counters) -> tuple[Prepared, Any]:
    """The workload compiled with counters, and the step, whose levels can be printed."""
    os.environ["PULLBACK_CACHE"] = "0"
    system = Pullback(threads)
    import pullback as pb
    from pullback.backends.cpu import emit_objects

    real_emit, real_compile = emit_objects.emit, pb.compile
    steps: list[Any] = []

    def emit(text: str, machine: Any, between: Callable[[], None]) -> bytes:
        return real_emit(counters.instrumented(text), machine, between)

    def compile_(*arguments: Any, **options: Any) -> Any:
        steps.append(real_compile(*arguments, **options))
        return steps[-1]

    emit_objects.emit, pb.compile = emit, compile_
    try:
        return system.prepare(workload), steps[-1]
    finally:
        emit_objects.emit, pb.compile = real_emit, real_compile


def measured(step: Prepared, counters: Counters, calls: int) -> tuple[list[Place], float]:
    """The least time of each place, and of the whole step, in seconds."""
    cycles: list[list[tuple[int, int]]] = []
    starts: list[tuple[float, int]] = []
    seconds: list[float] = []
    for _ in range(calls):
        counters.clear()
        start = time.perf_counter()
        step.call()
        seconds.append(time.perf_counter() - start)
        starts.append((start, counters.now))
        cycles.append(counters.read())
    (first, since), (last, until) = starts[0], starts[-1]
    rate = (until - since) / (last - first)
    least = [min(place) for place in zip(*cycles, strict=True)]
    places = [Place(k, n, c / rate) for k, (c, n) in zip(counters.kernels, least, strict=True)]
    return places, min(seconds)


def products_of(kernels: str) -> dict[int, int]:
    """The additions and multiplications of each kernel that is a product, by its number."""
    found: dict[int, int] = {}
    for number, (kind, *extents) in enumerate(KERNEL.findall(kernels)):
        if kind == "matmul":
            found[number] = 2 * prod(int(n) for part in extents for n in part.split(", ") if n)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="Times each kernel of a step.")
    parser.add_argument("--only", default="1x1024", help="a part of the workload's name")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--calls", type=int, default=40, help="of the step")
    parser.add_argument("--most", type=int, default=30, help="lines to print")
    options = parser.parse_args()
    workload = next((w for w in workloads() if options.only in w.name), None)
    if workload is None or options.calls < 2:
        print(
            f"kernel_times: no workload has {options.only!r} in its name, or --calls is below 2",
            file=sys.stderr,
        )
        return 2
    counters = Counters()
    step, program = prepared(workload, options.threads, counters)
    places, seconds = measured(step, counters, options.calls)
    products = products_of(program.ir("kernels"))
    print(f"{workload.name}: {seconds * 1e3:.2f} ms, kernels {sum(p.seconds for p in places) * 1e3:.2f}\n")
    print("| kernel | calls | ms | us a call | GFLOP/s |\n|---|---|---|---|---|")
    for place in sorted(places, key=lambda p: -p.seconds)[: options.most]:
        rate = products.get(place.kernel, 0) * place.calls / max(place.seconds, 1e-9) * 1e-9
        each = place.seconds / max(place.calls, 1) * 1e6
        shown = f"{rate:.0f}" if rate else ""
        print(f"| {place.kernel} | {place.calls} | {place.seconds * 1e3:.3f} | {each:.1f} | {shown} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
