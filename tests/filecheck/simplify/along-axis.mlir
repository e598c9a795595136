// Scans and positions along an axis of one element.
// RUN: pullback-opt %s -p canonicalize,dce --no-locations | filecheck %s

func.func @scan_of_one(%x: tensor<1x3xf32>) -> (tensor<1x3xf32>, tensor<1x3xf32>, tensor<1x3xf32>, tensor<1x3xf32>) {
  %a = graph.cumsum %x {axis = 0 : i64} : tensor<1x3xf32>
  %b = graph.cumsum %x {axis = 0 : i64, exclusive} : tensor<1x3xf32>
  %c = graph.cumprod %x {axis = 0 : i64, exclusive} : tensor<1x3xf32>
  %d = graph.cumulative_logsumexp %x {axis = 0 : i64, exclusive} : tensor<1x3xf32>
  func.return %a, %b, %c, %d : tensor<1x3xf32>, tensor<1x3xf32>, tensor<1x3xf32>, tensor<1x3xf32>
}
// CHECK-LABEL: func.func @scan_of_one(
// CHECK-NEXT: %b = graph.fill {value = 0.000000e+00 : f32} : tensor<1x3xf32>
// CHECK-NEXT: %c = graph.fill {value = 1.000000e+00 : f32} : tensor<1x3xf32>
// CHECK-NEXT: %d = graph.fill {value = 0xff800000 : f32} : tensor<1x3xf32>
// CHECK-NEXT: func.return %x, %b, %c, %d : tensor<1x3xf32>, tensor<1x3xf32>, tensor<1x3xf32>, tensor<1x3xf32>
// CHECK-NEXT: }

func.func @position_of_one(%x: tensor<1x3xf32>) -> (tensor<3xi64>, tensor<1x3xi64>) {
  %a = graph.argmax %x {axis = 0 : i64} : (tensor<1x3xf32>) -> tensor<3xi64>
  %b = graph.argmin %x {axis = 0 : i64, keepdims} : (tensor<1x3xf32>) -> tensor<1x3xi64>
  func.return %a, %b : tensor<3xi64>, tensor<1x3xi64>
}
// CHECK-LABEL: func.func @position_of_one(
// CHECK-NEXT: %a = graph.fill {value = 0 : i64} : tensor<3xi64>
// CHECK-NEXT: %b = graph.fill {value = 0 : i64} : tensor<1x3xi64>
// CHECK-NEXT: func.return %a, %b : tensor<3xi64>, tensor<1x3xi64>
// CHECK-NEXT: }
