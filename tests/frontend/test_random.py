"""Random numbers: the same for the same seed on every target, spread as they should be, others for another seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

import pullback as pb
from pullback.dialects.context import context
from pullback.dialects.graph.creation.philox import blocks_of_arrays
from pullback.dialects.ir.source import parse
from pullback.driver.run_pipeline import main_function
from pullback.passes.lowering.support import runs_on_host
from pullback.tests.ops.randomness import halves, philox
from pullback.tests.targets import COMPILED

DRAWS = {
    "uniform": lambda n, seed: pb.random_uniform((n,), seed=seed),
    "normal": lambda n, seed: pb.random_normal((n,), dtype="f64", seed=seed),
    "bits": lambda n, seed: pb.random_bits((n,), dtype="i64", seed=seed),
}
FLOATS, INTEGERS = ("f16", "bf16", "f32", "f64"), ("i8", "ui8", "i16", "i32", "i64")
ERRORS = {"f16": 5e-3, "bf16": 4e-2, "f32": 2e-6, "f64": 5e-15}
"""How far a normal number may be off on another target, whose `log`, `sin` and `cos` are others."""
SIZES = (0, 1, 17, 64, 1009)


def _run(target: str, kind: str, n: int, seed: Any) -> Any:
    with pb.Graph():
        return pb.compile([], [DRAWS[kind](n, seed)], target=target)()[0]


def _all(sizes: Any, float_dtypes: Any, integer_dtypes: Any) -> list[Any]:
    """Draws of all sizes and dtypes: uniform numbers and integers, and for each floating-point dtype normal ones."""
    draws = [pb.random_uniform((n,), dtype=t, seed=(5, -n)) for n in sizes for t in float_dtypes]
    draws += [pb.random_bits((n,), dtype=t, seed=(-5, n)) for n in sizes for t in integer_dtypes]
    return draws + [pb.random_normal((n,), dtype=t, seed=n) for n in sizes for t in float_dtypes]


@pytest.mark.parametrize(
    ("target", "sizes", "dtypes"),
    [
        *(("cpu", SIZES if t in ("f32", "f64") else (0, 77), (t,)) for t in (*FLOATS, *INTEGERS)),
        ("simt", (65,), (*FLOATS, *INTEGERS)),
        ("fibers", (65,), ("bf16", "f32", "f64", "i8", "i64")),
    ],
    ids=str,
)
def test_every_target_draws_the_same(target: str, sizes: Any, dtypes: Any) -> None:
    """Uniform numbers and integers to the bit."""
    floats, integers = ([t for t in dtypes if t in known] for known in (FLOATS, INTEGERS))
    with pb.Graph():
        draws = _all(sizes, floats, integers)
        found, expected = (pb.compile([], draws, target=t)() for t in (target, "numpy"))
    for tensor, a, b in zip(draws, found, expected, strict=True):
        if tensor.op.name == "graph.random_normal":
            wide = [np.asarray(v, np.float64) for v in (a, b)]
            np.testing.assert_allclose(*wide, rtol=0, atol=ERRORS[tensor.dtype])
        else:
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("target", COMPILED)
def test_drawing_is_in_kernels(target: str) -> None:
    with pb.Graph():
        draws = [pb.random_normal((4,)), *_all((70,), FLOATS, [t for t in INTEGERS if t != "ui8"])]
        module = parse(context(), pb.compile([], draws, target=target).ir("kernels")).module
    assert not any(runs_on_host(op) for op in main_function(module).body.block.ops)


def test_words_are_those_of_philox_in_rows_of_16_blocks() -> None:
    n, seed = 130, (-3, 2**40 + 9)
    narrow, wide = (_run_bits(n, t, seed) for t in ("i32", "i64"))
    for element in range(n):
        row, within = divmod(element, 64)
        block = _block(row * 16 + within % 16, seed)
        assert narrow[element] == block[within // 16]
        row, within = divmod(element, 32)
        first, second = _block(row * 16 + within % 16, seed)[within // 16 * 2 :][:2]
        assert wide[element] == first * 2**32 + second


def _run_bits(n: int, dtype: str, seed: Any) -> Any:
    with pb.Graph():
        return pb.run(pb.random_bits((n,), dtype=dtype, seed=seed)).view(f"uint{dtype[1:]}")


def _block(number: int, seed: tuple[int, int]) -> list[int]:
    return philox([*halves(number), *halves(seed[1])], halves(seed[0]))


def test_the_generator_gives_the_numbers_that_its_authors_publish() -> None:
    """Of pi's digits, in the known answers of Random123; and those of tests, which are Python's integers."""
    counter, key = [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344], [0xA4093822, 0x299F31D0]
    expected = [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]
    assert philox(counter, key) == expected
    seed = np.array([key[0] + (key[1] << 32), counter[2] + (counter[3] << 32)], np.uint64)
    assert blocks_of_arrays(seed, counter[0] + (counter[1] << 32), 1)[:, 0].tolist() == expected


@pytest.mark.parametrize("target", ["cpu", "simt"])
def test_draws_in_other_kernels_and_orders(target: str) -> None:
    """Of rows that blocks do not fill, and that they do; turned around, cut, summed up, and beside others."""
    with pb.Graph():
        x = pb.placeholder("f32", (3, 128), name="x")
        bias = pb.placeholder("f32", (128,), name="bias")
        u = pb.random_uniform((3, 128), seed=1)
        v = pb.random_uniform((3, 100), seed=1)
        wide = pb.random_uniform((384,), dtype="f64", seed=2)
        ys = [
            u * bias + x,
            v * bias[:100] + 1.0,
            pb.transpose(pb.random_uniform((3, 20), seed=4)) + 1.0,
            pb.random_uniform((200,), seed=5)[3:70] * 2.0,
            pb.sum(pb.random_uniform((3, 128), seed=6), axis=1),
            pb.softmax(pb.random_uniform((3, 17), seed=7)),
            pb.cast(wide, "f32") + pb.random_uniform((384,), seed=8) * pb.reshape(x, (384,)),
            pb.concat([pb.random_uniform((70,), seed=9), pb.random_uniform((3,), seed=9)], 0),
            pb.random_uniform((5, 1), seed=10) + pb.random_uniform((3,), seed=10),
            pb.random_uniform((3, 3), seed=11) @ pb.random_uniform((3, 3), seed=12),
        ]
        feed = [np.linspace(0, 1, 384, dtype=np.float32).reshape(3, 128), np.arange(128, dtype=np.float32)]
        found, expected = (pb.compile([x, bias], ys, target=t)(*feed) for t in (target, "numpy"))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.parametrize("kind", DRAWS)
def test_numbers_do_not_depend_on_threads(kind: str) -> None:
    with pb.Graph():
        step = pb.compile([], [DRAWS[kind](300_001, 5)], target="cpu")
    try:
        drawn: list[Any] = []
        for threads in (1, 2, 5):
            pb.set_num_threads(threads)
            drawn.append(step()[0])
    finally:
        pb.set_num_threads(None)
    assert np.array_equal(drawn[0], drawn[1]) and np.array_equal(drawn[0], drawn[2])


@pytest.mark.parametrize("kind", DRAWS)
def test_seeds_differ_in_both_words(kind: str) -> None:
    drawn = [_run("numpy", kind, 8, seed) for seed in (5, 6, (5, 1), (0, 5))]
    assert all(not np.array_equal(a, b) for i, a in enumerate(drawn) for b in drawn[:i])


def test_a_longer_tensor_begins_as_a_shorter_one() -> None:
    np.testing.assert_array_equal(_run("numpy", "uniform", 100, 1)[:17], _run("numpy", "uniform", 17, 1))


@pytest.mark.parametrize(("kind", "distribution"), [("uniform", "uniform"), ("normal", "norm")])
def test_distributions(kind: str, distribution: str) -> None:
    drawn = _run("numpy", kind, 20_000, 11).astype(np.float64)
    assert stats.kstest(drawn, distribution).pvalue > 1e-3


@pytest.mark.parametrize("dtype", ["f16", "bf16", "f32", "f64"])
def test_one_is_never_drawn(dtype: str) -> None:
    with pb.Graph():
        drawn = pb.run(pb.random_uniform((50_000,), dtype=dtype, seed=3)).astype(np.float64)
    assert 0 <= drawn.min() < 0.01 and 0.99 < drawn.max() < 1


def test_a_seed_that_counts_steps() -> None:
    with pb.Graph():
        step = pb.placeholder("i32", (), name="step")
        drawn = pb.compile([step], [pb.random_bits((4,), seed=(7, step))], target="cpu")
    first, second = drawn(np.int32(0))[0], drawn(np.int32(1))[0]
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, _run("numpy", "bits", 4, (7, 0)).astype(np.int64) >> 32)


def test_gradients_reach_the_parameters() -> None:
    with pb.Graph():
        mean, stddev = (pb.placeholder("f64", (), name=n) for n in ("mean", "stddev"))
        drawn = pb.random_normal((1000,), mean, stddev, dtype="f64", seed=2)
        standard = pb.random_normal((1000,), dtype="f64", seed=2)
        grads = pb.gradients(drawn, [mean, stddev])
        by_mean, by_stddev, total = pb.run([*grads, pb.sum(standard)], {mean: 1.0, stddev: 2.0})
    assert by_mean == 1000
    np.testing.assert_allclose(by_stddev, total)


def test_dropout_keeps_the_mean_and_its_gradient_drops_the_same() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (None, 100), name="x")
        y = pb.dropout(x, 0.3, seed=1)
        (dx,) = pb.gradients(y, [x])
        value, gradient = pb.compile([x], [y, dx], target="cpu")(np.ones((200, 100), np.float32))
    np.testing.assert_array_equal(value, gradient)
    assert set(np.unique(value)) == {np.float32(0), np.float32(1) / np.float32(0.7)}
    assert value.mean() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("message", "make"),
    [
        ("rate: expected", lambda: pb.dropout(pb.ones((2,)), 1.0, seed=0)),
        ("floating-point", lambda: pb.dropout(pb.ones((2,), "i32"), 0.5, seed=0)),
        ("seed: expected one integer or two", lambda: pb.random_uniform((2,), seed=(1, 2, 3))),  # pyright: ignore[reportArgumentType]
        ("seed: expected scalar integers", lambda: pb.random_uniform((2,), seed=pb.ones((2,)))),
        ("does not fit 64 bits", lambda: pb.random_uniform((2,), seed=2**70)),
        ("dtype_c1", lambda: pb.random_uniform((2,), dtype="i32")),
    ],
)
def test_refused(message: str, make: Any) -> None:
    with pb.Graph(), pytest.raises(ValueError, match=message):
        make()
