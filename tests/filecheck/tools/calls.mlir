// Programs with calls, as each tool takes them.
// RUN: pullback-run %s --input x=[1,2,3] --values | filecheck %s --check-prefix VALUES
// RUN: pullback-run %s --input x=[1,2,3] --values --target cpu | filecheck %s --check-prefix VALUES
// RUN: pullback-run %s --input x=[1,2,3] --values --target simt | filecheck %s --check-prefix VALUES
// RUN: pullback-run %s --input x=[1,2,3] --values --target cpu -p gradients,finish | filecheck %s --check-prefix VALUES
// RUN: pullback-run %s --input x=[1,2,3] --values --target cpu --function twice | filecheck %s --check-prefix TWICE
// RUN: pullback-run %s --input x=[1,2,3] --values --target cpu -p kernels,loops | filecheck %s --check-prefix MEMORY
// RUN: pullback-run %s --input x=[1,2,3] --values --target simt -p kernels,gpu | filecheck %s --check-prefix MEMORY
// RUN: pullback-opt %s -p kernels,loops -t llvm-ir | filecheck %s --check-prefix LLVM
// RUN: pullback-opt %s --explain=@main:%x | filecheck %s --check-prefix EXPLAIN
// RUN: pullback-opt %s --explain=layer/square/m | filecheck %s --check-prefix INSIDE
// RUN: pullback-opt %s --explain=@square:%a | filecheck %s --check-prefix CALLED
// RUN: pullback-opt %s -p 'check-gradients{report=true}' -o %t.out 2>&1 | filecheck %s --check-prefix REPORT
// RUN: pullback-opt %s -p check-gradients --no-locations | filecheck %s --check-prefix SAME

func.func private @square(%a: tensor<3xf32>) -> tensor<3xf32> {
  %m = graph.multiply %a, %a : tensor<3xf32>
  func.return %m : tensor<3xf32>
}

func.func @twice(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = func.call @square(%x) : (tensor<3xf32>) -> tensor<3xf32>
  %z = func.call @square(%y) : (tensor<3xf32>) -> tensor<3xf32>
  func.return %z : tensor<3xf32>
}

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = func.call @twice(%x) : (tensor<3xf32>) -> tensor<3xf32> loc("layer")
  %e = graph.negative %y : tensor<3xf32>
  func.return %e : tensor<3xf32>
}

// VALUES: e = [-1.0, -16.0, -81.0]
// TWICE: z = [1.0, 16.0, 81.0]
// MEMORY: output0 = [-1.0, -16.0, -81.0]

// LLVM-NOT: @square
// LLVM: define void @twice(
// LLVM: define void @main(

// EXPLAIN: d e / d x: 4 paths through 3 operations
// EXPLAIN: e (graph.negative, {{.*}}calls.mlir:29:3)
// EXPLAIN: layer/square_1/m (graph.multiply, {{.*}}calls.mlir:17:3)
// EXPLAIN: layer/square/m (graph.multiply, {{.*}}calls.mlir:17:3)
// INSIDE: d e / d layer/square/m: 2 paths through 2 operations
// CALLED: d m / d a: 2 paths through 1 operation

// REPORT: gradients of @square: 2 comparisons
// REPORT: gradients of @twice: 2 comparisons
// REPORT: gradients of @main: 2 comparisons

// SAME: func.func private @square
// SAME: func.call @square
// SAME: func.call @square
// SAME: func.call @twice
