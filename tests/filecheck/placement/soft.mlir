// Soft placement: what asks for a device that is not there runs on cuda:0, with one remark for each such device.
// RUN: pullback-opt %s -p 'place-devices{device=cuda available="cuda:0","cuda:1" soft}' --no-locations 2>%t | filecheck %s
// RUN: filecheck %s --check-prefix REMARK --input-file %t

func.func @main(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %a = graph.tanh %x {device = "/gpu:1"} : tensor<4xf32>
  %b = graph.exp %x {device = "/gpu:2"} : tensor<4xf32>
  %c = graph.negative %b {device = "/gpu:2"} : tensor<4xf32>
  func.return %a, %c : tensor<4xf32>, tensor<4xf32>
}
// CHECK: %a = graph.tanh %x {device = "cuda:1"}
// CHECK: %b = graph.exp %x_on_cuda0 {device = "cuda:0"}
// CHECK: %c = graph.negative %b {device = "cuda:0"}
// REMARK: soft.mlir:7: remark: cuda:2 is not there: 'graph.exp' runs on cuda:0, with all that asks for it
// REMARK-NOT: remark
