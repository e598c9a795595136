"""Results of a check of gradients, and its errors."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from xdsl.ir import Operation

from pullback.dialects.ir.diagnostics import DiagnosticError


@dataclass(frozen=True)
class GradientComparison:
    """One gradient, along one random direction.

    Attributes:
        x: the name of the value.
        order: 1 for the gradient, 2 for the gradient of gradients.
        gradient: the inner product of the gradient and the direction; `None` where there is no gradient.
        difference: the central difference of the weighted sum of the ys along it.
        error: how far they are apart, relative to the larger of them, or to what rounding hides of the difference.
        allowed: how far they may be.
        one_sided: the differences forward and backward, which tell a kink.
    """

    x: str
    order: int
    gradient: float | None
    difference: float
    error: float
    allowed: float
    one_sided: tuple[float, float]

    @property
    def agrees(self) -> bool:
        """Whether gradient and difference are as close as they should be."""
        return self.error <= self.allowed

    @property
    def at_kink(self) -> bool:
        """Whether the forward and backward differences differ more than those of a smooth function can."""
        ahead, behind = self.one_sided
        return abs(ahead - behind) > 1e-2 * max(abs(ahead), abs(behind))

    def __str__(self) -> str:
        got = "none" if self.gradient is None else f"{self.gradient:.9g}"
        return f"order {self.order}, {self.x}: gradient {got}, difference {self.difference:.9g}, error {self.error:.1e}"


@dataclass(frozen=True)
class GradientReport:
    """Every comparison of a check.

    Attributes:
        comparisons: in order of checking, one per order, x and direction.
        dtype: in which the program was run: `"f64"` where its types could be widened, or `"as written"`.
    """

    comparisons: tuple[GradientComparison, ...]
    dtype: str

    @property
    def worst(self) -> float:
        """The largest relative error, 0 if nothing was compared."""
        return max((c.error for c in self.comparisons), default=0.0)

    def to_dict(self) -> dict[str, Any]:
        """Everything as dicts, lists, strings and numbers."""
        return asdict(self)

    def __str__(self) -> str:
        count = f"{len(self.comparisons)} comparison{'s' if len(self.comparisons) != 1 else ''}"
        head = f"{count} in {self.dtype}, the worst relative error {self.worst:.1e}"
        return "\n".join([head, *(f"  {c}" for c in self.comparisons)])


class NotFiniteError(DiagnosticError, ValueError):
    """A value whose changes are to be measured is infinite or NaN at the point."""


class GradientCheckError(DiagnosticError, ValueError):
    """A gradient is not what finite differences say; `report` has the comparisons up to the one that fails.

    Args:
        message: which x, at which order, both numbers, and whose rule is wrong by itself.
        report: all comparisons so far.
        op: the operation whose rule is to blame, where one was found.
    """

    def __init__(self, message: str, report: GradientReport, op: Operation | None = None) -> None:
        super().__init__(message, op)
        self.report = report
