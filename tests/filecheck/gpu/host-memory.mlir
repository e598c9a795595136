// What the host runs works on copies in the host arena: of an operand, one; a result that the next operation reads stays
// there, and is copied to the device where a kernel or the caller needs it; constants the host has; a loop's flag is a
// byte.
// RUN: pullback-opt %s -p kernels,gpu --no-locations | filecheck %s
// RUN: pullback-opt %s -p kernels,gpu | pullback-run --target simt --input x=[1,2] --values | filecheck %s --check-prefix=VALUE

func.func @main(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) {
  %c = graph.constant dense<[3.0, 1.0]> : tensor<2xf32>
  %a = graph.cumsum %x {axis = 0 : i64, host} : tensor<2xf32>
  %b = graph.cumsum %a {axis = 0 : i64, host} : tensor<2xf32>
  %d = graph.cumsum %c {axis = 0 : i64, host} : tensor<2xf32>
  %y = graph.while %b : tensor<2xf32> {
  ^bb0(%i: tensor<2xf32>):
    %limit = graph.fill {value = 40.0 : f32} : tensor<f32>
    %sum = graph.sum %i {axes = array<i64: 0>} : (tensor<2xf32>) -> tensor<f32>
    %more = graph.less %sum, %limit : (tensor<f32>, tensor<f32>) -> tensor<i1>
    graph.condition %more : tensor<i1>
  } do {
  ^bb0(%i: tensor<2xf32>):
    %s = graph.cumsum %i {axis = 0 : i64, host} : tensor<2xf32>
    %next = graph.add %s, %c : tensor<2xf32>
    graph.yield %next : tensor<2xf32>
  }
  func.return %y, %b, %d : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
}

// CHECK:      memref.global "private" constant @main_constant_0 : memref<2xf32>
// CHECK:      func.func private @main_host_3(
// CHECK:      func.func @main({{.*}} %arena: memref<256xi8>, %constant: memref<2xf32>, %host_arena: memref<128xi8>)
// CHECK-SAME:   graph.arguments = ["input", "output", "output", "output", "arena", "constant:main_constant_0", "host_arena"]
// CHECK-SAME:   graph.devices = ["cuda:0", "cuda:0", "cuda:0", "cuda:0", "cuda:0", "cuda:0", "cpu:0"]
// CHECK:        [[FIRST:%.*]] = memref.view %host_arena[%c0][] : memref<128xi8> to memref<2xf32>
// CHECK:        [[SECOND:%.*]] = memref.view %host_arena[%c64][] : memref<128xi8> to memref<2xf32>
// CHECK:        [[FLAG:%.*]] = memref.view %host_arena[%c0][] : memref<128xi8> to memref<1xi8>
// CHECK:        gpu.memcpy [[FIRST]], %x : memref<2xf32>, memref<2xf32>
// CHECK-NEXT:   func.call @main_host_0([[FIRST]], [[SECOND]])
// CHECK-NEXT:   func.call @main_host_1([[SECOND]], [[FIRST]])
// CHECK-NEXT:   gpu.memcpy %output1, [[FIRST]] :
// CHECK-NEXT:   func.call @main_host_2(%constant_1, [[FIRST]])
// CHECK-NEXT:   gpu.memcpy %output2, [[FIRST]] :
// CHECK:        scf.while () : () -> () {
// CHECK-NEXT:     gpu.launch_func @kernels::@main_kernel_0
// CHECK-NEXT:     gpu.memcpy [[FLAG]], %buffer : memref<1xi8>, memref<1xi8>
// CHECK-NEXT:     memref.load [[FLAG]][%c0]
// CHECK:        } do {
// CHECK-NEXT:     gpu.memcpy [[FIRST]], %output0 :
// CHECK-NEXT:     func.call @main_host_3([[FIRST]], [[SECOND]])
// CHECK-NEXT:     gpu.memcpy %buffer_1, [[SECOND]] :
// CHECK-NEXT:     gpu.launch_func @kernels::@main_kernel_1 {{.*}} args(%buffer_1 : memref<2xf32>, %constant : memref<2xf32>

// VALUE:      output0 = [13.0, 30.0]
// VALUE-NEXT: output1 = [1.0, 4.0]
// VALUE-NEXT: output2 = [3.0, 4.0]
