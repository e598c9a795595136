"""erf and erfc: a polynomial around 0 for erf, and exp(-x^2) times a polynomial in (x - c) / (x + c) elsewhere."""

from __future__ import annotations

from pullback.backends.cpu.math.exp import exp
from pullback.backends.cpu.math.lanes import F32, F64, LLVMValue, fma, polynomial, select

# Beyond, erf is 1, and erfc is 0.
LARGEST_OF_ERF = {F32: 4.0, F64: 6.0}
LARGEST_OF_ERFC = {F32: 11.0, F64: 28.0}

# All polynomials are by Remez's algorithm, with 60 digits, highest power first, so that the error of the result,
# relative to it, is least.
# erf(x) / x - 1 in x^2, for x up to `NEAR_0`: 4.4e-10 and 7.8e-19.
NEAR_0 = {F32: 0.9277, F64: 0.75}
SMALL = {
    F32: (
        8.331874414579943e-05,
        -0.0008133637020364404,
        0.005200230982154608,
        -0.02685907483100891,
        0.11283689737319946,
        -0.37612631916999817,
        0.12837916612625122,
    ),
    F64: (
        1.1463754968822837e-08,
        -1.5937601135650314e-07,
        1.6430388609526706e-06,
        -1.4924176683001422e-05,
        0.00012055288779972121,
        -0.0008548326169186111,
        0.005223977615124201,
        -0.026866170644402696,
        0.11283791670952482,
        -0.37612638903183715,
        0.1283791670955126,
    ),
}
# (-log(erfc(x)) - x) / x for f32 and x from `NEAR_0` to 4, where the logarithm of a result near 1 need not be exact
# (an idea of N. Juffa's): 5.4e-9.
LOGARITHM = (
    1.8562448531156406e-05,
    -0.00038112764013931155,
    0.003823735285550356,
    -0.0240388885140419,
    0.10644800215959549,
    0.6350823640823364,
    0.128652885556221,
)
# (x + c) exp(x^2) erfc(x) in (x - c) / (x + c), much as Shepherd and Laframboise (1981) have it. For erf of f64, with x
# from `NEAR_0` on: 1.4e-19.
CENTER_OF_ERF = 3.0
TAIL_OF_ERF = (
    -4.280679715109314e-06,
    -8.103004294101914e-06,
    4.656819931416805e-05,
    0.00012270569230121955,
    -0.00026760888388987266,
    -0.000544521977673428,
    0.0030351409233749056,
    -0.0012122092617942613,
    -0.02682720957290673,
    0.1195277627976395,
    -0.310467261917239,
    0.5902283570959148,
    -0.8833944531702713,
    1.0740069070883358,
)
# The same for erfc, with x from 0 on: 2.0e-9 and 7.8e-18.
CENTER = {F32: 3.0, F64: 3.5}
TAIL = {
    F32: (
        1.343507847195724e-05,
        -0.0002990101056639105,
        -0.00047848018584772944,
        0.003064003773033619,
        -0.0012326205614954233,
        -0.026836328208446503,
        0.11953042447566986,
        -0.31046631932258606,
        0.5902281999588013,
        -0.8833945393562317,
        1.0740069150924683,
    ),
    F64: (
        3.171074451571915e-09,
        8.760603184308376e-09,
        -2.156469494090844e-08,
        -8.269743754071947e-08,
        1.1620618480881283e-07,
        5.495291919151731e-07,
        -7.967140403806315e-07,
        -3.3913449241518293e-06,
        7.244459619409537e-06,
        1.8646907351857295e-05,
        -7.477721944671367e-05,
        -4.206209112484102e-05,
        0.0007145317176808828,
        -0.0013053547036790249,
        -0.003177050347198506,
        0.026518619882783853,
        -0.09231870663813933,
        0.22573862164735628,
        -0.4352560267169008,
        0.6941136466346455,
        -0.9377997245671118,
        1.08705558926226,
    ),
}


def erf(x: LLVMValue) -> LLVMValue:
    """The error function. Error: f32 1.06 ulp (every 128th input), f64 1.87 (sampled)."""
    form = x.format
    magnitude = x.absolute()
    square = magnitude * magnitude
    near = fma(polynomial(square, SMALL[form]), magnitude, magnitude)
    far = 1.0 - complement(magnitude.at_most(LARGEST_OF_ERF[form]))
    return select(magnitude < NEAR_0[form], near, far).with_sign_of(x)


def complement(x: LLVMValue) -> LLVMValue:
    """erfc(x) for x from `NEAR_0` on, as exactly as its difference from 1 needs it."""
    if x.format is F32:
        return exp(-fma(polynomial(x, LOGARITHM), x, x))
    scale = 1.0 / (x + CENTER_OF_ERF)
    return exp(-(x * x)) * (polynomial((x - CENTER_OF_ERF) * scale, TAIL_OF_ERF) * scale)


def erfc(x: LLVMValue) -> LLVMValue:
    """1 - erf(x). Error, denormal results included: f32 3.57 ulp (every 128th input), f64 3.78 (sampled)."""
    far = tail(x.absolute())
    return select(x < 0.0, 2.0 - far, far)


def tail(x: LLVMValue) -> LLVMValue:
    """erfc(x) for x >= 0."""
    form = x.format
    bounded = x.at_most(LARGEST_OF_ERFC[form])
    center = CENTER[form]
    scale = 1.0 / (bounded + center)
    # 1 / (x + c) is scale * (1 + rest).
    rest = fma(bounded, -scale, fma(scale, -center, 1.0))
    # (x - c) / (x + c) is 1 - 2 c / (x + c).
    quotient = fma(scale, -2 * center, 1.0)
    quotient = fma(quotient - 1.0, rest, quotient)
    # exp(-x^2), with what is rounded off of the square and of 1 / (x + c).
    square = bounded * bounded
    lost = fma(bounded, bounded, -square) - rest
    return exp(-square, lost) * (polynomial(quotient, TAIL[form]) * scale)
