// A pipe of two runs equals one run of both pipelines, and printing reaches a fixed point.
// RUN: pullback-opt %s -p cse,dce -o %t && pullback-opt %s -p cse | pullback-opt -p dce | diff %t -
// RUN: pullback-opt %s | pullback-opt | filecheck %s
// RUN: pullback-opt %s --no-locations | filecheck %s --check-prefix NONE

func.func @f(%x: i32 loc("scope/x"), %y: i32) -> i32 {
  %z = arith.addi %x, %y : i32 loc("scope/sum")
  %again = arith.addi %x, %y : i32
  %w = arith.muli %z, %again : i32 loc(fused<"role">["product"])
  func.return %w : i32
}

// CHECK: func.func @f(%x: i32 loc("scope/x"), %y: i32) -> i32 {
// CHECK-NEXT: %z = arith.addi %x, %y : i32 loc("scope/sum")
// CHECK-NEXT: %again = arith.addi %x, %y : i32{{$}}
// CHECK-NEXT: %w = arith.muli %z, %again : i32 loc(fused<"role">["product"])

// NONE-NOT: loc(
