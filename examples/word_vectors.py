"""Learns vectors of words from the text of Python's own documentation, which ships with Python.

    python examples/word_vectors.py                     native code, `words.png` in the current folder
    python examples/word_vectors.py --target numpy

Skip-gram with negative samples (Mikolov et al., 2013). The gradient of a table of vectors is `IndexedSlices`: each step
touches the rows of its words and no others. Prints the words whose vectors are nearest to some words.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import common
import numpy as np
from common import Array

import pullback as pb

WORDS_SHOWN = 70
PROBES = ("list", "integer", "class", "true", "import", "method")
"""Words whose neighbours are printed."""


@dataclass(frozen=True)
class Corpus:
    """A text as indices into a vocabulary, the most frequent word first, and how often each occurs."""

    words: list[str]
    counts: Array
    text: Array

    def noise(self) -> Array:
        """The distribution of negative samples: counts to the power of 3/4."""
        weights = self.counts**0.75
        return weights / weights.sum()


@dataclass(frozen=True)
class Batch:
    """Words (n,), a word near each (n,), and words that need not (n, k)."""

    words: Array
    near: Array
    noise: Array


def load(size: int) -> Corpus:
    """Python's documentation of its language, with its `size` most frequent words."""
    from pydoc_data.topics import topics

    text = re.findall(r"[a-z_]{2,}", " ".join(topics.values()).lower())
    counted = Counter(text).most_common(size)
    words = [word for word, _ in counted]
    index = {word: i for i, word in enumerate(words)}
    known = np.array([index[w] for w in text if w in index], np.int32)
    return Corpus(words, np.array([count for _, count in counted], np.float64), known)


def batches(
    corpus: Corpus, size: int, count: int, window: int, negative: int, rng: np.random.Generator
) -> Iterator[Batch]:
    """Pairs of near words from all over the text; frequent words are left out more often."""
    share = corpus.counts / corpus.counts.sum()
    kept = np.minimum(1, np.sqrt(1e-3 / share))[corpus.text]
    noise = corpus.noise()
    text = corpus.text
    for number in range(count):
        if number % 100 == 0:
            text = corpus.text[rng.random(len(corpus.text)) < kept]
        at = rng.integers(window, len(text) - window, size)
        distance = rng.integers(1, window + 1, size) * rng.choice([-1, 1], size)
        drawn = rng.choice(len(corpus.words), (size, negative), p=noise).astype(np.int32)
        yield Batch(text[at], text[at + distance], drawn)


class Model:
    """Two vectors for each word: of the word itself, and of the word as a neighbour."""

    def __init__(self, words: int, width: int, negative: int, rate: float, target: str, seed: int) -> None:
        rng = np.random.default_rng(seed)
        with pb.Graph():
            self.vectors = pb.Variable(
                (rng.normal(size=(words, width)) / width).astype(np.float32), "vectors"
            )
            context = pb.Variable(np.zeros((words, width), np.float32), "context")
            word = pb.placeholder("i32", (None,), name="word")
            near = pb.placeholder("i32", (None,), name="near")
            noise = pb.placeholder("i32", (None, negative), name="noise")
            center = pb.gather(self.vectors, word)
            attraction = pb.sum(center * pb.gather(context, near), axis=1)
            repulsion = pb.sum(pb.expand_dims(center, 1) * pb.gather(context, noise), axis=2)
            loss = pb.mean(pb.softplus(-attraction) + pb.sum(pb.softplus(repulsion), axis=1))
            update = pb.train.AdamOptimizer(rate).minimize(loss)
            self._step = pb.compile([word, near, noise], [loss, update], target=target)

    def step(self, batch: Batch) -> float:
        """One update; the loss before it."""
        return float(self._step(batch.words, batch.near, batch.noise)[0])

    def directions(self) -> Array:
        """The vectors of all words, each of length 1."""
        vectors = self.vectors.numpy()
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def neighbours(corpus: Corpus, directions: Array, word: str, count: int = 5) -> list[str]:
    """The words whose vectors point most nearly where that of `word` does."""
    likeness = directions @ directions[corpus.words.index(word)]
    return [corpus.words[i] for i in np.argsort(-likeness)[1 : count + 1]]


def draw(path: Path, losses: list[float], corpus: Corpus, directions: Array) -> None:
    """The loss, and frequent words where the two main directions of their vectors put them."""
    shown = np.flatnonzero([len(w) > 3 for w in corpus.words])[:WORDS_SHOWN]
    centered = directions[shown] - directions[shown].mean(axis=0)
    places = centered @ np.linalg.svd(centered, full_matrices=False)[2][:2].T
    smooth = np.convolve(losses, np.ones(50) / 50, mode="valid")
    with common.picture(path, 11, 6) as figure:
        left, right = figure.subplots(1, 2, width_ratios=[1, 2])
        left.plot(smooth)
        left.set(title="loss, mean of 50 steps", xlabel="step")
        right.scatter(*places.T, s=4)
        for i, (x, y) in zip(shown, places, strict=True):
            right.annotate(corpus.words[i], (x, y), fontsize=8)
        right.set(title="frequent words, by the two main directions of their vectors", xticks=[], yticks=[])


def example(options: argparse.Namespace) -> None:
    """The whole of it."""
    common.check_folder(options.plot)
    corpus = load(options.vocabulary)
    missing = [w for w in PROBES if w not in corpus.words]
    if missing:
        raise common.ExampleError(f"--vocabulary {options.vocabulary}: too small to have '{missing[0]}'")
    model = Model(len(corpus.words), options.width, 5, options.rate, options.target, options.seed)
    rng = np.random.default_rng(options.seed)
    losses: list[float] = []
    with common.progress("step", options.steps) as done:
        for batch in batches(corpus, options.batch, options.steps, 4, 5, rng):
            losses.append(model.step(batch))
            done(f"loss {np.mean(losses[-50:]):.3f}")
    directions = model.directions()
    for word in PROBES:
        print(f"{word}: {', '.join(neighbours(corpus, directions, word))}")
    if options.plot is not None:
        draw(options.plot, losses, corpus, directions)
    print(f"loss: {np.mean(losses[:50]):.3f} -> {np.mean(losses[-50:]):.3f}")


def main(arguments: list[str] | None = None) -> int:
    """Runs the example; returns the exit status."""
    parser = common.parser(__doc__, plot="words.png")
    parser.add_argument(
        "--vocabulary", type=common.positive, default=1500, help="words, the most frequent ones"
    )
    parser.add_argument("--width", type=common.positive, default=48, help="numbers in a vector")
    parser.add_argument("--steps", type=common.positive, default=3000, help="updates")
    parser.add_argument("--batch", type=common.positive, default=512, help="pairs of words a step")
    parser.add_argument("--rate", type=common.above_zero, default=0.01, help="Adam's learning rate")
    options = parser.parse_args(arguments)
    return common.run("word_vectors", lambda: example(options))


if __name__ == "__main__":
    sys.exit(main())
