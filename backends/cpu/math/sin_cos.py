"""sin and cos: x = n pi / 2 + r with |r| <= pi / 4, and n modulo 4 says which polynomial in r it is, and its sign."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi

from pullback.backends.cpu.math.lanes import F32, F64, LLVMValue, fma, polynomial, select

# pi / 2 in three parts, each rounded to the format (Cody and Waite). x is so near to n times the first that their fused
# difference is exact; so is the next one, where it cancels what is left.
HALF_PI = {
    F32: (1.5707963705062866, -4.371138828673793e-08, -1.7151245100058819e-15),
    F64: (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33),
}

# Up to here n is right; beyond, the C library reduces x with as many digits of pi as it takes.
LARGEST = {F32: 1e5, F64: 1e9}

# (sin(r) - r) / r^3 and (cos(r) - 1 + r^2 / 2) / r^4 in r^2, highest power first.
SINE = {
    # Cephes's sinf (S. Moshier).
    F32: (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1),
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


def sin(x: LLVMValue) -> LLVMValue:
    """The sine. Error: f32 1.48 ulp (every 128th input), f64 1.31 (sampled)."""
    return beyond_largest(("sin",), x, [near_sin(x, *in_quadrant(x))])[0]


def cos(x: LLVMValue) -> LLVMValue:
    """The cosine. Error: f32 1.50 ulp (every 128th input), f64 1.33 (sampled)."""
    return beyond_largest(("cos",), x, [near_cos(*in_quadrant(x))])[0]


def sin_cos(x: LLVMValue) -> tuple[LLVMValue, LLVMValue]:
    """The sine and the cosine, of one reduction: the bits of `sin` and `cos`."""
    reduced = in_quadrant(x)
    sine, cosine = beyond_largest(("sin", "cos"), x, [near_sin(x, *reduced), near_cos(*reduced)])
    return sine, cosine


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
    shifted = fma(x, 2 / pi, form.rounder)
    n = shifted - form.rounder
    r = x
    for part in HALF_PI[form]:
        r = fma(n, -part, r)
    square = r * r
    sine = fma(polynomial(square, SINE[form]) * square, r, r)
    half = square * 0.5
    near_1 = 1.0 - half
    # What was rounded off near 1 goes to the small terms.
    rest = fma(square * square, polynomial(square, COSINE[form]), (1.0 - near_1) - half)
    return shifted.bits(), sine, near_1 + rest


def near_sin(x: LLVMValue, quadrant: LLVMValue, sine: LLVMValue, cosine: LLVMValue) -> LLVMValue:
    """The sine of x, from what `in_quadrant` gives."""
    tiny = 2.0 ** (-2 - x.format.fraction // 2)
    value = select((quadrant & 1).equals(0), sine, cosine)
    return select(x.absolute() < tiny, x, select((quadrant & 2).equals(0), value, -value))


def near_cos(quadrant: LLVMValue, sine: LLVMValue, cosine: LLVMValue) -> LLVMValue:
    """The cosine of x, from what `in_quadrant` gives."""
    value = select((quadrant & 1).equals(0), cosine, sine)
    return select(((quadrant + 1) & 2).equals(0), value, -value)
