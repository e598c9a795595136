// Operations on constants, and shapes that are known.
// RUN: pullback-opt %s -p canonicalize,dce --no-locations | filecheck %s

func.func @uniform_constant() -> (tensor<3xf32>, tensor<2xf32>, tensor<0xf32>) {
  %a = graph.constant dense<2.0> : tensor<3xf32>
  %b = graph.constant dense<[0.0, 1.0]> : tensor<2xf32>
  %c = graph.constant dense<[]> : tensor<0xf32>
  func.return %a, %b, %c : tensor<3xf32>, tensor<2xf32>, tensor<0xf32>
}
// CHECK-LABEL: func.func @uniform_constant(
// CHECK-NEXT: %a = graph.fill {value = 2.000000e+00 : f32} : tensor<3xf32>
// CHECK-NEXT: %b = graph.constant dense<[0.000000e+00, 1.000000e+00]> : tensor<2xf32>
// CHECK-NEXT: %c = graph.fill {value = 0.000000e+00 : f32} : tensor<0xf32>
// CHECK-NEXT: func.return %a, %b, %c : tensor<3xf32>, tensor<2xf32>, tensor<0xf32>
// CHECK-NEXT: }

func.func @static_shape(%x: tensor<2x3xf32>, %y: tensor<?x3xf32>) -> (tensor<2xi64>, tensor<2xi64>, tensor<i64>) {
  %a = graph.shape_of %x : (tensor<2x3xf32>) -> tensor<2xi64>
  %b = graph.shape_of %y : (tensor<?x3xf32>) -> tensor<2xi64>
  %c = graph.size %x : (tensor<2x3xf32>) -> tensor<i64>
  func.return %a, %b, %c : tensor<2xi64>, tensor<2xi64>, tensor<i64>
}
// CHECK-LABEL: func.func @static_shape(
// CHECK-NEXT: %a = graph.constant dense<[2, 3]> : tensor<2xi64>
// CHECK-NEXT: %b = graph.shape_of %y : (tensor<?x3xf32>) -> tensor<2xi64>
// CHECK-NEXT: %c = graph.fill {value = 6 : i64} : tensor<i64>
// CHECK-NEXT: func.return %a, %b, %c : tensor<2xi64>, tensor<2xi64>, tensor<i64>
// CHECK-NEXT: }

func.func @elementwise_on_fills() -> (tensor<3xf32>, tensor<3xi1>) {
  %a = graph.fill {value = 2.0 : f32} : tensor<3xf32>
  %b = graph.fill {value = 0.1 : f32} : tensor<f32>
  %c = graph.multiply %a, %b : (tensor<3xf32>, tensor<f32>) -> tensor<3xf32>
  %d = graph.greater %a, %b : (tensor<3xf32>, tensor<f32>) -> tensor<3xi1>
  func.return %c, %d : tensor<3xf32>, tensor<3xi1>
}
// CHECK-LABEL: func.func @elementwise_on_fills(
// CHECK-NEXT: %c = graph.fill {value = 2.000000e-01 : f32} : tensor<3xf32>
// CHECK-NEXT: %d = graph.fill {value = true} : tensor<3xi1>
// CHECK-NEXT: func.return %c, %d : tensor<3xf32>, tensor<3xi1>
// CHECK-NEXT: }

// Libraries differ in the last bit of exp, and 0 / 0 keeps its NaN for the run.
func.func @not_exact() -> (tensor<3xf32>, tensor<f32>) {
  %a = graph.fill {value = 2.0 : f32} : tensor<3xf32>
  %zero = graph.fill {value = 0.0 : f32} : tensor<f32>
  %b = graph.exp %a : tensor<3xf32>
  %c = graph.divide %zero, %zero : tensor<f32>
  func.return %b, %c : tensor<3xf32>, tensor<f32>
}
// CHECK-LABEL: func.func @not_exact(
// CHECK-NEXT: %a = graph.fill {value = 2.000000e+00 : f32} : tensor<3xf32>
// CHECK-NEXT: %zero = graph.fill {value = 0.000000e+00 : f32} : tensor<f32>
// CHECK-NEXT: %b = graph.exp %a : tensor<3xf32>
// CHECK-NEXT: %c = graph.divide %zero, %zero : tensor<f32>
// CHECK-NEXT: func.return %b, %c : tensor<3xf32>, tensor<f32>
// CHECK-NEXT: }

func.func @cast_of_constant(%x: tensor<2x3xf32>) -> (tensor<f32>, tensor<?xf64>) {
  %n = graph.size %x : (tensor<2x3xf32>) -> tensor<i64>
  %a = graph.cast %n : (tensor<i64>) -> tensor<f32>
  %shape = graph.constant dense<[5]> : tensor<1xi64>
  %ones = graph.fill %shape {value = 1 : i32} : (tensor<1xi64>) -> tensor<?xi32>
  %b = graph.cast %ones : (tensor<?xi32>) -> tensor<?xf64>
  func.return %a, %b : tensor<f32>, tensor<?xf64>
}
// CHECK-LABEL: func.func @cast_of_constant(
// CHECK-NEXT: %a = graph.fill {value = 6.000000e+00 : f32} : tensor<f32>
// CHECK-NEXT: %shape = graph.fill {value = 5 : i64} : tensor<1xi64>
// CHECK-NEXT: %b = graph.fill %shape {value = 1.000000e+00 : f64} : (tensor<1xi64>) -> tensor<?xf64>
// CHECK-NEXT: func.return %a, %b : tensor<f32>, tensor<?xf64>
// CHECK-NEXT: }

