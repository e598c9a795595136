// CUDA C++ without CUDA: what the text of kernels means to a C++ compiler. Threads are fibers (scheduler.cpp).
//
// It includes no header of the system, so that the names which are taken are those that CUDA takes.
#pragma once
#include "scheduler.h"

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
// `used`: Clang would make a bool of an array in which nothing but one number is ever stored.
#define __shared__ static __attribute__((used, section("pullback_shared")))

const int warpSize = 32;

static inline void __syncthreads(int line = __builtin_LINE()) { pullback::wait_for_block(line); }
static inline void __syncwarp(unsigned mask = 0xffffffff, int line = __builtin_LINE()) {
  pullback::wait_for_warp(mask, line);
}
[[noreturn]] static inline void __trap(int line = __builtin_LINE()) { pullback::trap(line); }

// ---- shuffles ---------------------------------------------------------------------------------------------

namespace pullback {

template <typename To, typename From>
inline To bits(From from) {
  static_assert(sizeof(To) == sizeof(From), "types of one size");
  To to;
  __builtin_memcpy(&to, &from, sizeof to);
  return to;
}

template <typename T>
inline T shuffled(unsigned mask, T value, Shuffle mode, int offset, int width, int line) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "CUDA shuffles values of 4 and 8 bytes");
  unsigned long long packed = 0;
  __builtin_memcpy(&packed, &value, sizeof value);
  packed = exchange(mask, packed, mode, offset, width, line);
  __builtin_memcpy(&value, &packed, sizeof value);
  return value;
}

}  // namespace pullback

template <typename T>
inline T __shfl_sync(unsigned mask, T value, int lane, int width = 32, int line = __builtin_LINE()) {
  return pullback::shuffled(mask, value, pullback::TO_LANE, lane, width, line);
}
template <typename T>
inline T __shfl_up_sync(unsigned mask, T value, unsigned distance, int width = 32, int line = __builtin_LINE()) {
  return pullback::shuffled(mask, value, pullback::UP, (int)distance, width, line);
}
template <typename T>
inline T __shfl_down_sync(unsigned mask, T value, unsigned distance, int width = 32, int line = __builtin_LINE()) {
  return pullback::shuffled(mask, value, pullback::DOWN, (int)distance, width, line);
}
template <typename T>
inline T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, int line = __builtin_LINE()) {
  return pullback::shuffled(mask, value, pullback::XOR, lanes, width, line);
}

// ---- functions --------------------------------------------------------------------------------------------

static inline int __float_as_int(float a) { return pullback::bits<int>(a); }
static inline unsigned __float_as_uint(float a) { return pullback::bits<unsigned>(a); }
static inline float __int_as_float(int a) { return pullback::bits<float>(a); }
static inline float __uint_as_float(unsigned a) { return pullback::bits<float>(a); }
static inline long long __double_as_longlong(double a) { return pullback::bits<long long>(a); }
static inline double __longlong_as_double(long long a) { return pullback::bits<double>(a); }
static inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((unsigned long long)a * b >> 32); }
static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return (unsigned long long)((unsigned __int128)a * b >> 64);
}
template <typename T>
inline T __ldg(const T* pointer) {
  return *pointer;
}

// What the C library has under the same name, in float and in double.
#define ONE_ARGUMENT(name) \
  extern "C" double name(double) noexcept; \
  extern "C" float name##f(float) noexcept;
#define TWO_ARGUMENTS(name) \
  extern "C" double name(double, double) noexcept; \
  extern "C" float name##f(float, float) noexcept;

ONE_ARGUMENT(acos) ONE_ARGUMENT(acosh) ONE_ARGUMENT(asin) ONE_ARGUMENT(asinh) ONE_ARGUMENT(atan) ONE_ARGUMENT(atanh)
ONE_ARGUMENT(cbrt) ONE_ARGUMENT(ceil) ONE_ARGUMENT(cos) ONE_ARGUMENT(cosh) ONE_ARGUMENT(erf) ONE_ARGUMENT(erfc)
ONE_ARGUMENT(exp) ONE_ARGUMENT(exp2) ONE_ARGUMENT(expm1) ONE_ARGUMENT(fabs) ONE_ARGUMENT(floor) ONE_ARGUMENT(lgamma)
ONE_ARGUMENT(log) ONE_ARGUMENT(log10) ONE_ARGUMENT(log1p) ONE_ARGUMENT(log2) ONE_ARGUMENT(rint) ONE_ARGUMENT(round)
ONE_ARGUMENT(sin) ONE_ARGUMENT(sinh) ONE_ARGUMENT(sqrt) ONE_ARGUMENT(tan) ONE_ARGUMENT(tanh) ONE_ARGUMENT(tgamma)
ONE_ARGUMENT(trunc)
TWO_ARGUMENTS(atan2) TWO_ARGUMENTS(copysign) TWO_ARGUMENTS(fmax) TWO_ARGUMENTS(fmin) TWO_ARGUMENTS(fmod)
TWO_ARGUMENTS(pow)
extern "C" double fma(double, double, double) noexcept;
extern "C" float fmaf(float, float, float) noexcept;

#undef ONE_ARGUMENT
#undef TWO_ARGUMENTS

// What C lacks, or has as macros.
static inline float rsqrtf(float a) { return 1 / sqrtf(a); }
static inline double rsqrt(double a) { return 1 / sqrt(a); }
static inline bool isnan(float a) { return __builtin_isnan(a); }
static inline bool isnan(double a) { return __builtin_isnan(a); }
static inline bool isinf(float a) { return __builtin_isinf(a); }
static inline bool isinf(double a) { return __builtin_isinf(a); }
static inline bool isfinite(float a) { return __builtin_isfinite(a); }
static inline bool isfinite(double a) { return __builtin_isfinite(a); }

// ---- entry points -----------------------------------------------------------------------------------------

namespace pullback {

template <unsigned... I>
struct Positions {};
template <unsigned N, unsigned... I>
struct Below : Below<N - 1, N - 1, I...> {};
template <unsigned... I>
struct Below<0, I...> {
  typedef Positions<I...> positions;
};

template <typename... P, unsigned... I>
inline void call(void (*kernel)(P...), void** arguments, Positions<I...>) {
  kernel(*(P*)arguments[I]...);
}

template <typename... P>
inline void call(void (*kernel)(P...), void** arguments) {
  call(kernel, arguments, typename Below<sizeof...(P)>::positions());
}

}  // namespace pullback

// `pullback_run_NAME` runs one thread of a kernel; like cuLaunchKernel, it takes a pointer to each argument.
#define PULLBACK_ENTRY(name)                                                                     \
  extern "C" __attribute__((visibility("default"))) void pullback_run_##name(void** arguments) { \
    pullback::call(name, arguments);                                                             \
  }
