"""Random programs beside JAX: chains of operations along random axes, with gradients, f32, on one thread.

    python benchmarks/random_programs.py                     a hundred of them, a minute
    python benchmarks/random_programs.py --seed 7 --count 500 --worst 20

No benchmark was written for them: shapes of one to four dims are drawn, and up to five operations with their axes. The
sum of squares of the result and its gradients are compared in both systems, and timed in turn; least ratios come first.
Where gradients are 0 but for rounding, as behind sums of a softmax, systems differ.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from operations import TOLERANCE, Row, distance, least_seconds, table  # first: it sets numbers of threads
from rich.console import Console
from rich.progress import track

Shape = tuple[int, ...]
ELEMENTS = (3e3, 3e4, 2e5, 6e5)
"""About as many a program begins with."""
LONGEST = 5
"""Operations in a program."""


@dataclass(frozen=True)
class Step:
    """An operation of a chain.

    Attributes:
        text: what tables call it.
        shape: of its result.
        apply: computes it from the words of a system, the result before it, and its own array, if it has one.
        array: the shape of that array.
    """

    text: str
    shape: Shape
    apply: Callable[[Any, Any, Any], Any]
    array: Shape | None = None


def elementwise(rng: np.random.Generator, shape: Shape) -> Step:
    name = str(rng.choice(["tanh", "exp", "square", "relu"]))
    return Step(name, shape, lambda w, x, _: getattr(w, name)(x * 0.3))


def broadcast(rng: np.random.Generator, shape: Shape) -> Step:
    kept = rng.random() < 0.3
    array = tuple(n if kept or rng.random() < 0.5 else 1 for n in shape)
    if rng.random() < 0.5:
        return Step(f"* {array}", shape, lambda _, x, a: x * a, array)
    return Step(f"+ {array}", shape, lambda _, x, a: x + a, array)


def reduction(rng: np.random.Generator, shape: Shape) -> Step | None:
    if len(shape) < 2:
        return None
    axes = tuple(sorted(map(int, rng.choice(len(shape), int(rng.integers(1, len(shape))), replace=False))))
    name = str(rng.choice(["sum", "max", "mean", "var", "logsumexp"]))
    rest = tuple(n for axis, n in enumerate(shape) if axis not in axes)
    return Step(f"{name} {axes}", rest, lambda w, x, _: getattr(w, name)(x, axes))


def along_axis(rng: np.random.Generator, shape: Shape) -> Step:
    axis = int(rng.integers(len(shape)))
    name = str(rng.choice(["softmax", "cumsum", "flip"]))
    return Step(f"{name} {axis}", shape, lambda w, x, _: getattr(w, name)(x, axis))


def rolled(rng: np.random.Generator, shape: Shape) -> Step:
    axis = int(rng.integers(len(shape)))
    return Step(f"roll {axis}", shape, lambda w, x, _: w.roll(x, 3, axis))


def transposed(rng: np.random.Generator, shape: Shape) -> Step:
    order = tuple(map(int, rng.permutation(len(shape))))
    return Step(f"transpose {order}", tuple(shape[a] for a in order), lambda w, x, _: w.transpose(x, order))


def merged(rng: np.random.Generator, shape: Shape) -> Step | None:
    if len(shape) < 2:
        return None
    axis = int(rng.integers(len(shape) - 1))
    together = (*shape[:axis], shape[axis] * shape[axis + 1], *shape[axis + 2 :])
    return Step(f"reshape {together}", together, lambda w, x, _: w.reshape(x, together))


def sliced(rng: np.random.Generator, shape: Shape) -> Step | None:
    axis = int(rng.integers(len(shape)))
    start, end, stride = int(rng.integers(2)), shape[axis] - int(rng.integers(2)), int(rng.integers(1, 3))
    if end - start < 2:
        return None
    part = (*[slice(None)] * axis, slice(start, end, stride))
    left = resized(shape, axis, len(range(start, end, stride)))
    return Step(f"slice {axis} {start}:{end}:{stride}", left, lambda _, x, __: x[part])


def padded(rng: np.random.Generator, shape: Shape) -> Step:
    axis = int(rng.integers(len(shape)))
    widths = [(1, 1) if a == axis else (0, 0) for a in range(len(shape))]
    return Step(f"pad {axis}", resized(shape, axis, shape[axis] + 2), lambda w, x, _: w.pad(x, widths))


def joined(rng: np.random.Generator, shape: Shape) -> Step:
    axis = int(rng.integers(len(shape)))
    both = resized(shape, axis, 2 * shape[axis])
    return Step(f"concat {axis}", both, lambda w, x, a: w.concat([x, a], axis), shape)


def picked(rng: np.random.Generator, shape: Shape) -> Step:
    axis = int(rng.integers(len(shape)))
    indices = rng.integers(0, shape[axis], shape[axis]).astype(np.int32)
    return Step(f"take {axis}", shape, lambda w, x, _: w.take(x, indices, axis))


def product(rng: np.random.Generator, shape: Shape) -> Step | None:
    if len(shape) < 2 or shape[-1] > 1024:
        return None
    columns = int(rng.choice([8, 32, 100]))
    return Step(f"@ {columns}", (*shape[:-1], columns), lambda _, x, a: x @ a, (shape[-1], columns))


STEPS: tuple[Callable[[np.random.Generator, Shape], Step | None], ...] = (
    elementwise, broadcast, reduction, along_axis, rolled, transposed, merged, sliced, padded, joined, picked, product,
)  # fmt: skip


def resized(shape: Shape, axis: int, extent: int) -> Shape:
    """A shape with another extent along an axis."""
    return (*shape[:axis], extent, *shape[axis + 1 :])


def program(seed: int) -> tuple[Shape, list[Step]]:
    """The shape that a program begins with, and its operations."""
    rng = np.random.default_rng(seed)
    logarithms = rng.dirichlet(np.full(int(rng.integers(1, 5)), 3.0)) * np.log(rng.choice(ELEMENTS))
    if rng.random() < 0.5:
        shape = tuple(2 ** round(n / np.log(2)) for n in logarithms)
    else:
        shape = tuple(round(np.exp(n)) for n in logarithms)
    steps: list[Step] = []
    for _ in range(int(rng.integers(1, LONGEST + 1))):
        step = rng.choice(np.array(STEPS, object))(rng, steps[-1].shape if steps else shape)
        steps += [] if step is None else [step]
    return shape, steps


def operation(steps: list[Step], words: Any) -> Callable[..., Any]:
    """A program as a function of its arrays, in the words of a system."""

    def run(x: Any, *arrays: Any) -> Any:
        rest = iter(arrays)
        for step in steps:
            x = step.apply(words, x, next(rest) if step.array is not None else None)
        return x

    return run


def pullback_words() -> Any:
    import pullback as pb

    return SimpleNamespace(
        **{name: getattr(pb, name) for name in pb.__all__}
        | {"take": lambda x, i, axis: pb.gather(x, i, axis=axis)}
    )


def jax_words() -> Any:
    import jax
    import jax.numpy as jnp

    words = SimpleNamespace(**vars(jnp))
    words.softmax, words.relu = jax.nn.softmax, jax.nn.relu
    words.logsumexp, words.concat = jax.scipy.special.logsumexp, jnp.concatenate
    return words


def measured(seed: int, systems: dict[str, tuple[Any, Any]]) -> Row:
    """Compiles a program in both systems, compares, and times."""
    shape, steps = program(seed)
    rng = np.random.default_rng(seed)
    shapes = [shape, *(step.array for step in steps if step.array is not None)]
    arrays = [rng.random(s, np.float32) - np.float32(0.5) for s in shapes]
    calls = {name: compiled(operation(steps, words), arrays) for name, (compiled, words) in systems.items()}
    far = distance(calls["jax"](), calls["pullback"]())
    remarks = [f"differs by {far:.1g}"] if far > TOLERANCE else []
    return Row(f"{seed}: {shape} {', '.join(s.text for s in steps)}", least_seconds(calls), remarks)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="another one gives other programs (default: 0)")
    parser.add_argument("--count", type=int, default=100, help="how many programs (default: 100)")
    parser.add_argument(
        "--worst", type=int, default=30, metavar="N", help="print the least ratios (default: 30)"
    )
    options = parser.parse_args()
    try:
        import operations_of_jax
    except ImportError as error:
        print(f"random_programs.py: there is nothing to compare with: {error}", file=sys.stderr)
        return 1
    import operations_of_pullback

    systems = {
        "pullback": (operations_of_pullback.compiled, pullback_words()),
        "jax": (operations_of_jax.compiled, jax_words()),
    }
    first = options.seed * 1_000_000
    seeds = range(first, first + options.count)
    console = Console(stderr=True)
    progress = track(seeds, "programs", console=console, disable=not sys.stderr.isatty())
    rows = sorted((measured(seed, systems) for seed in progress), key=lambda row: row.ratio)
    print(table(rows[: options.worst], list(systems)))
    slower = sum(row.ratio < 1 for row in rows)
    mean = np.exp(np.mean([np.log(row.ratio) for row in rows]))
    print(
        f"\n{len(rows)} programs, {slower} of them slower than with JAX; geometric mean of the ratios {mean:.2f}."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
