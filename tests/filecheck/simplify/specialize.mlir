// Shapes become static, through arithmetic on shapes and through slices.
// RUN: pullback-opt %s -p 'specialize-shapes{main=4x3,4},canonicalize,dce,verify-level{level=graph}' --no-locations | filecheck %s

func.func @main(%x: tensor<?x?xf32>, %i: tensor<?xi32>) -> (tensor<?xf32>, tensor<?x?xf32>, tensor<?x?xf32>, tensor<f32>, tensor<?x?xf32>) {
  // One `?` of a reshape follows from the others, another from integers.
  %a = graph.reshape %x : (tensor<?x?xf32>) -> tensor<?xf32>
  %shape = graph.shape_of %x : (tensor<?x?xf32>) -> tensor<2xi64>
  %zero = graph.fill {value = 0 : i64} : tensor<i64>
  %one = graph.fill {value = 1 : i64} : tensor<i64>
  %rows = graph.gather %shape, %zero : (tensor<2xi64>, tensor<i64>) -> tensor<i64>
  %columns = graph.gather %shape, %one : (tensor<2xi64>, tensor<i64>) -> tensor<i64>
  %rows1 = graph.expand_dims %rows {axes = array<i64: 0>} : (tensor<i64>) -> tensor<1xi64>
  %columns1 = graph.expand_dims %columns {axes = array<i64: 0>} : (tensor<i64>) -> tensor<1xi64>
  %swapped = graph.concat %columns1, %rows1 {axis = 0 : i64} : (tensor<1xi64>, tensor<1xi64>) -> tensor<2xi64>
  %b = graph.reshape %x, %swapped : (tensor<?x?xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  // The gradient of a broadcast operand.
  %row = graph.sum_to %x, %shape : (tensor<?x?xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  // A mean.
  %size = graph.size %x : (tensor<?x?xf32>) -> tensor<i64>
  %n = graph.cast %size : (tensor<i64>) -> tensor<f32>
  // Slices made dense.
  %s = graph.make_slices %x, %i, %shape : (tensor<?x?xf32>, tensor<?xi32>, tensor<2xi64>) -> !graph.slices<tensor<?x?xf32>, tensor<?xi32>, tensor<?x?xf32>>
  %d = graph.densify %s : (!graph.slices<tensor<?x?xf32>, tensor<?xi32>, tensor<?x?xf32>>) -> tensor<?x?xf32>
  func.return %a, %b, %row, %n, %d : tensor<?xf32>, tensor<?x?xf32>, tensor<?x?xf32>, tensor<f32>, tensor<?x?xf32>
}
// CHECK-LABEL: func.func @main(
// CHECK-NEXT: %a = graph.reshape %x : (tensor<4x3xf32>) -> tensor<12xf32>
// CHECK-NEXT: %b = graph.reshape %x : (tensor<4x3xf32>) -> tensor<3x4xf32>
// CHECK-NEXT: %n = graph.fill {value = 1.200000e+01 : f32} : tensor<f32>
// CHECK-NEXT: %s = graph.make_slices %x, %i : (tensor<4x3xf32>, tensor<4xi32>) -> !graph.slices<tensor<4x3xf32>, tensor<4xi32>, tensor<4x3xf32>>
// CHECK-NEXT: %d = graph.densify %s : (!graph.slices<tensor<4x3xf32>, tensor<4xi32>, tensor<4x3xf32>>) -> tensor<4x3xf32>
// CHECK-NEXT: func.return %a, %b, %x, %n, %d : tensor<12xf32>, tensor<3x4xf32>, tensor<4x3xf32>, tensor<f32>, tensor<4x3xf32>
// CHECK-NEXT: }
