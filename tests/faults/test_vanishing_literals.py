"""A number that becomes 0 in the dtype of the tensor beside it was taken as 0: `sqrt(v) + 1e-8` in f16 divided by 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from xdsl.utils.exceptions import ParseError

import pullback as pb
from pullback.dialects.context import context
from pullback.dialects.ir.source import parse

WRITTEN: dict[str, Callable[[Any], Any]] = {
    "operator": lambda x: x + 1e-8,
    "operator-right": lambda x: 1e-8 / x,
    "function": lambda x: pb.maximum(x, 1e-8),
    "pad": lambda x: pb.pad(x, [[1, 1]], constant_values=1e-8),
    "one_hot": lambda x: pb.one_hot(pb.constant([1]), 3, on_value=1e-8, dtype="f16"),
    "fill": lambda x: pb.full((2,), 1e-8, "f16"),
    "assign": lambda x: pb.Variable(np.ones(2, np.float16)).assign(1e-8),
    "complex": lambda x: pb.cast(x, "complex<f32>") * 1e-50j,
    "f32": lambda x: pb.cast(x, "f32") * 1e-50,
}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_a_user_writes_is_refused(name: str) -> None:
    with pb.Graph():
        x = pb.placeholder("f16", (2,))
        with pytest.raises(
            ValueError, match=r"1e-(08|50)j? is no value of dtype .*: it is so small that it would be 0"
        ):
            WRITTEN[name](x)


def test_outside_of_the_graph() -> None:
    with pb.Graph():
        x = pb.placeholder("f16", (2,))
    with pytest.raises(ValueError, match="so small that it would be 0"):
        _ = x * 1e-8


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("number", [1 + 2j, 1e-50j])
def test_complex_numbers_beside_real_tensors_are_refused_without_a_warning(number: complex) -> None:
    with pb.Graph():
        x = pb.placeholder("f16", (2,))
        with pytest.raises(ValueError, match="cast the tensor to a complex dtype first"):
            _ = x + number


def test_what_is_just_held_is_taken() -> None:
    with pb.Graph():
        x = pb.placeholder("f16", (1,))
        assert pb.run(x * 1e-7, {x: np.ones(1, np.float16)}) > 0
        assert np.signbit(pb.run(x * -0.0, {x: np.ones(1, np.float16)}))


@pytest.mark.parametrize("target", ["numpy", "cpu"])
def test_rules_folds_and_passes_never_refuse(target: str) -> None:
    """6e-5 squared is 0 in f16, whether it is computed when the graph is built or when it runs."""
    with pb.Graph():
        x = pb.placeholder("f16", (1,))
        y = x * (pb.full((1,), 6e-5, "f16") * 6e-5)
        (dx,) = pb.gradients(y * 6e-5, [x])
        step = pb.compile([x], [y, dx], target=target)
        assert [v.tolist() for v in step(np.ones(1, np.float16))] == [[0], [0]]


TEXTS = {
    "fill {value = 1.0e-9 : f16}": r":2:28\n(.*\n)*.*1.0e-9 is so small that it would be 0 in f16",
    "fill {value = 1.0e-50 : f32}": r":2:28\n(.*\n)*.*1.0e-50 is so small that it would be 0 in f32",
    "constant dense<[1.0, 1.0e-9, 2.0]>": r":2:35\n(.*\n)*.*1e-09 is so small that it would be 0 in f16",
    "constant dense<[1.0, -1.0e-5000, 2.0]>": r":2:35\n(.*\n)*.*1.0e-5000 is so small that it would be 0 in f16",
    "constant dense<1.0e999>": r":2:29\n(.*\n)*.*1.0e999 is too large for f16",
    "constant dense<[1.0, 2.0, 1.0e5]>": r":2:29\n(.*\n)*.*an element is too large for f16",
    "fill {value = -1.0e-5000 : f32}": r":2:28\n(.*\n)*.*1.0e-5000 is so small that it would be 0 in f32",
    "fill {value = 1.0e999 : f32}": r":2:28\n(.*\n)*.*1.0e999 is too large for f32",
    "fill {value = -1.0e40 : f32}": r":2:28\n(.*\n)*.*the number is too large for its type",
}


@pytest.mark.parametrize("made", TEXTS)
def test_text_is_refused_at_its_place(made: str) -> None:
    type_ = "tensor<3xf32>" if "f32" in made else "tensor<3xf16>"
    text = f"func.func @main() -> {type_} {{\n  %c = graph.{made} : {type_}\n  func.return %c : {type_}\n}}"
    with pytest.raises(ParseError, match=TEXTS[made]):
        parse(context(), text)


NORMALIZERS: dict[str, Callable[[Any], Any]] = {
    "layer_norm": lambda x: pb.layer_norm(x, epsilon=1e-12),
    "rms_norm": lambda x: pb.rms_norm(x, epsilon=1e-12),
    "batch_norm": lambda x: pb.batch_norm(x, epsilon=1e-12)[0],
    "group_norm": lambda x: pb.group_norm(x, 1, epsilon=1e-12),
    "batch_normalization": lambda x: pb.batch_normalization(
        x, pb.zeros((4,), x.dtype), pb.zeros((4,), x.dtype), None, None, 1e-12
    ),
    "l2_normalize": pb.l2_normalize,
}


@pytest.mark.parametrize("dtype", ["f16", "bf16"])
@pytest.mark.parametrize("name", NORMALIZERS)
def test_epsilons_of_normalizers_are_f32(name: str, dtype: str) -> None:
    """Zeros stay zeros, and their gradient is a number or beyond what f16 holds, but not NaN."""
    with pb.Graph():
        x = pb.placeholder(dtype, (2, 4))
        y = NORMALIZERS[name](x)
        (dx,) = pb.gradients(y, [x])
        found = pb.run([y, dx], {x: [[0.0] * 4] * 2})
    assert not np.any(found[0])
    assert not np.any(np.isnan(found[1].astype(np.float32)))


@pytest.mark.parametrize(
    "number", ["0.0", "-0.0", "0.0e-5000", "0x7F800000", "0xFF800000", "1.0e-45", "3.4e38"]
)
@pytest.mark.parametrize(
    "made", ["fill {{value = {} : f32}}", "constant dense<{}>", "constant dense<[{}, 1.0]>"]
)
def test_zeros_and_infinities_of_text_are_taken(made: str, number: str) -> None:
    text = f"func.func @main() {{\n  %c = graph.{made.format(number)} : tensor<2xf32>\n  func.return\n}}"
    parse(context(), text)


@pytest.mark.parametrize("element", ["(1.0e999, 0.0)", "(0.0, 1.0e-5000)"])
def test_complex_numbers_of_text(element: str) -> None:
    text = (
        f"func.func @main() {{ %c = graph.constant dense<{element}> : tensor<2xcomplex<f64>> func.return }}"
    )
    with pytest.raises(ParseError, match=r"is too large for|is so small that it would be 0 in"):
        parse(context(), text)
