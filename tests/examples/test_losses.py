"""Every target trains the examples alike: their losses, step by step, are those of the evaluator."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from pullback.tests.targets import COMPILED

EXAMPLES = Path(__file__).parents[2] / "examples"
Losses = Iterator[float]


def digits(example: ModuleType, target: str, rate: float, seed: int) -> Losses:
    pytest.importorskip("sklearn")
    data, _ = example.common.load_digits()
    model = example.build(rate, target, seed)
    for batch in example.common.batches(data, 32, np.random.default_rng(seed)):
        yield float(model.train(*batch)[0])


def train_digits(example: ModuleType, target: str) -> Losses:
    return digits(example, target, 0.2, seed=0)


def train_convolutions(example: ModuleType, target: str) -> Losses:
    """By a seed under which rounding decides nothing.

    In the second step by seed 0 the two largest numbers of a pooling window are 2e-7 apart: the gradient goes to one or
    the other, and the losses after it differ by up to 2e-5.
    """
    return digits(example, target, 0.002, seed=1)


def word_vectors(example: ModuleType, target: str) -> Losses:
    corpus = example.load(1500)
    model = example.Model(len(corpus.words), 48, 5, 0.01, target, 0)
    return map(model.step, example.batches(corpus, 512, 100, 4, 5, np.random.default_rng(0)))


def characters(example: ModuleType, target: str) -> Losses:
    corpus = example.load(300_000)
    model = example.build(len(corpus.alphabet), 0.003, target, 0)
    for piece in example.windows(corpus.train, 16, 100, np.random.default_rng(0)):
        yield float(model.train(piece[:, :-1], piece[:, 1:])[0])


Run = Callable[[ModuleType, str], Losses]
SAMPLED: dict[Run, int] = {train_digits: 8, train_convolutions: 2, word_vectors: 3}
"""The steps that `make test` runs, as the examples run unless told otherwise."""
RUNS = [*SAMPLED, characters]


@pytest.fixture(autouse=True)
def _example_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)


def losses(run: Run, target: str, steps: int) -> list[float]:
    example: Any = importlib.import_module(run.__name__)
    return list(islice(run(example, target), steps))


@cache
def expected(run: Run, steps: int) -> list[float]:
    return losses(run, "numpy", steps)


def check(run: Run, target: str, steps: int) -> None:
    wanted = expected(run, steps)
    assert len(wanted) == steps
    np.testing.assert_allclose(losses(run, target, steps), wanted, rtol=1e-5, atol=0)


@pytest.mark.parametrize("target", COMPILED)
@pytest.mark.parametrize("run", SAMPLED)
def test_the_first_losses_are_the_evaluators(run: Run, target: str) -> None:
    check(run, target, SAMPLED[run])


@pytest.mark.slow
@pytest.mark.parametrize("target", COMPILED)
@pytest.mark.parametrize("run", RUNS)
def test_losses_are_the_evaluators(run: Run, target: str) -> None:
    """Of 20 steps; of 5 where the emulator takes seconds for one."""
    check(run, target, 5 if run is characters and target == "simt" else 20)
