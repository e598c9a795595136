// What lies between two products is computed for some rows at a time.
// RUN: pullback-opt %s -p 'block-rows{rows=4}' --no-locations | filecheck %s

func.func @attention(%q: tensor<8x2xf32>, %k: tensor<6x2xf32>, %v: tensor<6x2xf32>) -> tensor<8x2xf32> {
  %s = graph.matmul %q, %k {transpose_b} : (tensor<8x2xf32>, tensor<6x2xf32>) -> tensor<8x6xf32>
  %p = graph.softmax %s {axis = 1 : i64} : tensor<8x6xf32>
  %o = graph.matmul %p, %v : (tensor<8x6xf32>, tensor<6x2xf32>) -> tensor<8x2xf32>
  func.return %o : tensor<8x2xf32>
}
// CHECK-LABEL: func.func @attention(
// CHECK-NEXT: %0 = graph.fill {value = 1.000000e+00 : f32} : tensor<f32>
// CHECK-NEXT: %1 = graph.reshape %q : (tensor<8x2xf32>) -> tensor<2x4x2xf32>
// CHECK-NEXT: %2 = graph.fill {value = 0 : i32} : tensor<i32>
// CHECK-NEXT: %3 = graph.fill {value = 0.000000e+00 : f32} : tensor<2x4x2xf32>
// CHECK-NEXT: %4, %5 = graph.while %2, %3 : tensor<i32>, tensor<2x4x2xf32> {
// CHECK-NEXT: ^bb0(%6: tensor<i32>, %7: tensor<2x4x2xf32>):
// CHECK-NEXT: %8 = graph.fill {value = 2 : i32} : tensor<i32>
// CHECK-NEXT: %9 = graph.less %6, %8 : (tensor<i32>, tensor<i32>) -> tensor<i1>
// CHECK-NEXT: graph.condition %9 : tensor<i1>
// CHECK-NEXT: } do {
// CHECK-NEXT: ^bb0(%10: tensor<i32>, %11: tensor<2x4x2xf32>):
// CHECK-NEXT: %12 = graph.gather %1, %10 : (tensor<2x4x2xf32>, tensor<i32>) -> tensor<4x2xf32>
// CHECK-NEXT: %13 = graph.matmul %12, %k {transpose_b} : (tensor<4x2xf32>, tensor<6x2xf32>) -> tensor<4x6xf32>
// CHECK-NEXT: %14 = graph.max %13 {axes = array<i64: 1>, keepdims} : (tensor<4x6xf32>) -> tensor<4x1xf32>
// CHECK-NEXT: %15 = graph.subtract %13, %14 : (tensor<4x6xf32>, tensor<4x1xf32>) -> tensor<4x6xf32>
// CHECK-NEXT: %16 = graph.exp %15 : tensor<4x6xf32>
// CHECK-NEXT: %17 = graph.sum %16 {axes = array<i64: 1>, keepdims} : (tensor<4x6xf32>) -> tensor<4x1xf32>
// CHECK-NEXT: %18 = graph.divide %0, %17 : (tensor<f32>, tensor<4x1xf32>) -> tensor<4x1xf32>
// CHECK-NEXT: %19 = graph.multiply %16, %18 : (tensor<4x6xf32>, tensor<4x1xf32>) -> tensor<4x6xf32>
// CHECK-NEXT: %20 = graph.matmul %19, %v : (tensor<4x6xf32>, tensor<6x2xf32>) -> tensor<4x2xf32>
// CHECK-NEXT: %21 = graph.reshape %20 : (tensor<4x2xf32>) -> tensor<1x4x2xf32>
// CHECK-NEXT: %22 = graph.reshape %10 : (tensor<i32>) -> tensor<1xi32>
// CHECK-NEXT: %23 = graph.make_slices %21, %22 : (tensor<1x4x2xf32>, tensor<1xi32>) -> !graph.slices<tensor<1x4x2xf32>, tensor<1xi32>, tensor<2x4x2xf32>>
// CHECK-NEXT: %24 = graph.replace_rows %11, %23 : (tensor<2x4x2xf32>, !graph.slices<tensor<1x4x2xf32>, tensor<1xi32>, tensor<2x4x2xf32>>) -> tensor<2x4x2xf32>
// CHECK-NEXT: %25 = graph.fill {value = 1 : i32} : tensor<i32>
// CHECK-NEXT: %26 = graph.add %10, %25 : tensor<i32>
// CHECK-NEXT: graph.yield %26, %24 : tensor<i32>, tensor<2x4x2xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %27 = graph.reshape %5 : (tensor<2x4x2xf32>) -> tensor<8x2xf32>
// CHECK-NEXT: func.return %27 : tensor<8x2xf32>
// CHECK-NEXT: }

