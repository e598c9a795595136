"""The steps of the examples lower to GPU kernels, which NVRTC compiles. Nothing is run here."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

import pullback as pb
from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.tests.compiled_kernels import ARCHITECTURES, Kernels, needs_nvrtc

EXAMPLES = Path(__file__).parents[2] / "examples"


def characters(example: ModuleType) -> tuple[pb.Step, list[tuple[int, ...]]]:
    return example.build(40, 0.01, "simt", 0).train, [(8, example.CONTEXT)] * 2


def word_vectors(example: ModuleType) -> tuple[pb.Step, list[tuple[int, ...]]]:
    return example.Model(300, 48, 5, 0.01, "simt", 0)._step, [(256,), (256,), (256, 5)]


def train_convolutions(example: ModuleType) -> tuple[pb.Step, list[tuple[int, ...]]]:
    return example.build(0.01, "simt", 0).train, [(64, 64), (64,)]


def train_digits(example: ModuleType) -> tuple[pb.Step, list[tuple[int, ...]]]:
    return example.build(0.1, "simt", 0).train, [(64, 64), (64,)]


def two_devices(example: ModuleType) -> tuple[pb.Step, list[tuple[int, ...]]]:
    return example.build(example.Placement("cpu:0", "cuda:0"), 0.1, "simt", 0), [(32, 64), (32,)]


STEPS = [characters, word_vectors, train_convolutions, train_digits, two_devices]


@needs_nvrtc
@pytest.mark.parametrize("step", STEPS)
def test_nvrtc_compiles_the_kernels(
    step, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)
    train, shapes = step(importlib.import_module(step.__name__))
    kernels = Kernels()
    kernels.record(parse(context(), train.ir("gpu", shapes)).module)
    assert kernels.origins
    everything = request.config.getoption("--all")
    for architecture in ARCHITECTURES if everything else ARCHITECTURES[STEPS.index(step) % 2 :][:1]:
        kernels.check(architecture)