// The size of one axis: a constant shape by a constant index.
func.func @shape_arithmetic(%x: tensor<2x3xf32>) -> (tensor<i64>, tensor<i64>) {
  %shape = graph.shape_of %x : (tensor<2x3xf32>) -> tensor<2xi64>
  %one = graph.fill {value = 1 : i64} : tensor<i64>
  %a = graph.gather %shape, %one : (tensor<2xi64>, tensor<i64>) -> tensor<i64>
  %b = graph.sum %shape {axes = array<i64: 0>} : (tensor<2xi64>) -> tensor<i64>
  func.return %a, %b : tensor<i64>, tensor<i64>
}
// CHECK-LABEL: func.func @shape_arithmetic(
// CHECK-NEXT: %a = graph.fill {value = 3 : i64} : tensor<i64>
// CHECK-NEXT: %b = graph.fill {value = 5 : i64} : tensor<i64>
// CHECK-NEXT: func.return %a, %b : tensor<i64>, tensor<i64>
// CHECK-NEXT: }

// What has no elements needs no computing, whatever it would have been.
func.func @nothing(%x: tensor<0x3xf32>, %w: tensor<3x2xf32>) -> (tensor<0x2xf32>, tensor<3xf32>) {
  %y = graph.tanh %x : tensor<0x3xf32>
  %p = graph.matmul %y, %w : (tensor<0x3xf32>, tensor<3x2xf32>) -> tensor<0x2xf32>
  %s = graph.sum %x {axes = array<i64: 0>} : (tensor<0x3xf32>) -> tensor<3xf32>
  func.return %p, %s : tensor<0x2xf32>, tensor<3xf32>
}
// CHECK-LABEL: func.func @nothing(
// CHECK-NEXT: %p = graph.fill {value = 0.000000e+00 : f32} : tensor<0x2xf32>
// CHECK-NEXT: %s = graph.fill {value = 0.000000e+00 : f32} : tensor<3xf32>
// CHECK-NEXT: func.return %p, %s : tensor<0x2xf32>, tensor<3xf32>
// CHECK-NEXT: }

// The operations say for which dtypes there is one right result.
func.func @exact_on_fills() -> (tensor<3xf32>, tensor<3xf32>, tensor<3xi1>, tensor<3xi1>, tensor<3xi32>, tensor<3xf32>) {
  %a = graph.fill {value = -2.5 : f32} : tensor<3xf32>
  %i = graph.fill {value = 6 : i32} : tensor<3xi32>
  %j = graph.fill {value = 3 : i32} : tensor<3xi32>
  %b = graph.floor %a : tensor<3xf32>
  %c = graph.abs %a : tensor<3xf32>
  %d = graph.less_equal %a, %b : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xi1>
  %e = graph.logical_not %d : tensor<3xi1>
  %f = graph.bitwise_and %i, %j : tensor<3xi32>
  %g = graph.relu %a : tensor<3xf32>
  func.return %b, %c, %d, %e, %f, %g : tensor<3xf32>, tensor<3xf32>, tensor<3xi1>, tensor<3xi1>, tensor<3xi32>, tensor<3xf32>
}
// CHECK-LABEL: func.func @exact_on_fills(
// CHECK-NEXT: %b = graph.fill {value = -3.000000e+00 : f32} : tensor<3xf32>
// CHECK-NEXT: %c = graph.fill {value = 2.500000e+00 : f32} : tensor<3xf32>
// CHECK-NEXT: %d = graph.fill {value = false} : tensor<3xi1>
// CHECK-NEXT: %e = graph.fill {value = true} : tensor<3xi1>
// CHECK-NEXT: %f = graph.fill {value = 2 : i32} : tensor<3xi32>
// CHECK-NEXT: %g = graph.fill {value = 0.000000e+00 : f32} : tensor<3xf32>
// CHECK-NEXT: func.return %b, %c, %d, %e, %f, %g : tensor<3xf32>, tensor<3xf32>, tensor<3xi1>, tensor<3xi1>, tensor<3xi32>, tensor<3xf32>
// CHECK-NEXT: }

// Libraries divide complex numbers in several ways.
func.func @not_exact_for_complex() -> (tensor<complex<f32>>, tensor<f32>) {
  %a = graph.fill {value = [1.0 : f32, 2.0 : f32]} : tensor<complex<f32>>
  %b = graph.fill {value = [3.0 : f32, 1.0 : f32]} : tensor<complex<f32>>
  %c = graph.divide %a, %b : tensor<complex<f32>>
  %d = graph.abs %a : (tensor<complex<f32>>) -> tensor<f32>
  func.return %c, %d : tensor<complex<f32>>, tensor<f32>
}
// CHECK-LABEL: func.func @not_exact_for_complex(
// CHECK-NEXT: %a = graph.fill {value = [1.000000e+00 : f32, 2.000000e+00 : f32]} : tensor<complex<f32>>
// CHECK-NEXT: %b = graph.fill {value = [3.000000e+00 : f32, 1.000000e+00 : f32]} : tensor<complex<f32>>
// CHECK-NEXT: %c = graph.divide %a, %b : tensor<complex<f32>>
// CHECK-NEXT: %d = graph.abs %a : (tensor<complex<f32>>) -> tensor<f32>
// CHECK-NEXT: func.return %c, %d : tensor<complex<f32>>, tensor<f32>
// CHECK-NEXT: }
