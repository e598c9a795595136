"""The example of `read_nodes` is true: the nodes of a kernel that transposes, broadcasts and computes."""

from __future__ import annotations

import re

from pullback.dialects.context import context
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.ir.source import parse
from pullback.passes.lowering import read_nodes
from pullback.passes.lowering.nodes import Compute, Load
from pullback.passes.lowering.read_nodes import NodeReader
from pullback.passes.lowering.space import Space


def example() -> Kernel:
    """The region that the module's docstring shows, in a kernel."""
    assert read_nodes.__doc__ is not None
    found = re.search(r"    \^bb0.*?\n\n", read_nodes.__doc__, re.DOTALL)
    assert found is not None
    text = f"""func.func @main(%x: tensor<3x4xf32>, %b: tensor<3xf32>) -> tensor<4x3xf32> {{
      %y = graph.kernel %x, %b schedule<kind = pointwise, parallel = [4, 3]>
          : (tensor<3x4xf32>, tensor<3xf32>) -> tensor<4x3xf32> {{
      {found[0].replace("%x", "%x0").replace("%b", "%b0")}
      }}
      func.return %y : tensor<4x3xf32>
    }}"""
    return next(op for op in parse(context(), text).module.walk() if isinstance(op, Kernel))


def test_the_example() -> None:
    kernel = example()
    space = Space(kernel, (4, 3), ())
    reader = NodeReader(space)
    last = kernel.body.block.last_op
    assert last is not None
    point = (space.dim(0), space.dim(1))
    tanh = reader.node(last.operands[0], point)
    assert isinstance(tanh, Compute)
    assert tanh.op.name == "graph.tanh"
    (add,) = tanh.operands
    assert isinstance(add, Compute)
    assert add.op.name == "graph.add"
    x, b = add.operands
    assert isinstance(x, Load)
    assert isinstance(b, Load)
    assert (x.argument, x.offset) == (0, Affine((1, 4)))
    assert (b.argument, b.offset) == (1, Affine((0, 1)))
    assert reader.node(last.operands[0], point) is tanh, "what is asked for twice is one node"
