// Neutral elements, inverse operations, identities, and what an operation broadcasts by itself.
// RUN: pullback-opt %s -p canonicalize,dce --no-locations | filecheck %s

func.func @add_zero(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %zeros = graph.fill {value = 0.0 : f32} : tensor<4xf32>
  %zero = graph.fill {value = 0.0 : f32} : tensor<f32>
  %a = graph.add %x, %zeros : tensor<4xf32>
  %b = graph.add %zero, %x : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  func.return %a, %b : tensor<4xf32>, tensor<4xf32>
}
// CHECK-LABEL: func.func @add_zero(
// CHECK-NEXT: func.return %x, %x : tensor<4xf32>, tensor<4xf32>
// CHECK-NEXT: }

// A zero of another shape still broadcasts.
func.func @add_wider_zero(%x: tensor<4xf32>) -> tensor<2x4xf32> {
  %zeros = graph.fill {value = 0.0 : f32} : tensor<2x4xf32>
  %a = graph.add %x, %zeros : (tensor<4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  func.return %a : tensor<2x4xf32>
}
// CHECK-LABEL: func.func @add_wider_zero(
// CHECK-NEXT: %a = graph.broadcast_to %x : (tensor<4xf32>) -> tensor<2x4xf32>
// CHECK-NEXT: func.return %a : tensor<2x4xf32>
// CHECK-NEXT: }

// The extent of %x may be 1, that of the zeros any other.
func.func @add_zero_of_unknown_shape(%x: tensor<?xf32>, %shape: tensor<1xi64>) -> tensor<?xf32> {
  %zeros = graph.fill %shape {value = 0.0 : f32} : (tensor<1xi64>) -> tensor<?xf32>
  %a = graph.add %x, %zeros : tensor<?xf32>
  func.return %a : tensor<?xf32>
}
// CHECK-LABEL: func.func @add_zero_of_unknown_shape(
// CHECK-NEXT: %zeros = graph.fill %shape {value = 0.000000e+00 : f32} : (tensor<1xi64>) -> tensor<?xf32>
// CHECK-NEXT: %a = graph.add %x, %zeros : tensor<?xf32>
// CHECK-NEXT: func.return %a : tensor<?xf32>
// CHECK-NEXT: }

func.func @add_zero_of_the_same_unknown_shape(%x: tensor<?xf32>) -> tensor<?xf32> {
  %shape = graph.shape_of %x : (tensor<?xf32>) -> tensor<1xi64>
  %zeros = graph.fill %shape {value = 0.0 : f32} : (tensor<1xi64>) -> tensor<?xf32>
  %a = graph.add %x, %zeros : tensor<?xf32>
  func.return %a : tensor<?xf32>
}
// CHECK-LABEL: func.func @add_zero_of_the_same_unknown_shape(
// CHECK-NEXT: func.return %x : tensor<?xf32>
// CHECK-NEXT: }

func.func @subtract_zero(%x: tensor<4xf32>) -> tensor<4xf32> {
  %zero = graph.fill {value = -0.0 : f32} : tensor<f32>
  %a = graph.subtract %x, %zero : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  func.return %a : tensor<4xf32>
}
// CHECK-LABEL: func.func @subtract_zero(
// CHECK-NEXT: func.return %x : tensor<4xf32>
// CHECK-NEXT: }

func.func @add_negative(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  %n = graph.negative %x : tensor<4xf32>
  %a = graph.add %n, %y : tensor<4xf32>
  func.return %a : tensor<4xf32>
}
// CHECK-LABEL: func.func @add_negative(
// CHECK-NEXT: %a = graph.subtract %y, %x : tensor<4xf32>
// CHECK-NEXT: func.return %a : tensor<4xf32>
// CHECK-NEXT: }

func.func @subtract_negative(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  %n = graph.negative %y : tensor<4xf32>
  %a = graph.subtract %x, %n : tensor<4xf32>
  func.return %a : tensor<4xf32>
}
// CHECK-LABEL: func.func @subtract_negative(
// CHECK-NEXT: %a = graph.add %x, %y : tensor<4xf32>
// CHECK-NEXT: func.return %a : tensor<4xf32>
// CHECK-NEXT: }

func.func @negative_of_negative(%x: tensor<4xf32>) -> tensor<4xf32> {
  %n = graph.negative %x : tensor<4xf32>
  %a = graph.negative %n : tensor<4xf32>
  func.return %a : tensor<4xf32>
}
// CHECK-LABEL: func.func @negative_of_negative(
// CHECK-NEXT: func.return %x : tensor<4xf32>
// CHECK-NEXT: }

func.func @multiply_one(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %one = graph.fill {value = 1.0 : f32} : tensor<f32>
  %minus = graph.fill {value = -1.0 : f32} : tensor<f32>
  %a = graph.multiply %one, %x : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  %b = graph.multiply %x, %minus : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  func.return %a, %b : tensor<4xf32>, tensor<4xf32>
}
// CHECK-LABEL: func.func @multiply_one(
// CHECK-NEXT: %b = graph.negative %x : tensor<4xf32>
// CHECK-NEXT: func.return %x, %b : tensor<4xf32>, tensor<4xf32>
// CHECK-NEXT: }

// x may be infinite or NaN.
func.func @multiply_zero_stays(%x: tensor<4xf32>) -> tensor<4xf32> {
  %zero = graph.fill {value = 0.0 : f32} : tensor<f32>
  %a = graph.multiply %x, %zero : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  func.return %a : tensor<4xf32>
}
// CHECK-LABEL: func.func @multiply_zero_stays(
// CHECK-NEXT: %zero = graph.fill {value = 0.000000e+00 : f32} : tensor<f32>
// CHECK-NEXT: %a = graph.multiply %x, %zero : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
// CHECK-NEXT: func.return %a : tensor<4xf32>
// CHECK-NEXT: }

func.func @divide_one(%x: tensor<4xf32>) -> tensor<4xf32> {
  %one = graph.fill {value = 1.0 : f32} : tensor<f32>
  %a = graph.divide %x, %one : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  func.return %a : tensor<4xf32>
}
// CHECK-LABEL: func.func @divide_one(
// CHECK-NEXT: func.return %x : tensor<4xf32>
// CHECK-NEXT: }

func.func @maximum_of_same(%x: tensor<4xf32>) -> tensor<4xf32> {
  %a = graph.maximum %x, %x : tensor<4xf32>
  func.return %a : tensor<4xf32>
}
// CHECK-LABEL: func.func @maximum_of_same(
// CHECK-NEXT: func.return %x : tensor<4xf32>
// CHECK-NEXT: }

func.func @where_known(%x: tensor<4xf32>, %y: tensor<4xf32>, %c: tensor<4xi1>) -> (tensor<4xf32>, tensor<4xf32>) {
  %false = graph.fill {value = 0 : i1} : tensor<i1>
  %a = graph.where %false, %x, %y : (tensor<i1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %b = graph.where %c, %x, %x : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return %a, %b : tensor<4xf32>, tensor<4xf32>
}
// CHECK-LABEL: func.func @where_known(
// CHECK-NEXT: func.return %y, %x : tensor<4xf32>, tensor<4xf32>
// CHECK-NEXT: }

func.func @cast_back(%x: tensor<4xf32>, %i: tensor<4xi32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xi32>) {
  %same = graph.cast %x : (tensor<4xf32>) -> tensor<4xf32>
  %wide = graph.cast %same : (tensor<4xf32>) -> tensor<4xf64>
  %a = graph.cast %wide : (tensor<4xf64>) -> tensor<4xf32>
  // Fractions are lost on the way.
  %narrow = graph.cast %x : (tensor<4xf32>) -> tensor<4xi32>
  %b = graph.cast %narrow : (tensor<4xi32>) -> tensor<4xf32>
  %double = graph.cast %i : (tensor<4xi32>) -> tensor<4xf64>
  %c = graph.cast %double : (tensor<4xf64>) -> tensor<4xi32>
  func.return %a, %b, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xi32>
}
// CHECK-LABEL: func.func @cast_back(
// CHECK-NEXT: %narrow = graph.cast %x : (tensor<4xf32>) -> tensor<4xi32>
// CHECK-NEXT: %b = graph.cast %narrow : (tensor<4xi32>) -> tensor<4xf32>
// CHECK-NEXT: func.return %x, %b, %i : tensor<4xf32>, tensor<4xf32>, tensor<4xi32>
// CHECK-NEXT: }

func.func @identity(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %a = graph.identity %x : tensor<4xf32>
  %b = graph.stop_gradient %x : tensor<4xf32>
  func.return %a, %b : tensor<4xf32>, tensor<4xf32>
}
// CHECK-LABEL: func.func @identity(
// CHECK-NEXT: func.return %x, %x : tensor<4xf32>, tensor<4xf32>
// CHECK-NEXT: }

// Here stop_gradient has work to do, and %a is asked for by name.
func.func @not_before_gradients(%x: tensor<4xf32>) -> tensor<4xf32> {
  %a = graph.identity %x : tensor<4xf32>
  %b = graph.stop_gradient %x : tensor<4xf32>
  %c = graph.multiply %a, %b : tensor<4xf32>
  %d = graph.gradients of (%c) wrt (%a) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return %d : tensor<4xf32>
}
// CHECK-LABEL: func.func @not_before_gradients(
// CHECK-NEXT: %a = graph.identity %x : tensor<4xf32>
// CHECK-NEXT: %b = graph.stop_gradient %x : tensor<4xf32>
// CHECK-NEXT: %c = graph.multiply %a, %b : tensor<4xf32>
// CHECK-NEXT: %d = graph.gradients of (%c) wrt (%a) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT: func.return %d : tensor<4xf32>
// CHECK-NEXT: }

func.func @broadcast_by_itself(%x: tensor<4xf32>, %y: tensor<2x4xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %wide = graph.broadcast_to %x : (tensor<4xf32>) -> tensor<2x4xf32>
  %a = graph.multiply %wide, %y : tensor<2x4xf32>
  // Here it is needed for the shape.
  %b = graph.multiply %wide, %x : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  func.return %a, %b : tensor<2x4xf32>, tensor<2x4xf32>
}
// CHECK-LABEL: func.func @broadcast_by_itself(
// CHECK-NEXT: %wide = graph.broadcast_to %x : (tensor<4xf32>) -> tensor<2x4xf32>
// CHECK-NEXT: %a = graph.multiply %x, %y : (tensor<4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
// CHECK-NEXT: %b = graph.multiply %wide, %x : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
// CHECK-NEXT: func.return %a, %b : tensor<2x4xf32>, tensor<2x4xf32>
// CHECK-NEXT: }

// What an operand broadcasts to is the other's shape: of integers, powers and shifts too.
func.func @neutral(%x: tensor<4xf32>, %i: tensor<4xi32>, %c: tensor<4xi1>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi1>, tensor<4xi1>) {
  %one = graph.fill {value = 1.0 : f32} : tensor<f32>
  %zero = graph.fill {value = 0 : i32} : tensor<i32>
  %true = graph.fill {value = true} : tensor<i1>
  %false = graph.fill {value = false} : tensor<i1>
  %a = graph.pow %x, %one : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %b = graph.div_no_nan %x, %one : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %d = graph.bitwise_left_shift %i, %zero : (tensor<4xi32>, tensor<i32>) -> tensor<4xi32>
  %e = graph.bitwise_xor %i, %zero : (tensor<4xi32>, tensor<i32>) -> tensor<4xi32>
  %f = graph.logical_and %true, %c : (tensor<i1>, tensor<4xi1>) -> tensor<4xi1>
  %g = graph.logical_xor %c, %false : (tensor<4xi1>, tensor<i1>) -> tensor<4xi1>
  func.return %a, %b, %d, %e, %f, %g : tensor<4xf32>, tensor<4xf32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi1>, tensor<4xi1>
}
// CHECK-LABEL: func.func @neutral(
// CHECK-NEXT: func.return %x, %x, %i, %i, %c, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi1>, tensor<4xi1>
// CHECK-NEXT: }

func.func @involutions(%x: tensor<4xi32>, %c: tensor<4xi1>, %z: tensor<4xcomplex<f32>>) -> (tensor<4xi32>, tensor<4xi1>, tensor<4xcomplex<f32>>) {
  %i = graph.bitwise_invert %x : tensor<4xi32>
  %a = graph.bitwise_invert %i : tensor<4xi32>
  %n = graph.logical_not %c : tensor<4xi1>
  %b = graph.logical_not %n : tensor<4xi1>
  %k = graph.conj %z : tensor<4xcomplex<f32>>
  %d = graph.conj %k : tensor<4xcomplex<f32>>
  func.return %a, %b, %d : tensor<4xi32>, tensor<4xi1>, tensor<4xcomplex<f32>>
}
// CHECK-LABEL: func.func @involutions(
// CHECK-NEXT: func.return %x, %c, %z : tensor<4xi32>, tensor<4xi1>, tensor<4xcomplex<f32>>
// CHECK-NEXT: }

func.func @idempotent(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %r = graph.relu %x : tensor<4xf32>
  %a = graph.relu %r : tensor<4xf32>
  %f = graph.floor %x : tensor<4xf32>
  %b = graph.floor %f : tensor<4xf32>
  %s = graph.sign %x : tensor<4xf32>
  %c = graph.sign %s : tensor<4xf32>
  func.return %a, %b, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}
// CHECK-LABEL: func.func @idempotent(
// CHECK-NEXT: %r = graph.relu %x : tensor<4xf32>
// CHECK-NEXT: %f = graph.floor %x : tensor<4xf32>
// CHECK-NEXT: %s = graph.sign %x : tensor<4xf32>
// CHECK-NEXT: func.return %r, %f, %s : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
// CHECK-NEXT: }

// Of complex numbers the sign is a quotient, which rounds again; the magnitude is real.
func.func @idempotent_complex(%z: tensor<4xcomplex<f32>>) -> (tensor<4xcomplex<f32>>, tensor<4xf32>) {
  %s = graph.sign %z : tensor<4xcomplex<f32>>
  %a = graph.sign %s : tensor<4xcomplex<f32>>
  %m = graph.abs %z : (tensor<4xcomplex<f32>>) -> tensor<4xf32>
  %b = graph.abs %m : tensor<4xf32>
  func.return %a, %b : tensor<4xcomplex<f32>>, tensor<4xf32>
}
// CHECK-LABEL: func.func @idempotent_complex(
// CHECK-NEXT: %s = graph.sign %z : tensor<4xcomplex<f32>>
// CHECK-NEXT: %a = graph.sign %s : tensor<4xcomplex<f32>>
// CHECK-NEXT: %m = graph.abs %z : (tensor<4xcomplex<f32>>) -> tensor<4xf32>
// CHECK-NEXT: func.return %a, %m : tensor<4xcomplex<f32>>, tensor<4xf32>
// CHECK-NEXT: }

func.func @even(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %n = graph.negative %x : tensor<4xf32>
  %m = graph.abs %x : tensor<4xf32>
  %a = graph.square %n : tensor<4xf32>
  %b = graph.abs %n : tensor<4xf32>
  %c = graph.square %m : tensor<4xf32>
  func.return %a, %b, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}
// CHECK-LABEL: func.func @even(
// CHECK-NEXT: %a = graph.square %x : tensor<4xf32>
// CHECK-NEXT: %b = graph.abs %x : tensor<4xf32>
// CHECK-NEXT: %c = graph.square %x : tensor<4xf32>
// CHECK-NEXT: func.return %a, %b, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
// CHECK-NEXT: }

func.func @negative_factors(%x: tensor<4xf32>, %y: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %two = graph.fill {value = 2.0 : f32} : tensor<f32>
  %three = graph.fill {value = 3.0 : f32} : tensor<f32>
  %n = graph.negative %x : tensor<4xf32>
  %m = graph.negative %y : tensor<4xf32>
  %a = graph.multiply %n, %m : tensor<4xf32>
  %b = graph.divide %n, %m : tensor<4xf32>
  %c = graph.multiply %two, %n : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  %d = graph.divide %n, %three : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  func.return %a, %b, %c, %d : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}
// CHECK-LABEL: func.func @negative_factors(
// CHECK-NEXT: %a = graph.multiply %x, %y : tensor<4xf32>
// CHECK-NEXT: %b = graph.divide %x, %y : tensor<4xf32>
// CHECK-NEXT: %0 = graph.fill {value = -2.000000e+00 : f32} : tensor<f32>
// CHECK-NEXT: %c = graph.multiply %0, %x : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT: %1 = graph.fill {value = -3.000000e+00 : f32} : tensor<f32>
// CHECK-NEXT: %d = graph.divide %x, %1 : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
// CHECK-NEXT: func.return %a, %b, %c, %d : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
// CHECK-NEXT: }

func.func @negative_of_multiple(%x: tensor<4xf32>, %i: tensor<4xui8>) -> (tensor<4xf32>, tensor<4xui8>) {
  %two = graph.fill {value = 2.0 : f32} : tensor<f32>
  %three = graph.fill {value = 3 : ui8} : tensor<ui8>
  %p = graph.multiply %two, %x : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  %a = graph.negative %p : tensor<4xf32>
  %q = graph.multiply %i, %three : (tensor<4xui8>, tensor<ui8>) -> tensor<4xui8>
  %b = graph.negative %q : tensor<4xui8>
  func.return %a, %b : tensor<4xf32>, tensor<4xui8>
}
// CHECK-LABEL: func.func @negative_of_multiple(
// CHECK-NEXT: %0 = graph.fill {value = -2.000000e+00 : f32} : tensor<f32>
// CHECK-NEXT: %a = graph.multiply %0, %x : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT: %1 = graph.fill {value = 253 : ui8} : tensor<ui8>
// CHECK-NEXT: %b = graph.multiply %i, %1 : (tensor<4xui8>, tensor<ui8>) -> tensor<4xui8>
// CHECK-NEXT: func.return %a, %b : tensor<4xf32>, tensor<4xui8>
// CHECK-NEXT: }
