// What form-kernels and specialize-shapes cannot work with.
// RUN: not pullback-opt %s -p 'form-kernels{vector-bits=0}' 2>&1 | filecheck %s --check-prefix=ZERO
// ZERO: error: form-kernels: vector-bits is 0; expected a power of two from 64 on
// RUN: not pullback-opt %s -p 'form-kernels{vector-bits=-5}' 2>&1 | filecheck %s --check-prefix=NEGATIVE
// NEGATIVE: error: form-kernels: vector-bits is -5; expected a power of two from 64 on
// RUN: not pullback-opt %s -p 'form-kernels{vector-bits=100}' 2>&1 | filecheck %s --check-prefix=ODD
// ODD: error: form-kernels: vector-bits is 100; expected a power of two from 64 on
// RUN: not pullback-opt %s -p 'form-kernels{fmas-per-cycle=0}' 2>&1 | filecheck %s --check-prefix=FMAS
// FMAS: error: fmas-per-cycle is 0; expected 1 or more
// RUN: not pullback-opt %s -p 'form-kernels{max-ops=0}' 2>&1 | filecheck %s --check-prefix=NONE
// NONE: error: form-kernels: max-ops is 0; expected 1 or more
// RUN: not pullback-opt %s -p 'specialize-shapes{main=9223372036854775807x3}' 2>&1 | filecheck %s --check-prefix=HUGE
// HUGE: error: specialize-shapes: shape 0 is '9223372036854775807x3': expected at most 9223372036854775807 elements
// RUN: not pullback-opt %s -p 'specialize-shapes{main=2xx3}' 2>&1 | filecheck %s --check-prefix=SHAPE
// SHAPE: error: specialize-shapes: shape 0 is '2xx3': expected extents joined by x as in 4x64

func.func @main(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %y = graph.tanh %x : tensor<?x3xf32>
  func.return %y : tensor<?x3xf32>
}
