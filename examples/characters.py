"""Trains a small transformer to write Python's documentation, character by character.

    python examples/characters.py                       native code, `characters.png` in the current folder
    python examples/characters.py --target numpy

The text ships with Python. Prints a sample, and the bits that the network needs for a character of text that training
never sees, beside what counting pairs of characters needs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import common
import numpy as np
from common import Array

import pullback as pb

WIDTH, HEADS, LAYERS, CONTEXT = 64, 4, 2, 64
"""Numbers for a character, attention heads, layers, and how far back the network looks."""


@dataclass(frozen=True)
class Corpus:
    """The characters that occur, and a text to train on and one to test on, as indices into them."""

    alphabet: str
    train: Array
    test: Array

    def text(self, indices: Array) -> str:
        """What is written."""
        return "".join(self.alphabet[i] for i in indices)


def load(size: int) -> Corpus:
    """The first `size` characters of Python's documentation of its language; the last tenth is held out."""
    from pydoc_data.topics import topics

    text = " ".join(" ".join(topics.values()).split())[:size]
    text = "".join(c if " " <= c <= "~" else "?" for c in text)
    alphabet = "".join(sorted(set(text)))
    indices = np.array([alphabet.index(c) for c in text], np.int32)
    cut = len(indices) * 9 // 10
    return Corpus(alphabet, indices[:cut], indices[cut:])


def windows(text: Array, size: int, count: int, rng: np.random.Generator) -> Iterator[Array]:
    """Pieces of text from all over, of CONTEXT characters and the one after: (size, CONTEXT + 1)."""
    for _ in range(count):
        starts = rng.integers(0, len(text) - CONTEXT, size)
        yield text[starts[:, None] + np.arange(CONTEXT + 1)]


def bits_of_pairs(corpus: Corpus) -> float:
    """Bits for a character of the test text, by how often characters follow each other in the other."""
    size = len(corpus.alphabet)
    counts = np.full((size, size), 0.1)
    np.add.at(counts, (corpus.train[:-1], corpus.train[1:]), 1)
    chances = counts / counts.sum(axis=1, keepdims=True)
    return float(-np.mean(np.log2(chances[corpus.test[:-1], corpus.test[1:]])))


# ---- the network ----------------------------------------------------------------------------------------------


Norm = tuple[pb.Variable, pb.Variable]
"""The scale and the offset of normalised numbers."""


@dataclass(frozen=True)
class Layer:
    """The weights of attention (query, key, value, result), and of the dense part after it."""

    before_attention: Norm
    attention: list[pb.Variable]
    before_dense: Norm
    rise: pb.Variable
    fall: pb.Variable


