// What kernels do not compute stays outside, with a buffer for its result: here arithmetic on f16. A small fill of such
// a dtype is a constant; reshapes stay other names of a buffer; a product of integers needs no kernel either.
// RUN: pullback-opt %s -p form-kernels{vector-bits=256},plan-memory,verify-level{level=kernels} --no-locations | filecheck %s
// RUN: pullback-opt %s -p form-kernels{vector-bits=256},plan-memory --no-locations > %t.mlir
// RUN: pullback-opt %t.mlir -p form-kernels{vector-bits=256},plan-memory,verify-level{level=kernels} --no-locations | filecheck %s

func.func @main(%x: tensor<4xf16>, %y: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<4xf16>) {
  %half = graph.fill {value = 0.5 : f16} : tensor<f16>
  %a = graph.multiply %x, %half : (tensor<4xf16>, tensor<f16>) -> tensor<4xf16>
  %r = graph.reshape %a : (tensor<4xf16>) -> tensor<2x2xf16>
  %b = graph.cast %r : (tensor<2x2xf16>) -> tensor<2x2xf32>
  %c = graph.add %b, %y : tensor<2x2xf32>
  %d = graph.tanh %c : tensor<2x2xf32>
  func.return %d, %a : tensor<2x2xf32>, tensor<4xf16>
}

// CHECK:      func.func @main(%x: tensor<4xf16>, %y: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<4xf16>) attributes {graph.arena = 0 : i64} {
// CHECK-NEXT: %half = graph.constant dense<5.000000e-01> : tensor<f16>
// CHECK-NEXT: %a = graph.multiply %x, %half {memory = [#graph.buffer<output, 1>]} : (tensor<4xf16>, tensor<f16>) -> tensor<4xf16>
// CHECK-NEXT: %r = graph.reshape %a : (tensor<4xf16>) -> tensor<2x2xf16>
// CHECK-NEXT: %b = graph.cast %r {memory = [#graph.buffer<output, 0>]} : (tensor<2x2xf16>) -> tensor<2x2xf32>
// CHECK-NEXT: %d = graph.kernel %b, %y schedule<kind = pointwise
