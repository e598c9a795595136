"""One rewrite, x * 2 to x + x, by a fold of ours and by a pattern of xDSL, on graphs of n operations.

    python -m pullback.benchmarks.rewriting            # or: python benchmarks/rewriting.py

Of the operations all match, one in ten, or none. Times are of the processor, of several runs the best, the copy of the
graph left out. Both leave the same graph, which is checked.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

import numpy as np
from rich.console import Console
from rich.table import Table
from xdsl.pattern_rewriter import (
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)

import pullback as pb
from pullback.extend import apply_folds, inserting_at, number_in
from pullback.extend.operations import Multiply
from pullback.process.quiet_collector import quiet_collector


def double(op: Multiply) -> pb.Tensor | None:
    x, factor = map(pb.Tensor, op.operands)
    return x + x if number_in(factor) == 2.0 else None


class DoubleByAdding(RewritePattern):
    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: Multiply, rewriter: PatternRewriter) -> None:
        x, factor = map(pb.Tensor, op.operands)
        if number_in(factor) == 2.0:
            with inserting_at(rewriter):
                doubled = x + x
            rewriter.replace(op, [], [doubled.value])


def fold(module: pb.Module) -> None:
    apply_folds(module.op, {Multiply: [double]})


def walk(module: pb.Module, recursive: bool = True) -> None:
    PatternRewriteWalker(DoubleByAdding(), apply_recursively=recursive).rewrite_module(module.op)


SYSTEMS: dict[str, Callable[[pb.Module], None]] = {
    "fold": fold,
    "pattern": walk,
    "pattern, one walk": lambda module: walk(module, recursive=False),
}


def graph(size: int, every: int) -> pb.Module:
    """A chain of `size` products, of which one in `every` is by 2 (none at 0)."""
    with pb.Graph() as built:
        x = pb.placeholder("f32", (8,), name="x")
        y, two = x, pb.fill((), 2.0)
        for i in range(size):
            y = y * (two if every and i % every == 0 else x)
    return pb.Module(built)


def seconds(run: Callable[[pb.Module], None], module: pb.Module, rounds: int) -> float:
    """The least of several runs, each on a copy."""
    taken: list[float] = []
    for _ in range(rounds):
        copy = module.copy()
        with quiet_collector():
            start = time.process_time()
            run(copy)
            taken.append(time.process_time() - start)
    return min(taken)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    table = Table("operations", "that match", *(f"{name}, us/op" for name in SYSTEMS), "pattern / fold")
    for size in options.sizes:
        for every, share in ((1, "all"), (10, "1 in 10"), (0, "none")):
            module = graph(size, every)
            results = [module.copy() for _ in SYSTEMS]
            for run, result in zip(SYSTEMS.values(), results, strict=True):
                run(result)
            assert all(result == results[0] for result in results)
            assert (results[0] == module) == (not every)
            taken = np.array([seconds(run, module, options.rounds) for run in SYSTEMS.values()])
            table.add_row(
                f"{size:,}", share, *(f"{t / size * 1e6:.1f}" for t in taken), f"{taken[1] / taken[0]:.1f}"
            )
    Console().print(table)


if __name__ == "__main__":
    main()