class Network:
    """A transformer that reads characters from left to right, normalised before each part (Xiong et al., 2020)."""

    def __init__(self, alphabet: int, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self.characters = self._weights(alphabet, WIDTH, scale=0.1)
        self.places = self._weights(CONTEXT, WIDTH, scale=0.1)
        self.layers = [self._layer() for _ in range(LAYERS)]
        self.last = self._norm()
        self.out = self._weights(WIDTH, alphabet)
        self.attention: list[pb.Tensor] = []
        """What each layer looked at in the latest call: (batch, HEADS, from, to)."""

    def _weights(self, rows: int, columns: int, scale: float | None = None) -> pb.Variable:
        spread = 1 / np.sqrt(rows) if scale is None else scale
        return pb.Variable((self._rng.normal(size=(rows, columns)) * spread).astype(np.float32), "weights")

    def _norm(self) -> Norm:
        ones, zeros = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)
        return pb.Variable(ones, "scale"), pb.Variable(zeros, "offset")

    def _layer(self) -> Layer:
        return Layer(
            self._norm(),
            [self._weights(WIDTH, WIDTH) for _ in range(4)],
            self._norm(),
            self._weights(WIDTH, 4 * WIDTH),
            self._weights(4 * WIDTH, WIDTH),
        )

    def __call__(self, text: pb.Tensor) -> pb.Tensor:
        """Logits (n, CONTEXT, alphabet) of the next character, at each place of text (n, CONTEXT)."""
        self.attention.clear()
        h = pb.gather(self.characters, text) + self.places
        for layer in self.layers:
            h = h + self._attend(pb.layer_norm(h, *layer.before_attention), layer.attention)
            h = h + pb.gelu(pb.layer_norm(h, *layer.before_dense) @ layer.rise) @ layer.fall
        return pb.layer_norm(h, *self.last) @ self.out

    def _attend(self, h: pb.Tensor, weights: list[pb.Variable]) -> pb.Tensor:
        """Each place looks at those before it, and at itself."""
        query, key, value = (self._heads(h @ w) for w in weights[:3])
        likeness = pb.matmul(query, key, transpose_b=True) * (1 / np.sqrt(WIDTH // HEADS))
        before = pb.constant(np.tril(np.ones((CONTEXT, CONTEXT), np.bool_)))
        self.attention.append(pb.softmax(pb.where(before, likeness, -1e9), axis=-1))
        mixed = pb.transpose(self.attention[-1] @ value, (0, 2, 1, 3))
        return pb.reshape(mixed, (-1, CONTEXT, WIDTH)) @ weights[3]

    def _heads(self, h: pb.Tensor) -> pb.Tensor:
        """(n, CONTEXT, WIDTH) as (n, HEADS, CONTEXT, WIDTH / HEADS)."""
        return pb.transpose(pb.reshape(h, (-1, CONTEXT, HEADS, WIDTH // HEADS)), (0, 2, 1, 3))


@dataclass(frozen=True)
class Model:
    """What is compiled: one step of training, the loss alone, and logits with the attention of the last layer."""

    train: pb.Step
    loss: pb.Step
    read: pb.Step


def build(alphabet: int, rate: float, target: str, seed: int) -> Model:
    """The network, its gradients, clipped, and Adam."""
    with pb.Graph():
        network = Network(alphabet, seed)
        text = pb.placeholder("i32", (None, CONTEXT), name="text")
        after = pb.placeholder("i32", (None, CONTEXT), name="after")
        logits = network(text)
        loss = pb.mean(pb.sparse_softmax_cross_entropy_with_logits(labels=after, logits=logits))
        optimizer = pb.train.AdamOptimizer(rate)
        # Updates in place are proved right; no gradient has to wait for another.
        pairs = optimizer.compute_gradients(loss, gate_gradients=optimizer.GATE_NONE)
        clipped, _ = pb.clip_by_global_norm([gradient for gradient, _ in pairs], 1.0)
        update = optimizer.apply_gradients(list(zip(clipped, [v for _, v in pairs], strict=True)))
        return Model(
            train=pb.compile([text, after], [loss, update], target=target),
            loss=pb.compile([text, after], loss, target=target),
            read=pb.compile([text], [logits, network.attention[-1]], target=target),
        )


def bits(model: Model, corpus: Corpus) -> float:
    """Bits for a character of the test text."""
    rng = np.random.default_rng(1)
    pieces = windows(corpus.test, 32, 8, rng)
    return float(np.mean([model.loss(p[:, :-1], p[:, 1:]) for p in pieces]) / np.log(2))


def sample(model: Model, corpus: Corpus, length: int, rng: np.random.Generator) -> str:
    """A text that the network writes after the beginning of the test text."""
    text = list(corpus.test[:CONTEXT])
    for _ in range(length):
        logits = model.read(np.array([text[-CONTEXT:]], np.int32))[0][0, -1].astype(np.float64) / 0.8
        chances = np.exp(logits - logits.max())
        text.append(rng.choice(len(corpus.alphabet), p=chances / chances.sum()))
    return corpus.text(np.array(text[CONTEXT:]))


# ---- the example ----------------------------------------------------------------------------------------------


def draw(path: Path, losses: list[float], baseline: float, model: Model, corpus: Corpus) -> None:
    """The loss, and what the heads of the last layer look at in a piece of the test text."""
    text = corpus.test[:CONTEXT]
    attention = model.read(text[None])[1][0]
    with common.picture(path, 11, 8) as figure:
        above, below = figure.subfigures(2, 1, height_ratios=[2, 3])
        axes = above.subplots()
        axes.plot(np.array(losses) / np.log(2), lw=0.8)
        axes.axhline(baseline, color="gray", ls="--", label="counting pairs of characters")
        axes.set(title="bits for a character", xlabel="step", ylim=(0, None))
        axes.legend()
        below.suptitle("what each head of the last layer looks at (across) when it reads a character (down)")
        shown = corpus.text(text)[:32]
        for head, panel in enumerate(below.subplots(1, HEADS)):
            panel.imshow(attention[head, :32, :32], cmap="magma")
            panel.set_xticks(range(32), shown, fontsize=5)
            panel.set_yticks(range(32), shown, fontsize=5)


def example(options: argparse.Namespace) -> None:
    """The whole of it."""
    common.check_folder(options.plot)
    corpus = load(options.text)
    if len(corpus.test) <= CONTEXT:
        raise common.ExampleError(f"--text {options.text}: expected at least {11 * CONTEXT} characters")
    model = build(len(corpus.alphabet), options.rate, options.target, options.seed)
    rng = np.random.default_rng(options.seed)
    losses: list[float] = []
    with common.progress("step", options.steps) as done:
        for piece in windows(corpus.train, options.batch, options.steps, rng):
            losses.append(float(model.train(piece[:, :-1], piece[:, 1:])[0]))
            done(f"{np.mean(losses[-20:]) / np.log(2):.2f} bits")
    baseline = bits_of_pairs(corpus)
    print(f"sample: {sample(model, corpus, options.sample, rng)}")
    if options.plot is not None:
        draw(options.plot, losses, baseline, model, corpus)
    print(f"bits for a character: {bits(model, corpus):.2f} (counting pairs: {baseline:.2f})")


def main(arguments: list[str] | None = None) -> int:
    """Runs the example; returns the exit status."""
    parser = common.parser(__doc__, plot="characters.png")
    parser.add_argument("--steps", type=common.positive, default=1000, help="updates")
    parser.add_argument("--batch", type=common.positive, default=16, help="pieces of text a step")
    parser.add_argument("--rate", type=common.above_zero, default=0.003, help="Adam's learning rate")
    parser.add_argument("--text", type=common.positive, default=300_000, help="characters of text")
    parser.add_argument("--sample", type=common.positive, default=200, help="characters to write")
    options = parser.parse_args(arguments)
    return common.run("characters", lambda: example(options))


if __name__ == "__main__":
    sys.exit(main())
