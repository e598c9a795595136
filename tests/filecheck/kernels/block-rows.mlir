// What lies between two products is computed for some rows at a time.
// RUN: pullback-opt %s -p 'block-rows{rows=4}' --no-locations | filecheck %s

func.func @attention(%q: tensor<8x2xf32>, %k: tensor<6x2xf32>, %v: tensor<6x2xf32>) -> tensor<8x2xf32> {
  %s = graph.matmul %q, %k {transpose_b} : (tensor<8x2xf32>, tensor<6x2xf32>) -> tensor<8x6xf32>
  %p = graph.softmax %s {axis = 1 : i64} : tensor<8x6xf32>
  %o = graph.matmul %p, %v : (tensor<8x6xf32>, tensor<6x2xf32>) -> tensor<8x2xf32>
  func.return %o : tensor<8x2xf32>
}
// CHECK-LABEL: func.func @attention(
// CHECK-NEXT: %0 = graph.reshape %q : (tensor<8x2xf32>) -> tensor<2x4x2xf32>
// CHECK-NEXT: %1 = graph.fill {value = 0 : i32} : tensor<i32>
// CHECK-NEXT: %2 = graph.fill {value = 0.000000e+00 : f32} : tensor<2x4x2xf32>
// CHECK-NEXT: %3, %4 = graph.while %1, %2 : tensor<i32>, tensor<2x4x2xf32> {
// CHECK-NEXT: ^bb0(%5: tensor<i32>, %6: tensor<2x4x2xf32>):
// CHECK-NEXT: %7 = graph.fill {value = 2 : i32} : tensor<i32>
// CHECK-NEXT: %8 = graph.less %5, %7 : (tensor<i32>, tensor<i32>) -> tensor<i1>
// CHECK-NEXT: graph.condition %8 : tensor<i1>
// CHECK-NEXT: } do {
// CHECK-NEXT: ^bb0(%9: tensor<i32>, %10: tensor<2x4x2xf32>):
// CHECK-NEXT: %11 = graph.gather %0, %9 : (tensor<2x4x2xf32>, tensor<i32>) -> tensor<4x2xf32>
// CHECK-NEXT: %12 = graph.matmul %11, %k {transpose_b} : (tensor<4x2xf32>, tensor<6x2xf32>) -> tensor<4x6xf32>
// CHECK-NEXT: %13 = graph.max %12 {axes = array<i64: 1>, keepdims} : (tensor<4x6xf32>) -> tensor<4x1xf32>
// CHECK-NEXT: %14 = graph.subtract %12, %13 : (tensor<4x6xf32>, tensor<4x1xf32>) -> tensor<4x6xf32>
// CHECK-NEXT: %15 = graph.exp %14 : tensor<4x6xf32>
// CHECK-NEXT: %16 = graph.sum %15 {axes = array<i64: 1>, keepdims} : (tensor<4x6xf32>) -> tensor<4x1xf32>
// CHECK-NEXT: %17 = graph.divide %15, %16 : (tensor<4x6xf32>, tensor<4x1xf32>) -> tensor<4x6xf32>
// CHECK-NEXT: %18 = graph.matmul %17, %v : (tensor<4x6xf32>, tensor<6x2xf32>) -> tensor<4x2xf32>
// CHECK-NEXT: %19 = graph.reshape %18 : (tensor<4x2xf32>) -> tensor<1x4x2xf32>
// CHECK-NEXT: %20 = graph.reshape %9 : (tensor<i32>) -> tensor<1xi32>
// CHECK-NEXT: %21 = graph.make_slices %19, %20 : (tensor<1x4x2xf32>, tensor<1xi32>) -> !graph.slices<tensor<1x4x2xf32>, tensor<1xi32>, tensor<2x4x2xf32>>
// CHECK-NEXT: %22 = graph.replace_rows %10, %21 : (tensor<2x4x2xf32>, !graph.slices<tensor<1x4x2xf32>, tensor<1xi32>, tensor<2x4x2xf32>>) -> tensor<2x4x2xf32>
// CHECK-NEXT: %23 = graph.fill {value = 1 : i32} : tensor<i32>
// CHECK-NEXT: %24 = graph.add %9, %23 : tensor<i32>
// CHECK-NEXT: graph.yield %24, %22 : tensor<i32>, tensor<2x4x2xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %25 = graph.reshape %4 : (tensor<2x4x2xf32>) -> tensor<8x2xf32>
// CHECK-NEXT: func.return %25 : tensor<8x2xf32>
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
