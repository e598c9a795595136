// Names and roles at levels loops and gpu: functions, calls and launches, values and stores.
// RUN: pullback-opt %s -p gradients,finish,kernels,loops | filecheck %s
// RUN: pullback-opt %s -p gradients,finish,kernels,loops -t llvm-ir | filecheck %s --check-prefix=LLVM
// RUN: pullback-opt %s -p gradients,finish,kernels,gpu | filecheck %s --check-prefix=GPU
// RUN: pullback-opt %s -p gradients,finish,kernels,gpu -t cuda-cpp | filecheck %s --check-prefix=CUDA
// RUN: pullback-opt %s -p gradients,finish,kernels,loops --no-locations -t llvm-ir | filecheck %s --check-prefix=NONE

// Two equal kernels are one function, which states the origins of both. A line in it states that of the first.
// CHECK-LABEL: func.func private @main_kernel_0
// CHECK:         math.tanh {{.*}} loc(fused["first/tanh", "and 1 more"])
// CHECK-NEXT:    vector.store {{.*}} loc(fused["first/tanh", "and 1 more"])
// CHECK:       } loc(fused["first/tanh", "second/tanh"])

// LLVM:      ; computes first/tanh, second/tanh
// LLVM-NEXT: define internal void @main_kernel_0
// LLVM:        store {{.*}} ; first/tanh, and 1 more

// GPU-LABEL: gpu.func @main_kernel_0
// GPU:         math.tanh {{.*}} loc(fused["first/tanh", "and 1 more"])
// GPU-NEXT:    memref.store {{.*}} loc(fused["first/tanh", "and 1 more"])
// GPU:       } loc(fused["first/tanh", "second/tanh"])

// CUDA:      // computes first/tanh, second/tanh
// CUDA-NEXT: extern "C" __global__ {{.*}} main_kernel_0
// CUDA:        [i] = {{.*}};  // first/tanh, and 1 more

// NONE-NOT: first/tanh

// The kernel of the gradient states roles. What is kept for later is stored under its own name, not the output's.
// CHECK-LABEL: func.func private @main_kernel_2
// CHECK:         [[E:%[a-z0-9_]+]] = math.exp {{.*}} loc("soft")
// CHECK-NEXT:    vector.store [[E]], {{.*}} loc("soft")
// CHECK:         vector.store {{.*}} loc(fused["gradients/soft_grad/", "gradient of soft"])
// CHECK:       } loc(fused["soft", {{.*}}"gradients/soft_grad/", "gradient of soft"])

// LLVM:      ; computes soft, {{.*}}gradients/soft_grad/ (gradient of soft)
// GPU-LABEL: gpu.func @main_kernel_2
// GPU:         memref.store {{.*}} loc(fused["gradients/soft_grad/", "gradient of soft"])
// CUDA:      // computes soft, {{.*}}gradients/soft_grad/ (gradient of soft)
// CUDA:        // gradients/soft_grad/ (gradient of soft)

// CHECK-LABEL: func.func @main
// CHECK:         call @main_kernel_0(%x_{{[0-9]+}}, {{.*}} loc("first/tanh")
// CHECK-NEXT:    call @main_kernel_0(%y_{{[0-9]+}}, {{.*}} loc("second/tanh")
// CHECK-NEXT:    call @main_kernel_2({{.*}} loc(fused["soft", {{.*}}"gradients/soft_grad/", "gradient of soft"])
// LLVM:          call void @main_kernel_0({{.*}}  ; first/tanh
// GPU-LABEL:   func.func @main
// GPU:           gpu.launch_func @kernels::@main_kernel_0 {{.*}} loc("first/tanh")
// GPU:           gpu.launch_func @kernels::@main_kernel_0 {{.*}} loc("second/tanh")
func.func @main(%x: tensor<16x32xf32>, %y: tensor<16x32xf32>, %z: tensor<16x32xf32>, %g: tensor<16x32xf32>) -> (tensor<16x32xf32>, tensor<16x32xf32>, tensor<16x32xf32>) {
  %a = graph.tanh %x : tensor<16x32xf32> loc("first/tanh")
  %b = graph.tanh %y : tensor<16x32xf32> loc("second/tanh")
  %s = graph.softmax %z {axis = 1 : i64} : tensor<16x32xf32> loc("soft")
  %dz = graph.gradients of (%s) wrt (%z) seeds (%g) : (tensor<16x32xf32>, tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<16x32xf32>
  func.return %a, %b, %dz : tensor<16x32xf32>, tensor<16x32xf32>, tensor<16x32xf32>
}
