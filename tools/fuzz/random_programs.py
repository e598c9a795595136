"""Random programs over the functions of `import pullback`: all dtypes, odd shapes, loops, variables and gradients."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.ir import Attribute

import pullback as pb
from pullback.dialects.graph.tensor.types import is_inexact, numpy_dtype
from pullback.tools.fuzz.composed_programs import composed_program

Array = npt.NDArray[Any]
Rng = np.random.Generator
EXTENTS = (0, 1, 1, 2, 3, 3, 5, 8, 17, 33)
"""Empty, one, odd, a vector register and one more."""
DTYPES = ("f32", "f32", "f32", "f64", "f64", "f16", "bf16", "complex<f32>", "complex<f64>")
LARGEST = 4096
"""Elements of a value."""


def _words(text: str) -> Sequence[str]:
    return text.split()


UNARY = _words(
    """negative abs sign square reciprocal floor ceil round trunc exp exp2 expm1 log log1p log2 log10 sqrt rsqrt sin
    cos tan asin acos atan sinh cosh tanh asinh acosh atanh sigmoid log_sigmoid softplus erf erfc lgamma digamma relu
    relu6 elu selu silu softsign gelu leaky_relu conj real imag identity stop_gradient isnan isfinite logical_not
    transpose softmax log_softmax cumsum cumprod flip l2_normalize positive tril triu ones_like zeros_like argsort sort
    diff"""
)
BINARY = _words(
    """add subtract multiply divide maximum minimum squared_difference div_no_nan mul_no_nan copysign hypot equal
    not_equal greater greater_equal less less_equal floor_divide remainder pow xlogy xdivy atan2 logaddexp logical_and
    logical_or bitwise_and bitwise_or bitwise_xor matmul outer tensordot"""
)
REDUCING = _words("sum mean max min prod any all argmax argmin logsumexp count_nonzero std var norm")


@dataclass
class RandomProgram:
    """A program as text of level `gradients`, and what it is run on."""

    text: str
    inputs: list[Array]
    variables: dict[str, Array]


@dataclass
class _Build:
    """A graph under construction."""

    rng: Rng
    dtype: str
    rows: int
    columns: int
    tensors: list[pb.Tensor] = field(default_factory=list[pb.Tensor])
    arrays: list[Array] = field(default_factory=list[Array])
    values: list[pb.Tensor] = field(default_factory=list[pb.Tensor])

    def pick(self) -> pb.Tensor:
        """One of the latest values more often than an early one."""
        last = len(self.values) - 1
        return self.values[max(0, last - int(self.rng.exponential(2.5)))]

    def placeholder(self, shape: Sequence[int], dtype: str, dynamic: bool) -> pb.Tensor:
        name = f"x{len(self.tensors)}"
        declared = [None if dynamic and axis == 0 else n for axis, n in enumerate(shape)]
        tensor = pb.placeholder(dtype, declared, name=name)
        self.tensors.append(tensor)
        self.arrays.append(numbers(self.rng, tuple(shape), tensor.element_type))
        return tensor


def numbers(rng: Rng, shape: tuple[int, ...], element_type: Attribute) -> Array:
    """Numbers around 0, rows for integers, now and then an infinity or NaN."""
    dtype = numpy_dtype(element_type)
    if dtype.kind in "iub":
        return rng.integers(0, 4, shape).astype(dtype)
    real = rng.uniform(-1.5, 1.5, shape)
    if rng.random() < 0.05 and real.size:
        real.flat[rng.integers(real.size)] = rng.choice([np.inf, -np.inf, np.nan, 0.0, -0.0])
    values = real + 1j * rng.uniform(-1.5, 1.5, shape) if dtype.kind == "c" else real
    return np.asarray(values).astype(dtype)


def random_program(rng: Rng) -> RandomProgram:
    """A program of up to a dozen steps, with gradients, loops and an update of a variable now and then."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return RandomProgram(composed_program(rng), [], {}) if rng.random() < 0.3 else _built(rng)


