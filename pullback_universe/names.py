"""The names of the plug-in of stock `xdsl-opt`. Made by `python -m pullback.tools.generate`."""

DIALECTS = [
    "graph",
]
PASSES = [
    "inline-calls",
    "generate-gradients",
    "aggregate-gradients",
    "gate-gradients",
    "merge-loops",
    "specialize-shapes",
    "batch-products",
    "stacks-to-rows",
    "hoist-invariants",
    "block-rows",
    "place-devices",
    "form-kernels",
    "plan-memory",
    "lower-to-loops",
    "lower-to-gpu",
    "verify-level",
    "snapshot-op-locations",
    "check-gradients",
]
TARGETS = [
    "llvm-ir",
    "cuda-cpp",
]
