"""The examples on target `cuda`: their first losses are those of the evaluator."""

from __future__ import annotations

import pytest

from pullback.tests.examples.test_losses import EXAMPLES, RUNS, SAMPLED, Run, check, word_vectors


@pytest.fixture(autouse=True)
def _folder_of_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)


@pytest.mark.parametrize("run", RUNS)
def test_the_first_losses(run: Run, place: str) -> None:
    if place == "stand-in" and run not in SAMPLED:
        pytest.skip("takes a minute there")
    check(run, "cuda", 20 if place == "device" else 1 if run is word_vectors else 2)
