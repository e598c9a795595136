"""Counter-based random numbers: the number at an index depends only on the seed and the index, on every target.

The generator is Philox 4x32-10. Its key is the first word of the seed; the second one is the upper half of each
counter, the number of a block the lower. So all seeds have other keys or other counters.

Neighbouring elements come from neighbouring blocks, so that vectors take no shuffles: 16 blocks give 16 first
numbers, then 16 second ones, and so on. A number takes as many words as its dtype needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, ClassVar, Self

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, i64
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import AnyAttr, operand_def, opt_operand_def, opt_prop_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.creation.philox import WORDS, block_of_scalars, blocks_of_arrays, down
from pullback.dialects.graph.creation.random_key import check_seed
from pullback.dialects.graph.op.checks import check_axis, check_shape_operand, check_tensor
from pullback.dialects.graph.op.families import OfDtypes, check_dtype
from pullback.dialects.graph.op.graph_op import Array, NotDifferentiable
from pullback.dialects.graph.op.indexed import Counted
from pullback.dialects.graph.op.scalar import Scalar, bit_width
from pullback.dialects.graph.op.scalar_functions import maximum, minimum, select
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    GraphError,
    element_type_of,
    is_static,
    numpy_dtype,
    shape_of_type,
    tensor_type,
)

ROW = 16
"""The blocks whose first numbers lie side by side."""
CHUNK = 1 << 12
"""The blocks that NumPy computes at once, which stay in the cache."""


class Random(OfDtypes, Counted):
    """A tensor of random numbers from a seed of two i64; an operand gives the shape where the type has a `?`.

    With an `axis` it is some rows along that axis of a tensor that has `extent` rows there: those from the operand on,
    or the last ones, if fewer follow it. Words of a block are taken in groups, of which each makes one number or two.
    """

    SHAPE_OPERAND: ClassVar = 1
    MADE: ClassVar[int] = 1
    """The numbers that a group of words makes."""
    seed = operand_def(AnyAttr())
    shape_or_first = opt_operand_def(AnyAttr())
    result = result_def(AnyAttr())
    axis = opt_prop_def(IntegerAttr)
    extent = opt_prop_def(IntegerAttr)
    traits = traits_def(Pure(), NotDifferentiable())

    @classmethod
    def draw(
        cls, seed: Tensor, element_type: Attribute, shape: Sequence[int], runtime: Tensor | None
    ) -> Tensor:
        """Emits random numbers of this dtype and shape; `runtime` is the shape operand where it has a `?`."""
        type_ = tensor_type(element_type, shape)
        operands = [seed.value] if runtime is None or is_static(type_) else [seed.value, runtime.value]
        made = cls.emit_as(operands, type_)
        made.op.verify_()
        return made

    def rows(self, seed: Tensor, first: Tensor, count: int, axis: int) -> Self:
        """Builds the draw, not inserted yet, of so many rows along an axis, from `first` (i64) on."""
        shape = list(shape_of_type(self.result_types[0]))
        extent, shape[axis] = shape[axis], count
        return self.create(
            operands=[seed.value, first.value],
            result_types=[tensor_type(element_type_of(self.result_types[0]), shape)],
            properties={"axis": IntegerAttr(axis, i64), "extent": IntegerAttr(extent, i64)},
        )

    def verify_(self) -> None:
        result = self.result_types[0]
        check_tensor(self.name, result, "the result")
        check_dtype(type(self), element_type_of(result))
        if self.is_part:
            self._check_rows()
        else:
            check_shape_operand(self, self._operands[1:], result)
        check_seed(self.name, self.operand_types[0])

    def _check_rows(self) -> None:
        result, given = self.result_types[0], list(self.operand_types[1:])
        if (
            self.axis is None
            or self.extent is None
            or given != [tensor_type(i64, ())]
            or not is_static(result)
        ):
            raise GraphError(
                f"{self.name}: rows_c1: rows have an axis, an extent, the number of the first one (tensor<i64>) "
                f"and a static shape; got {', '.join(self.properties)}, {', '.join(map(str, given)) or 'no number'} "
                f"and {result}"
            )
        axis = check_axis(self.name, self.properties, shape_of_type(result))
        extent, rows = self.extent.value.data, shape_of_type(result)[axis]
        if extent < rows or prod(self.numbered_shape()) >= 2**63:
            raise GraphError(
                f"{self.name}: rows_c2: the tensor whose rows are drawn has {extent} of them; expected at least "
                f"{rows}, as the result has, and fewer than 2^63 elements"
            )

    @property
    def is_part(self) -> bool:
        """Whether it is some rows of a draw."""
        return self.axis is not None or self.extent is not None

    def shape_operand(self) -> SSAValue | None:
        return None if self.is_part else super().shape_operand()

    def numbered_shape(self) -> tuple[int, ...]:
        shape = super().numbered_shape()
        if self.axis is None or self.extent is None:
            return shape
        axis = self.axis.value.data
        return (*shape[:axis], self.extent.value.data, *shape[axis + 1 :])

    @property
    def _last_first(self) -> int:
        """The number of the last row that may be the first."""
        assert self.axis is not None
        axis = self.axis.value.data
        return self.numbered_shape()[axis] - self.iteration_shape()[axis]

    @property
    def row_size(self) -> int:
        """The numbers from a row to the next one; 0 if it is no part."""
        return 0 if self.axis is None else prod(self.iteration_shape()[self.axis.value.data + 1 :])

    @property
    def taken(self) -> int:
        """The words that a number takes: two, if it has 64 bits."""
        return bit_width(element_type_of(self.result_types[0])) // 64 + 1

    @property
    def numbers_of_block(self) -> int:
        """The numbers that the words of a block make."""
        return WORDS // self.taken

    # ---- in kernels ---------------------------------------------------------------------------------------------

    def body(self, *operands: Scalar) -> Scalar:
        """Computes the block of an element, and of it the group of words that makes the element."""
        key, upper, *first_row, element = operands
        for first in first_row:
            element = element + self.behind(first).cast(element.element_type)
        number = down(element, ROW.bit_length() - 1) & (self.numbers_of_block - 1)
        block = down(element, (ROW * self.numbers_of_block).bit_length() - 1) * ROW + (element & (ROW - 1))
        words = block_of_scalars(key, block.cast(i64), upper)
        first, *others = _groups(words, self.taken * self.MADE)
        for group, other in enumerate(others, 1):
            is_other = down(number, self.MADE - 1).equal(group)
            first = [select(is_other, b, a) for a, b in zip(first, other, strict=True)]
        made = self.of_words(*first)
        return select((number & 1).equal(0), *made) if self.MADE == 2 else made[0]

    def behind(self, first: Scalar) -> Scalar:
        """How many numbers a draw of rows skips, from the number of the first row (i64)."""
        return minimum(maximum(first, first.like(0)), first.like(self._last_first)) * self.row_size

    def of_block(self, key: Scalar, upper: Scalar, block: Scalar) -> list[Scalar]:
        """All numbers of a block, in order."""
        groups = _groups(block_of_scalars(key, block, upper), self.taken * self.MADE)
        return [number for group in groups for number in self.of_words(*group)]

    def of_words(self, *words: Scalar) -> Sequence[Scalar]:
        """The numbers that a group of words makes, in the type that kernels compute with."""
        raise NotImplementedError

    # ---- in NumPy -----------------------------------------------------------------------------------------------

    def numpy(self, *operands: Array) -> Any:
        if self.axis is None:
            extents = self.runtime_shape(operands)
            return self._drawn(operands[0], 0, prod(extents)).reshape(extents)
        shape, axis = self.iteration_shape(), self.axis.value.data
        first = min(max(int(operands[1]), 0), self._last_first) * self.row_size
        count, apart = prod(shape[axis:]), prod(self.numbered_shape()[axis:])
        parts = [self._drawn(operands[0], first + n * apart, count) for n in range(prod(shape[:axis]))]
        return np.reshape(parts, shape).astype(numpy_dtype(element_type_of(self.result_types[0])))

    def _drawn(self, seed: Array, begin: int, count: int) -> Array:
        """So many numbers from one on."""
        dtype, size = numpy_dtype(element_type_of(self.result_types[0])), ROW * self.numbers_of_block
        skipped = begin // size
        made = np.empty((-(-(begin + count) // size) - skipped, self.numbers_of_block, ROW), dtype)
        for first in range(0, len(made), CHUNK // ROW):
            part = made[first : first + CHUNK // ROW]
            words = blocks_of_arrays(seed, (skipped + first) * ROW, len(part) * ROW)
            for group in range(self.numbers_of_block // self.MADE):
                taken = words[group * self.taken * self.MADE :][: self.taken * self.MADE]
                for number, values in enumerate(self.numbers(dtype, *taken)):
                    part[:, group * self.MADE + number] = values.reshape(-1, ROW)
        return made.reshape(-1)[begin - skipped * size :][:count]

    def numbers(self, dtype: np.dtype[Any], *words: Array) -> Sequence[Array]:
        """The numbers of this dtype that a group of words makes."""
        raise NotImplementedError


def _groups(words: Sequence[Scalar], size: int) -> list[Sequence[Scalar]]:
    return [words[first : first + size] for first in range(0, WORDS, size)]