// The matrix is returned: it is in memory anyway.
func.func @returned(%q: tensor<8x2xf32>, %k: tensor<6x2xf32>, %v: tensor<6x2xf32>) -> (tensor<8x6xf32>, tensor<8x2xf32>) {
  %s = graph.matmul %q, %k {transpose_b} : (tensor<8x2xf32>, tensor<6x2xf32>) -> tensor<8x6xf32>
  %o = graph.matmul %s, %v : (tensor<8x6xf32>, tensor<6x2xf32>) -> tensor<8x2xf32>
  func.return %s, %o : tensor<8x6xf32>, tensor<8x2xf32>
}
// CHECK-LABEL: func.func @returned(
// CHECK-NEXT: %s = graph.matmul %q, %k {transpose_b} : (tensor<8x2xf32>, tensor<6x2xf32>) -> tensor<8x6xf32>
// CHECK-NEXT: %o = graph.matmul %s, %v : (tensor<8x6xf32>, tensor<6x2xf32>) -> tensor<8x2xf32>
// CHECK-NEXT: func.return %s, %o : tensor<8x6xf32>, tensor<8x2xf32>
// CHECK-NEXT: }

// A total is carried so that the matrix, the larger operand, is read along its rows.
func.func @total(%q: tensor<8x2xf32>, %k: tensor<6x2xf32>, %g: tensor<8x2xf32>) -> tensor<6x2xf32> {
  %s = graph.matmul %q, %k {transpose_b} : (tensor<8x2xf32>, tensor<6x2xf32>) -> tensor<8x6xf32>
  %e = graph.exp %s : tensor<8x6xf32>
  %d = graph.matmul %e, %g {transpose_a} : (tensor<8x6xf32>, tensor<8x2xf32>) -> tensor<6x2xf32>
  func.return %d : tensor<6x2xf32>
}
// CHECK-LABEL: func.func @total(
// CHECK-NEXT: %0 = graph.reshape %q : (tensor<8x2xf32>) -> tensor<2x4x2xf32>
// CHECK-NEXT: %1 = graph.reshape %g : (tensor<8x2xf32>) -> tensor<2x4x2xf32>
// CHECK-NEXT: %2 = graph.fill {value = 0 : i32} : tensor<i32>
// CHECK-NEXT: %3 = graph.fill {value = 0.000000e+00 : f32} : tensor<2x6xf32>
// CHECK-NEXT: %4, %5 = graph.while %2, %3 : tensor<i32>, tensor<2x6xf32> {
// CHECK-NEXT: ^bb0(%6: tensor<i32>, %7: tensor<2x6xf32>):
// CHECK-NEXT: %8 = graph.fill {value = 2 : i32} : tensor<i32>
// CHECK-NEXT: %9 = graph.less %6, %8 : (tensor<i32>, tensor<i32>) -> tensor<i1>
// CHECK-NEXT: graph.condition %9 : tensor<i1>
// CHECK-NEXT: } do {
// CHECK-NEXT: ^bb0(%10: tensor<i32>, %11: tensor<2x6xf32>):
// CHECK-NEXT: %12 = graph.gather %0, %10 : (tensor<2x4x2xf32>, tensor<i32>) -> tensor<4x2xf32>
// CHECK-NEXT: %13 = graph.matmul %12, %k {transpose_b} : (tensor<4x2xf32>, tensor<6x2xf32>) -> tensor<4x6xf32>
// CHECK-NEXT: %14 = graph.exp %13 : tensor<4x6xf32>
// CHECK-NEXT: %15 = graph.gather %1, %10 : (tensor<2x4x2xf32>, tensor<i32>) -> tensor<4x2xf32>
// CHECK-NEXT: %16 = graph.matmul %15, %14 {transpose_a} : (tensor<4x2xf32>, tensor<4x6xf32>) -> tensor<2x6xf32>
// CHECK-NEXT: %17 = graph.add %11, %16 : tensor<2x6xf32>
// CHECK-NEXT: %18 = graph.fill {value = 1 : i32} : tensor<i32>
// CHECK-NEXT: %19 = graph.add %10, %18 : tensor<i32>
// CHECK-NEXT: graph.yield %19, %17 : tensor<i32>, tensor<2x6xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %d = graph.transpose %5 {permutation = array<i64: 1, 0>} : (tensor<2x6xf32>) -> tensor<6x2xf32>
// CHECK-NEXT: func.return %d : tensor<6x2xf32>
// CHECK-NEXT: }
