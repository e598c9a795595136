"""Kernels that compute the pieces of a mosaic where they are put: padding after pooling, and what else reads that."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb

IMAGES, FIRST, SECOND = (2, 6, 4, 3), (3, 3, 3, 4), (3, 3, 4, 5)


def network(target: str) -> pb.Step:
    """Two convolutions and pooling whose windows tile the images: loss and gradients."""
    with pb.Graph():
        inputs = [pb.placeholder("f32", shape) for shape in (IMAGES, FIRST, SECOND)]
        x = pb.relu(pb.conv2d(inputs[0], inputs[1], padding="SAME"))
        x = pb.relu(pb.conv2d(x, inputs[2], padding="SAME"))
        loss = pb.sum(pb.square(pb.max_pool2d(x, 2, strides=2)))
        return pb.compile(inputs, [loss, *pb.gradients(loss, inputs)], target=target)


@pytest.mark.parametrize("target", ["cpu", "simt", "fibers"])
def test_padded_gradients_of_pooling(target: str, rng: np.random.Generator) -> None:
    arrays = [rng.normal(size=shape).astype(np.float32) for shape in (IMAGES, FIRST, SECOND)]
    arrays[0][0, 1, 1, 0] = np.nan
    for found, expected in zip(network(target)(*arrays), network("numpy")(*arrays), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_a_gradient_is_computed_where_it_is_padded() -> None:
    kernels = [text for text in network("cpu").ir("kernels").split("graph.kernel") if "graph.mosaic" in text]
    assert any("graph.where" in text for text in kernels)
    assert "graph.concat" not in "".join(kernels)


@pytest.mark.parametrize("target", ["cpu", "simt"])
def test_vectors_of_an_input_are_read_where_they_are_padded(target: str, rng: np.random.Generator) -> None:
    """The gradient of filters reads the given gradient inside of the border that the images' gradient needs."""
    arrays = [rng.normal(size=shape).astype(np.float32) for shape in (IMAGES, FIRST, (2, 6, 4, 4))]

    def both(target: str) -> pb.Step:
        with pb.Graph():
            x, f, dy = inputs = [pb.placeholder("f32", v.shape) for v in arrays]
            y = pb.conv2d(x, f, padding="SAME")
            return pb.compile(inputs, pb.gradients(y, [x, f], grad_ys=dy), target=target)

    step = both(target)
    for found, expected in zip(step(*arrays), both("numpy")(*arrays), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    products = [text for text in step.ir("kernels").split("graph.kernel") if "graph.contract" in text]
    assert all("tensor<2x6x4x4xf32>" not in text.split("->")[0] for text in products)


@pytest.mark.parametrize("target", ["cpu", "simt"])
def test_values_that_others_read_stay(target: str, rng: np.random.Generator) -> None:
    """What a product, a sum or the caller needs beside the padding is stored as before."""
    x, w = (rng.normal(size=shape) for shape in ((4, 6), (6, 3)))
    with pb.Graph():
        a, b = pb.placeholder("f64", (4, 6)), pb.placeholder("f64", (6, 3))
        y = pb.tanh(a) + 1.0
        z = pb.square(a)
        outputs = [
            pb.pad(y, [[1, 0], [2, 1]]),
            y @ b,
            pb.pad(z, [[0, 1], [1, 1]], constant_values=3.0),
            z,
            pb.pad(pb.reshape(pb.exp(a), (3, 8)), [[1, 1], [1, 1]]),
        ]
        step = pb.compile([a, b], outputs, target=target)
    y, z = np.tanh(x) + 1, np.square(x)
    expected = [
        np.pad(y, [[1, 0], [2, 1]]),
        y @ w,
        np.pad(z, [[0, 1], [1, 1]], constant_values=3.0),
        z,
        np.pad(np.exp(x).reshape(3, 8), 1),
    ]
    for found, right in zip(step(x, w), expected, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-12)


LATER = (3, 3, 5, 2)


def chain(target: str) -> pb.Step:
    """Three convolutions with borders, the second of which a sum needs as well; the value and all gradients."""
    with pb.Graph():
        inputs = [pb.placeholder("f64", shape) for shape in (IMAGES, FIRST, SECOND, LATER)]
        x = pb.relu(pb.conv2d(inputs[0], inputs[1], padding="SAME"))
        y = pb.tanh(pb.conv2d(x, inputs[2], padding="SAME"))
        z = pb.conv2d(y, inputs[3], strides=2, padding=((2, 1), (0, 2)))
        loss = pb.sum(pb.square(z)) + pb.sum(y)
        return pb.compile(inputs, [z, loss, *pb.gradients(loss, inputs)], target=target)


@pytest.mark.parametrize("target", ["cpu", "simt"])
def test_products_store_their_results_in_borders(target: str, rng: np.random.Generator) -> None:
    arrays = [rng.normal(size=shape) for shape in (IMAGES, FIRST, SECOND, LATER)]
    step = chain(target)
    for _ in range(2):  # what is around results is stored in each step
        for found, expected in zip(step(*arrays), chain("numpy")(*arrays), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_no_kernel_copies_what_a_product_makes_into_a_border() -> None:
    texts = [text for text in chain("cpu").ir("kernels").split("graph.kernel")[1:] if "graph.mosaic" in text]
    copies = [text for text in texts if text.count(" = graph.") == 1 + text.count(" = graph.fill")]
    products = [text for text in texts if "graph.contract" in text]
    assert len(copies) == 1, "the images that are given, alone"
    assert len(products) == 3, "of two convolutions and a gradient"
