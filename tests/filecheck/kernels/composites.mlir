// Named operations are taken apart before kernels are formed, and what they share is computed once.
// RUN: pullback-opt %s -p gradients,finish,form-kernels,verify-level{level=kernels} --no-locations | filecheck %s
// RUN: pullback-opt %s -p gradients,finish,form-kernels -o %t && pullback-opt %t -p form-kernels | diff %t -

// Cross entropy and its gradient: one kernel, which computes the exponentials once.
// CHECK-LABEL: @sparse
// CHECK-NOT:   softmax
// CHECK:       %loss, %dx = graph.kernel {{.*}} schedule<kind = rows, parallel = [128], reduce = [10]
// CHECK-COUNT-1: graph.exp %
// CHECK-NOT:   graph.exp %
// CHECK-NOT:   graph.kernel
// CHECK:       func.return %loss, %dx
func.func @sparse(%x: tensor<128x10xf32>, %labels: tensor<128xi32>) -> (tensor<f32>, tensor<128x10xf32>) {
  %rows = graph.sparse_softmax_cross_entropy %x, %labels : (tensor<128x10xf32>, tensor<128xi32>) -> tensor<128xf32>
  %loss = graph.mean %rows {axes = array<i64: 0>} : (tensor<128xf32>) -> tensor<f32>
  %dx = graph.gradients of (%loss) wrt (%x) : (tensor<f32>, tensor<128x10xf32>) -> tensor<128x10xf32>
  func.return %loss, %dx : tensor<f32>, tensor<128x10xf32>
}

// CHECK-LABEL: @dense
// CHECK:       %loss, %dx, %dt = graph.kernel {{.*}} schedule<kind = rows, parallel = [128], reduce = [10]
// CHECK-COUNT-1: graph.exp %
// CHECK-NOT:   graph.exp %
// CHECK-NOT:   graph.kernel
// CHECK:       func.return %loss, %dx, %dt
func.func @dense(%x: tensor<128x10xf32>, %t: tensor<128x10xf32>) -> (tensor<128xf32>, tensor<128x10xf32>, tensor<128x10xf32>) {
  %loss = graph.softmax_cross_entropy %x, %t : (tensor<128x10xf32>, tensor<128x10xf32>) -> tensor<128xf32>
  %dx, %dt = graph.gradients of (%loss) wrt (%x, %t) : (tensor<128xf32>, tensor<128x10xf32>, tensor<128x10xf32>) -> (tensor<128x10xf32>, tensor<128x10xf32>)
  func.return %loss, %dx, %dt : tensor<128xf32>, tensor<128x10xf32>, tensor<128x10xf32>
}

