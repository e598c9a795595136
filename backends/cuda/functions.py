"""The functions that CUDA text calls: of the libraries, and helpers that the text defines.

Every call is printed by `call`, which knows no other name than those listed here; so no value is named like one.
"""

from __future__ import annotations

from pullback.backends.cuda.half_types import NAMES, half_precision
from pullback.backends.cuda.vector_types import SPLAT, VECTOR

MATH = {
    "math.absf": "fabs",
    "math.roundeven": "rint",
    "math.powf": "pow",
    "arith.remf": "fmod",
    "arith.maxnumf": "fmax",
    "arith.minnumf": "fmin",
    **{
        f"math.{name}": name
        for name in (
            *("acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "copysign", "cos"),
            *("cosh", "erf", "erfc", "exp", "exp2", "expm1", "floor", "fma", "log", "log10", "log1p", "log2"),
            *("round", "rsqrt", "sin", "sinh", "sqrt", "tan", "tanh", "trunc"),
        )
    },
}
"""Functions of the math library, whose names for float end in `f`."""

CLASSIFICATIONS = {f"math.{name}": name for name in ("isfinite", "isinf", "isnan")}
"""Functions of one name for float and double."""

_POWER = """{
  unsigned long long x = b < 0 && a != 1 && a != -1 ? 0 : a, n = b < 0 ? (x != 0 ? b & 1 : 1) : b, y = 1;
  for (; n; n >>= 1, x *= x) if (n & 1) y *= x;
  return (T)y;
}"""
HELPERS = {
    "maximum": "{ return a > b || a != a ? a : b; }",
    "minimum": "{ return a < b || a != a ? a : b; }",
    "floor_divide": "{ return a / b - (a % b != 0 && (a < 0) != (b < 0)); }",
    "ceil_divide": "{ return a / b + (a % b != 0 && (a < 0) == (b < 0)); }",
    "integer_power": _POWER,
}
"""Functions of two numbers that CUDA lacks. `maximum` and `minimum` are NaN if either operand is."""

FUNCTIONS = frozenset(
    [
        *MATH.values(),
        *(f"{name}f" for name in MATH.values()),
        *CLASSIFICATIONS.values(),
        *HELPERS,
        *NAMES,
        "splat",
    ]
)
"""All names that are called, but for those of CUDA that begin with an underscore, as no value's name does."""


def call(name: str, *arguments: str, kind: str = "") -> str:
    """`name(arguments)`, or `name<kind>(arguments)` where no type follows from them: `3` may be any integer."""
    assert name in FUNCTIONS or name.startswith("_"), f"{name} is not reserved: a value may have that name"
    return f"{name}{kind and f'<{kind}>'}({', '.join(arguments)})"


def definitions(text: str) -> str:
    """The definitions that a program's text needs before it."""
    made = [half_precision(text)]
    made += [VECTOR] if "Vector<" in text else []
    made += [SPLAT] if "splat<" in text or "splat(" in text else []
    made += [
        f"template <typename T> __device__ __forceinline__ T {name}(T a, T b) {body}\n"
        for name, body in HELPERS.items()
        if f"{name}(" in text or f"{name}<" in text
    ]
    return "".join(made)