def _built(rng: Rng) -> RandomProgram:
    build = _Build(rng, str(rng.choice(DTYPES)), int(rng.choice(EXTENTS)), int(rng.choice(EXTENTS)))
    n, m, dynamic = build.rows, build.columns, rng.random() < 0.25
    with pb.Graph():
        build.values = [
            build.placeholder((n, m), build.dtype, dynamic),
            build.placeholder((m,), build.dtype, False),
            build.placeholder((n, 1), build.dtype, dynamic),
        ]
        rows = build.placeholder((n,), "i32", dynamic)
        weights = numbers(rng, (m, m), build.values[0].element_type)
        variable = pb.Variable(weights, name="w")
        build.values.append(pb.identity(variable))
        for _ in range(int(rng.integers(1, 12))):
            _grow(build, rows)
        outputs: list[Any] = [*build.values[4:][-3:]] or [build.values[0] * 1]
        outputs += _gradients(build, outputs)
        if rng.random() < 0.4:
            outputs += _update(build, variable)
        step = pb.compile(build.tensors, outputs, target="numpy")
        used = 'variable = "w"' in (text := step.ir("gradients"))
    return RandomProgram(text, build.arrays, {"w": weights} if used else {})


def _grow(build: _Build, rows: pb.Tensor) -> None:
    """One more value; a step that the operation refuses is none."""
    step = build.rng.choice(len(STEPS), p=WEIGHTS)
    try:
        made = STEPS[step](build, rows)
    except (ValueError, TypeError, LookupError, NotImplementedError):
        return
    for value in made if isinstance(made, list | tuple) else [made]:
        if isinstance(value, pb.Tensor) and value.ndim <= 5:
            extents = [n for n in value.shape if isinstance(n, int)]
            if int(np.prod(extents)) <= LARGEST:
                build.values.append(value)


def _unary(build: _Build, rows: pb.Tensor) -> Any:
    return getattr(pb, str(build.rng.choice(UNARY)))(build.pick())


def _binary(build: _Build, rows: pb.Tensor) -> Any:
    return getattr(pb, str(build.rng.choice(BINARY)))(build.pick(), build.pick())


def _safe(build: _Build, rows: pb.Tensor) -> Any:
    """Arithmetic whose results stay of one size, so that programs can be deep."""
    a, b = build.pick(), build.pick()
    forms: list[Callable[[], Any]] = [
        lambda: a + b,
        lambda: a * b,
        lambda: a - 0.5 * b,
        lambda: a / (b * b + 1.0),
        lambda: pb.tanh(a),
        lambda: pb.where(a > b, a, -b),
        lambda: pb.maximum(a, b),
        lambda: pb.exp(-pb.square(a)),
    ]
    return forms[build.rng.integers(len(forms))]()


def _reduced(build: _Build, rows: pb.Tensor) -> Any:
    x = build.pick()
    if not x.ndim:
        return []
    axes = [int(a) for a in build.rng.permutation(x.ndim)[: build.rng.integers(1, x.ndim + 1)]]
    function = str(build.rng.choice(REDUCING))
    axis = axes[0] if function.startswith("arg") or build.rng.random() < 0.5 else tuple(axes)
    return getattr(pb, function)(x, axis=axis, keepdims=bool(build.rng.integers(2)))


def _moved(build: _Build, rows: pb.Tensor) -> Any:
    x, rng = build.pick(), build.rng
    size = int(np.prod([n for n in x.shape if isinstance(n, int)]))
    forms: list[Callable[[], Any]] = [
        lambda: pb.transpose(x, [int(a) for a in rng.permutation(x.ndim or 0)]),
        lambda: pb.reshape(x, (-1,)),
        lambda: pb.reshape(x, (size, 1)),
        lambda: pb.expand_dims(x, int(rng.integers(0, (x.ndim or 0) + 1))),
        lambda: pb.squeeze(x),
        lambda: pb.broadcast_to(x, (2, *x.shape)),
        lambda: pb.gather(x, rows),
        lambda: pb.concat([x, build.pick()], axis=int(rng.integers(x.ndim or 1))),
        lambda: pb.split(x, 2, axis=0),
        lambda: pb.tile(x, [int(n) for n in rng.integers(0, 3, x.ndim or 0)]),
        lambda: pb.repeat(x, int(rng.integers(0, 3)), axis=0),
        lambda: pb.roll(x, int(rng.integers(-3, 4)), axis=0),
        lambda: pb.flip(x, axis=0),
        lambda: pb.pad(x, [[int(n) for n in rng.integers(0, 3, 2)] for _ in range(x.ndim or 0)]),
        lambda: x[::2],
        lambda: x[1:],
        lambda: x[::-1],
        lambda: x[..., :-1],
        lambda: x[..., 0],
        lambda: pb.take_along_axis(x, pb.argsort(x, axis=-1), axis=-1),
        lambda: pb.top_k(x, 2),
        lambda: pb.one_hot(rows, 5),
        lambda: pb.stack([x, x * 2]),
        lambda: pb.unsorted_segment_sum(x, rows, 4),
        lambda: pb.cumsum(x, axis=int(rng.integers(x.ndim or 1))),
        lambda: pb.meshgrid(x, build.pick()),
        lambda: pb.tensor_scatter_nd_add(x, pb.expand_dims(rows, 1), build.pick()),
    ]
    return forms[rng.integers(len(forms))]()


