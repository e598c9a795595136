// Bands and diagonals that are everything, and einsum of one operand.
// RUN: pullback-opt %s -p canonicalize,dce --no-locations | filecheck %s

func.func @whole_band(%x: tensor<3x4xf32>, %y: tensor<?x?xf32>) -> (tensor<3x4xf32>, tensor<?x?xf32>) {
  %a = graph.matrix_band_part %x {lower = 2 : i64, upper = 3 : i64} : tensor<3x4xf32>
  %b = graph.matrix_band_part %y : tensor<?x?xf32>
  func.return %a, %b : tensor<3x4xf32>, tensor<?x?xf32>
}
// CHECK-LABEL: func.func @whole_band(
// CHECK-NEXT: func.return %x, %y : tensor<3x4xf32>, tensor<?x?xf32>
// CHECK-NEXT: }

func.func @band_of_band(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %i = graph.matrix_band_part %x {lower = 0 : i64, upper = 2 : i64} : tensor<3x4xf32>
  %a = graph.matrix_band_part %i {upper = 1 : i64} : tensor<3x4xf32>
  func.return %a : tensor<3x4xf32>
}
// CHECK-LABEL: func.func @band_of_band(
// CHECK-NEXT: %a = graph.matrix_band_part %x {lower = 0 : i64, upper = 1 : i64} : tensor<3x4xf32>
// CHECK-NEXT: func.return %a : tensor<3x4xf32>
// CHECK-NEXT: }

func.func @diagonal_of_diagonal(%x: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
  %m = graph.matrix_diag %x {offset = 1 : i64} : (tensor<3xf32>) -> tensor<4x4xf32>
  %a = graph.matrix_diag_part %m {offset = 1 : i64} : (tensor<4x4xf32>) -> tensor<3xf32>
  %b = graph.matrix_diag_part %m {offset = -1 : i64} : (tensor<4x4xf32>) -> tensor<3xf32>
  func.return %a, %b : tensor<3xf32>, tensor<3xf32>
}
// CHECK-LABEL: func.func @diagonal_of_diagonal(
// CHECK-NEXT: %m = graph.matrix_diag %x {offset = 1 : i64} : (tensor<3xf32>) -> tensor<4x4xf32>
// CHECK-NEXT: %b = graph.matrix_diag_part %m {offset = -1 : i64} : (tensor<4x4xf32>) -> tensor<3xf32>
// CHECK-NEXT: func.return %x, %b : tensor<3xf32>, tensor<3xf32>
// CHECK-NEXT: }

func.func @order_of_axes(%x: tensor<2x3xf32>, %q: tensor<3x3xf32>) -> (tensor<2x3xf32>, tensor<3x2xf32>, tensor<3xf32>) {
  %a = graph.einsum %x {equation = "ij->ij"} : tensor<2x3xf32>
  %b = graph.einsum %x {equation = "ij->ji"} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %c = graph.einsum %q {equation = "ii->i"} : (tensor<3x3xf32>) -> tensor<3xf32>
  func.return %a, %b, %c : tensor<2x3xf32>, tensor<3x2xf32>, tensor<3xf32>
}
// CHECK-LABEL: func.func @order_of_axes(
// CHECK-NEXT: %b = graph.transpose %x {permutation = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
// CHECK-NEXT: %c = graph.einsum %q {equation = "ii->i"} : (tensor<3x3xf32>) -> tensor<3xf32>
// CHECK-NEXT: func.return %x, %b, %c : tensor<2x3xf32>, tensor<3x2xf32>, tensor<3xf32>
// CHECK-NEXT: }