// Layer normalization, forward: one kernel.
// CHECK-LABEL: @forward
// CHECK-NEXT:  %y = graph.kernel {{.*}} schedule<kind = rows, parallel = [128], reduce = [64]
// CHECK-NOT:   graph.kernel
// CHECK:       func.return %y
func.func @forward(%x: tensor<128x64xf32>, %scale: tensor<64xf32>, %offset: tensor<64xf32>) -> tensor<128x64xf32> {
  %y = graph.layer_norm %x, %scale, %offset {axes = array<i64: 1>, epsilon = 1.0e-05 : f64} : (tensor<128x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<128x64xf32>
  func.return %y : tensor<128x64xf32>
}

// With its gradients: the statistics are computed once. The sums of the offset's gradient are a kernel of their own.
// CHECK-LABEL: @layer_norm
// CHECK:       %y, %{{.*}}, %dx = graph.kernel {{.*}} schedule<kind = rows
// CHECK-COUNT-1: graph.rsqrt
// CHECK-NOT:   graph.rsqrt
// CHECK:       graph.kernel {{.*}} schedule<kind = columns
// CHECK-NOT:   graph.kernel
// CHECK:       func.return %y
func.func @layer_norm(%x: tensor<128x64xf32>, %scale: tensor<64xf32>, %offset: tensor<64xf32>, %dy: tensor<128x64xf32>) -> (tensor<128x64xf32>, tensor<128x64xf32>, tensor<64xf32>, tensor<64xf32>) {
  %y = graph.layer_norm %x, %scale, %offset {axes = array<i64: 1>, epsilon = 1.0e-05 : f64} : (tensor<128x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<128x64xf32>
  %dx, %ds, %do = graph.gradients of (%y) wrt (%x, %scale, %offset) seeds (%dy) : (tensor<128x64xf32>, tensor<128x64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<128x64xf32>) -> (tensor<128x64xf32>, tensor<64xf32>, tensor<64xf32>)
  func.return %y, %dx, %ds, %do : tensor<128x64xf32>, tensor<128x64xf32>, tensor<64xf32>, tensor<64xf32>
}

// Half precision is computed in kernels as well.
// CHECK-LABEL: @half
// CHECK-NEXT:  %y = graph.kernel %x schedule<kind = rows, parallel = [4], reduce = [5]
// CHECK:       graph.exp {{.*}} : tensor<4x5xf16>
// CHECK:       func.return %y
func.func @half(%x: tensor<4x5xf16>) -> tensor<4x5xf16> {
  %y = graph.softmax %x {axis = 1 : i64} : tensor<4x5xf16>
  func.return %y : tensor<4x5xf16>
}

// Elements by several indices are rows of a tensor whose indexed axes are one: read in the kernel that uses them. Their
// gradient adds to such rows.
// CHECK-LABEL: @picked
// CHECK-NEXT:  [[ROWS:%[0-9]+]] = graph.reshape %x : (tensor<7x5x3xf32>) -> tensor<35x3xf32>
// CHECK-NEXT:  [[PLACES:%[0-9]+]], %s, [[DY:%[0-9]+]] = graph.kernel %at, [[ROWS]] schedule<kind = rows, parallel = [4], reduce = [3]
// CHECK:       graph.where {{.*}} -> tensor<4xi32>
// CHECK-NEXT:  graph.gather {{.*}} : (tensor<35x3xf32>, tensor<4xi32>) -> tensor<4x3xf32>
// CHECK:       graph.kernel [[DY]], [[PLACES]] schedule<kind = scatter
// CHECK-NOT:   graph.kernel
// CHECK:       %dx = graph.reshape
// CHECK-NEXT:  func.return %s, %dx
func.func @picked(%x: tensor<7x5x3xf32>, %at: tensor<4x2xi32>) -> (tensor<4x3xf32>, tensor<7x5x3xf32>) {
  %y = graph.gather_nd %x, %at : (tensor<7x5x3xf32>, tensor<4x2xi32>) -> tensor<4x3xf32>
  %s = graph.square %y : tensor<4x3xf32>
  %dx = graph.gradients of (%s) wrt (%x) : (tensor<4x3xf32>, tensor<7x5x3xf32>) -> tensor<7x5x3xf32>
  func.return %s, %dx : tensor<4x3xf32>, tensor<7x5x3xf32>
}

// More rows than i32 counts are counted in i64.
// CHECK-LABEL: @many
// CHECK:       graph.gather {{.*}} : (tensor<2500000000xf32>, tensor<4xi64>) -> tensor<4xf32>
// CHECK:       func.return
func.func @many(%x: tensor<50000x50000xf32>, %at: tensor<4x2xi32>) -> tensor<4xf32> {
  %y = graph.gather_nd %x, %at : (tensor<50000x50000xf32>, tensor<4x2xi32>) -> tensor<4xf32>
  func.return %y : tensor<4xf32>
}

// CHECK-LABEL: @added
// CHECK:       graph.kernel {{.*}} schedule<kind = scatter
// CHECK-NOT:   graph.tensor_scatter_add
// CHECK:       func.return
func.func @added(%x: tensor<7x5xf32>, %at: tensor<4x2xi32>, %v: tensor<4xf32>) -> tensor<7x5xf32> {
  %y = graph.tensor_scatter_add %x, %at, %v : (tensor<7x5xf32>, tensor<4x2xi32>, tensor<4xf32>) -> tensor<7x5xf32>
  func.return %y : tensor<7x5xf32>
}