def _product(build: _Build, rows: pb.Tensor) -> Any:
    a, b, rng = build.pick(), build.pick(), build.rng
    forms: list[Callable[[], Any]] = [
        lambda: a @ b,
        lambda: pb.matmul(a, build.values[3]) * 0.2,
        lambda: pb.einsum("ij,kj->ik", a, b),
        lambda: pb.einsum("ij,ij->j", a, b),
        lambda: pb.matmul(a, a, transpose_b=True) * 0.1,
        lambda: pb.layer_norm(a, build.values[1], build.values[1]),
        lambda: pb.softmax_cross_entropy_with_logits(labels=pb.softmax(a), logits=b),
        lambda: pb.sparse_softmax_cross_entropy_with_logits(labels=rows, logits=a),
        lambda: pb.sigmoid_cross_entropy_with_logits(labels=pb.sigmoid(a), logits=b),
        lambda: pb.inv(a),
        lambda: pb.det(a),
        lambda: pb.cholesky(a @ pb.transpose(a) + pb.eye(build.columns, dtype=a.dtype)),
    ]
    return forms[rng.integers(len(forms))]()


def _cast(build: _Build, rows: pb.Tensor) -> Any:
    x, to = (
        build.pick(),
        str(build.rng.choice(["i32", "i64", "f32", "f64", "f16", "bf16", "i1", "i8", build.dtype])),
    )
    return pb.cast(pb.cast(x, to), build.dtype) if build.rng.random() < 0.7 else pb.cast(x, to)


def _looped(build: _Build, rows: pb.Tensor) -> Any:
    x, a, trips = build.pick(), build.pick(), int(build.rng.integers(0, 4))
    bodies: list[Callable[[pb.Tensor], Any]] = [
        lambda v: pb.tanh(v * 0.9),
        lambda v: v * 0.5 + a,
        lambda v: v + pb.sum(v) * 0.01,
        lambda v: pb.where(v > a, v, a),
    ]
    body = bodies[int(build.rng.integers(len(bodies)))]

    def more(i: pb.Tensor, v: pb.Tensor) -> pb.Tensor:
        return i < trips

    def trip(i: pb.Tensor, v: pb.Tensor) -> Any:
        return i + 1, body(v)

    return pb.while_loop(more, trip, [0, x])[1]


def _chosen(build: _Build, rows: pb.Tensor) -> Any:
    x, y = build.pick(), build.pick()
    return pb.cond(pb.sum(x) > pb.sum(y), lambda: pb.tanh(x), lambda: x * 0.5)


def _drawn(build: _Build, rows: pb.Tensor) -> Any:
    x = build.pick()
    make = pb.random_uniform if build.rng.random() < 0.5 else pb.random_normal
    return x * make(x.shape, dtype=x.dtype, seed=int(build.rng.integers(100)))


STEPS: tuple[Callable[[_Build, pb.Tensor], Any], ...] = (
    *(_safe, _unary, _binary, _reduced, _moved),
    *(_product, _cast, _looped, _chosen, _drawn),
)
WEIGHTS = (0.2, 0.2, 0.1, 0.13, 0.19, 0.06, 0.05, 0.03, 0.02, 0.02)


def _gradients(build: _Build, outputs: Sequence[Any]) -> list[Any]:
    rng = build.rng
    ys = [y for y in outputs if is_inexact(y.element_type)]
    xs = [x for x in build.tensors if is_inexact(x.element_type)]
    if not ys or rng.random() < 0.35:
        return []
    try:
        total = [pb.sum(pb.real(y) if "complex" in str(y.dtype) else y) for y in ys]
        found = pb.gradients(total, xs, unconnected_gradients="zero")
        if rng.random() < 0.15:
            found = pb.gradients(
                [pb.sum(pb.real(g) * 0.5) for g in found[:1]], xs, unconnected_gradients="zero"
            )
    except (ValueError, TypeError, LookupError, NotImplementedError):
        return []
    return [pb.identity(g) for g in found]


def _update(build: _Build, variable: pb.Variable) -> list[Any]:
    fitting = [v for v in build.values if v.type == build.values[3].type]
    value = fitting[build.rng.integers(len(fitting))]
    return [variable.assign_sub(value * 0.1) if build.rng.random() < 0.7 else variable.assign(value)]
