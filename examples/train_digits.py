"""Trains a small network on scikit-learn's 1,797 handwritten digits, with gradients that Pullback derives.

    python examples/train_digits.py                     native code, `digits.png` in the current folder
    python examples/train_digits.py --target numpy      the same on the evaluator
    python examples/train_digits.py --dump-ir ir        every level of the training step, as text

Prints the accuracy on the third of the images that training never sees.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

import pullback as pb

Array = npt.NDArray[Any]
PIXELS, CLASSES, HIDDEN = 64, 10, 128
LEVELS = {"gradients": "mlir", "graph": "mlir", "kernels": "mlir", "loops": "mlir", "llvm": "ll"}
"""The levels that `--dump-ir` writes, from the graph as built to LLVM IR, and how their files end."""


@dataclass(frozen=True)
class Digits:
    """Images of 8 x 8 pixels, one a row, scaled to 0..1 (f32), and the digits they show (i32)."""

    images: Array
    labels: Array


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


def load() -> tuple[Digits, Digits]:
    """The images to train on, and the third that is held out; every class is in both in proportion."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    bunch: Any = load_digits()
    images = (bunch.data / 16).astype(np.float32)
    labels = bunch.target.astype(np.int32)
    parts: Any = train_test_split(images, labels, test_size=1 / 3, random_state=0, stratify=labels)
    train_x, test_x, train_t, test_t = parts
    return Digits(train_x, train_t), Digits(test_x, test_t)


def cross_entropy(logits: pb.Tensor, labels: pb.Tensor) -> pb.Tensor:
    """The mean over the batch of -log(softmax(logits))[label]; logits (n, CLASSES), labels (n,)."""
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
        w1, b1 = (
            pb.Variable(weights(PIXELS, HIDDEN), name="w1"),
            pb.Variable(np.zeros(HIDDEN, np.float32), "b1"),
        )
        w2, b2 = (
            pb.Variable(weights(HIDDEN, CLASSES), name="w2"),
            pb.Variable(np.zeros(CLASSES, np.float32), "b2"),
        )
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


def batches(digits: Digits, size: int, rng: np.random.Generator) -> Iterator[tuple[Array, Array]]:
    """The images in a new random order, `size` at a time; a rest that fills no batch waits for the next pass."""
    order = rng.permutation(len(digits.labels))
    for start in range(0, len(order) - size + 1, size):
        chosen = order[start : start + size]
        yield digits.images[chosen], digits.labels[chosen]


def train(
    model: Model,
    data: Digits,
    held_out: Digits,
    epochs: int,
    size: int,
    seed: int,
    done: Callable[[Epoch], None],
) -> list[Epoch]:
    """Passes over the data `epochs` times; calls `done` after each."""
    rng = np.random.default_rng(seed)
    history: list[Epoch] = []
    for _ in range(epochs):
        losses = [float(model.train(images, labels)[0]) for images, labels in batches(data, size, rng)]
        accuracy = float(np.mean(read(model, held_out) == held_out.labels))
        history.append(Epoch(float(np.mean(losses)), accuracy))
        done(history[-1])
    return history


def read(model: Model, digits: Digits) -> Array:
    """The digit that the network sees in each image."""
    return np.argmax(model.predict(digits.images), axis=1)


# ---- what is written ----------------------------------------------------------------------------------------


def write(path: Path, content: bytes | Callable[[Path], None]) -> None:
    """Writes a file beside its place, then renames it, so that nobody meets half of it."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".pullback-") as folder:
        fresh = Path(folder) / path.name
        if isinstance(content, bytes):
            fresh.write_bytes(content)
        else:
            content(fresh)
        fresh.replace(path)


def draw(path: Path, history: list[Epoch], held_out: Digits, seen: Array) -> None:
    """Loss and accuracy over the epochs, and the held-out images that were misread."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    wrong = np.flatnonzero(seen != held_out.labels)[:20]
    figure: Any = plt.figure(figsize=(10, 6), layout="constrained")
    curves, images = figure.subfigures(2, 1, height_ratios=[3, 2])
    left, right = curves.subplots(1, 2)
    left.plot([epoch.loss for epoch in history])
    left.set(title="training loss", xlabel="epoch", yscale="log")
    right.plot([epoch.accuracy for epoch in history])
    right.set(title=f"test accuracy, {history[-1].accuracy:.4f} at the end", xlabel="epoch", ylim=(0.8, 1))
    images.suptitle(f"{np.sum(seen != held_out.labels)} of {len(seen)} images misread: seen (really)")
    for axes, i in zip(images.subplots(2, 10).flat, wrong, strict=False):
        axes.imshow(held_out.images[i].reshape(8, 8), cmap="gray_r")
        axes.set_title(f"{seen[i]} ({held_out.labels[i]})", fontsize=9)
    for axes in images.axes:
        axes.axis("off")
    write(path, lambda fresh: figure.savefig(fresh, dpi=110))
    plt.close(figure)


