// Choices, comparisons and bits that are decided.
// RUN: pullback-opt %s -p canonicalize,dce --no-locations | filecheck %s

func.func @where_of_truths(%c: tensor<4xi1>) -> (tensor<4xi1>, tensor<4xi1>) {
  %true = graph.fill {value = true} : tensor<i1>
  %false = graph.fill {value = false} : tensor<i1>
  %a = graph.where %c, %true, %false : (tensor<4xi1>, tensor<i1>, tensor<i1>) -> tensor<4xi1>
  %b = graph.where %c, %false, %true : (tensor<4xi1>, tensor<i1>, tensor<i1>) -> tensor<4xi1>
  func.return %a, %b : tensor<4xi1>, tensor<4xi1>
}
// CHECK-LABEL: func.func @where_of_truths(
// CHECK-NEXT: %b = graph.logical_not %c : tensor<4xi1>
// CHECK-NEXT: func.return %c, %b : tensor<4xi1>, tensor<4xi1>
// CHECK-NEXT: }

func.func @where_not(%c: tensor<4xi1>, %x: tensor<4xf32>, %y: tensor<f32>) -> tensor<4xf32> {
  %n = graph.logical_not %c : tensor<4xi1>
  %a = graph.where %n, %x, %y : (tensor<4xi1>, tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  func.return %a : tensor<4xf32>
}
// CHECK-LABEL: func.func @where_not(
// CHECK-NEXT: %a = graph.where %c, %y, %x : (tensor<4xi1>, tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT: func.return %a : tensor<4xf32>
// CHECK-NEXT: }

// As the gradients of nested maxima have it; another condition stays.
func.func @where_in_where(%c: tensor<4xi1>, %d: tensor<4xi1>, %x: tensor<4xf32>, %y: tensor<4xf32>, %z: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %i = graph.where %c, %x, %y : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %a = graph.where %c, %i, %z : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %b = graph.where %c, %z, %i : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %e = graph.where %d, %i, %z : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return %a, %b, %e : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}
// CHECK-LABEL: func.func @where_in_where(
// CHECK-NEXT: %i = graph.where %c, %x, %y : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT: %a = graph.where %c, %x, %z : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT: %b = graph.where %c, %z, %y : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT: %e = graph.where %d, %i, %z : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT: func.return %a, %b, %e : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
// CHECK-NEXT: }

func.func @of_the_same(%x: tensor<4xf32>, %i: tensor<4xi32>, %c: tensor<4xi1>) -> (tensor<4xf32>, tensor<4xi32>, tensor<4xi1>, tensor<4xi1>, tensor<4xi32>) {
  %a = graph.minimum %x, %x : tensor<4xf32>
  %b = graph.bitwise_or %i, %i : tensor<4xi32>
  %d = graph.logical_and %c, %c : tensor<4xi1>
  %e = graph.logical_xor %c, %c : tensor<4xi1>
  %f = graph.bitwise_xor %i, %i : tensor<4xi32>
  func.return %a, %b, %d, %e, %f : tensor<4xf32>, tensor<4xi32>, tensor<4xi1>, tensor<4xi1>, tensor<4xi32>
}
// CHECK-LABEL: func.func @of_the_same(
// CHECK-NEXT: %e = graph.fill {value = false} : tensor<4xi1>
// CHECK-NEXT: %f = graph.fill {value = 0 : i32} : tensor<4xi32>
// CHECK-NEXT: func.return %x, %i, %c, %e, %f : tensor<4xf32>, tensor<4xi32>, tensor<4xi1>, tensor<4xi1>, tensor<4xi32>
// CHECK-NEXT: }

// NaN is not equal to itself.
func.func @comparison_of_the_same(%x: tensor<4xf32>, %i: tensor<4xi32>) -> (tensor<4xi1>, tensor<4xi1>, tensor<4xi1>, tensor<4xi1>) {
  %a = graph.greater %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  %b = graph.not_equal %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  %c = graph.equal %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  %d = graph.less_equal %i, %i : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi1>
  func.return %a, %b, %c, %d : tensor<4xi1>, tensor<4xi1>, tensor<4xi1>, tensor<4xi1>
}
// CHECK-LABEL: func.func @comparison_of_the_same(
// CHECK-NEXT: %a = graph.fill {value = false} : tensor<4xi1>
// CHECK-NEXT: %b = graph.isnan %x : (tensor<4xf32>) -> tensor<4xi1>
// CHECK-NEXT: %c = graph.equal %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
// CHECK-NEXT: %d = graph.fill {value = true} : tensor<4xi1>
// CHECK-NEXT: func.return %a, %b, %c, %d : tensor<4xi1>, tensor<4xi1>, tensor<4xi1>, tensor<4xi1>
// CHECK-NEXT: }

func.func @deciding_bits(%c: tensor<4xi1>, %i: tensor<4xui8>) -> (tensor<4xi1>, tensor<4xi1>, tensor<4xui8>, tensor<4xui8>) {
  %true = graph.fill {value = true} : tensor<4xi1>
  %false = graph.fill {value = false} : tensor<4xi1>
  %none = graph.fill {value = 0 : ui8} : tensor<4xui8>
  %all = graph.fill {value = 255 : ui8} : tensor<4xui8>
  %a = graph.logical_and %c, %false : tensor<4xi1>
  %b = graph.logical_or %true, %c : tensor<4xi1>
  %d = graph.bitwise_and %i, %none : tensor<4xui8>
  %e = graph.bitwise_and %i, %all : tensor<4xui8>
  func.return %a, %b, %d, %e : tensor<4xi1>, tensor<4xi1>, tensor<4xui8>, tensor<4xui8>
}
// CHECK-LABEL: func.func @deciding_bits(
// CHECK-NEXT: %true = graph.fill {value = true} : tensor<4xi1>
// CHECK-NEXT: %false = graph.fill {value = false} : tensor<4xi1>
// CHECK-NEXT: %none = graph.fill {value = 0 : ui8} : tensor<4xui8>
// CHECK-NEXT: func.return %false, %true, %none, %i : tensor<4xi1>, tensor<4xi1>, tensor<4xui8>, tensor<4xui8>
// CHECK-NEXT: }

func.func @xor_true(%c: tensor<4xi1>) -> tensor<4xi1> {
  %true = graph.fill {value = true} : tensor<i1>
  %a = graph.logical_xor %c, %true : (tensor<4xi1>, tensor<i1>) -> tensor<4xi1>
  func.return %a : tensor<4xi1>
}
// CHECK-LABEL: func.func @xor_true(
// CHECK-NEXT: %a = graph.logical_not %c : tensor<4xi1>
// CHECK-NEXT: func.return %a : tensor<4xi1>
// CHECK-NEXT: }

// With NaN, what is not above need not be below.
func.func @not_equal(%x: tensor<4xf32>, %y: tensor<4xf32>) -> (tensor<4xi1>, tensor<4xi1>) {
  %e = graph.equal %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  %a = graph.logical_not %e : tensor<4xi1>
  %g = graph.greater %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  %b = graph.logical_not %g : tensor<4xi1>
  func.return %a, %b : tensor<4xi1>, tensor<4xi1>
}
// CHECK-LABEL: func.func @not_equal(
// CHECK-NEXT: %a = graph.not_equal %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
// CHECK-NEXT: %g = graph.greater %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
// CHECK-NEXT: %b = graph.logical_not %g : tensor<4xi1>
// CHECK-NEXT: func.return %a, %b : tensor<4xi1>, tensor<4xi1>
// CHECK-NEXT: }

func.func @test_of_integers(%i: tensor<4xi32>) -> (tensor<4xi1>, tensor<4xi1>) {
  %a = graph.isnan %i : (tensor<4xi32>) -> tensor<4xi1>
  %b = graph.isfinite %i : (tensor<4xi32>) -> tensor<4xi1>
  func.return %a, %b : tensor<4xi1>, tensor<4xi1>
}
// CHECK-LABEL: func.func @test_of_integers(
// CHECK-NEXT: %a = graph.fill {value = false} : tensor<4xi1>
// CHECK-NEXT: %b = graph.fill {value = true} : tensor<4xi1>
// CHECK-NEXT: func.return %a, %b : tensor<4xi1>, tensor<4xi1>
// CHECK-NEXT: }

// As `~c & d` is written in Python.
func.func @bits_of_truths(%c: tensor<4xi1>, %d: tensor<4xi1>, %i: tensor<4xi32>) -> (tensor<4xi1>, tensor<4xi32>) {
  %n = graph.bitwise_invert %c : tensor<4xi1>
  %a = graph.bitwise_and %n, %d : tensor<4xi1>
  %b = graph.bitwise_invert %i : tensor<4xi32>
  func.return %a, %b : tensor<4xi1>, tensor<4xi32>
}
// CHECK-LABEL: func.func @bits_of_truths(
// CHECK-NEXT: %n = graph.logical_not %c : tensor<4xi1>
// CHECK-NEXT: %a = graph.logical_and %n, %d : tensor<4xi1>
// CHECK-NEXT: %b = graph.bitwise_invert %i : tensor<4xi32>
// CHECK-NEXT: func.return %a, %b : tensor<4xi1>, tensor<4xi32>
// CHECK-NEXT: }
