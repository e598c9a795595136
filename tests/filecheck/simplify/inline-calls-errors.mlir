// What cannot be inlined, said at the call. The verifier sees first what does not fit: so does the pass by itself.
// RUN: pullback-opt %s --split-input-file --verify-diagnostics -p inline-calls
// RUN: pullback-opt %s --split-input-file --verify-diagnostics --disable-verify -p inline-calls

func.func private @square(%a: tensor<3xf32>) -> tensor<3xf32> {
  func.return %a : tensor<3xf32>
}

func.func @unknown(%x: tensor<3xf32>) -> tensor<3xf32> {
  // expected-error@+1 {{there is no function @sqare; did you mean @square?}}
  %y = func.call @sqare(%x) : (tensor<3xf32>) -> tensor<3xf32>
  func.return %y : tensor<3xf32>
}

// -----

func.func private @square(%a: tensor<3xf32>) -> tensor<3xf32> {
  func.return %a : tensor<3xf32>
}

func.func @number(%x: tensor<3xf32>) -> tensor<3xf32> {
  // expected-error@+1 {{@square takes 1 argument, the call gives 2}}
  %y = func.call @square(%x, %x) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  func.return %y : tensor<3xf32>
}

// -----

func.func private @scaled(%a: tensor<3xf32>, %s: tensor<f32>) -> tensor<3xf32> {
  func.return %a : tensor<3xf32>
}

func.func @type(%x: tensor<3xf32>) -> tensor<3xf32> {
  // expected-error@+1 {{argument 1 of @scaled is tensor<f32>, the call gives tensor<3xf32>}}
  %y = func.call @scaled(%x, %x) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  func.return %y : tensor<3xf32>
}

// -----

func.func private @nothing(%a: tensor<3xf32>) {
  func.return
}

func.func @results(%x: tensor<3xf32>) -> tensor<3xf32> {
  // expected-error@+1 {{@nothing returns 0 results, the call expects 1}}
  %y = func.call @nothing(%x) : (tensor<3xf32>) -> tensor<3xf32>
  func.return %y : tensor<3xf32>
}

// -----

func.func private @cast(%a: tensor<3xf32>) -> tensor<3xf32> {
  func.return %a : tensor<3xf32>
}

func.func @result_type(%x: tensor<3xf32>) -> tensor<3xf64> {
  // expected-error@+1 {{result 0 of @cast is tensor<3xf32>, the call expects tensor<3xf64>}}
  %y = func.call @cast(%x) : (tensor<3xf32>) -> tensor<3xf64>
  func.return %y : tensor<3xf64>
}

// -----

func.func private @elsewhere(tensor<3xf32>) -> tensor<3xf32>

func.func @declared(%x: tensor<3xf32>) -> tensor<3xf32> {
  // expected-error@+1 {{inline-calls: @elsewhere has no body to put in place of the call: define it here}}
  %y = func.call @elsewhere(%x) : (tensor<3xf32>) -> tensor<3xf32>
  func.return %y : tensor<3xf32>
}

// -----

func.func @itself(%x: tensor<3xf32>) -> tensor<3xf32> {
  // expected-error@+1 {{inline-calls: recursion: @itself calls @itself; what repeats is a loop (graph.while)}}
  %y = func.call @itself(%x) : (tensor<3xf32>) -> tensor<3xf32>
  func.return %y : tensor<3xf32>
}

// -----

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = func.call @ping(%x) : (tensor<3xf32>) -> tensor<3xf32>
  func.return %y : tensor<3xf32>
}

func.func private @ping(%x: tensor<3xf32>) -> tensor<3xf32> {
  // expected-error@+1 {{inline-calls: recursion: @ping calls @pong calls @pang calls @ping}}
  %y = func.call @pong(%x) : (tensor<3xf32>) -> tensor<3xf32>
  func.return %y : tensor<3xf32>
}

func.func private @pang(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = func.call @ping(%x) : (tensor<3xf32>) -> tensor<3xf32>
  func.return %y : tensor<3xf32>
}

func.func private @pong(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = func.call @pang(%x) : (tensor<3xf32>) -> tensor<3xf32>
  func.return %y : tensor<3xf32>
}

// -----

func.func private @square(%a: tensor<3xf32>) -> tensor<3xf32> {
  func.return %a : tensor<3xf32>
}

func.func @override(%x: tensor<3xf32>) -> tensor<3xf32> {
  // expected-error@+1 {{names a gradient of its own (gradient_op_type), which @square in its place would not have}}
  %y = func.call @square(%x) {gradient_op_type = "Mine"} : (tensor<3xf32>) -> tensor<3xf32>
  func.return %y : tensor<3xf32>
}
