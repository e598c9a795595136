"""What all examples share: options, progress at a terminal, files that are never half written, the digits."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

import pullback as pb
from pullback.dialects.graph.tensor.types import GraphError
from pullback.dialects.ir.diagnostics import DiagnosticError

Array = npt.NDArray[Any]


class ExampleError(Exception):
    """An option asks for what cannot be done; the message says which, and what was expected."""


def run(name: str, example: Callable[[], None]) -> int:
    """Runs an example and says in a line what went wrong, if something did; returns the exit status."""
    try:
        example()
    except (ExampleError, OSError, DiagnosticError, GraphError) as error:
        print(f"{name}: {error}", file=sys.stderr)
    except ImportError as error:
        print(f"{name}: {error}: pip install 'pullback[examples]'", file=sys.stderr)
    else:
        return 0
    return 1


# ---- options --------------------------------------------------------------------------------------------------


def parser(description: str | None, plot: str | None) -> argparse.ArgumentParser:
    """The options of every example; `plot` is the picture's name unless told otherwise, if there is one."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--target", choices=list(pb.list_targets()), default="cpu", help="what runs the steps")
    made.add_argument("--seed", type=int, default=0, help="of the first weights and of the order of the data")
    if plot is not None:
        made.add_argument("--plot", type=Path, default=Path(plot), metavar="FILE", help="the picture")
        made.add_argument("--no-plot", dest="plot", action="store_const", const=None, help="draw nothing")
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


def check_folder(plot: Path | None) -> None:
    """`ExampleError` where the picture would have no folder, which is better known before training than after."""
    if plot is not None and not plot.parent.is_dir():
        raise ExampleError(f"--plot {plot}: there is no folder {plot.parent}")


# ---- progress and files ---------------------------------------------------------------------------------------


@contextmanager
def progress(unit: str, total: int) -> Generator[Callable[[str], None]]:
    """A bar over `total` turns, at a terminal only; the given function is called after each turn with the state."""
    console = Console()
    columns = (
        TextColumn(unit + " {task.completed:.0f}/{task.total:.0f}"),
        BarColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("compiling", total=total)
        yield lambda text: bar.update(task, advance=1, description=text)


def write(path: Path, content: bytes | Callable[[Path], None]) -> None:
    """Writes a file under another name, then renames it, so that it is never seen half written."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".pullback-") as folder:
        fresh = Path(folder) / path.name
        if isinstance(content, bytes):
            fresh.write_bytes(content)
        else:
            content(fresh)
        fresh.replace(path)


@contextmanager
def picture(path: Path, width: float, height: float) -> Generator[Any]:
    """A Matplotlib figure to draw on, which is then written to `path`."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure: Any = plt.figure(figsize=(width, height), layout="constrained")
    yield figure
    write(path, lambda fresh: figure.savefig(fresh, dpi=110))
    plt.close(figure)


# ---- digits ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Digits:
    """Images of 8 x 8 pixels, one a row, scaled to 0..1 (f32), and the digits they show (i32)."""

    images: Array
    labels: Array


def load_digits() -> tuple[Digits, Digits]:
    """The images to train on, and the third that is held out; every class is in both in proportion."""
    from sklearn.datasets import load_digits as load
    from sklearn.model_selection import train_test_split

    bunch: Any = load()
    images = (bunch.data / 16).astype(np.float32)
    labels = bunch.target.astype(np.int32)
    parts: Any = train_test_split(images, labels, test_size=1 / 3, random_state=0, stratify=labels)
    train_x, test_x, train_t, test_t = parts
    return Digits(train_x, train_t), Digits(test_x, test_t)


def batches(digits: Digits, size: int, rng: np.random.Generator) -> Iterator[tuple[Array, Array]]:
    """The images in a new random order, `size` at a time; a rest that fills no batch waits for the next pass."""
    order = rng.permutation(len(digits.labels))
    for start in range(0, len(order) - size + 1, size):
        chosen = order[start : start + size]
        yield digits.images[chosen], digits.labels[chosen]


def draw_training(figure: Any, losses: Sequence[float], accuracies: Sequence[float]) -> None:
    """Loss and accuracy over the epochs, side by side."""
    left, right = figure.subplots(1, 2)
    left.plot(losses)
    left.set(title="training loss", xlabel="epoch", yscale="log")
    right.plot(accuracies)
    right.set(title=f"test accuracy, {accuracies[-1]:.4f} at the end", xlabel="epoch", ylim=(0.8, 1))


def draw_misread(figure: Any, held_out: Digits, seen: Array) -> None:
    """The held-out images that were misread."""
    wrong = np.flatnonzero(seen != held_out.labels)
    figure.suptitle(f"{len(wrong)} of {len(seen)} images misread: seen (really)")
    for axes, i in zip(figure.subplots(2, 10).flat, wrong[:20], strict=False):
        axes.imshow(held_out.images[i].reshape(8, 8), cmap="gray_r")
        axes.set_title(f"{seen[i]} ({held_out.labels[i]})", fontsize=9)
    for axes in figure.axes:
        axes.axis("off")
