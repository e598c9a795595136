"""erf and erfc: a polynomial around 0, and exp(-x^2) times a polynomial in (x - c) / (x + c) elsewhere."""

from __future__ import annotations

from pullback.backends.cpu.math.exp import exp
from pullback.backends.cpu.math.lanes import F32, F64, LLVMValue, fma, polynomial, select

NEAR_0 = 0.5
# Beyond, erfc is 0.
LARGEST = {F32: 11.0, F64: 28.0}

# Both polynomials interpolate at Chebyshev nodes: coefficients were solved for with 60 digits, highest power first.
# erf(x) / x - 1 in x^2, for x up to 0.5; error relative to it: f32 3.1e-10, f64 5.8e-19.
SMALL = {
    F32: (-0.0007694534279, 0.005200413724, -0.02686314303, 0.1128377401, -0.3761263853, 0.1283791671),
    F64: (
        -1.46209134094517487e-7,
        1.63712344257700007e-6,
        -0.0000149230033681520988,
        0.000120552862020057133,
        -0.00085483265107247964,
        0.00522397762201693636,
        -0.0268661706449997198,
        0.112837916709548691,
        -0.376126389031837505,
        0.128379167095512574,
    ),
}
# (x + c) exp(x^2) erfc(x) in (x - c) / (x + c), much as Shepherd and Laframboise (1981) have it, for x from 0.5 to
# `LARGEST`; relative error: f32 3.6e-9, f64 6.6e-18.
CENTER = {F32: 2.5, F64: 4.0}
TAIL = {
    F32: (
        5.87068439e-5,
        0.0005985068155,
        -0.0004476814278,
        -0.004782456999,
        0.008396104145,
        0.02835626336,
        -0.1712514909,
        0.4539143891,
        -0.8046518396,
        1.054031818,
    ),
    F64: (
        -1.21853536855362064e-8,
        1.30598417279154755e-9,
        1.19610734791858837e-7,
        -7.60766769240837675e-8,
        -8.42745799746254031e-7,
        1.42454262262537167e-6,
        4.69283234670488315e-6,
        -0.0000188610105060786982,
        -3.63471994010396393e-6,
        0.000176812842883575668,
        -0.000455052764151762095,
        -0.000280958867860817772,
        0.00611205566427477999,
        -0.0263700533402790257,
        0.0763815149087974682,
        -0.174010937239925519,
        0.330851587878026339,
        -0.540853831313235622,
        0.773208702265236974,
        -0.976548729080881988,
        1.09599566100049112,
    ),
}


def erf(x: LLVMValue) -> LLVMValue:
    """The error function. Error: f32 2.18 ulp (every 128th input), f64 2.50 (sampled)."""
    magnitude = x.absolute()
    far = (1.0 - tail(magnitude)).with_sign_of(x)
    return select(magnitude < NEAR_0, near_0(x), far)


def erfc(x: LLVMValue) -> LLVMValue:
    """1 - erf(x). Error, denormal results included: f32 3.88 ulp (every 128th input), f64 3.58 (sampled)."""
    magnitude = x.absolute()
    far = tail(magnitude)
    return select(magnitude < NEAR_0, 1.0 - near_0(x), select(x < 0.0, 2.0 - far, far))


def near_0(x: LLVMValue) -> LLVMValue:
    """erf(x) for |x| <= 0.5."""
    return fma(polynomial(x * x, SMALL[x.format]), x, x)


def tail(x: LLVMValue) -> LLVMValue:
    """erfc(x) for x >= 0.5."""
    form = x.format
    bounded = x.at_most(LARGEST[form])
    center = CENTER[form]
    scale = 1.0 / (bounded + center)
    scaled = polynomial((bounded - center) * scale, TAIL[form]) * scale
    # exp(-x^2), with what is rounded off of the square and, in f32, of 1 / (x + c), which is scale * (1 + rest).
    square = bounded * bounded
    lost = fma(bounded, bounded, -square)
    if form is F32:
        rest = fma(bounded, -scale, fma(scale, -center, 1.0))
        lost = lost - rest
    return exp(-square, lost) * scaled
