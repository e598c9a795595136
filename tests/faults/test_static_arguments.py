"""Traces were told apart as Python compares: `(2,)` after `(2.0,)`, or 0.0 after -0.0, ran what was traced before."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest

import pullback as pb
from pullback.frontend.nests.exact_keys import exact_key


class Color(IntEnum):
    RED = 1


class Size(IntEnum):
    SMALL = 1


@dataclass(frozen=True)
class Options:
    scale: Any
    note: str = field(default="", compare=False)


class Pair(NamedTuple):
    a: Any
    b: Any


NAN = float("nan")
NOON = datetime(2020, 1, 1, 12, tzinfo=UTC)

DIFFERENT: list[tuple[Hashable, Hashable]] = [
    (1, 1.0),
    (1, True),
    (0.0, -0.0),
    (complex(0.0, -0.0), complex(0.0, 0.0)),
    (1.0, 1 + 0j),
    ((2,), (2.0,)),
    ((True,), (1,)),
    (((1, (0.0,)),), ((1, (-0.0,)),)),
    (frozenset({1}), frozenset({1.0})),
    (frozenset({(1, "a")}), frozenset({(True, "a")})),
    (Pair(1, 2), (1, 2)),
    (Pair(1, 2), Pair(1.0, 2)),
    (np.float32(1), np.float64(1)),
    (np.float32(0), np.float32(-0.0)),
    (np.int64(1), 1),
    (np.bool_(True), True),
    (np.float64(1), 1.0),
    (np.str_("a"), "a"),
    (np.dtype("<f4"), np.dtype(">f4")),
    (Color.RED, Size.SMALL),
    (Color.RED, 1),
    (Options(1), Options(1.0)),
    (Options((1,)), Options((True,))),
    (Options(Options(0.0)), Options(Options(-0.0))),
    (Decimal("1.0"), Decimal("1.00")),
    (Fraction(1), 1),
    (range(0, 5, 2), range(0, 6, 2)),
    (NOON, NOON.astimezone(timezone(timedelta(hours=1)))),
    (None, 0),
    ("1", 1),
    (b"a", "a"),
]
SAME: list[tuple[Hashable, Hashable]] = [
    (NAN, float("nan")),
    (np.float32("nan"), np.float32("nan")),
    ((NAN, 1), (float("nan"), 1)),
    (Options(NAN), Options(float("nan"))),
    (Options(1, "a"), Options(1, "b")),
    ((1, 2), (1, 2)),
    (frozenset({1, 2}), frozenset({2, 1})),
    (np.dtype("f4"), np.dtype(np.float32)),
    (Color.RED, Color(1)),
]


@pytest.mark.parametrize(("a", "b"), DIFFERENT, ids=repr)
def test_what_a_function_can_tell_apart_is_traced_anew(a: Hashable, b: Hashable) -> None:
    seen: list[object] = []

    @pb.function(static=["mode"], target="numpy")
    def f(x: Any, mode: Any) -> Any:
        seen.append(mode)
        return x

    for mode in (a, b, a, b):
        f(1.0, mode)
    assert len(seen) == 2 and seen[0] is a and seen[1] is b
    assert exact_key(a) != exact_key(b)


@pytest.mark.parametrize(("a", "b"), SAME, ids=repr)
def test_what_it_cannot_tell_apart_is_not(a: Hashable, b: Hashable) -> None:
    assert exact_key(a) == exact_key(b)
    assert hash(exact_key(a)) == hash(exact_key(b))


def test_the_sign_of_a_static_zero_shows_in_the_result() -> None:
    @pb.function(static=["by"], target="numpy")
    def over(x: Any, by: Any) -> Any:
        return x / by[0]

    assert over(1.0, (0.0,)) == np.inf
    assert over(1.0, (-0.0,)) == -np.inf
    assert over(-1.0, (0.0,)) == -np.inf


def test_static_fields_of_dataclasses_count_with_their_types() -> None:
    @dataclass
    class Layer:
        w: Any
        scale: Any = field(metadata={"static": True})

    @pb.function(target="numpy")
    def f(layer: Layer) -> Any:
        return layer.w / layer.scale

    assert f(Layer(np.float32(1), 0.0)) == np.inf
    assert f(Layer(np.float32(1), -0.0)) == -np.inf
    assert type(pb.grad(lambda layer: layer.w * layer.scale)(Layer(np.float32(1), 2)).scale) is int


@pytest.mark.parametrize("kind", [dict, OrderedDict, lambda items: defaultdict(int, items)])
def test_the_types_of_keys_count(kind: Any) -> None:
    f = pb.function(lambda d: d, target="numpy")
    for key in (1, 1.0, True, 1):
        (found,) = f(kind([(key, 5.0)]))
        assert type(found) is type(key)


@pytest.mark.parametrize("kind", [dict, lambda items: defaultdict(int, items)])
def test_a_function_sees_the_items_of_a_dict_in_one_order_whichever_call_was_first(kind: Any) -> None:
    f = pb.function(lambda d: pb.stack(list(d["in"].values())), target="numpy")
    items = [("b", 2.0), ("a", 1.0)]
    assert f({"in": kind(items)}).tolist() == [1, 2]
    assert f({"in": kind(items[::-1])}).tolist() == [1, 2]
    with pb.Graph():
        assert pb.run(f({"in": kind(items)})).tolist() == [1, 2]
        assert pb.run(f({"in": kind((k, np.float32(v)) for k, v in items)})).tolist() == [1, 2]


def test_fetches_keep_the_types_of_their_keys() -> None:
    with pb.Graph():
        x = pb.constant(2.0)
    for key in (1, 1.0, True):
        (found,) = pb.run({key: x})
        assert type(found) is type(key)


def test_products_are_kept_for_the_very_function() -> None:
    @dataclass(frozen=True)
    class Over:
        by: Any

        def __call__(self, x: Any) -> Any:
            return x / self.by

    assert pb.jvp(Over(0.0), (np.float32(1),), (1.0,))[0] == np.inf
    assert pb.jvp(Over(-0.0), (np.float32(1),), (1.0,))[0] == -np.inf
    assert pb.vjp(Over(0.0), np.float32(1))[0] == np.inf
    assert pb.vjp(Over(-0.0), np.float32(1))[0] == -np.inf


def test_an_unhashable_part_is_refused_by_name() -> None:
    f = pb.function(lambda x, mode: x, static=["mode"])
    with pytest.raises(TypeError, match="static argument 'mode' must be hashable, got list"):
        f(1.0, mode=[1])
    with pytest.raises(TypeError, match="static argument 'mode' must be hashable, got tuple"):
        f(1.0, mode=([1],))
    with pytest.raises(TypeError, match="static argument 'mode' must be hashable, got Options"):
        f(1.0, mode=Options([1]))
