// Matrix products under other names are one kernel with the operations fused to them (epilogue).
// RUN: pullback-opt %s -p form-kernels --no-locations | filecheck %s
// RUN: pullback-opt %s -p form-kernels{device=cuda} --no-locations | filecheck %s --check-prefix=GPU

func.func @main(%x: tensor<5x2x3xf32>, %w: tensor<4x3xf32>, %b: tensor<4xf32>, %m: tensor<2x5x5x3xf32>, %f: tensor<1x1x3x4xf32>) -> (tensor<5x2x4xf32>, tensor<2x5x5x4xf32>) {
  %p = graph.einsum %x, %w {equation = "btd,ed->bte"} : (tensor<5x2x3xf32>, tensor<4x3xf32>) -> tensor<5x2x4xf32>
  %y = graph.add %p, %b : (tensor<5x2x4xf32>, tensor<4xf32>) -> tensor<5x2x4xf32>
  %c = graph.conv2d %m, %f {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, padding = "SAME"} : (tensor<2x5x5x3xf32>, tensor<1x1x3x4xf32>) -> tensor<2x5x5x4xf32>
  func.return %y, %c : tensor<5x2x4xf32>, tensor<2x5x5x4xf32>
}

// CHECK:      %y = graph.kernel %x, %w, %b schedule<kind = matmul, parallel = [5, 2, 4], reduce = [3]
// CHECK-NEXT: ^bb0
// CHECK-NEXT: %p = graph.matmul %x_1, %w_1 {transpose_b} : (tensor<5x2x3xf32>, tensor<4x3xf32>) -> tensor<5x2x4xf32>
// CHECK-NEXT: %y_1 = graph.add %p, %b_1
// CHECK-NEXT: graph.yield %y_1
// CHECK-NEXT: }
// CHECK-NEXT: %0 = graph.reshape %f : (tensor<1x1x3x4xf32>) -> tensor<3x4xf32>
// CHECK-NEXT: %c = graph.kernel %m, %0 schedule<kind = matmul, parallel = [2, 5, 5, 4], reduce = [3]

// A large operand that is taken transposed, for many columns, is turned around once for GPUs; others, and all operands
// on CPUs, are read as they lie.
// CHECK-LABEL: @turned
// CHECK:       %y = graph.kernel %a, %b schedule<kind = matmul
// CHECK:       graph.matmul {{.*}} {transpose_a}
// CHECK:       func.return
// GPU-LABEL:   @turned
// GPU:         [[TURNED:%[0-9]+]] = graph.kernel %a schedule<kind = pointwise, parallel = [512, 256]
// GPU:         graph.transpose
// GPU:         %y = graph.kernel [[TURNED]], %b schedule<kind = matmul
// GPU-NOT:     transpose_a
// GPU:         %z = graph.kernel %c, %b
// GPU:         graph.matmul {{.*}} {transpose_a}
// GPU:         func.return
func.func @turned(%a: tensor<256x512xf32>, %b: tensor<256x256xf32>, %c: tensor<256x8xf32>) -> (tensor<512x256xf32>, tensor<8x256xf32>) {
  %y = graph.matmul %a, %b {transpose_a} : (tensor<256x512xf32>, tensor<256x256xf32>) -> tensor<512x256xf32>
  %z = graph.matmul %c, %b {transpose_a} : (tensor<256x8xf32>, tensor<256x256xf32>) -> tensor<8x256xf32>
  func.return %y, %z : tensor<512x256xf32>, tensor<8x256xf32>
}
