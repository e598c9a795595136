"""How long it takes to get from a graph to its finished gradient graph, beside JAX and TensorFlow.

    python -m pullback.benchmarks.graph_build          # or: python benchmarks/graph_build.py

The graph is a chain of N operations with skips, `h, old = tanh(h) * w (+ old every 8th time), h`, and the sum of the
last `h`; gradients are with respect to `x` and `w`. Pullback's time is that of building it, generating, aggregating and
gating the gradients, simplifying, and verifying the result. JAX lowers `jit(value_and_grad(f))` of the same Python loop
to StableHLO, TensorFlow builds a graph with `tf.gradients`. Imports and a first small run of each are left out. Times
are of the processor, not of the clock, so that what else a machine does counts less.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable, Sequence
from itertools import pairwise

from rich.console import Console
from rich.table import Table
from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, f32
from xdsl.passes import ModulePass

from pullback.dialects.context import context
from pullback.dialects.graph.along_axes.reductions import Sum
from pullback.dialects.graph.elementwise.trigonometric import Tanh
from pullback.dialects.graph.gradient.request import Gradients
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import tensor_type
from pullback.dialects.verification import verify
from pullback.passes.pipeline.pipelines import parse_passes
from pullback.process.quiet_collector import quiet_collector

WIDTH = 64
SKIP_EVERY = 8
PIPELINE = "generate-gradients,aggregate-gradients,gate-gradients,merge-loops,canonicalize,cse,dce"

Timings = dict[str, float]
"""Seconds by stage."""


def steps(operations: int) -> int:
    """Trips of the loop that make about this many operations: two each, and one more every 8th."""
    return round(operations / (2 + 1 / SKIP_EVERY))


# ---- Pullback ------------------------------------------------------------------------------------------------


def build(operations: int) -> ModuleOp:
    """The forward graph, with a request for its gradients."""
    type_ = tensor_type(f32, (WIDTH,))
    function = func.FuncOp("main", ([type_, type_], []))
    block = function.body.block
    with inserting(block.add_op):
        x, w = map(Tensor, block.args)
        h = old = x
        for i in range(steps(operations)):
            new = Tanh.of(h) * w
            h, old = (new + old if i % SKIP_EVERY == 0 else new), h
        loss = Sum.over(h)
        request = Gradients.request([loss.value], [x.value, w.value])
        block.add_op(request)
        block.add_op(func.ReturnOp(loss.value, *request.results))
    function.update_function_type()
    return ModuleOp([function])


def pullback(operations: int) -> Timings:
    """Seconds of each stage."""
    ctx: Context = context()
    passes: Sequence[ModulePass] = parse_passes(PIPELINE)
    seconds: Timings = {}
    with quiet_collector():
        start = time.process_time()

        def stage(name: str) -> None:
            nonlocal start
            now = time.process_time()
            seconds[name] = now - start
            start = now

        module = build(operations)
        stage("build")
        for pass_ in passes:
            pass_.apply(ctx, module)
            stage(pass_.name)
        verify(module)
        stage("verify")
    return seconds


# ---- the others ----------------------------------------------------------------------------------------------


def jax_lowering() -> Callable[[int], float] | None:
    """Seconds that JAX needs, as a function of the number of operations; `None` without JAX."""
    try:
        import jax
        import jax.numpy as jnp
    except ImportError:
        return None

    def measure(operations: int) -> float:
        def loss(x, w):
            h = old = x
            for i in range(steps(operations)):
                new = jnp.tanh(h) * w
                h, old = (new + old if i % SKIP_EVERY == 0 else new), h
            return h.sum()

        shape = jax.ShapeDtypeStruct((WIDTH,), jnp.float32)
        start = time.process_time()
        jax.jit(jax.value_and_grad(loss, argnums=(0, 1))).lower(shape, shape).as_text()
        return time.process_time() - start

    return measure


def tensorflow_graph() -> Callable[[int], float] | None:
    """Seconds that TensorFlow needs, as a function of the number of operations; `None` without it."""
    try:
        import tensorflow as tf
    except ImportError:
        return None

    def measure(operations: int) -> float:
        start = time.process_time()
        with tf.Graph().as_default():
            x = tf.compat.v1.placeholder(tf.float32, (WIDTH,))
            w = tf.compat.v1.placeholder(tf.float32, (WIDTH,))
            h = old = x
            for i in range(steps(operations)):
                new = tf.tanh(h) * w
                h, old = (new + old if i % SKIP_EVERY == 0 else new), h
            tf.gradients(tf.reduce_sum(h), [x, w])
        return time.process_time() - start

    return measure


# ---- the table ------------------------------------------------------------------------------------------------


def best(measure: Callable[[], Timings], repeat: int) -> Timings:
    """The run with the smallest total."""
    runs: list[Timings] = []
    for _ in range(repeat):
        gc.collect()
        runs.append(measure())
    return min(runs, key=lambda timings: sum(timings.values()))


def measure_all(sizes: Sequence[int], largest_other: int, repeat: int, console: Console) -> None:
    """Measures everything and prints one table."""
    others = {"JAX, lowered to StableHLO": jax_lowering(), "TensorFlow, graph built": tensorflow_graph()}
    pullback(100)
    for measure in others.values():
        if measure is not None:
            measure(100)

    table = Table(title="Processor seconds from nothing to a finished gradient graph", title_justify="left")
    table.add_column("forward operations")
    for size in sizes:
        table.add_column(f"{size:,}", justify="right")

    def repeats(size: int) -> int:
        return repeat if size <= 10_000 else 1

    ours = [best(lambda size=size: pullback(size), repeats(size)) for size in sizes]
    totals = [sum(timings.values()) for timings in ours]
    for stage in ours[0]:
        table.add_row(f"  {stage}", *(f"{timings[stage]:.3f}" for timings in ours))
    table.add_section()
    table.add_row("Pullback", *(f"{total:.3f}" for total in totals), style="bold")
    for name, measure in others.items():
        if measure is None:
            table.add_row(name, *("not installed" for _ in sizes))
            continue
        seconds = [
            best(lambda size=size, measure=measure: {"": measure(size)}, repeats(size))[""]
            if size <= largest_other
            else None
            for size in sizes
        ]
        table.add_row(name, *("" if s is None else f"{s:.3f}" for s in seconds))
        ratios = (None if s is None else s / total for s, total in zip(seconds, totals, strict=True))
        table.add_row("  times Pullback", *("" if r is None else f"{r:.1f}" for r in ratios))
    table.add_section()
    growth = ["", *(f"{b / a:.1f}" for a, b in pairwise(totals))]
    table.add_row("Pullback, times the size before", *growth)
    console.print(table)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000], metavar="N")
    parser.add_argument(
        "--largest-other", type=int, default=10_000, metavar="N", help="the largest size for the others"
    )
    parser.add_argument(
        "--repeat", type=int, default=3, help="runs up to 10,000 operations, of which the best counts"
    )
    options = parser.parse_args(arguments)
    measure_all(options.sizes, options.largest_other, options.repeat, Console())


if __name__ == "__main__":
    main()
