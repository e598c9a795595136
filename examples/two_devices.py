"""Trains a network whose table is on one device and whose layers are on another, and says what crosses in each step.

    python examples/two_devices.py                      the table on the host, the layers on an emulated GPU
    python examples/two_devices.py --target cuda        on a real one
    python examples/two_devices.py --table cuda:1       two GPUs

Reads scikit-learn's digits by a table with a row for each brightness of each pixel: an image is the sum of its rows.
Large tables are what does not fit on a GPU. With gradients colocated, the gradient of the table is computed where the
table is, and only sums of rows and their gradients cross. Prints the loss of each step, and the copies.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass

import common
import numpy as np
from common import Array
from xdsl.dialects.builtin import StringAttr

import pullback as pb

PIXELS, LEVELS, CLASSES, WIDTH = 64, 17, 10, 48


@dataclass(frozen=True)
class Placement:
    """The devices of the table, and of the layers after it."""

    table: str
    layers: str


def build(placement: Placement, rate: float, target: str, seed: int) -> pb.Step:
    """A step of gradient descent on the rows of images (n, PIXELS) and their labels (n,)."""
    rng = np.random.default_rng(seed)
    with pb.Graph():
        rows = pb.placeholder("i32", (None, PIXELS), name="rows")
        labels = pb.placeholder("i32", (None,), name="labels")
        with pb.device(placement.table):
            table = pb.Variable(
                (rng.normal(size=(PIXELS * LEVELS, WIDTH)) / 8).astype(np.float32), name="table"
            )
            image = pb.sum(pb.gather(table, rows), axis=1)
        with pb.device(placement.layers):
            w = pb.Variable((rng.normal(size=(WIDTH, CLASSES)) / 8).astype(np.float32), name="w")
            b = pb.Variable(np.zeros(CLASSES, np.float32), name="b")
            logits = pb.tanh(image) @ w + b
            loss = pb.mean(pb.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))
        optimizer = pb.train.GradientDescentOptimizer(rate)
        update = optimizer.minimize(
            loss, gate_gradients=optimizer.GATE_NONE, colocate_gradients_with_ops=True
        )
        return pb.compile([rows, labels], [loss, update], target=target)


def rows_of(images: Array) -> Array:
    """The rows of the table for the pixels of each image, whose brightness is 0 to 1."""
    brightness = np.rint(images * (LEVELS - 1)).astype(np.int32)
    return brightness + np.arange(PIXELS, dtype=np.int32) * LEVELS


def copies(step: pb.Step, batch: int) -> list[str]:
    """The values that each step copies to another device, as text."""
    module = step.module("kernels", [(batch, PIXELS), (batch,)])
    found: list[str] = []
    for op in module.op.walk():
        if op.name == "graph.copy_to":
            device = op.attributes["device"]
            assert isinstance(device, StringAttr)
            found.append(f"{op.results[0].type} to {device.data}")
    return found


def example(options: argparse.Namespace) -> None:
    """The whole of it."""
    data, _ = common.load_digits()
    if options.batch > len(data.labels):
        raise common.ExampleError(f"--batch {options.batch}: there are {len(data.labels)} images")
    step = build(Placement(options.table, options.layers), options.rate, options.target, options.seed)
    rng = np.random.default_rng(options.seed)
    for number in range(options.steps):
        chosen = rng.choice(len(data.labels), options.batch, replace=False)
        loss = float(step(rows_of(data.images[chosen]), data.labels[chosen])[0])
        print(f"step {number}: loss {loss:.4f}")
    print("copies in each step:", "; ".join(copies(step, options.batch)) or "none")


def main(arguments: list[str] | None = None) -> int:
    """Runs the example; returns the exit status."""
    parser = common.parser(__doc__, plot=None)
    parser.set_defaults(target="simt")
    parser.add_argument("--table", default="cpu:0", metavar="DEVICE", help="where the table is")
    parser.add_argument("--layers", default="cuda:0", metavar="DEVICE", help="where the layers after it are")
    parser.add_argument("--steps", type=common.positive, default=10, help="updates")
    parser.add_argument("--batch", type=common.positive, default=32, help="images a step")
    parser.add_argument("--rate", type=common.above_zero, default=0.5, help="how far a step goes")
    options = parser.parse_args(arguments)
    return common.run("two_devices", lambda: example(options))


if __name__ == "__main__":
    sys.exit(main())
