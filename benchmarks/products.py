"""Matrix products beside OpenBLAS (NumPy), oneDNN or MKL (PyTorch) and XLA (JAX): kernel time, in all transposes.

    python -m pullback.benchmarks.products                            # or: python benchmarks/products.py
    python -m pullback.benchmarks.products --only square --sizes 256 512 --seconds 20

One core, one thread each, all systems in turn within each round, of which the best counts. Ours is called in a loop of
native code; of the others' times that of an empty product is subtracted, which is what their call costs. The peak is
that of a loop of FMAs on registers, measured in the same rounds. Prints Markdown.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Run = Callable[[], object]
DTYPES = {"f32": np.float32, "f64": np.float64}
TRANSPOSES = ("nn", "nt", "tn", "tt")
SQUARE = (16, 17, 32, 63, 64, 100, 128, 255, 256, 512, 1000, 1024, 2048)
SKINNY = (
    (1, 512, 512),
    (512, 1, 512),
    (4, 1024, 1024),
    (128, 10, 512),
    (512, 10, 128),
    (128, 512, 784),
    (17, 1000, 300),
)
"""Rows, columns, terms."""
BATCHES = ((64, 16, 16, 16), (64, 64, 64, 64), (16, 128, 128, 64), (16, 128, 64, 128))
"""Matrices, rows, columns, terms."""
CALLS = 2e7
"""Operations that a timed stretch has at least."""


@dataclass
class Product:
    """One product, and the seconds that each system took in each round."""

    kind: str
    batch: tuple[int, ...]
    m: int
    n: int
    k: int
    transposes: str
    dtype: str
    seconds: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    object_bytes: int = 0

    @property
    def name(self) -> str:
        batch = "".join(f"{n} x " for n in self.batch)
        return f"{batch}{self.m}x{self.n}x{self.k} {self.transposes} {self.dtype}"

    @property
    def operations(self) -> float:
        return 2.0 * np.prod(self.batch) * self.m * self.n * self.k

    def best(self, system: str) -> float:
        return min(self.seconds[system])

    def arrays(self) -> tuple[Array, Array, Array]:
        generator = np.random.default_rng(0)
        a = (self.k, self.m) if self.transposes[0] == "t" else (self.m, self.k)
        b = (self.n, self.k) if self.transposes[1] == "t" else (self.k, self.n)
        made = (generator.uniform(-1, 1, (*self.batch, *shape)) for shape in (a, b))
        x, y = (array.astype(DTYPES[self.dtype]) for array in made)
        return x, y, np.zeros((*self.batch, self.m, self.n), x.dtype)

    def views(self, arrays: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        """The operands as NumPy multiplies them."""
        x, y, _ = arrays
        turned = (
            np.swapaxes(v, -1, -2) if t == "t" else v for v, t in zip((x, y), self.transposes, strict=True)
        )
        a, b = turned
        return a, b


# ---- ours -----------------------------------------------------------------------------------------------------


def native_loop(product: Product, arrays: tuple[Array, Array, Array], calls: int) -> Run:
    """The kernel of a product, called so many times by native code."""
    from xdsl.dialects import arith, func, scf
    from xdsl.dialects.builtin import MemRefType, ModuleOp
    from xdsl.ir import Block, Region

    from pullback.backends.cpu.emit_objects import emit_objects
    from pullback.backends.cpu.llvm.printer import print_llvm
    from pullback.backends.cpu.machine import host_vector_bits
    from pullback.backends.cpu.runtime import compile_module
    from pullback.dialects.context import context
    from pullback.dialects.ir.source import parse
    from pullback.driver.run_pipeline import run_pipeline
    from pullback.passes.lowering.code_builder import INDEX

    x, y, out = arrays
    options = "".join(
        f" transpose_{side}" for side, t in zip("ab", product.transposes, strict=True) if t == "t"
    )
    options = f" {{{', '.join(options.split())}}}" if options else ""
    a, b, c = ("x".join(map(str, (*array.shape, product.dtype))) for array in arrays)
    text = f"""
      func.func @main(%a: tensor<{a}>, %b: tensor<{b}>) -> tensor<{c}> {{
        %y = graph.matmul %a, %b{options} : (tensor<{a}>, tensor<{b}>) -> tensor<{c}>
        func.return %y : tensor<{c}>
      }}"""
    module = parse(context(), text).module
    bits = host_vector_bits()
    run_pipeline(
        module, f"finish,form-kernels{{vector-bits={bits}}},plan-memory,lower-to-loops{{vector-bits={bits}}}"
    )
    product.object_bytes = sum(map(len, emit_objects([print_llvm(module)])))
    (main,) = (op for op in module.ops if isinstance(op, func.FuncOp) and op.sym_name.data == "main")
    types = list(main.function_type.inputs)
    block = Block(arg_types=types)
    first, end, step = (arith.ConstantOp.from_int_and_width(n, INDEX) for n in (0, calls, 1))
    body = Block([func.CallOp("main", list(block.args), []), scf.YieldOp()], arg_types=[INDEX])
    loop = scf.ForOp(first, end, step, [], body)
    block.add_ops([first, end, step, loop, func.ReturnOp()])
    module.body.block.add_op(func.FuncOp("repeat", (types, []), Region(block)))
    executable = compile_module(ModuleOp([op.clone() for op in module.ops]), "repeat")
    shapes = [t.get_shape() for t in types if isinstance(t, MemRefType)]
    scratch = [np.zeros(shape, np.uint8) for shape in shapes[3:]]
    call = executable.bind(dict(enumerate((x, y, out, *scratch))))
    return call


def fma_loop(dtype: str, calls: int) -> tuple[Run, float]:
    """A loop of FMAs on registers, and how many operations it has."""
    import ctypes

    from pullback.backends.cpu.emit_objects import emit_objects
    from pullback.backends.cpu.machine import host_vector_bits
    from pullback.backends.cpu.runtime import link

    kind, size = {"f32": ("float", 32), "f64": ("double", 64)}[dtype]
    count, chains = host_vector_bits() // size, 12
    vector = f"<{count} x {kind}>"
    suffix = f"v{count}f{size}"
    numbers = range(chains)
    body = [
        'define void @peak(ptr %out) nounwind "prefer-vector-width"="512" {\nentry:\n  br label %l\nl:',
        "  %i = phi i64 [ 0, %entry ], [ %j, %l ]",
        *(f"  %x{n} = phi {vector} [ zeroinitializer, %entry ], [ %y{n}, %l ]" for n in numbers),
        *(
            f"  %y{n} = call {vector} @llvm.fma.{suffix}({vector} %x{n}, {vector} splat ({kind} 1.5), "
            f"{vector} splat ({kind} 0.25))"
            for n in numbers
        ),
        f"  %j = add i64 %i, 1\n  %d = icmp eq i64 %j, {calls}\n  br i1 %d, label %x, label %l\nx:",
        *(
            f"  %p{n} = getelementptr {vector}, ptr %out, i64 {n}\n  store {vector} %y{n}, ptr %p{n}, align 4"
            for n in numbers
        ),
        f"  ret void\n}}\ndeclare {vector} @llvm.fma.{suffix}({vector}, {vector}, {vector})",
    ]
    code = link(emit_objects(["\n".join(body)]), ["peak"])
    out = np.zeros(chains * 16, np.float64)
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(code["peak"])

    def run(keep: object = code) -> None:
        function(out.ctypes.data)

    return run, 2.0 * count * chains * calls


# ---- peers ----------------------------------------------------------------------------------------------------


def numpy_product(product: Product, arrays: tuple[Array, Array, Array]) -> Run:
    a, b = product.views(arrays)
    out = arrays[2]
    return lambda: np.matmul(a, b, out=out)


def torch_product(product: Product, arrays: tuple[Array, Array, Array]) -> Run:
    import torch

    torch.set_num_threads(1)
    x, y, out = map(torch.from_numpy, arrays)
    a, b = (v.mT if t == "t" else v for v, t in zip((x, y), product.transposes, strict=True))
    multiply = torch.bmm if product.batch else torch.mm
    return lambda: multiply(a, b, out=out)


def xla_product(product: Product, arrays: tuple[Array, Array, Array]) -> Run:
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    x, y = map(jnp.asarray, arrays[:2])

    def multiply(x: Any, y: Any) -> Any:
        a, b = (
            jnp.swapaxes(v, -1, -2) if t == "t" else v
            for v, t in zip((x, y), product.transposes, strict=True)
        )
        return a @ b

    compiled: Any = jax.jit(multiply).lower(x, y).compile()
    return lambda: compiled(x, y).block_until_ready()


PEERS: dict[str, Callable[[Product, tuple[Array, Array, Array]], Run]] = {
    "OpenBLAS": numpy_product,
    "PyTorch": torch_product,
    "XLA": xla_product,
}


# ---- timing ---------------------------------------------------------------------------------------------------


def products(
    kinds: Sequence[str], sizes: Sequence[int], transposes: Sequence[str], dtypes: Sequence[str]
) -> list[Product]:
    """The sweep."""
    shapes: list[tuple[str, tuple[int, ...], int, int, int]] = []
    if "square" in kinds:
        shapes += [("square", (), n, n, n) for n in SQUARE]
    if "skinny" in kinds:
        shapes += [("skinny", (), m, n, k) for m, n, k in SKINNY]
    if "batch" in kinds:
        shapes += [("batch", (count,), m, n, k) for count, m, n, k in BATCHES]
    return [
        Product(kind, batch, m, n, k, t, dtype)
        for dtype in dtypes
        for kind, batch, m, n, k in shapes
        if not sizes or max(m, n, k) in sizes
        for t in transposes
    ]


def timed(run: Run) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def without_call(run: Run, calls: int, empty: float) -> float:
    """Seconds of a call, less those of an empty one."""
    return max(timed(lambda: [run() for _ in range(calls)]) / calls - empty, 1e-9)


def measure(cases: Sequence[Product], peers: Sequence[str], seconds: float) -> dict[str, float]:
    """Times all systems in turn until the time is over; gives the peak of each dtype, in operations per second."""
    stretches: list[tuple[Product, str, Callable[[], float]]] = []
    peaks: dict[str, tuple[Run, float, list[float]]] = {}
    empty: dict[tuple[str, bool, str], float] = {}
    for case in cases:
        if case.dtype not in peaks:
            peaks[case.dtype] = (*fma_loop(case.dtype, 100_000), [])
        arrays = case.arrays()
        calls = max(1, int(CALLS / case.operations))
        ours = native_loop(case, arrays, calls)
        stretches.append((case, "ours", lambda run=ours, calls=calls: timed(run) / calls))
        expected = np.matmul(*case.views(arrays))
        ours()
        error = np.abs(arrays[2] - expected).max() / max(1e-30, np.abs(expected).max())
        assert error < (1e-4 if case.dtype == "f32" else 1e-12), f"{case.name}: off by {error}"
        for name in peers:
            key = name, bool(case.batch), case.dtype
            if key not in empty:
                nothing = Product("empty", case.batch and (1,), 1, 1, 1, "nn", case.dtype)
                run = PEERS[name](nothing, nothing.arrays())
                run()
                empty[key] = min(timed(lambda run=run: [run() for _ in range(20)]) / 20 for _ in range(50))
            run = PEERS[name](case, arrays)
            calls = max(1, calls // 4)

            stretches.append((case, name, partial(without_call, run, calls, empty[key])))
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for run, _, found in peaks.values():
            found += [timed(run) for _ in range(4)]
        for case, name, stretch in stretches:
            stretch()
            for _ in range(3):
                case.seconds.setdefault(name, []).append(stretch())
    return {dtype: operations / min(found) for dtype, (_, operations, found) in peaks.items()}


def table(cases: Sequence[Product], peers: Sequence[str], peaks: dict[str, float]) -> str:
    """GFLOP/s of each system, the ratio to the best of the others, the part of the peak, and bytes of code."""
    names = ["ours", *peers]
    lines = [
        "| product | " + " | ".join(names) + " | ours / best | of peak | bytes |",
        "|---|" + "---|" * (len(names) + 3),
    ]
    for case in cases:
        speeds = [case.operations / case.best(name) / 1e9 for name in names]
        ratio = speeds[0] / max(speeds[1:]) if peers else 1.0
        part = speeds[0] * 1e9 / peaks[case.dtype]
        cells = " | ".join(f"{speed:.1f}" for speed in speeds)
        lines.append(f"| {case.name} | {cells} | {ratio:.2f} | {part:.2f} | {case.object_bytes} |")
    return "\n".join(lines)


def summary(cases: Sequence[Product], peers: Sequence[str], peaks: dict[str, float]) -> str:
    lines = [f"Peak: {', '.join(f'{dtype} {peak / 1e9:.0f} GFLOP/s' for dtype, peak in peaks.items())}."]
    if peers:
        ratios = [min(case.best(name) for name in peers) / case.best("ours") for case in cases]
        lines.append(
            f"Geometric mean of ours / best: {statistics.geometric_mean(ratios):.3f}; the least {min(ratios):.2f} "
            f"({cases[ratios.index(min(ratios))].name})."
        )
    large = [
        c.operations / c.best("ours") / peaks[c.dtype] for c in cases if c.kind == "square" and c.m >= 256
    ]
    if large:
        lines.append(f"Median part of the peak from 256 up: {statistics.median(large):.2f}.")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", nargs="+", default=["square", "skinny", "batch"], help="kinds of shapes")
    parser.add_argument(
        "--sizes", nargs="+", type=int, default=[], help="only shapes of which this is the largest extent"
    )
    parser.add_argument("--transposes", nargs="+", default=TRANSPOSES)
    parser.add_argument("--dtypes", nargs="+", default=["f32", "f64"])
    parser.add_argument("--peers", nargs="*", default=list(PEERS))
    parser.add_argument("--seconds", type=float, default=30, help="of timing, for all together (default: 30)")
    options = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    peers = list[str]()
    for name in options.peers:
        try:
            nothing = Product("empty", (), 1, 1, 1, "nn", "f32")
            PEERS[name](nothing, nothing.arrays())
            peers.append(name)
        except ImportError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    cases = products(options.only, options.sizes, options.transposes, options.dtypes)
    peaks = measure(cases, peers, options.seconds)
    print(table(cases, peers, peaks))
    print()
    print(summary(cases, peers, peaks))


if __name__ == "__main__":
    main()
