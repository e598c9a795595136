// A fan-in of five terms, by each method: how many operations, and of which kind.
// RUN: pullback-opt %s -p generate-gradients,aggregate-gradients,gate-gradients --no-locations | filecheck %s --check-prefix ADD-N
// RUN: pullback-opt %s -p generate-gradients,aggregate-gradients{method=tree},gate-gradients --no-locations | filecheck %s --check-prefix TREE
// RUN: pullback-opt %s -p generate-gradients,aggregate-gradients{method=accumulate_n},gate-gradients --no-locations | filecheck %s --check-prefix ACCUMULATE
// RUN: pullback-opt %s -p generate-gradients,aggregate-gradients{method=balanced},gate-gradients --no-locations | filecheck %s --check-prefix BALANCED

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %a = graph.exp %x : tensor<4xf32>
  %b = graph.tanh %x : tensor<4xf32>
  %c = graph.log %x : tensor<4xf32>
  %d = graph.negative %x : tensor<4xf32>
  %e = graph.identity %x : tensor<4xf32>
  %dx = graph.gradients of (%a, %b, %c, %d, %e) wrt (%x) : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return %dx : tensor<4xf32>
}

// ADD-N-NOT: graph.add %
// ADD-N: %[[SUM:.*]] = graph.add_n %{{[^,]*}}, %{{[^,]*}}, %{{[^,]*}}, %{{[^,]*}}, %{{[^,]*}} : tensor<4xf32>
// ADD-N-NEXT: func.return %[[SUM]]

// TREE-NOT: graph.add_n
// TREE: %[[S1:.*]] = graph.add %{{.*}}, %{{.*}} : tensor<4xf32>
// TREE: %[[S2:.*]] = graph.add %[[S1]], %{{.*}} : tensor<4xf32>
// TREE: %[[S3:.*]] = graph.add %[[S2]], %{{.*}} : tensor<4xf32>
// TREE: %[[S4:.*]] = graph.add %[[S3]], %{{.*}} : tensor<4xf32>
// TREE-NOT: graph.add
// TREE: func.return %[[S4]]

// One buffer: it begins as the sum of the first two terms.
// ACCUMULATE: %[[S1:.*]] = graph.add %{{.*}}, %{{.*}} : tensor<4xf32>
// ACCUMULATE: %[[S2:.*]] = graph.accumulate %[[S1]], %{{.*}} : tensor<4xf32>
// ACCUMULATE: %[[S3:.*]] = graph.accumulate %[[S2]], %{{.*}} : tensor<4xf32>
// ACCUMULATE: %[[S4:.*]] = graph.accumulate %[[S3]], %{{.*}} : tensor<4xf32>
// ACCUMULATE-NOT: graph.add
// ACCUMULATE: func.return %[[S4]]

// Depth 3 instead of 4: neighbours first.
// BALANCED: %[[AB:.*]] = graph.add %{{.*}}, %{{.*}} : tensor<4xf32>
// BALANCED-NEXT: %[[CD:.*]] = graph.add %{{.*}}, %{{.*}} : tensor<4xf32>
// BALANCED-NEXT: %[[ABCD:.*]] = graph.add %[[AB]], %[[CD]] : tensor<4xf32>
// BALANCED-NEXT: %[[ALL:.*]] = graph.add %[[ABCD]], %{{.*}} : tensor<4xf32>
// BALANCED-NEXT: func.return %[[ALL]]
