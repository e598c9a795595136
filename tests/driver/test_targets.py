"""Every target agrees with the evaluator; steps specialise to shapes, and reuse memory as documented."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import pullback as pb
from pullback.passes.pipeline.levels import LevelName
from pullback.passes.pipeline.pipelines import parse_passes
from pullback.passes.pipeline.verify_level import VerifyLevel

Array = npt.NDArray[Any]
TARGETS = ["cpu", "simt", "fibers"]


def normal(*shape: int) -> Array:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def pointwise(x: pb.Tensor) -> list[pb.Tensor]:
    y = pb.tanh(x) * pb.exp(-x * x) + pb.maximum(x, 0.25)
    return [y, *pb.gradients(y, x), x > 0.0]


def rows(x: pb.Tensor) -> list[pb.Tensor]:
    return [pb.sum(pb.exp(x), axis=1), pb.max(x, axis=-1, keepdims=True)]


def softmax(x: pb.Tensor) -> list[pb.Tensor]:
    shifted = x - pb.max(x, axis=1, keepdims=True)
    log_softmax = shifted - pb.log(pb.sum(pb.exp(shifted), axis=1, keepdims=True))
    loss = -pb.sum(log_softmax * pb.constant(np.linspace(0, 1, 13, dtype=np.float32)))
    return [loss, *pb.gradients(loss, x)]


def dense(x: pb.Tensor) -> list[pb.Tensor]:
    w = pb.constant(normal(13, 5))
    y = pb.tanh(x @ w + np.float32(0.5) * pb.ones((5,)))
    return [y, *pb.gradients(y, [x, w])]


def moved(x: pb.Tensor) -> list[pb.Tensor]:
    left, right = pb.split(x, [4, 9], axis=1)
    return [
        pb.transpose(x),
        pb.concat([right, left], axis=1),
        pb.reshape(x, (-1,)),
        pb.gather(x, np.array([2, 0, 9, -1], np.int32)),
        pb.cast(x * 10.0, "i32"),
    ]


def looped(x: pb.Tensor) -> list[pb.Tensor]:
    _, y = pb.while_loop(lambda i, _: i < 3, lambda i, a: (i + 1, pb.tanh(a * x)), [0, x])
    return [y, *pb.gradients(y, x)]


def curved(x: pb.Tensor) -> list[pb.Tensor]:
    """Gradients of the third order through a loop: sums of stacks."""
    x = x * 0.2
    _, y = pb.while_loop(lambda i, _: i < 3, lambda i, a: (i + 1, pb.tanh(a * a * x) + x), [0, x])
    results = [y]
    for _ in range(3):
        results += pb.gradients(results[-1] * results[-1], x)
    return results


@pytest.mark.parametrize(
    ("target", "build"),
    [
        *((t, build) for t in TARGETS for build in (pointwise, rows, softmax, dense, moved, looped)),
        ("cpu", curved),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_target_agrees_with_the_evaluator(
    target: str, build: Callable[[pb.Tensor], list[pb.Tensor]]
) -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (None, 13), name="x")
        outputs = build(x)
    step, oracle = (pb.compile([x], outputs, target=t) for t in (target, "numpy"))
    for count in (3, 8, 3):
        data = normal(count, 13)
        for found, expected in zip(step(data), oracle(data), strict=True):
            assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
            np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("target", ["numpy", *TARGETS])
def test_updates_are_seen_by_the_next_call(target: str) -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (4,), name="x")
        v, w = pb.Variable(np.zeros(4, np.float32), name="v"), pb.Variable(np.ones(4, np.float32), name="w")
        before = v + w
        update = v.assign_sub(x * w)
        after = v * 1.0
        step = pb.compile([x], [before, update, after, v], target=target)
    for call in range(3):
        old, nothing, new, end = step(np.full(4, 2, np.float32))
        assert nothing is None
        np.testing.assert_array_equal(old, np.full(4, 1 - 2 * call))
        np.testing.assert_array_equal(new, np.full(4, -2 * (call + 1)))
        np.testing.assert_array_equal(end, v.numpy())


@pytest.mark.parametrize("target", TARGETS)
def test_slices_touch_their_rows(target: str) -> None:
    with pb.Graph():
        t = pb.placeholder("i32", (None,), name="t")
        table = pb.Variable(normal(6, 3), name="table")
        loss = pb.sum(pb.gather(table, t) * 2.0)
        (rows_of_table,) = pb.gradients(loss, table)
        step = pb.compile([t], [loss, rows_of_table, table.assign_sub(rows_of_table)], target=target)
    start = table.numpy()
    _, found, _ = step(np.array([1, 4, 1], np.int32))
    np.testing.assert_array_equal(found.indices, [1, 4, 1])
    expected = start.copy()
    np.subtract.at(expected, [1, 4, 1], 2)
    np.testing.assert_allclose(table.numpy(), expected, rtol=1e-6)


def test_results_are_never_overwritten_while_somebody_holds_them() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (1 << 15,), name="x")
        step = pb.compile([x], x * 2.0, target="cpu")
    held = [step(np.full(1 << 15, i, np.float32))[7:9] for i in range(12)]
    assert [float(part[0]) for part in held] == [2 * i for i in range(12)]


def test_large_results_use_memory_again_and_are_aligned() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (1 << 15,), name="x")
        step = pb.compile([x], x * 2.0, target="cpu")
    data = np.ones(1 << 15, np.float32)
    addresses: set[int] = set()
    for _ in range(8):
        result = step(data)
        addresses.add(result.ctypes.data)
        assert result.ctypes.data % 64 == 0
        del result
    assert len(addresses) == 1


def test_arrays_that_native_code_cannot_take_are_copied() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (3, 4), name="x")
        step = pb.compile([x], x + 1.0, target="cpu")
    base = np.arange(12, dtype=np.float32).reshape(4, 3)
    np.testing.assert_array_equal(step(base.T), base.T + 1)
    read_only = base.reshape(3, 4)
    read_only.flags.writeable = False
    np.testing.assert_array_equal(step(read_only), read_only + 1)
    np.testing.assert_array_equal(step(read_only.tolist()), read_only + 1)


@pytest.mark.parametrize("target", ["numpy", *TARGETS])
def test_wrong_arrays_are_named_on_every_target(target: str) -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (None, 4), name="x")
        step = pb.compile([x], x + 1.0, target=target)
    step(np.zeros((2, 4), np.float32))
    with pytest.raises(TypeError, match=r"takes 1 inputs \(x\), got 2"):
        step(1, 2)
    with pytest.raises(TypeError, match="input 'x': expected dtype float32, got int64"):
        step(np.zeros((2, 4), np.int64))
    for shape in [(4,), (2, 5), (1, 2, 4)]:
        with pytest.raises(ValueError, match=r"input 'x': expected tensor<\?x4xf32>, got an array of shape"):
            step(np.zeros(shape, np.float32))


@pytest.mark.parametrize("target", ["numpy", *TARGETS])
def test_constant_zeros_keep_their_signs(target: str) -> None:
    zeros = np.array([0.0, -0.0, 0.0, -0.0], np.float32)
    with pb.Graph():
        x = pb.placeholder("f32", (4,), name="x")
        step = pb.compile([x], x * pb.constant(zeros), target=target)
    np.testing.assert_array_equal(np.signbit(step(np.ones(4, np.float32))), np.signbit(zeros))


@pytest.mark.parametrize("target", ["cpu", "simt"])
def test_empty_and_scalar_shapes(target: str) -> None:
    with pb.Graph():
        x, s = pb.placeholder("f32", (None, 3), name="x"), pb.placeholder("f32", (), name="s")
        outputs = [x * s, pb.sum(x, axis=0), s + 1.0]
    found, expected = (
        pb.compile([x, s], outputs, target=t)(np.zeros((0, 3), np.float32), 2.0) for t in (target, "numpy")
    )
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("target", ["cpu", "simt"])
def test_a_step_without_inputs(target: str) -> None:
    with pb.Graph():
        v = pb.Variable(np.ones(3, np.float32))
        step = pb.compile([], [v * 2.0, v.assign_sub(1.0)], target=target)
    np.testing.assert_array_equal(step()[0], [2, 2, 2])
    np.testing.assert_array_equal(step()[0], [0, 0, 0])


@pytest.mark.parametrize("target", ["numpy", *TARGETS])
def test_shapes_of_no_inputs(target: str) -> None:
    with pb.Graph():
        step = pb.compile(inputs=[], outputs=[pb.constant([1.0, 2.0]) * 3.0], target=target)
    np.testing.assert_array_equal(step()[0], [3, 6])
    assert all("2xf32" in step.ir(level, shapes) for level in ("kernels", "loops") for shapes in ([], None))


@pytest.mark.parametrize(
    ("pipeline", "level"),
    [("finish", "graph"), ("simplify", "graph"), ("kernels", "kernels"), ("loops", "loops"), ("gpu", "gpu")],
)
def test_each_level_is_checked_on_the_way_down(pipeline: str, level: LevelName) -> None:
    assert parse_passes(pipeline)[-1] == VerifyLevel(level)


def test_every_level_has_a_text() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (None,), name="x")
        y = pb.tanh(x) * x
        step = pb.compile([x], pb.gradients(y, x), target="cpu")
    with pytest.raises(ValueError, match="give shapes="):
        step.ir("kernels")
    signs = {
        "gradients": "graph.sum_gradients",
        "graph": "tensor<?xf32>",
        "kernels": "graph.kernel",
        "loops": "vector.store",
        "gpu": "gpu.func",
        "llvm": "define ",
    }
    texts = {level: step.ir(level, [(37,)]) for level in signs}
    assert all(sign in texts[level] for level, sign in signs.items())
    assert "37" in texts["loops"]
    step(np.zeros(41, np.float32))
    assert "41" in step.ir("loops")


@pytest.mark.parametrize("is_frozen", [False, True])
def test_the_collector_is_as_it_was(is_frozen: bool) -> None:
    gc.unfreeze()
    if is_frozen:
        gc.freeze()
    try:
        before = gc.get_threshold()
        with pb.Graph():
            x = pb.placeholder("f32", (3,), name="x")
            pb.compile([x], pb.tanh(x), target="cpu")(np.zeros(3, np.float32))
        assert gc.get_threshold() == before
        assert bool(gc.get_freeze_count()) == is_frozen
    finally:
        gc.freeze()  # as tests are, see conftest


@pytest.mark.parametrize("transpose_b", [False, True])
@pytest.mark.parametrize("batch", [(), (2,)], ids=str)
def test_large_products_of_transposed_matrices(batch: tuple[int, ...], transpose_b: bool) -> None:
    """Those of which whole panels of either operand are copied."""
    a, b = normal(*batch, 255, 259), normal(*batch, *((270, 255) if transpose_b else (255, 270)))
    with pb.Graph():
        x, y = pb.placeholder("f32", a.shape), pb.placeholder("f32", b.shape)
        product = pb.matmul(x, y, transpose_a=True, transpose_b=transpose_b)
        step = pb.compile(inputs=[x, y], outputs=[product], target="cpu")
    expected = a.swapaxes(-1, -2) @ (b.swapaxes(-1, -2) if transpose_b else b)
    np.testing.assert_allclose(step(a, b)[0], expected, rtol=1e-4, atol=1e-3)
    assert "graph.transpose" not in step.ir("kernels")