def dump_ir(folder: Path, step: pb.Step, shapes: list[tuple[int, ...]]) -> None:
    """One numbered file for each level of a step."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (level, suffix) in enumerate(LEVELS.items(), start=1):
        write(folder / f"{number}-{level}.{suffix}", step.ir(level, shapes).encode())


# ---- command line -------------------------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> int:
    """Runs the example; returns the exit status."""
    options = parser().parse_args(arguments)
    console = Console()
    try:
        data, held_out = load()
    except ImportError as error:
        print(
            f"train_digits: needs scikit-learn ({error}): pip install 'pullback[examples]'", file=sys.stderr
        )
        return 1
    if (found := problem(options, data)) is not None:
        print(f"train_digits: {found}", file=sys.stderr)
        return 1
    try:
        model = build(options.rate, options.target, options.seed)
        if options.dump_ir is not None:
            dump_ir(options.dump_ir, model.train, [(options.batch, PIXELS), (options.batch,)])
        history = fit(model, data, held_out, options, console)
        if options.plot is not None:
            draw(options.plot, history, held_out, read(model, held_out))
    except (OSError, ImportError) as error:
        print(f"train_digits: {error}", file=sys.stderr)
        return 1
    print(f"test accuracy: {history[-1].accuracy:.4f}")
    return 0


def problem(options: argparse.Namespace, data: Digits) -> str | None:
    """What would go wrong, perhaps only after training."""
    if options.batch > len(data.labels):
        return f"--batch {options.batch}: there are {len(data.labels)} images"
    if options.plot is not None and not options.plot.parent.is_dir():
        return f"--plot {options.plot}: there is no folder {options.plot.parent}"
    return None


def fit(
    model: Model, data: Digits, held_out: Digits, options: argparse.Namespace, console: Console
) -> list[Epoch]:
    """Trains behind a progress bar, which is shown at a terminal only."""
    columns = (
        TextColumn("epoch {task.completed:.0f}/{task.total:.0f}"),
        BarColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("compiling", total=options.epochs)

        def done(epoch: Epoch) -> None:
            text = f"loss {epoch.loss:.4f}  test accuracy {epoch.accuracy:.4f}"
            progress.update(task, advance=1, description=text)

        return train(model, data, held_out, options.epochs, options.batch, options.seed, done)


def parser() -> argparse.ArgumentParser:
    """The options; wrong ones end the program with a line that says what was expected."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--target", choices=["cpu", "numpy"], default="cpu", help="what runs the steps")
    made.add_argument("--epochs", type=positive, default=60, help="passes over the training images")
    made.add_argument("--batch", type=positive, default=32, help="images a step")
    made.add_argument("--rate", type=above_zero, default=0.2, help="how far a step goes down the gradient")
    made.add_argument("--seed", type=int, default=0, help="of the first weights and of the order of images")
    made.add_argument("--plot", type=Path, default=Path("digits.png"), metavar="FILE", help="the picture")
    made.add_argument("--no-plot", dest="plot", action="store_const", const=None, help="draw nothing")
    made.add_argument("--dump-ir", type=Path, metavar="DIR", help="write each level of a training step")
    return made


def positive(text: str) -> int:
    """A whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, got {text!r}")
    return int(text)


def above_zero(text: str) -> float:
    """A finite number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return number


if __name__ == "__main__":
    sys.exit(main())
