// RUN: pullback-opt %s --split-input-file --verify-diagnostics

// expected-error@+1 {{unknown operation 'arith.addx'; did you mean 'arith.addi'?}}
%x = arith.addx %a, %b : i32

// -----

func.func @undefined() -> i32 {
  // expected-error@+1 {{value %x is used but not defined}}
  func.return %x : i32
}

// -----

func.func @type(%x: i32) -> i64 {
  // expected-error@+1 {{operand is used with type i64, but has been previously used or defined with type i32}}
  func.return %x : i64
}

// -----

func.func @verification(%x: i32) -> i64 {
  // expected-error@+1 {{'func.return': Expected arguments to have the same types as the function output types}}
  func.return %x : i32
}

// -----

func.func @dominance(%x: i32) -> i32 {
  // expected-error@+1 {{'arith.addi': %late is used where it is not defined yet}}
  %early = arith.addi %late, %x : i32
  %late = arith.addi %x, %x : i32
  func.return %early : i32
}
