"""Names of TensorFlow 1, where TensorFlow is installed: no extra brings it."""

from __future__ import annotations

import operator
from typing import Any

import pytest

from pullback.tools.generate.names import names_elsewhere, public

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("default")]

tf: Any = pytest.importorskip("tensorflow").compat.v1


def tensorflow_names(name: str) -> list[str]:
    return [other for other in names_elsewhere(name) if other.startswith("tf.")]


def test_names() -> None:
    for name in public():
        for other in tensorflow_names(name):
            operator.attrgetter(other.removeprefix("tf."))(tf)  # an AttributeError names it


def test_no_name_is_forgotten() -> None:
    places = (tf, tf.math, tf.nn, tf.linalg, tf.train)
    there = {name for name in public() if any(callable(getattr(place, name, None)) for place in places)}
    assert there == there & {name for name in public() if tensorflow_names(name)}
