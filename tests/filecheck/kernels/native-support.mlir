// What kernels of the target do not compute is marked, and the host runs it: a dtype, or an operation. A composite stays
// whole; later passes read the mark, so a second form-kernels without the options leaves it.
// RUN: pullback-opt %s -p 'form-kernels{dtypes=f32,i32}' --no-locations | filecheck %s
// RUN: pullback-opt %s -p 'form-kernels{dtypes=f32,i32},form-kernels,plan-memory,verify-level{level=kernels}' --no-locations | filecheck %s --check-prefix=PLAN
// RUN: pullback-opt %s -p 'form-kernels{host-ops="graph.tanh"}' --no-locations | filecheck %s --check-prefix=TANH
// RUN: pullback-run %s -p 'form-kernels{dtypes=i32},kernels,loops' --target cpu --input x=[0,0] --input z=[[0,0],[1,1]] --values | filecheck %s --check-prefix=VALUE
// RUN: pullback-opt %s -p 'form-kernels{dtypes=f32},kernels,gpu' --no-locations | filecheck %s --check-prefix=GPU
// RUN: not pullback-opt %s -p 'form-kernels{dtypes=ui8}' 2>&1 | filecheck %s --check-prefix=DTYPE
// RUN: not pullback-opt %s -p 'form-kernels{host-ops=tanh}' 2>&1 | filecheck %s --check-prefix=NAME

func.func @main(%x: tensor<2xf32>, %z: tensor<2x2xf64>) -> (tensor<2xf32>, tensor<2x2xf64>) {
  %y = graph.tanh %x : tensor<2xf32>
  %e = graph.exp %y : tensor<2xf32>
  %s = graph.softmax %z {axis = 1 : i64} : tensor<2x2xf64>
  func.return %e, %s : tensor<2xf32>, tensor<2x2xf64>
}

// CHECK:      %e = graph.kernel %x
// CHECK:      graph.tanh
// CHECK:      graph.exp
// CHECK:      %s = graph.softmax %z {axis = 1 : i64, host} : tensor<2x2xf64>

// PLAN:      %s = graph.softmax %z {axis = 1 : i64, host, memory = [#graph.buffer<output, 1>]} : tensor<2x2xf64>

// TANH:      %y = graph.tanh %x {host} : tensor<2xf32>
// TANH-NEXT: %e = graph.kernel %y
// TANH:      %s = graph.kernel %z
// TANH-NOT:  host

// VALUE:      output0 = [1.0, 1.0]
// VALUE-NEXT: output1 = {{\[\[}}0.5, 0.5], [0.5, 0.5]]

// GPU:      func.func private @main_host_0(memref<2x2xf64>, memref<2x2xf64>) -> () attributes {graph.op = "graph.softmax"
// GPU:      gpu.memcpy %host, %z
// GPU-NEXT: func.call @main_host_0(%host, %host_1)
// GPU-NEXT: gpu.memcpy %output1, %host_1

// DTYPE: error: form-kernels: dtypes has ui8; expected some of f32, f64, f16, bf16, i32, i64, i16, i8, i1
// NAME:  error: form-kernels: host-ops has tanh; expected operations, as in host-ops="graph.tanh"
