"""Functions on complex numbers, which take real ones too."""

from __future__ import annotations

from pullback.dialects.graph.by_index.gather import zeros_like
from pullback.dialects.graph.elementwise.complex_numbers import Conj, Imag, Real
from pullback.dialects.graph.tensor.tensor import Operand, Tensor
from pullback.dialects.graph.tensor.types import is_complex
from pullback.frontend.graph.emit import named_as, tensors

__all__ = ["conj", "imag", "real"]


def conj(x: Operand, name: str | None = None) -> Tensor:
    """The complex conjugate; of real numbers, themselves."""
    (value,) = tensors(x, op=Conj.name)
    return named_as(name, lambda: Conj.of(value)) if is_complex(value.element_type) else value


def real(x: Operand, name: str | None = None) -> Tensor:
    """The real part; of real numbers, themselves."""
    (value,) = tensors(x, op=Real.name)
    return named_as(name, lambda: Real.of(value)) if is_complex(value.element_type) else value


def imag(x: Operand, name: str | None = None) -> Tensor:
    """The imaginary part; of real numbers, zeros."""
    (value,) = tensors(x, op=Imag.name)
    return named_as(name, lambda: Imag.of(value) if is_complex(value.element_type) else zeros_like(value))
