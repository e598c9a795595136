// A program that is on one device as a whole names it no more, and one that names none is as it was.
// RUN: pullback-opt %s --split-input-file -p 'place-devices{device=cuda}' --no-locations | filecheck %s
// RUN: pullback-opt %s --split-input-file -p kernels --no-locations 2>%t.err | filecheck %s --check-prefix CPU
// RUN: filecheck %s --check-prefix REMARK --input-file %t.err
// RUN: pullback-opt %s --split-input-file -p 'place-devices{report=placement device=cuda}' --no-locations -o %t 2>&1 | filecheck %s --check-prefix REPORT

func.func @none(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = graph.tanh %x : tensor<4xf32>
  func.return %y : tensor<4xf32>
}
// CHECK: func.func @none(%x: tensor<4xf32>) -> tensor<4xf32> {
// CHECK-NEXT: %y = graph.tanh %x : tensor<4xf32>

// -----
func.func @default(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = graph.tanh %x {device = "/device:GPU:0"} : tensor<4xf32>
  %z = graph.copy_to %y {device = "cuda:0"} : tensor<4xf32>
  %u = graph.exp %z : tensor<4xf32>
  func.return %u : tensor<4xf32>
}
// CHECK: func.func @default(%x: tensor<4xf32>) -> tensor<4xf32> {
// CHECK-NEXT: %y = graph.tanh %x : tensor<4xf32>
// CHECK-NEXT: %u = graph.exp %y : tensor<4xf32>

// -----
// On target cpu each program says once that devices are ignored, where a GPU is asked for; the host is there.
func.func @ignored(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = graph.negative %x {device = "/cpu:2"} : tensor<4xf32>
  %y = graph.tanh %0 {device = "/gpu:1"} : tensor<4xf32>
  %z = graph.exp %y {device = "/gpu:0"} : tensor<4xf32>
  func.return %z : tensor<4xf32>
}
// CPU-LABEL: func.func @ignored(%x: tensor<4xf32>) -> tensor<4xf32> attributes {graph.arena
// CPU-NOT: device
// CPU-LABEL: func.func @host

// REMARK: one-device.mlir:16: remark: devices are ignored: 'graph.tanh' asks for cuda:0, and all runs on the processor
// REMARK-NEXT: one-device.mlir:29: remark: devices are ignored: 'graph.tanh' asks for cuda:1, and all runs on the processor
// REMARK-NOT: remark

// -----
func.func @host(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = graph.tanh %x {device = "cpu:0"} : tensor<4xf32>
  func.return %y : tensor<4xf32>
}
// REPORT: placement of @default: 2 on cuda:0; 0 copies
// REPORT-NEXT: cuda:0 graph.tanh %y told
// REPORT-NEXT: cuda:0 graph.exp %u largest operand
// REPORT: placement of @ignored: 1 on cpu:0, 2 on cuda:0, 2 on cuda:1; 2 copies
