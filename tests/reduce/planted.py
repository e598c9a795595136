"""Bugs planted in a fold, a rule or a schedule, and large programs that show them."""

from __future__ import annotations

import random
import sys
from collections.abc import Generator
from contextlib import contextmanager

import pullback as pb
from pullback.dialects.context import context
from pullback.dialects.graph.elementwise.basic import Multiply, Subtract
from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.ir.source import parse
from pullback.dialects.ir.text import print_module
from pullback.driver.run_pipeline import lowered
from pullback.passes.gradients.rule_registry import register, unregister
from pullback.passes.kernels.check.verify_kernels import CheckedKernels
from pullback.passes.simplify.folds import FOLDS
from pullback.passes.simplify.matching import producer
from pullback.tests.levels.programs import Recipe

SHAPE = (3, 4)


def program(steps: int, seed: int, *, smooth: bool = False, pointwise: bool = False) -> str:
    """The text of a random program of level `gradients`: about five operations a step."""
    rng = random.Random(seed)
    draws = tuple((rng.randrange(1000), rng.randrange(1000), rng.randrange(1000)) for _ in range(steps))
    recipe = Recipe(*SHAPE, draws, pointwise, smooth)
    with pb.Graph():
        xs = [pb.placeholder("f64", shape, name=f"x{i}") for i, shape in enumerate(recipe.shapes)]
        indices = pb.placeholder("i32", (recipe.rows,), name="indices")
        ys = recipe.build(xs, indices)
        return pb.compile(inputs=[*xs, indices], outputs=ys, target="numpy").ir("gradients")


def scheduled(text: str) -> str:
    """The text at level `kernels`."""
    return print_module(lowered(parse(context(), text).module, "finish,kernels"))


def operations(text: str) -> int:
    """How many operations of the graph dialect a text has, kernels included and terminators not."""
    names = [op.name for op in parse(context(), text).module.walk()]
    return sum(name.startswith("graph.") and name != "graph.yield" for name in names)


@contextmanager
def wrong_fold() -> Generator[None]:
    """`x - a * b` becomes `x + a * b`."""

    def fold(op: GraphOp) -> Tensor | None:
        product = producer(Tensor(op.operands[1]), Multiply)
        return None if product is None else Tensor(op.operands[0]) + Tensor(product.results[0])

    FOLDS.setdefault(Subtract, []).append(fold)
    try:
        yield
    finally:
        FOLDS[Subtract].remove(fold)


@contextmanager
def wrong_rule() -> Generator[None]:
    """The gradient of tanh is `1 - y`, where `1 - y * y` is right."""
    register("graph.tanh", lambda op, dy: dy * (1.0 - Tensor(op.results[0])))
    try:
        yield
    finally:
        unregister("graph.tanh")


@contextmanager
def unchecked_schedules() -> Generator[None]:
    """Schedules are taken as they are written, as if their check had a hole."""
    holders = [
        module
        for name, module in list(sys.modules.items())
        if name.startswith("pullback.passes") and hasattr(module, "verify_scheduled")
    ]
    checks = [module.verify_scheduled for module in holders]
    for module in holders:
        vars(module)["verify_scheduled"] = lambda module, *args, **means: CheckedKernels(module, None, (), {})
    try:
        yield
    finally:
        for module, check in zip(holders, checks, strict=True):
            vars(module)["verify_scheduled"] = check


def with_short_product(text: str) -> str:
    """A text at level `kernels` whose last matrix product adds up two of its four terms."""
    before, matmul, after = text.rpartition("kind = matmul")
    assert matmul
    return before + matmul + after.replace("reduce = [4]", "reduce = [2]", 1)
