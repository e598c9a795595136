"""The example over two devices learns as the evaluator does, and copies what crosses alone."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pullback.tests.targets import ON_GPUS

pytest.importorskip("sklearn")

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(EXAMPLES)
    return importlib.import_module("two_devices")


def losses(example: Any, table: str, target: str) -> list[float]:
    data, _ = example.common.load_digits()
    step = example.build(example.Placement(table, "cuda:0"), 0.5, target, 0)
    rows = example.rows_of(data.images[:16])
    return [float(step(rows, data.labels[:16])[0]) for _ in range(4)]


@pytest.mark.parametrize("target", [t for t in ON_GPUS if t != "cuda"])
@pytest.mark.parametrize("table", ["cpu:0", pytest.param("cuda:1", marks=pytest.mark.slow)])
def test_the_losses_are_the_evaluators(example: Any, table: str, target: str) -> None:
    found, expected = (losses(example, table, t) for t in (target, "numpy"))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert found[-1] < 0.8 * found[0]


def test_it_says_what_crosses(example: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert example.main(["--steps", "2", "--batch", "4", "--layers", "/gpu:1"]) == 0
    *steps, copies = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in steps] == ["step 0", "step 1"]
    assert copies == "copies in each step: tensor<4x48xf32> to cuda:1; tensor<4x48xf32> to cpu:0"
