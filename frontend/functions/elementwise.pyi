# Made by `python -m pullback.tools.generate` from the classes of the operations.
from pullback.dialects.graph.tensor.tensor import Operand, Tensor

__all__ = ["negative", "identity", "stop_gradient", "add", "subtract", "multiply", "divide", "maximum", "minimum", "complex", "abs", "sign", "square", "squared_difference", "reciprocal", "div_no_nan", "mul_no_nan", "copysign", "hypot", "nextafter", "equal", "not_equal", "greater", "greater_equal", "less", "less_equal", "isnan", "isinf", "isfinite", "signbit", "logical_and", "logical_or", "logical_xor", "logical_not", "floor", "ceil", "round", "trunc", "floor_divide", "remainder", "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_invert", "bitwise_left_shift", "bitwise_right_shift", "right_shift_logical", "exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "sqrt", "rsqrt", "pow", "xlogy", "xdivy", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "sigmoid", "log_sigmoid", "softplus", "logaddexp", "erf", "erfc", "lgamma", "digamma", "relu", "relu6", "elu", "selu", "silu", "softsign"]

def negative(x: Operand, name: str | None = None) -> Tensor:
    """-x."""

def identity(x: Operand, name: str | None = None) -> Tensor:
    """x itself."""

def stop_gradient(x: Operand, name: str | None = None) -> Tensor:
    """x itself, with no gradient through it."""

def add(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """a + b."""

def subtract(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """a - b."""

def multiply(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """a * b."""

def divide(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """a / b."""

def maximum(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """The larger of a and b, NaN if either is; at a tie, or if a is NaN, the whole gradient goes to a."""

def minimum(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """The smaller of a and b, NaN if either is; at a tie, or if a is NaN, the whole gradient goes to a."""

def complex(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """Complex numbers from real and imaginary parts."""

def abs(x: Operand, name: str | None = None) -> Tensor:
    """The magnitude, real for complex numbers too; its gradient at 0 is 0."""

def sign(x: Operand, name: str | None = None) -> Tensor:
    """-1, 0 or 1, with zeros as its gradient; x / |x| for complex numbers, 0 at 0."""

def square(x: Operand, name: str | None = None) -> Tensor:
    """x * x."""

def squared_difference(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """(a - b) * (a - b)."""

def reciprocal(x: Operand, name: str | None = None) -> Tensor:
    """1 / x."""

def div_no_nan(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """a / b, and 0 where b is 0."""

def mul_no_nan(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """a * b, and 0 where b is 0, even if a is infinite or NaN."""

def copysign(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """The magnitude of a with the sign of b (for a NaN, either); no gradient flows to b, and it is 0 where a is 0."""

def hypot(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """sqrt(a * a + b * b), without overflow on the way; its gradient at 0 is 0."""

def nextafter(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """The next representable number after a in the direction of b; a where they are equal."""

def equal(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """Whether a is equal to b; NaN is equal to nothing."""

def not_equal(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """Whether a is not equal to b; NaN is equal to nothing."""

def greater(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """Whether a > b."""

def greater_equal(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """Whether a >= b."""

def less(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """Whether a < b."""

def less_equal(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """Whether a <= b."""

def isnan(x: Operand, name: str | None = None) -> Tensor:
    """Whether x is not a number (of complex numbers, whether a part is not)."""

def isinf(x: Operand, name: str | None = None) -> Tensor:
    """Whether x is an infinity (of complex numbers, whether a part is)."""

def isfinite(x: Operand, name: str | None = None) -> Tensor:
    """Whether x is neither an infinity nor NaN (of complex numbers, whether both parts are neither)."""

def signbit(x: Operand, name: str | None = None) -> Tensor:
    """Whether the sign of x is set: of negative numbers, of -0.0, and of some NaNs."""

def logical_and(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """Whether both a and b hold."""

def logical_or(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """Whether a or b holds."""

def logical_xor(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """Whether just one of a and b holds."""

def logical_not(x: Operand, name: str | None = None) -> Tensor:
    """Whether x does not hold."""

def floor(x: Operand, name: str | None = None) -> Tensor:
    """The largest whole number that is not above x."""

def ceil(x: Operand, name: str | None = None) -> Tensor:
    """The smallest whole number that is not below x."""

def round(x: Operand, name: str | None = None) -> Tensor:
    """The nearest whole number; halves go to the even one. Of complex numbers, that of each part."""

def trunc(x: Operand, name: str | None = None) -> Tensor:
    """x without its fraction."""

def floor_divide(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """a / b rounded down, as in Python and NumPy; for integers 0 where b is 0.

    It is the quotient that fits `remainder`, even where a / b itself rounds up to a whole number."""

def remainder(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """The remainder of `floor_divide`, with the sign of b, as in Python and NumPy; for integers 0 where b is 0."""

def bitwise_and(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """The bits that are set in both a and b."""

def bitwise_or(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """The bits that are set in a or b."""

def bitwise_xor(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """The bits that are set in just one of a and b."""

def bitwise_invert(x: Operand, name: str | None = None) -> Tensor:
    """The bits that are not set in x."""

def bitwise_left_shift(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """The bits of a shifted left by b, zeros shifted in; 0 where b is negative or not less than the width."""

def bitwise_right_shift(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """The arithmetic shift of a right by b, copies of the sign shifted in: a / 2^b rounded down.

    Where b is negative or not less than the width, only copies of the sign remain."""

def right_shift_logical(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """The logical shift of a right by b, zeros shifted in; 0 where b is negative or not less than the width."""

def exp(x: Operand, name: str | None = None) -> Tensor:
    """The natural exponential."""

def exp2(x: Operand, name: str | None = None) -> Tensor:
    """2 to the power of x."""

def expm1(x: Operand, name: str | None = None) -> Tensor:
    """exp(x) - 1, exact for small x too."""

def log(x: Operand, name: str | None = None) -> Tensor:
    """The natural logarithm."""

def log1p(x: Operand, name: str | None = None) -> Tensor:
    """log(1 + x), exact for small x too."""

def log2(x: Operand, name: str | None = None) -> Tensor:
    """The logarithm to base 2."""

def log10(x: Operand, name: str | None = None) -> Tensor:
    """The logarithm to base 10."""

def sqrt(x: Operand, name: str | None = None) -> Tensor:
    """The square root; its gradient at 0 is infinite."""

def rsqrt(x: Operand, name: str | None = None) -> Tensor:
    """1 / sqrt(x)."""

def pow(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """a to the power of b.

    For integers modulo the width of their dtype, and truncated where b is negative: 0, unless a is 1 or -1. The
    gradient with respect to b is 0 where a is not positive (for complex numbers, where a is 0)."""

def xlogy(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """a * log(b), and 0 where a is 0. The gradient by a is log(b) there too, but 0 where that is not finite."""

def xdivy(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """a / b, and 0 where a is 0. The gradient by a is 1 / b there too, but 0 where b is 0."""

def sin(x: Operand, name: str | None = None) -> Tensor:
    """The sine of an angle in radians."""

def cos(x: Operand, name: str | None = None) -> Tensor:
    """The cosine of an angle in radians."""

def tan(x: Operand, name: str | None = None) -> Tensor:
    """The tangent of an angle in radians."""

def asin(x: Operand, name: str | None = None) -> Tensor:
    """The angle, from -pi / 2 to pi / 2, whose sine is x."""

def acos(x: Operand, name: str | None = None) -> Tensor:
    """The angle, from 0 to pi, whose cosine is x."""

def atan(x: Operand, name: str | None = None) -> Tensor:
    """The angle, from -pi / 2 to pi / 2, whose tangent is x."""

def atan2(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """The angle, from -pi to pi, of the point whose ordinate is a and whose abscissa is b."""

def sinh(x: Operand, name: str | None = None) -> Tensor:
    """Hyperbolic sine."""

def cosh(x: Operand, name: str | None = None) -> Tensor:
    """Hyperbolic cosine."""

def tanh(x: Operand, name: str | None = None) -> Tensor:
    """Hyperbolic tangent."""

def asinh(x: Operand, name: str | None = None) -> Tensor:
    """Inverse hyperbolic sine."""

def acosh(x: Operand, name: str | None = None) -> Tensor:
    """Inverse hyperbolic cosine, not negative; NaN below 1."""

def atanh(x: Operand, name: str | None = None) -> Tensor:
    """Inverse hyperbolic tangent; NaN beyond 1."""

def sigmoid(x: Operand, name: str | None = None) -> Tensor:
    """The logistic function, 1 / (1 + exp(-x))."""

def log_sigmoid(x: Operand, name: str | None = None) -> Tensor:
    """The logarithm of the logistic function, -softplus(-x)."""

def softplus(x: Operand, name: str | None = None) -> Tensor:
    """log(1 + exp(x))."""

def logaddexp(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """log(exp(a) + exp(b)). Each gets its share of the gradient; the same infinity twice has equal shares."""

def erf(x: Operand, name: str | None = None) -> Tensor:
    """The error function: 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""

def erfc(x: Operand, name: str | None = None) -> Tensor:
    """1 - erf(x), exact for large x too."""

def lgamma(x: Operand, name: str | None = None) -> Tensor:
    """The logarithm of the absolute value of the gamma function: infinite at 0 and at negative whole numbers."""

def digamma(x: Operand, name: str | None = None) -> Tensor:
    """The derivative of lgamma: NaN at negative whole numbers, infinite at 0."""

def relu(x: Operand, name: str | None = None) -> Tensor:
    """max(x, 0); its gradient at 0 is 0, at NaN 1."""

def relu6(x: Operand, name: str | None = None) -> Tensor:
    """min(max(x, 0), 6); its gradient at 0 and at 6 is 0, at NaN 1."""

def elu(x: Operand, name: str | None = None) -> Tensor:
    """x where it is not negative, exp(x) - 1 elsewhere."""

def selu(x: Operand, name: str | None = None) -> Tensor:
    """The `elu` that normalizes itself: scaled, and steeper for negative x (Klambauer et al., 2017)."""

def silu(x: Operand, name: str | None = None) -> Tensor:
    """x * sigmoid(x), also called swish."""

def softsign(x: Operand, name: str | None = None) -> Tensor:
    """x / (1 + |x|)."""
