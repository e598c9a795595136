// What passes did: by operations, and by what they count themselves.
// RUN: pullback-opt %s -p canonicalize,cse,dce --statistics 2>&1 | filecheck %s
// RUN: pullback-opt %s -p cse --statistics --json -o %t 2>&1 | filecheck %s --check-prefix JSON
// RUN: pullback-run %s --input x=[1,2] --target cpu --statistics 2>&1 | filecheck %s --check-prefix LOWERED

func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %a = graph.tanh %x : tensor<2xf32>
  %b = graph.tanh %x : tensor<2xf32>
  %one = graph.fill {value = 1.0 : f32} : tensor<2xf32>
  %c = graph.multiply %b, %one : tensor<2xf32>
  %d = graph.add %a, %c : tensor<2xf32>
  func.return %d : tensor<2xf32>
}

// CHECK: canonicalize │ operations │ 7 -> 6
// CHECK: fewer    │ graph.multiply 1
// CHECK: folded     │ 1
// CHECK: cse          │ operations │ 6 -> 5
// CHECK: merged     │ 1
// CHECK: dce          │ operations │ 5 -> 4
// CHECK: removed    │ 1

// JSON: "pass": "cse"
// JSON: "graph.tanh": -1
// JSON: "merged": 1

// LOWERED: form-kernels
// LOWERED: kernels          │ pointwise 1
// LOWERED: lower-to-loops
