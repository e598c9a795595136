// What the host runs is a function without a body, whose attributes say which operation it is: on buffers, inside of
// loops too, and slices as rows and indices. Every dtype is moved as it is, but i1 and ui8 are bytes.
// RUN: pullback-opt %s -p lower-to-loops{vector-bits=256},verify-level{level=loops} --no-locations | filecheck %s
// RUN: pullback-opt %s -p lower-to-loops{vector-bits=256} -t llvm-ir | filecheck %s --check-prefix=LLVM

func.func @main(%g: tensor<2x3xcomplex<f32>>, %i: tensor<2xi32>, %n: tensor<ui8>) -> (tensor<5x3xcomplex<f32>>, tensor<ui8>) attributes {graph.arena = 64 : i64} {
  %three = graph.constant dense<3> : tensor<ui8>
  %s = graph.make_slices %g, %i : (tensor<2x3xcomplex<f32>>, tensor<2xi32>) -> !graph.slices<tensor<2x3xcomplex<f32>>, tensor<2xi32>, tensor<5x3xcomplex<f32>>>
  %d = graph.densify %s {memory = [#graph.buffer<output, 0>]} : (!graph.slices<tensor<2x3xcomplex<f32>>, tensor<2xi32>, tensor<5x3xcomplex<f32>>>) -> tensor<5x3xcomplex<f32>>
  %m = graph.while %n {memory = [#graph.buffer<output, 1>]} : tensor<ui8> {
  ^bb0(%a: tensor<ui8>):
    %c = graph.greater %three, %a {memory = [#graph.buffer<arena, 0>]} : (tensor<ui8>, tensor<ui8>) -> tensor<i1>
    graph.condition %c : tensor<i1>
  } do {
  ^bb0(%a: tensor<ui8>):
    %b = graph.add %a, %a {memory = [#graph.buffer<arena, 0>]} : tensor<ui8>
    graph.yield %b : tensor<ui8>
  }
  func.return %d, %m : tensor<5x3xcomplex<f32>>, tensor<ui8>
}

// CHECK:      memref.global "private" constant @main_constant_0 : memref<i8> = dense<3> {alignment = 64 : i64}
// CHECK-NEXT: func.func private @main_host_0(memref<2x3xcomplex<f32>>, memref<2xi32>, memref<5x3xcomplex<f32>>) -> () attributes {graph.op = "graph.densify", graph.properties = {}, graph.operands = {{\[\[}}tensor<2x3xcomplex<f32>>, tensor<2xi32>, tensor<5x3xcomplex<f32>>]], graph.results = [tensor<5x3xcomplex<f32>>]}
// CHECK-NEXT: func.func private @main_host_1(memref<i8>, memref<i8>, memref<i8>) -> () attributes {graph.op = "graph.greater", graph.properties = {}, graph.operands = [tensor<ui8>, tensor<ui8>], graph.results = [tensor<i1>]}
// CHECK-NEXT: func.func private @main_host_2(memref<i8>, memref<i8>, memref<i8>) -> () attributes {graph.op = "graph.add", graph.properties = {}, graph.operands = [tensor<ui8>, tensor<ui8>], graph.results = [tensor<ui8>]}
// CHECK-NEXT: func.func @main(%g: memref<2x3xcomplex<f32>>, %i: memref<2xi32>, %n: memref<i8>, %output0: memref<5x3xcomplex<f32>>, %output1: memref<i8>, %arena: memref<64xi8>) attributes {graph.arguments = ["input", "input", "input", "output", "output", "arena"]} {
// CHECK:      func.call @main_host_0(%g, %i, %output0) : (memref<2x3xcomplex<f32>>, memref<2xi32>, memref<5x3xcomplex<f32>>) -> ()
// CHECK:      scf.while () : () -> () {
// CHECK-NEXT: func.call @main_host_1(%constant, %output1, %buffer) : (memref<i8>, memref<i8>, memref<i8>) -> ()
// CHECK:      func.call @main_host_2(%output1, %output1, %buffer) : (memref<i8>, memref<i8>, memref<i8>) -> ()

// A host function that failed returns another number than 0, and whoever called it returns at once.
// LLVM:      %status = call i32 @main_host_0(ptr %g, ptr %i, ptr %output0)
// LLVM-NEXT: %failed = icmp ne i32 %status, 0
// LLVM-NEXT: br i1 %failed, label %way_out, label %go_on
// LLVM:      way_out:
// LLVM-NEXT: ret void
// LLVM:      declare i32 @main_host_0(ptr captures(none) readonly, ptr captures(none) readonly, ptr captures(none))
