"""Training with weights of f16 and bf16: biases had gradients of 256, and Adam divided 0 by an epsilon that was 0."""

from __future__ import annotations

from collections.abc import Callable

import ml_dtypes
import numpy as np
import pytest

import pullback as pb

BF16, F16 = np.dtype(ml_dtypes.bfloat16), np.dtype(np.float16)
DTYPES = {"f16": F16, "bf16": BF16}
BATCH, INPUTS, CLASSES = 4096, 8, 1000


@pytest.mark.parametrize("target", ["numpy", "cpu"])
def test_loss_and_gradients_are_those_of_f32(target: str) -> None:
    """1000 classes, 4096 examples: within 1 % of f32."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(INPUTS, CLASSES)).astype(BF16)
    bias = rng.normal(size=CLASSES).astype(BF16)
    x, labels = rng.normal(size=(BATCH, INPUTS)).astype(BF16), rng.integers(0, 10, BATCH, np.int32)
    found: list[list[np.ndarray]] = []
    for dtype in (BF16, np.dtype(np.float32)):
        with pb.Graph():
            w, b = (pb.Variable(v.astype(dtype)) for v in (weights, bias))
            images, t = pb.constant(x.astype(dtype)), pb.constant(labels)
            each = pb.sparse_softmax_cross_entropy_with_logits(t, pb.bias_add(images @ w, b))
            loss = pb.sum(each)
            step = pb.compile([], [pb.mean(each), *pb.gradients(loss, [w, b])], target=target)
        found.append([v.astype(np.float64) for v in step()])
    for got, want in zip(*found, strict=True):
        assert np.linalg.norm(got - want) <= 0.01 * np.linalg.norm(want)


OPTIMIZERS: dict[str, Callable[[], pb.train.Optimizer]] = {
    "adam": pb.train.AdamOptimizer,
    "rms_prop": lambda: pb.train.RMSPropOptimizer(0.01, momentum=0.5, centered=True),
    "adagrad": lambda: pb.train.AdagradOptimizer(0.01),
    "momentum": lambda: pb.train.MomentumOptimizer(0.01, 0.9, use_nesterov=True),
    "gradient_descent": lambda: pb.train.GradientDescentOptimizer(0.01),
}


def trained(
    make: Callable[[], pb.train.Optimizer], dtype: np.dtype, is_sparse: bool, target: str
) -> np.ndarray:
    """A table after ten steps, in which the first row has no gradient, and the second one many."""
    rows, places = np.arange(1.0, 13.0).reshape(4, 3), np.array([1, 1, 1, 3, 7], np.int32)
    with pb.Graph():
        table = pb.Variable(rows.astype(dtype))
        factor = pb.placeholder(table.dtype, ())
        picked = pb.gather(table, places) if is_sparse else table * np.array([[0], [3], [0], [1]], dtype)
        optimizer = make()
        update = optimizer.minimize(pb.sum(picked * factor), var_list=[table])
        step = pb.compile([factor], [update], target=target)
        for number in range(10):
            step(np.asarray(1 + number % 3, dtype))
        slots = [v for v in optimizer.variables() if v.shape == (4, 3)]
        assert all(v.array.dtype == np.float32 for v in slots)
    return table.numpy().astype(np.float64)


@pytest.mark.parametrize("target", ["numpy", "cpu"])
@pytest.mark.parametrize("is_sparse", [False, True], ids=["dense", "rows"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_follow_those_of_f32(name: str, dtype: str, is_sparse: bool, target: str) -> None:
    narrow = trained(OPTIMIZERS[name], DTYPES[dtype], is_sparse, target)
    wide = trained(OPTIMIZERS[name], np.dtype(np.float32), is_sparse, target)
    if dtype == "f16":
        np.testing.assert_allclose(narrow, wide, atol=2e-2)
    assert np.all(np.isfinite(narrow))
    assert np.all(narrow[0] == [1, 2, 3])


def test_slots_are_kept_in_f32(tmp_path) -> None:
    with pb.Graph() as graph:
        w = pb.Variable(np.ones(3, np.float16), name="w")
        optimizer = pb.train.AdamOptimizer()
        update = optimizer.minimize(pb.sum(w * 1e-4), var_list=[w])
        pb.run(update)
        pb.train.save_checkpoint(tmp_path / "kept", graph)
        before = {v.name: v.numpy() for v in pb.global_variables(graph)}
        pb.run(update)
        pb.train.restore_checkpoint(tmp_path / "kept", graph)
    slot = optimizer.get_slot(w, "v")
    assert slot is not None
    # (1e-4)^2 / 1000 is 0 in f16.
    np.testing.assert_allclose(slot.numpy(), 1e-11, rtol=1e-2)
    for variable in pb.global_variables(graph):
        np.testing.assert_array_equal(variable.numpy(), before[variable.name])
