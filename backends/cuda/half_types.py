"""Half precision in CUDA C++: structs of 16 bits that memory holds, widened to f32 and rounded where they are stored.

The headers of CUDA have types of these names, too, but text without headers compiles anywhere, and in a tenth of the
time. A device converts f16 by one instruction; the integer code is for CPUs, and for bf16.
"""

from __future__ import annotations

STRUCTS = {
    "Half": """\
// A number of half precision (f16), as its bits.
struct Half { unsigned short bits; };
""",
    "BFloat16": """\
// A number of half precision (bf16), as its bits: the upper half of a float.
struct BFloat16 { unsigned short bits; };
""",
}
"""The definitions of the types, by their names."""

_WIDEN_HALF = """\
__device__ __forceinline__ float widen(Half a) {
#ifdef __CUDA_ARCH__
  float x;
  asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(a.bits));
  return x;
#else
  int sign = (a.bits & 0x8000) << 16, exponent = a.bits >> 10 & 31, fraction = a.bits & 1023;
  if (exponent == 0) return copysignf((float)fraction * 0x1p-24f, __int_as_float(sign | 0x3f800000));
  return __int_as_float(sign | (exponent == 31 ? 0x7f800000 : (exponent + 112) << 23) | fraction << 13);
#endif
}
"""
_NARROW_HALF = """\
__device__ __forceinline__ Half narrow_half(float a) {
  Half x;
#ifdef __CUDA_ARCH__
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(x.bits) : "f"(a));
#else
  int bits = __float_as_int(a), sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
  if (size > 0x7f800000) size = 0x7e00;
  else if (size >= 0x477ff000) size = 0x7c00;
  else if (size < 0x38800000) size = (int)rintf(fabsf(a) * 0x1p24f);
  else size = (size - 0x38000000 + 0xfff + (size >> 13 & 1)) >> 13;
  x.bits = (unsigned short)(sign | size);
#endif
  return x;
}
// Cut to the fraction of a float, its last bit set where anything is cut off, a number is rounded twice as if once.
__device__ __forceinline__ Half narrow_half(double a) {
  long long bits = __double_as_longlong(a), rest = bits & 0x1fffffffll;
  return narrow_half((float)__longlong_as_double((bits ^ rest) | (rest ? 0x20000000ll : 0)));
}
"""
_WIDEN_BFLOAT16 = """\
__device__ __forceinline__ float widen(BFloat16 a) { return __int_as_float(a.bits << 16); }
"""
_NARROW_BFLOAT16 = """\
__device__ __forceinline__ BFloat16 narrow_bfloat16(float a) {
  unsigned bits = (unsigned)__float_as_int(a);
  BFloat16 x;
  x.bits = (unsigned short)(a != a ? bits >> 16 | 0x40 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16);
  return x;
}
"""
NAMES = ("widen", "narrow_half", "narrow_bfloat16")
"""The names of the functions."""


def half_precision(text: str) -> str:
    """The definitions that a program's text needs before it."""
    wide = "widen(" in text
    functions = {
        _WIDEN_HALF: wide and "Half" in text,
        _NARROW_HALF: "narrow_half(" in text,
        _WIDEN_BFLOAT16: wide and "BFloat16" in text,
        _NARROW_BFLOAT16: "narrow_bfloat16(" in text,
    }
    structs = [definition for name, definition in STRUCTS.items() if f"{name}" in text]
    return "".join([*structs, *(definition for definition, needed in functions.items() if needed)])
