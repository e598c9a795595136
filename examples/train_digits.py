"""Trains a small network on scikit-learn's 1,797 handwritten digits, with gradients that Pullback derives.

    python examples/train_digits.py                     native code, `digits.png` in the current folder
    python examples/train_digits.py --target numpy      the same on the evaluator
    python examples/train_digits.py --dump-ir ir        every level of the training step, as text

Prints the accuracy on the third of the images that training never sees.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import common
import numpy as np
from common import Array, Digits

import pullback as pb

PIXELS, CLASSES, HIDDEN = 64, 10, 128
LEVELS = {"gradients": "mlir", "graph": "mlir", "kernels": "mlir", "loops": "mlir", "llvm": "ll"}
"""The levels that `--dump-ir` writes, from the graph as built to LLVM IR, and how their files end."""


@dataclass(frozen=True)
class Model:
    """What is compiled: one step of training, and what the network reads in images."""

    train: pb.Step
    predict: pb.Step


@dataclass(frozen=True)
class Epoch:
    """What is known after each pass over the training images."""

    loss: float
    accuracy: float


def cross_entropy(logits: pb.Tensor, labels: pb.Tensor) -> pb.Tensor:
    """The mean over the batch of -log(softmax(logits))[label], from first principles; logits (n, CLASSES)."""
    shifted = logits - pb.max(logits, axis=1, keepdims=True)
    log_softmax = shifted - pb.log(pb.sum(pb.exp(shifted), axis=1, keepdims=True))
    one_hot = pb.gather(pb.constant(np.eye(CLASSES, dtype=np.float32)), labels)
    return pb.mean(-pb.sum(log_softmax * one_hot, axis=1))


def build(rate: float, target: str, seed: int) -> Model:
    """A network of one hidden layer, its gradients, and plain gradient descent at `rate`."""
    rng = np.random.default_rng(seed)

    def weights(rows: int, columns: int) -> Array:
        return (rng.normal(size=(rows, columns)) / np.sqrt(rows)).astype(np.float32)

    with pb.Graph():
        x = pb.placeholder("f32", (None, PIXELS), name="x")
        t = pb.placeholder("i32", (None,), name="t")
        w1 = pb.Variable(weights(PIXELS, HIDDEN), name="w1")
        b1 = pb.Variable(np.zeros(HIDDEN, np.float32), name="b1")
        w2 = pb.Variable(weights(HIDDEN, CLASSES), name="w2")
        b2 = pb.Variable(np.zeros(CLASSES, np.float32), name="b2")
        with pb.name_scope("network"):
            logits = pb.tanh(x @ w1 + b1) @ w2 + b2
        with pb.name_scope("loss"):
            loss = cross_entropy(logits, t)
        optimizer = pb.train.GradientDescentOptimizer(rate)
        # Updates in place are proved right; no gradient has to wait for another.
        update = optimizer.minimize(loss, gate_gradients=optimizer.GATE_NONE)
        return Model(
            train=pb.compile([x, t], [loss, update], target=target),
            predict=pb.compile([x], logits, target=target),
        )


def train(model: Model, data: Digits, held_out: Digits, options: argparse.Namespace) -> list[Epoch]:
    """Passes over the data."""
    rng = np.random.default_rng(options.seed)
    history: list[Epoch] = []
    with common.progress("epoch", options.epochs) as done:
        for _ in range(options.epochs):
            losses = [float(model.train(*batch)[0]) for batch in common.batches(data, options.batch, rng)]
            accuracy = float(np.mean(read(model, held_out) == held_out.labels))
            history.append(Epoch(float(np.mean(losses)), accuracy))
            done(f"loss {history[-1].loss:.4f}  test accuracy {accuracy:.4f}")
    return history


def read(model: Model, digits: Digits) -> Array:
    """The digit that the network sees in each image."""
    return np.argmax(model.predict(digits.images), axis=1)


def draw(path: Path, history: list[Epoch], held_out: Digits, seen: Array) -> None:
    """How training went, and what is still misread."""
    with common.picture(path, 10, 6) as figure:
        curves, images = figure.subfigures(2, 1, height_ratios=[3, 2])
        common.draw_training(curves, [e.loss for e in history], [e.accuracy for e in history])
        common.draw_misread(images, held_out, seen)


def dump_ir(folder: Path, step: pb.Step, shapes: list[tuple[int, ...]]) -> None:
    """One numbered file for each level of a step."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (level, suffix) in enumerate(LEVELS.items(), start=1):
        common.write(folder / f"{number}-{level}.{suffix}", step.ir(level, shapes).encode())


def example(options: argparse.Namespace) -> None:
    """The whole of it."""
    data, held_out = common.load_digits()
    if options.batch > len(data.labels):
        raise common.ExampleError(f"--batch {options.batch}: there are {len(data.labels)} images")
    common.check_folder(options.plot)
    model = build(options.rate, options.target, options.seed)
    if options.dump_ir is not None:
        dump_ir(options.dump_ir, model.train, [(options.batch, PIXELS), (options.batch,)])
    history = train(model, data, held_out, options)
    if options.plot is not None:
        draw(options.plot, history, held_out, read(model, held_out))
    print(f"test accuracy: {history[-1].accuracy:.4f}")


def main(arguments: list[str] | None = None) -> int:
    """Runs the example; returns the exit status."""
    parser = common.parser(__doc__, plot="digits.png")
    parser.add_argument("--epochs", type=common.positive, default=60, help="passes over the training images")
    parser.add_argument("--batch", type=common.positive, default=32, help="images a step")
    parser.add_argument("--rate", type=common.above_zero, default=0.2, help="how far a step goes")
    parser.add_argument("--dump-ir", type=Path, metavar="DIR", help="write each level of a training step")
    options = parser.parse_args(arguments)
    return common.run("train_digits", lambda: example(options))


if __name__ == "__main__":
    sys.exit(main())
