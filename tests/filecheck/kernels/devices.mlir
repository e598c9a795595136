// A program over two devices, as place-devices leaves it: a kernel for each, a copy between them, an arena on both. On
// cpu:0 the copy is written over, and the other kernel is tuned for the CPU.
// RUN: pullback-opt %s -p 'form-kernels{device=cuda},plan-memory{report=memory},verify-level{level=kernels}' --no-locations -o %t 2>&1 | filecheck %s --check-prefix REPORT
// RUN: pullback-opt %t -p 'verify-level{level=kernels target=gpu}' --no-locations | filecheck %s

// REPORT:      memory of @main: arenas cpu:0 64 bytes, cuda:0 64 bytes for 96 bytes of values
// REPORT-NEXT:   device  buffer       bytes  operations  values
// REPORT-NEXT:   cuda:0  <input, 0>   48     0-0
// REPORT-NEXT:   cpu:0   <input, 1>   48     0-2
// REPORT-NEXT:   cuda:0  <arena, 0>   48     0-1
// REPORT-NEXT:   cpu:0   <arena, 0>   48     1-3
// REPORT-NEXT:   cpu:0   <output, 0>  48     3-4

// CHECK:      graph.devices = ["cuda:0", "cpu:0"]
// CHECK-SAME: graph.arenas = {"cpu:0" = 64 : i64, "cuda:0" = 64 : i64}
// CHECK:      %[[T:.*]] = graph.kernel %x {{.*}}gpu = {threads = 256{{.*}} {device = "cuda:0", memory = [#graph.buffer<arena, 0>]}
// CHECK:        graph.exp %{{[^ ]*}} : tensor<4x3xf32>
// CHECK:        graph.tanh %{{[^ ]*}} : tensor<4x3xf32>
// CHECK:      %[[C:.*]] = graph.copy_to %[[T]] {device = "cpu:0", memory = [#graph.buffer<arena, 0>]}
// CHECK:      %[[A:.*]] = graph.kernel %[[C]], %y {{.*}}cpu = {vector = 16, unroll = 4}{{.*}} {device = "cpu:0", memory = [#graph.buffer<arena, 0>]}
// CHECK:        graph.add
// CHECK:        graph.exp
// CHECK:      graph.cumsum %[[A]] {{.*}}device = "cpu:0"{{.*}}memory = [#graph.buffer<output, 0>]
func.func @main(%x: tensor<4x3xf32>, %y: tensor<4x3xf32>) -> tensor<4x3xf32> attributes {graph.devices = ["cuda:0", "cpu:0"]} {
  %0 = graph.exp %x {device = "cuda:0"} : tensor<4x3xf32>
  %1 = graph.tanh %0 {device = "cuda:0"} : tensor<4x3xf32>
  %2 = graph.copy_to %1 {device = "cpu:0"} : tensor<4x3xf32>
  %3 = graph.add %2, %y {device = "cpu:0"} : tensor<4x3xf32>
  %4 = graph.exp %3 {device = "cpu:0"} : tensor<4x3xf32>
  %5 = graph.cumsum %4 {axis = 0 : i64, host, device = "cpu:0"} : tensor<4x3xf32>
  func.return %5 : tensor<4x3xf32>
}
