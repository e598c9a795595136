"""How long a training step takes from `pb.compile` to its first result, stage by stage.

    python -m pullback.benchmarks.compile_time         # or: python benchmarks/compile_time.py

The step is that of a small transformer with Adam: embeddings, attention of several heads, GELU by `tanh`, layer
normalization, sparse cross entropy. Times are of the processor; the import and the building of the graph are left out.
To compare two versions run it on both in the same minute.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

import numpy as np
from rich.console import Console
from rich.table import Table
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

import pullback as pb
from pullback.backends.cpu.emit_objects import emit_objects
from pullback.backends.cpu.llvm.printer import print_module
from pullback.dialects.context import context
from pullback.driver.program import specialise
from pullback.driver.run_pipeline import lowered
from pullback.driver.targets.registry import target_named
from pullback.frontend.trace.step import Step
from pullback.passes.pipeline.instrumentation import PassInstrumentation, instrumented
from pullback.passes.pipeline.pipelines import parse_passes
from pullback.passes.pipeline.run_passes import run_passes
from pullback.process.quiet_collector import quiet_collector

WIDTH, HEADS, WORDS, LENGTH, BATCH = 64, 4, 96, 32, 8


def weights(*shape: int) -> pb.Variable:
    """Small numbers, the same in each run."""
    rng = np.random.default_rng(sum(shape))
    return pb.Variable((rng.standard_normal(shape) * 0.05).astype(np.float32))


def normalized(x: pb.Tensor) -> pb.Tensor:
    """Layer normalization with a scale and an offset of its own."""
    centered = x - pb.mean(x, axis=-1, keepdims=True)
    variance = pb.mean(centered * centered, axis=-1, keepdims=True)
    return centered * pb.rsqrt(variance + 1e-5) * weights(WIDTH) + weights(WIDTH)


def dense(x: pb.Tensor, size: int) -> pb.Tensor:
    return x @ weights(x.shape[-1] or 0, size) + weights(size)


def attention(x: pb.Tensor) -> pb.Tensor:
    def heads(y: pb.Tensor) -> pb.Tensor:
        return pb.transpose(pb.reshape(y, (BATCH, LENGTH, HEADS, WIDTH // HEADS)), (0, 2, 1, 3))

    query, key, value = (heads(dense(x, WIDTH)) for _ in range(3))
    scores = query @ pb.transpose(key, (0, 1, 3, 2)) * (WIDTH // HEADS) ** -0.5
    mask = pb.constant(np.triu(np.full((LENGTH, LENGTH), -1e9, np.float32), 1))
    mixed = pb.transpose(pb.softmax(scores + mask) @ value, (0, 2, 1, 3))
    return dense(pb.reshape(mixed, (BATCH, LENGTH, WIDTH)), WIDTH)


def gelu(x: pb.Tensor) -> pb.Tensor:
    return 0.5 * x * (1 + pb.tanh(0.7978845608 * (x + 0.044715 * x * x * x)))


def training_step(layers: int, gate: str) -> Step:
    """Takes words and the words that follow, gives the loss, and updates all weights."""
    with pb.Graph():
        words, following = (pb.placeholder("i32", (BATCH, LENGTH)) for _ in range(2))
        x = pb.gather(weights(WORDS, WIDTH), words) + weights(LENGTH, WIDTH)
        for _ in range(layers):
            x = x + attention(normalized(x))
            x = x + dense(gelu(dense(normalized(x), 4 * WIDTH)), WIDTH)
        logits = dense(normalized(x), WORDS)
        loss = pb.mean(pb.sparse_softmax_cross_entropy_with_logits(labels=following, logits=logits))
        optimizer = pb.train.AdamOptimizer()
        update = optimizer.minimize(loss, gate_gradients=getattr(optimizer, gate))
        return pb.compile([words, following], [loss, update], target="cpu")


class Stages(PassInstrumentation):
    """Notes the end of each pass."""

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note

    def after_pass(self, pass_: ModulePass, module: ModuleOp, seconds: float) -> None:
        self._note(str(pass_))


def stages(step: Step) -> dict[str, float]:
    """Seconds of each stage of what the first call does, and what there is at level `loops`."""
    seconds: dict[str, float] = {}
    last = time.process_time()

    def note(stage: str) -> None:
        nonlocal last
        now = time.process_time()
        seconds[stage], last = now - last, now

    with quiet_collector():
        finished = lowered(step._program.module, "finish")
        note("finish")
        module = specialise(finished, [(BATCH, LENGTH)] * 2)
        note("specialise")
        passes = parse_passes(target_named("cpu").pipeline)
        with instrumented(Stages(note)):
            run_passes(context(), module, passes, verify_each=False)
        text = print_module(module).text
        note("print")
        emit_objects([text])
        note("LLVM")
    return {**seconds, "total": sum(seconds.values()), "lines of LLVM IR": text.count("\n")}


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--layers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--gate", default="GATE_NONE", choices=["GATE_NONE", "GATE_OP", "GATE_GRAPH"])
    options = parser.parse_args(arguments)
    runs = [stages(training_step(layers, options.gate)) for layers in options.layers]
    table = Table("stage, seconds", *(f"{n} layers" for n in options.layers))
    for stage in runs[0]:
        table.add_row(stage, *(f"{run[stage]:,.2f}" for run in runs))
    Console().print(table)


if __name__ == "__main__":
    main()
