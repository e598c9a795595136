"""`compile(verify_each=True)`: each compilation is checked on the arrays of the first call with its shapes."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from xdsl.dialects import math

import pullback as pb
from pullback.backends.cpu.llvm.printer import EMITTERS
from pullback.driver.checking.result_changed import ResultChangedError
from pullback.driver.reproducer import parse_reproducer
from pullback.passes.simplify.folds import arithmetic


def step(target: str = "cpu", verify_each: bool = True) -> pb.Step:
    with pb.Graph():
        x = pb.placeholder("f32", (None, 3), name="x")
        w = pb.Variable(np.ones((3,), np.float32), name="w")
        y = pb.tanh(x * w + 1.0)
        loss = pb.sum(y * y)
        (dw,) = pb.gradients(loss, [w])
        return pb.compile([x], [loss, w.assign_sub(0.1 * dw)], target, verify_each=verify_each)


def inputs(rows: int) -> np.ndarray:
    return np.random.default_rng(rows).normal(size=(rows, 3)).astype(np.float32)


@pytest.mark.parametrize("target", ["numpy", "cpu", "simt"])
def test_nothing_changes_where_all_is_right(target: str) -> None:
    checked, plain = step(target), step(target, verify_each=False)
    for rows in (2, 5, 2):
        np.testing.assert_array_equal(checked(inputs(rows))[0], plain(inputs(rows))[0])


@pytest.mark.parametrize("target", ["numpy", "cpu"])
@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_integers_have_no_sign_in_memory(dtype: str, target: str) -> None:
    with pb.Graph():
        x = pb.placeholder(dtype, (2,), name="x")
        checked = pb.compile([x], pb.where(x > pb.zeros_like(x), x, x), target, verify_each=True)
    array = np.array([-1, 1]).astype(dtype)
    np.testing.assert_array_equal(checked(array), array)


def test_a_wrong_fold_is_found_at_each_new_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(arithmetic.NEUTRAL_ON_THE_RIGHT, arithmetic.Add, 1)  # pyright: ignore[reportArgumentType]
    wrong = step()
    for rows in (2, 5):
        with pytest.raises(
            ResultChangedError, match="'canonicalize' changed a number of @main: result 'sum'"
        ) as caught:
            wrong(inputs(rows))
        error = caught.value
        assert error.pass_name == "canonicalize" and error.function == "main"
        assert "'tanh' (graph.tanh)[0, 0]" in str(error)
        reproducer = parse_reproducer(str(error.reproducer))
        assert reproducer.pipeline == "canonicalize"
        assert reproducer.arguments == ("--verify-each=run",)


def test_wrong_native_code_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EMITTERS, math.TanhOp, EMITTERS[math.AtanOp])
    with pytest.raises(ResultChangedError, match="target 'cpu' changed a number of @main: result 'sum' was"):
        step()(inputs(2))


def test_copies_are_checked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    made = step()
    monkeypatch.setitem(arithmetic.NEUTRAL_ON_THE_RIGHT, arithmetic.Add, 1)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ResultChangedError):
        copy.deepcopy(made)(inputs(2))
