// References to variables are made where they are used: functions take none, on any way to kernels.
// RUN: pullback-opt %s --verify-diagnostics -p form-kernels
// RUN: pullback-opt %s --verify-diagnostics -p plan-memory
// RUN: pullback-opt %s --verify-diagnostics -p kernels,loops

// expected-error@+1 {{a reference of type !graph.ref<tensor<3xf32>> has no name here: functions take no references}}
func.func @main(%v: !graph.ref<tensor<3xf32>>) -> tensor<3xf32> {
  %old = graph.read %v : (!graph.ref<tensor<3xf32>>) -> tensor<3xf32>
  %new = graph.add %old, %old : tensor<3xf32>
  graph.assign %v, %new : !graph.ref<tensor<3xf32>>, tensor<3xf32>
  func.return %new : tensor<3xf32>
}
