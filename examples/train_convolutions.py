"""Trains a small convolutional network on scikit-learn's 1,797 handwritten digits.

    python examples/train_convolutions.py               native code, `convolutions.png` in the current folder
    python examples/train_convolutions.py --target numpy

Two convolutions, max pooling, dropout and a dense layer, trained by Adam. Prints the accuracy on the third of the
images that training never sees.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import common
import numpy as np
from common import Array, Digits

import pullback as pb

SIDE, CLASSES = 8, 10
CHANNELS = (1, 16, 32)
"""Of the image, and after each convolution."""


@dataclass(frozen=True)
class Model:
    """What is compiled: one step of training, what the network reads in images, and its first filters."""

    train: pb.Step
    predict: pb.Step
    filters: pb.Variable


class Network:
    """The weights, and what they make of images."""

    def __init__(self, rng: np.random.Generator) -> None:
        def weights(*shape: int) -> pb.Variable:
            fan_in = np.prod(shape[:-1])
            return pb.Variable(
                (rng.normal(size=shape) * np.sqrt(2 / fan_in)).astype(np.float32), name="weights"
            )

        def bias(size: int) -> pb.Variable:
            return pb.Variable(np.zeros(size, np.float32), name="bias")

        self.layers = [(weights(3, 3, before, after), bias(after)) for before, after in pairwise(CHANNELS)]
        features = (SIDE // 2) ** 2 * CHANNELS[-1]
        self.dense = weights(features, CLASSES), bias(CLASSES)

    def __call__(self, images: pb.Tensor, training: bool = False) -> pb.Tensor:
        """Logits (n, CLASSES) of images (n, SIDE, SIDE, 1); in training features are dropped."""
        h = images
        for filters, bias in self.layers:
            h = pb.relu(pb.conv2d(h, filters, padding="SAME") + bias)
        h = pb.max_pool2d(h, 2, 2, "VALID")
        features = pb.reshape(h, (-1, (SIDE // 2) ** 2 * CHANNELS[-1]))
        if training:
            features = pb.dropout(features, 0.3)
        weights, bias = self.dense
        return features @ weights + bias


def build(rate: float, target: str, seed: int) -> Model:
    """The network, its gradients, and Adam."""
    with pb.Graph():
        pb.set_random_seed(seed)
        x = pb.placeholder("f32", (None, SIDE * SIDE), name="x")
        t = pb.placeholder("i32", (None,), name="t")
        images = pb.reshape(x, (-1, SIDE, SIDE, 1))
        network = Network(np.random.default_rng(seed))
        logits = network(images, training=True)
        loss = pb.mean(pb.sparse_softmax_cross_entropy_with_logits(labels=t, logits=logits))
        update = pb.train.AdamOptimizer(rate).minimize(loss)
        return Model(
            train=pb.compile([x, t], [loss, update], target=target),
            predict=pb.compile([x], network(images), target=target),
            filters=network.layers[0][0],
        )


def read(model: Model, digits: Digits) -> Array:
    """The digit that the network sees in each image."""
    return np.argmax(model.predict(digits.images), axis=1)


def draw(path: Path, losses: list[float], accuracies: list[float], model: Model, held_out: Digits) -> None:
    """How training went, the filters of the first layer, and what is still misread."""
    with common.picture(path, 10, 7) as figure:
        curves, filters, images = figure.subfigures(3, 1, height_ratios=[3, 1.2, 2])
        common.draw_training(curves, losses, accuracies)
        filters.suptitle("filters of the first convolution")
        weights = model.filters.numpy()
        for i, axes in enumerate(filters.subplots(1, weights.shape[-1])):
            axes.imshow(weights[:, :, 0, i], cmap="RdBu", vmin=-1, vmax=1)
            axes.axis("off")
        common.draw_misread(images, held_out, read(model, held_out))


def example(options: argparse.Namespace) -> None:
    """The whole of it."""
    data, held_out = common.load_digits()
    if options.batch > len(data.labels):
        raise common.ExampleError(f"--batch {options.batch}: there are {len(data.labels)} images")
    common.check_folder(options.plot)
    model = build(options.rate, options.target, options.seed)
    rng = np.random.default_rng(options.seed)
    losses: list[float] = []
    accuracies: list[float] = []
    with common.progress("epoch", options.epochs) as done:
        for _ in range(options.epochs):
            steps = [float(model.train(*batch)[0]) for batch in common.batches(data, options.batch, rng)]
            losses.append(float(np.mean(steps)))
            accuracies.append(float(np.mean(read(model, held_out) == held_out.labels)))
            done(f"loss {losses[-1]:.4f}  test accuracy {accuracies[-1]:.4f}")
    if options.plot is not None:
        draw(options.plot, losses, accuracies, model, held_out)
    print(f"test accuracy: {accuracies[-1]:.4f}")


def main(arguments: list[str] | None = None) -> int:
    """Runs the example; returns the exit status."""
    parser = common.parser(__doc__, plot="convolutions.png")
    parser.add_argument("--epochs", type=common.positive, default=15, help="passes over the training images")
    parser.add_argument("--batch", type=common.positive, default=32, help="images a step")
    parser.add_argument("--rate", type=common.above_zero, default=0.002, help="Adam's learning rate")
    options = parser.parse_args(arguments)
    return common.run("train_convolutions", lambda: example(options))


if __name__ == "__main__":
    sys.exit(main())
