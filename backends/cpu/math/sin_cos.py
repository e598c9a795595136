"""sin and cos: x = n pi / 2 + r with |r| <= pi / 4, and n modulo 4 says which polynomial in r it is, and its sign."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi

from pullback.backends.cpu.math.lanes import F32, F64, LLVMValue, fma, polynomial, select

# pi / 2 in three parts of the format (Cody and Waite). x is so near to n times the first that their fused difference is
# exact; so is the next one, where it cancels what is left. All are positive, so that r is -0 where x is.
HALF_PI = {
    F32: (1.570796251296997, 7.549789415861596e-08, 5.390302953474238e-15),
    F64: (1.5707963267948966, 6.123233995736765e-17, 1.082856673921914e-32),
}

# Up to here n is right; beyond, the C library reduces x with as many digits of pi as it takes.
LARGEST = {F32: 1e5, F64: 1e9}

# (sin(r) - r) / r^3 and (cos(r) - 1 + r^2 / 2) / r^4 in r^2, highest power first.
SINE = {
    # By a search from those of Cephes's sinf (S. Moshier) for the least error of sin, roundings included.
    F32: (-1.9573357712943107e-4, 8.332645520567894e-3, -1.6666662693023682e-1),
    # fdlibm's k_sin.c and k_cos.c (Sun Microsystems).
    F64: (
        1.58969099521155010221e-10,
        -2.50507602534068634195e-08,
        2.75573137070700676789e-06,
        -1.98412698298579493134e-04,
        8.33333333332248946124e-03,
        -1.66666666666666324348e-01,
    ),
}
COSINE = {
    F32: (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2),
    F64: (
        -1.13596475577881948265e-11,
        2.08757232129817482790e-09,
        -2.75573143513906633035e-07,
        2.48015872894767294178e-05,
        -1.38888888888741095749e-03,
        4.16666666666666019037e-02,
    ),
}

# (tan(r) - r) / r^3 in r^2, by Remez's algorithm: the error of tan(r), relative to it, is 1.3e-9.
TANGENT = (
    0.004372718743979931,
    9.821661660680547e-05,
    0.01082745660096407,
    0.02128620631992817,
    0.05405891314148903,
    0.13332675397396088,
    0.33333349227905273,
)


def sin(x: LLVMValue) -> LLVMValue:
    """The sine. Error: f32 1.47 ulp (every 7th input), f64 1.46 (sampled)."""
    return beyond_largest(("sin",), x, [near_sin(*in_quadrant(x))])[0]


def cos(x: LLVMValue) -> LLVMValue:
    """The cosine. Error: f32 1.48 ulp (every 7th input), f64 1.47 (sampled)."""
    return beyond_largest(("cos",), x, [near_cos(*in_quadrant(x))])[0]


def sin_cos(x: LLVMValue) -> tuple[LLVMValue, LLVMValue]:
    """The sine and the cosine, of one reduction: the bits of `sin` and `cos`."""
    reduced = in_quadrant(x)
    sine, cosine = beyond_largest(("sin", "cos"), x, [near_sin(*reduced), near_cos(*reduced)])
    return sine, cosine


def tan(x: LLVMValue) -> LLVMValue:
    """The tangent. Error: f32 2.86 ulp (every 16th input), f64 2.58 (sampled).

    In every other quadrant it is -1 / tan(r). Of f64 it is the quotient of sine and cosine, whose series are short.
    """
    if x.format is F64:
        quadrant, top, bottom = in_quadrant(x)
    else:
        quadrant, r = reduce_angle(x)
        square = r * r
        top, bottom = fma(polynomial(square, TANGENT) * square, r, r), r.lift(1.0)
    is_even = (quadrant & 1).equals(0)
    # The sign of the quotient is moved to its numerator.
    turned_top = select(is_even, top, bottom)
    quotient = turned_top / select(is_even, bottom, top)
    sign = quadrant << (x.format.bits.width.data - 1)
    return beyond_largest(("tan",), x, [(quotient.bits() ^ sign).as_float()])[0]


def beyond_largest(names: Sequence[str], x: LLVMValue, near: Sequence[LLVMValue]) -> list[LLVMValue]:
    """`near`, but the C library's functions in lanes that are too large for it."""

    def compute(x: LLVMValue, near: Sequence[LLVMValue]) -> list[LLVMValue]:
        is_large = x.absolute() > LARGEST[x.format]
        far = [x.body.by_lane(name, x) for name in names]
        return [select(is_large, f, n) for f, n in zip(far, near, strict=True)]

    is_large = x.absolute() > LARGEST[x.format]
    return x.body.rarely(is_large, f"{'_'.join(names)}_of_large", compute, x, near)


def in_quadrant(x: LLVMValue) -> tuple[LLVMValue, LLVMValue, LLVMValue]:
    """(q, s, c): x = n pi / 2 + r, the low bits of q are those of n, s is sin(r), and c is cos(r)."""
    form = x.format
    quadrant, r = reduce_angle(x)
    square = r * r
    # 0 is added since the product is -0 at 0, where the sine has the sign of r.
    sine = fma(fma(polynomial(square, SINE[form]), square, 0.0), r, r)
    cosine = polynomial(square, (*COSINE[form], -0.5, 1.0))
    return quadrant, sine, cosine


def reduce_angle(x: LLVMValue) -> tuple[LLVMValue, LLVMValue]:
    """(q, r): x = n pi / 2 + r with |r| <= pi / 4, and the low bits of q are those of n."""
    form = x.format
    shifted = fma(x, 2 / pi, form.rounder)
    n = shifted - form.rounder
    r = x
    for part in HALF_PI[form]:
        r = fma(n, -part, r)
    return shifted.bits(), r


def near_sin(quadrant: LLVMValue, sine: LLVMValue, cosine: LLVMValue) -> LLVMValue:
    """The sine of x, from what `in_quadrant` gives."""
    return turned(select((quadrant & 1).equals(0), sine, cosine), quadrant)


def near_cos(quadrant: LLVMValue, sine: LLVMValue, cosine: LLVMValue) -> LLVMValue:
    """The cosine of x, from what `in_quadrant` gives."""
    return turned(select((quadrant & 1).equals(0), cosine, sine), quadrant + 1)


def turned(value: LLVMValue, quadrant: LLVMValue) -> LLVMValue:
    """The value, negative in the quadrants 2 and 3: bits are moved, since comparisons take the place of products."""
    width = value.format.bits.width.data
    sign = (quadrant << (width - 2)) & -(1 << (width - 1))
    return (value.bits() ^ sign).as_float()
