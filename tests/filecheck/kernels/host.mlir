// What kernels do not compute stays outside, with a buffer for its result: here arithmetic on ui8. A small fill of such
// a dtype is a constant; reshapes stay other names of a buffer; a product of integers needs no kernel either.
// RUN: pullback-opt %s -p form-kernels{vector-bits=256},plan-memory,verify-level{level=kernels} --no-locations | filecheck %s
// RUN: pullback-opt %s -p form-kernels{vector-bits=256},plan-memory --no-locations > %t.mlir
// RUN: pullback-opt %t.mlir -p form-kernels{vector-bits=256},plan-memory,verify-level{level=kernels} --no-locations | filecheck %s

func.func @main(%x: tensor<4xui8>, %y: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<4xui8>) {
  %two = graph.fill {value = 2 : ui8} : tensor<ui8>
  %a = graph.multiply %x, %two : (tensor<4xui8>, tensor<ui8>) -> tensor<4xui8>
  %r = graph.reshape %a : (tensor<4xui8>) -> tensor<2x2xui8>
  %b = graph.cast %r : (tensor<2x2xui8>) -> tensor<2x2xf32>
  %c = graph.add %b, %y : tensor<2x2xf32>
  %d = graph.tanh %c : tensor<2x2xf32>
  func.return %d, %a : tensor<2x2xf32>, tensor<4xui8>
}

// CHECK:      func.func @main(%x: tensor<4xui8>, %y: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<4xui8>) attributes {graph.arena = 0 : i64} {
// CHECK-NEXT: %two = graph.constant dense<2> : tensor<ui8>
// CHECK-NEXT: %a = graph.multiply %x, %two {memory = [#graph.buffer<output, 1>]} : (tensor<4xui8>, tensor<ui8>) -> tensor<4xui8>
// CHECK-NEXT: %r = graph.reshape %a : (tensor<4xui8>) -> tensor<2x2xui8>
// CHECK-NEXT: %b = graph.cast %r {memory = [#graph.buffer<output, 0>]} : (tensor<2x2xui8>) -> tensor<2x2xf32>
// CHECK-NEXT: %d = graph.kernel %b, %y schedule<kind = pointwise
