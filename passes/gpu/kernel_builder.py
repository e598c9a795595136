"""Building a `gpu.func`: its parameters, its share of the block's memory, loops of its threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import UNKNOWN_LOC, LocationAttr, MemRefType, UnitAttr, i1, i8
from xdsl.ir import Attribute, Region, SSAValue

from pullback.dialects.graph.kernel.index_bitwidth import INDEX_BITWIDTH, index_bitwidth
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.upstream.gpu import SHARED_MEMORY, FuncOp, ReturnOp
from pullback.dialects.upstream.memref import GlobalOp
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.index_width import bits_32
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.code_builder import CodeBuilder, named
from pullback.passes.lowering.register_types import register_type
from pullback.passes.lowering.strided_layout import StridedLayout

WARP = 32
"""The threads of a warp, which learn each other's values by shuffles."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of a kernel: a memref of so many contiguous elements. Truth values take a byte each."""

    element_type: Attribute
    size: int
    name: str | None = None
    """For readers."""
    origin: LocationAttr = UNKNOWN_LOC
    """The location of what is stored in it."""

    @property
    def type(self) -> MemRefType[Attribute]:
        """The argument's type: a memref of rank 1."""
        return MemRefType(i8 if self.element_type == i1 else self.element_type, [self.size])


class KernelBuilder(CodeBuilder):
    """A kernel that grows at its end."""

    def __init__(self, name: str, parameters: Sequence[Parameter], threads: int) -> None:
        super().__init__([parameter.type for parameter in parameters])
        self.name = name
        self.threads = threads
        self.shared: list[GlobalOp] = []
        self.views: list[BufferView] = []
        for argument, parameter in zip(self.block.args, parameters, strict=True):
            argument.name_hint = parameter.name
            layout = StridedLayout((parameter.size,), (1,))
            self.views.append(
                BufferView(argument, layout, register_type(parameter.element_type), parameter.origin)
            )

    def finish(self, blocks: int) -> GpuKernel:
        """The kernel, with its constants at the beginning, to be run by so many blocks."""
        self.end_with(ReturnOp())
        taken = self._drop_untouched()
        memories = [*self.block.arg_types, *(shared.type for shared in self.shared)]
        is_narrow = bits_32(self.block, memories, blocks, self.threads)
        function = FuncOp(self.name, list(self.block.arg_types), (self.threads, 1, 1), Region(self.block))
        if is_narrow:
            function.attributes[INDEX_BITWIDTH] = index_bitwidth(32)
        return GpuKernel(function, tuple(self.shared), taken, blocks, self.threads)

    def _drop_untouched(self) -> tuple[int, ...]:
        """Removes unused arguments, and returns the positions of the others."""
        taken = tuple(argument.index for argument in self.block.args if argument.first_use is not None)
        for argument in self.block.args:
            if argument.first_use is None:
                self.block.erase_arg(argument)
        return taken

    def allocate_shared(
        self, size: int, element_type: Attribute, hint: str = "", alignment: int | None = None
    ) -> GlobalOp:
        """Shared memory for so many elements, one copy per block, undefined at first; `hint` is for readers."""
        type_ = MemRefType(element_type, [size], memory_space=SHARED_MEMORY)
        name = f"{self.name}_{hint or f'shared_{len(self.shared)}'}"
        self.shared.append(GlobalOp(name, type_, UnitAttr(), visibility="private", alignment=alignment))
        return self.shared[-1]

    def carrying(
        self,
        bounds: tuple[SSAValue, SSAValue, SSAValue],
        hint: str,
        inits: Sequence[tuple[str, Scalar]],
        body: Callable[[SSAValue, Sequence[Scalar]], Sequence[Scalar]],
    ) -> list[Scalar]:
        """`loop_between` that carries scalars under names; gives the last ones."""
        names = [name for name, _ in inits]

        def known(values: Sequence[SSAValue]) -> list[Scalar]:
            return [Scalar(named(value, name)) for value, name in zip(values, names, strict=True)]

        def once(index: SSAValue, values: Sequence[SSAValue]) -> list[SSAValue]:
            return [scalar.value for scalar in body(index, known(values))]

        return known(self.loop_between(bounds, hint, [init.value for _, init in inits], once))
