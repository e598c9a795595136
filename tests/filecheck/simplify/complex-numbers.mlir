// Parts of complex numbers that are known.
// RUN: pullback-opt %s -p canonicalize,dce --no-locations | filecheck %s

func.func @part_of_parts(%x: tensor<4xf32>, %y: tensor<f32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %z = graph.complex %x, %y : (tensor<4xf32>, tensor<f32>) -> tensor<4xcomplex<f32>>
  %a = graph.real %z : (tensor<4xcomplex<f32>>) -> tensor<4xf32>
  %b = graph.imag %z : (tensor<4xcomplex<f32>>) -> tensor<4xf32>
  func.return %a, %b : tensor<4xf32>, tensor<4xf32>
}
// CHECK-LABEL: func.func @part_of_parts(
// CHECK-NEXT: %b = graph.broadcast_to %y : (tensor<f32>) -> tensor<4xf32>
// CHECK-NEXT: func.return %x, %b : tensor<4xf32>, tensor<4xf32>
// CHECK-NEXT: }

func.func @parts_put_together(%z: tensor<4xcomplex<f32>>) -> tensor<4xcomplex<f32>> {
  %x = graph.real %z : (tensor<4xcomplex<f32>>) -> tensor<4xf32>
  %y = graph.imag %z : (tensor<4xcomplex<f32>>) -> tensor<4xf32>
  %a = graph.complex %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xcomplex<f32>>
  func.return %a : tensor<4xcomplex<f32>>
}
// CHECK-LABEL: func.func @parts_put_together(
// CHECK-NEXT: func.return %z : tensor<4xcomplex<f32>>
// CHECK-NEXT: }

func.func @part_of_real_number(%x: tensor<4xf32>, %i: tensor<4xi32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf64>) {
  %z = graph.cast %x : (tensor<4xf32>) -> tensor<4xcomplex<f32>>
  %a = graph.real %z : (tensor<4xcomplex<f32>>) -> tensor<4xf32>
  %b = graph.imag %z : (tensor<4xcomplex<f32>>) -> tensor<4xf32>
  %w = graph.cast %i : (tensor<4xi32>) -> tensor<4xcomplex<f64>>
  %c = graph.real %w : (tensor<4xcomplex<f64>>) -> tensor<4xf64>
  func.return %a, %b, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf64>
}
// CHECK-LABEL: func.func @part_of_real_number(
// CHECK-NEXT: %b = graph.fill {value = 0.000000e+00 : f32} : tensor<4xf32>
// CHECK-NEXT: %c = graph.cast %i : (tensor<4xi32>) -> tensor<4xf64>
// CHECK-NEXT: func.return %x, %b, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf64>
// CHECK-NEXT: }

func.func @part_of_conjugate(%z: tensor<4xcomplex<f32>>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %k = graph.conj %z : tensor<4xcomplex<f32>>
  %a = graph.real %k : (tensor<4xcomplex<f32>>) -> tensor<4xf32>
  %b = graph.imag %k : (tensor<4xcomplex<f32>>) -> tensor<4xf32>
  %c = graph.abs %k : (tensor<4xcomplex<f32>>) -> tensor<4xf32>
  func.return %a, %b, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}
// CHECK-LABEL: func.func @part_of_conjugate(
// CHECK-NEXT: %a = graph.real %z : (tensor<4xcomplex<f32>>) -> tensor<4xf32>
// CHECK-NEXT: %0 = graph.imag %z : (tensor<4xcomplex<f32>>) -> tensor<4xf32>
// CHECK-NEXT: %b = graph.negative %0 : tensor<4xf32>
// CHECK-NEXT: %c = graph.abs %z : (tensor<4xcomplex<f32>>) -> tensor<4xf32>
// CHECK-NEXT: func.return %a, %b, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
// CHECK-NEXT: }

// The seed of a complex gradient.
func.func @parts_of_fill() -> (tensor<4xcomplex<f32>>, tensor<4xf32>, tensor<4xf32>) {
  %seed = graph.fill {value = [1.0 : f32, 2.0 : f32]} : tensor<4xcomplex<f32>>
  %a = graph.conj %seed : tensor<4xcomplex<f32>>
  %b = graph.real %seed : (tensor<4xcomplex<f32>>) -> tensor<4xf32>
  %c = graph.imag %seed : (tensor<4xcomplex<f32>>) -> tensor<4xf32>
  func.return %a, %b, %c : tensor<4xcomplex<f32>>, tensor<4xf32>, tensor<4xf32>
}
// CHECK-LABEL: func.func @parts_of_fill(
// CHECK-NEXT: %a = graph.fill {value = [1.000000e+00 : f32, -2.000000e+00 : f32]} : tensor<4xcomplex<f32>>
// CHECK-NEXT: %b = graph.fill {value = 1.000000e+00 : f32} : tensor<4xf32>
// CHECK-NEXT: %c = graph.fill {value = 2.000000e+00 : f32} : tensor<4xf32>
// CHECK-NEXT: func.return %a, %b, %c : tensor<4xcomplex<f32>>, tensor<4xf32>, tensor<4xf32>
// CHECK-NEXT: }
