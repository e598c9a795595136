// Names of no device, devices that are not there, and variables that are asked for in two places.
// RUN: pullback-opt %s --split-input-file --verify-diagnostics -p 'place-devices{device=cuda available="cpu:0","cuda:0","cuda:1"}'
// RUN: not pullback-opt %s --split-input-file -p place-devices -o %t 2>&1 | filecheck %s --check-prefix NAME
// NAME: errors.mlir:15:3: error: 'graph.tanh': device: 'banana' names no device: expected 'cpu:0', 'cuda:1' or TensorFlow's '/cpu:0', '/gpu:1', '/device:GPU:1'
// RUN: not pullback-opt %s -p 'place-devices{available="gpu"}' 2>&1 | filecheck %s --check-prefix AVAILABLE
// RUN: not pullback-opt %s -p 'place-devices{available="a"}' 2>&1 | filecheck %s --check-prefix UNKNOWN
// UNKNOWN: error: place-devices: available: 'a' names no device: expected
// RUN: not pullback-opt %s -p 'place-devices{available="cuda:1"}' 2>&1 | filecheck %s --check-prefix NO-DEFAULT
// NO-DEFAULT: error: place-devices: available is cuda:1; expected cuda:0 among them, the default device
// RUN: not pullback-opt %s -p 'place-devices{device=tpu}' 2>&1 | filecheck %s --check-prefix DEVICE
// DEVICE: error: pass 'place-devices': option 'device' is tpu; expected cpu | cuda

func.func @banana(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{'graph.tanh': device: 'banana' names no device: expected 'cpu:0', 'cuda:1' or TensorFlow's}}
  %y = graph.tanh %x {device = "banana"} : tensor<4xf32>
  func.return %y : tensor<4xf32>
}
// AVAILABLE: errors.mlir:15:3: error: 'graph.tanh': device: 'banana' names no device

// -----
func.func @elsewhere(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{'/job:worker/task:1/gpu:0' names a device of 'job:worker': expected one of this process, /job:localhost/replica:0/task:0}}
  %y = graph.tanh %x {device = "/job:worker/task:1/gpu:0"} : tensor<4xf32>
  func.return %y : tensor<4xf32>
}

// -----
func.func @number(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{'graph.tanh': device: 1 : i64 names no device: expected a string}}
  %y = graph.tanh %x {device = 1 : i64} : tensor<4xf32>
  func.return %y : tensor<4xf32>
}

// -----
func.func @missing(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{'graph.tanh' is to run on cuda:2, which is not there: there are cpu:0, cuda:0, cuda:1; with place-devices{soft} it runs on cuda:0 instead}}
  %y = graph.tanh %x {device = "/gpu:2"} : tensor<4xf32>
  func.return %y : tensor<4xf32>
}

// -----
func.func @variable(%x: tensor<4xf32>) {
  %w = graph.variable {variable = "w", device = "/gpu:1"} : !graph.ref<tensor<4xf32>>
  // expected-error@+1 {{'graph.assign' asks for variable 'w' on cuda:0, and 'graph.variable' (}}
  graph.assign %w, %x {device = "/gpu:0"} : !graph.ref<tensor<4xf32>>, tensor<4xf32>
  func.return
}

// -----
func.func @two_updates(%x: tensor<4xf32>) -> tensor<4xf32> {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<4xf32>>
  graph.assign %w, %x {device = "/gpu:1"} : !graph.ref<tensor<4xf32>>, tensor<4xf32>
  // expected-error@+1 {{'graph.read' asks for variable 'w' on cpu:0, and 'graph.assign' (}}
  %r = graph.read %w {device = "/cpu:0"} : (!graph.ref<tensor<4xf32>>) -> tensor<4xf32>
  func.return %r : tensor<4xf32>
}

// -----
// expected-error@+1 {{graph.devices names 1 devices for 2 arguments: expected one for each}}
func.func @arguments(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> attributes {graph.devices = ["cuda:1"]} {
  func.return %x : tensor<4xf32>
}

// -----
// expected-error@+1 {{graph.devices: 'gpu one' names no device}}
func.func @argument(%x: tensor<4xf32>) -> tensor<4xf32> attributes {graph.devices = ["gpu one"]} {
  func.return %x : tensor<4xf32>
}
