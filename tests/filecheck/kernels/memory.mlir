// One arena: %b is computed where %a was. What the loop carries begins, goes on and is returned in one place.
// RUN: pullback-opt %s -p form-kernels{max-ops=1},plan-memory{report=memory} --no-locations -o %t 2>&1 | filecheck %s --check-prefix REPORT
// RUN: pullback-opt %s -p form-kernels{max-ops=1},plan-memory --no-locations | filecheck %s

// REPORT:      memory of @main: arena 4096 bytes for 4009 bytes of values
// REPORT-NEXT:   buffer         bytes  operations  values
// REPORT-NEXT:   <input, 0>     4000   0-3 c          %x
// REPORT-NEXT:   <arena, 0>     4000   0-2 t          %b %a
// REPORT-NEXT:   <arena, 4032>  4      2-3 c          %t
// REPORT-NEXT:   <output, 0>    4000   3-11 return    %y %v %c %w
// REPORT-NEXT:   <arena, 0>     4      4-10 yield     %n %i %zero %i1
// REPORT-NEXT:   <arena, 64>    1      6-7 condition  %more

// CHECK: func.func @main{{.*}} attributes {graph.arena = 4096 : i64}
// CHECK: %a = graph.kernel %x {{.*}} {memory = [#graph.buffer<arena, 0>]}
// CHECK: %b = graph.kernel %a {{.*}} {memory = [#graph.buffer<arena, 0>]}
// CHECK: graph.while %zero, %c {memory = [#graph.buffer<arena, 0>, #graph.buffer<output, 0>]}
// CHECK: %w = graph.kernel {{.*}} {memory = [#graph.buffer<output, 0>]}
func.func @main(%x: tensor<1000xf32>) -> tensor<1000xf32> {
  %a = graph.exp %x : tensor<1000xf32>
  %b = graph.tanh %a : tensor<1000xf32>
  %t = graph.max %b {axes = array<i64: 0>} : (tensor<1000xf32>) -> tensor<f32>
  %c = graph.maximum %x, %t : (tensor<1000xf32>, tensor<f32>) -> tensor<1000xf32>
  %zero = graph.fill {value = 0 : i32} : tensor<i32>
  %n, %y = graph.while %zero, %c : tensor<i32>, tensor<1000xf32> {
  ^bb0(%i: tensor<i32>, %v: tensor<1000xf32>):
    %bound = graph.fill {value = 10 : i32} : tensor<i32>
    %more = graph.greater %bound, %i : (tensor<i32>, tensor<i32>) -> tensor<i1>
    graph.condition %more : tensor<i1>
  } do {
  ^bb0(%i: tensor<i32>, %v: tensor<1000xf32>):
    %one = graph.fill {value = 1 : i32} : tensor<i32>
    %i1 = graph.add %i, %one : tensor<i32>
    %w = graph.tanh %v : tensor<1000xf32>
    graph.yield %i1, %w : tensor<i32>, tensor<1000xf32>
  }
  func.return %y : tensor<1000xf32>
}
