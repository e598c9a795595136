// Kernels of equal structure are one function, named after the first, wherever constants are; not those whose operands share buffers otherwise.
// RUN: pullback-opt %s -p lower-to-loops{vector-bits=256},verify-level{level=loops} --no-locations | filecheck %s
// RUN: pullback-opt %s -p lower-to-gpu,verify-level{level=gpu} --no-locations | filecheck %s --check-prefix GPU

func.func @main(%x: tensor<8xf32>, %z: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
  %a = graph.kernel %x, %z schedule<kind = pointwise, parallel = [8]> {memory = [#graph.buffer<output, 0>]} : tensor<8xf32> {
  ^bb0(%0: tensor<8xf32>, %1: tensor<8xf32>):
    %2 = graph.add %0, %1 : tensor<8xf32>
    %3 = graph.fill {value = 2.0 : f32} : tensor<f32>
    %4 = graph.multiply %2, %3 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    graph.yield %4 : tensor<8xf32>
  }
  %b = graph.kernel %a, %x schedule<kind = pointwise, parallel = [8]> {memory = [#graph.buffer<output, 1>]} : tensor<8xf32> {
  ^bb0(%p: tensor<8xf32>, %q: tensor<8xf32>):
    %n = graph.fill {value = 2.0 : f32} : tensor<f32>
    %r = graph.add %p, %q : tensor<8xf32>
    %s = graph.multiply %r, %n : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    graph.yield %s : tensor<8xf32>
  }
  %c = graph.kernel %x, %x schedule<kind = pointwise, parallel = [8]> {memory = [#graph.buffer<output, 2>]} : tensor<8xf32> {
  ^bb0(%0: tensor<8xf32>, %1: tensor<8xf32>):
    %2 = graph.add %0, %1 : tensor<8xf32>
    %3 = graph.fill {value = 2.0 : f32} : tensor<f32>
    %4 = graph.multiply %2, %3 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    graph.yield %4 : tensor<8xf32>
  }
  %d = graph.kernel %x, %z schedule<kind = pointwise, parallel = [8]> {memory = [#graph.buffer<output, 3>]} : tensor<8xf32> {
  ^bb0(%0: tensor<8xf32>, %1: tensor<8xf32>):
    %2 = graph.add %1, %0 : tensor<8xf32>
    %3 = graph.fill {value = 2.0 : f32} : tensor<f32>
    %4 = graph.multiply %2, %3 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    graph.yield %4 : tensor<8xf32>
  }
  func.return %a, %b, %c, %d : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
}

// CHECK:     func.func private @main_kernel_0(%x: memref<8xf32>, %z: memref<8xf32>, %a: memref<8xf32>)
// CHECK-NOT: @main_kernel_1
// CHECK:     func.func private @main_kernel_2(%x: memref<8xf32>, %c: memref<8xf32>)
// CHECK:     func.func private @main_kernel_3(
// CHECK:     func.func @main(
// CHECK:     func.call @main_kernel_0(%x, %z, %output0)
// CHECK:     func.call @main_kernel_0(%output0, %x, %output1)
// CHECK:     func.call @main_kernel_2(%x, %output2)
// CHECK:     func.call @main_kernel_3(%z, %x, %output3)

// GPU:       gpu.func @main_kernel_0(%x: memref<8xf32>, %z: memref<8xf32>, %a: memref<8xf32>)
// GPU-NOT:   gpu.func @main_kernel_1
// GPU:       gpu.func @main_kernel_2(%x: memref<8xf32>, %c: memref<8xf32>)
// GPU:       gpu.func @main_kernel_3(
// GPU:       gpu.launch_func @kernels::@main_kernel_0 {{.*}} args(%x : memref<8xf32>, %z : memref<8xf32>, %output0 : memref<8xf32>)
// GPU:       gpu.launch_func @kernels::@main_kernel_0 {{.*}} args(%output0 : memref<8xf32>, %x : memref<8xf32>, %output1 : memref<8xf32>)
// GPU:       gpu.launch_func @kernels::@main_kernel_2 {{.*}} args(%x : memref<8xf32>, %output2 : memref<8xf32>)
// GPU:       gpu.launch_func @kernels::@main_kernel_3 {{.*}} args(%z : memref<8xf32>, %x : memref<8xf32>, %output3 : memref<8xf32>)
