// Powers and quotients by known numbers.
// RUN: pullback-opt %s -p canonicalize,dce --no-locations | filecheck %s

// x ** 0.5 is no square root: those of -0.0 and -inf differ.
func.func @known_power(%x: tensor<4xf32>, %i: tensor<4xi32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xi32>) {
  %0 = graph.fill {value = 0.0 : f32} : tensor<f32>
  %2 = graph.fill {value = 2.0 : f32} : tensor<f32>
  %minus = graph.fill {value = -1.0 : f32} : tensor<f32>
  %half = graph.fill {value = 0.5 : f32} : tensor<f32>
  %two = graph.fill {value = 2 : i32} : tensor<i32>
  %a = graph.pow %x, %0 : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %b = graph.pow %x, %2 : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %c = graph.pow %x, %minus : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %d = graph.pow %x, %half : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %e = graph.pow %i, %two : (tensor<4xi32>, tensor<i32>) -> tensor<4xi32>
  func.return %a, %b, %c, %d, %e : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xi32>
}
// CHECK-LABEL: func.func @known_power(
// CHECK-NEXT: %half = graph.fill {value = 5.000000e-01 : f32} : tensor<f32>
// CHECK-NEXT: %a = graph.fill {value = 1.000000e+00 : f32} : tensor<4xf32>
// CHECK-NEXT: %b = graph.square %x : tensor<4xf32>
// CHECK-NEXT: %c = graph.reciprocal %x : tensor<4xf32>
// CHECK-NEXT: %d = graph.pow %x, %half : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
// CHECK-NEXT: %e = graph.square %i : tensor<4xi32>
// CHECK-NEXT: func.return %a, %b, %c, %d, %e : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xi32>
// CHECK-NEXT: }

// The powers of complex numbers are taken through logarithms.
func.func @complex_power(%z: tensor<4xcomplex<f32>>) -> tensor<4xcomplex<f32>> {
  %one = graph.fill {value = [1.0 : f32, 0.0 : f32]} : tensor<complex<f32>>
  %a = graph.pow %z, %one : (tensor<4xcomplex<f32>>, tensor<complex<f32>>) -> tensor<4xcomplex<f32>>
  func.return %a : tensor<4xcomplex<f32>>
}
// CHECK-LABEL: func.func @complex_power(
// CHECK-NEXT: %one = graph.fill {value = [1.000000e+00 : f32, 0.000000e+00 : f32]} : tensor<complex<f32>>
// CHECK-NEXT: %a = graph.pow %z, %one : (tensor<4xcomplex<f32>>, tensor<complex<f32>>) -> tensor<4xcomplex<f32>>
// CHECK-NEXT: func.return %a : tensor<4xcomplex<f32>>
// CHECK-NEXT: }

// Others of small whole numbers are products; in short dtypes they are rounded once.
func.func @products(%x: tensor<4xf32>, %h: tensor<4xf16>, %i: tensor<4xi32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf16>, tensor<4xi32>, tensor<4xi32>) {
  %3 = graph.fill {value = 3.0 : f32} : tensor<f32>
  %minus = graph.fill {value = -3.0 : f32} : tensor<f32>
  %half = graph.fill {value = -2.0 : f16} : tensor<f16>
  %four = graph.fill {value = 4 : i32} : tensor<i32>
  %below = graph.fill {value = -3 : i32} : tensor<i32>
  %a = graph.pow %x, %3 : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %b = graph.pow %x, %minus : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %c = graph.pow %h, %half : (tensor<4xf16>, tensor<f16>) -> tensor<4xf16>
  %d = graph.pow %i, %four : (tensor<4xi32>, tensor<i32>) -> tensor<4xi32>
  %e = graph.pow %i, %below : (tensor<4xi32>, tensor<i32>) -> tensor<4xi32>
  func.return %a, %b, %c, %d, %e : tensor<4xf32>, tensor<4xf32>, tensor<4xf16>, tensor<4xi32>, tensor<4xi32>
}
// CHECK-LABEL: func.func @products(
// CHECK-NEXT: %below = graph.fill {value = -3 : i32}

func.func @never_zero(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %three = graph.fill {value = 3.0 : f32} : tensor<f32>
  %zero = graph.fill {value = 0.0 : f32} : tensor<f32>
  %a = graph.div_no_nan %x, %three : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %b = graph.mul_no_nan %x, %three : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %c = graph.mul_no_nan %x, %zero : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  func.return %a, %b, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}
// CHECK-LABEL: func.func @never_zero(
// CHECK-NEXT: %three = graph.fill {value = 3.000000e+00 : f32} : tensor<f32>
// CHECK-NEXT: %a = graph.divide %x, %three : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
// CHECK-NEXT: %b = graph.multiply %x, %three : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
// CHECK-NEXT: %c = graph.fill {value = 0.000000e+00 : f32} : tensor<4xf32>
// CHECK-NEXT: func.return %a, %b, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
// CHECK-NEXT: }

// The reciprocal of 3 is rounded, that of 2 ** 127 has no full precision.
func.func @divide_by_power_of_two(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %four = graph.fill {value = 4.0 : f32} : tensor<f32>
  %quarter = graph.fill {value = -0.25 : f32} : tensor<4xf32>
  %three = graph.fill {value = 3.0 : f32} : tensor<f32>
  %large = graph.fill {value = 1.7014118346046923e+38 : f32} : tensor<f32>
  %a = graph.divide %x, %four : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %b = graph.divide %x, %quarter : tensor<4xf32>
  %c = graph.divide %x, %three : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %d = graph.divide %x, %large : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  func.return %a, %b, %c, %d : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}
// CHECK-LABEL: func.func @divide_by_power_of_two(
// CHECK-NEXT: %three = graph.fill {value = 3.000000e+00 : f32} : tensor<f32>
// CHECK-NEXT: %large = graph.fill {value = 1.70141183e+38 : f32} : tensor<f32>
// CHECK-NEXT: %0 = graph.fill {value = 2.500000e-01 : f32} : tensor<f32>
// CHECK-NEXT: %a = graph.multiply %x, %0 : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
// CHECK-NEXT: %1 = graph.fill {value = -4.000000e+00 : f32} : tensor<4xf32>
// CHECK-NEXT: %b = graph.multiply %x, %1 : tensor<4xf32>
// CHECK-NEXT: %c = graph.divide %x, %three : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
// CHECK-NEXT: %d = graph.divide %x, %large : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
// CHECK-NEXT: func.return %a, %b, %c, %d : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
// CHECK-NEXT: }
