"""Kernels and their launch in upstream MLIR's own spelling: `gpu.module`, `gpu.func`, `gpu.launch_func`."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Self

from xdsl.dialects import gpu
from xdsl.dialects.builtin import (
    DenseArrayBase,
    FunctionType,
    IndexType,
    StringAttr,
    SymbolNameConstraint,
    SymbolRefAttr,
    UnitAttr,
    i32,
)
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    attr_def,
    irdl_op_definition,
    operand_def,
    opt_attr_def,
    opt_operand_def,
    opt_prop_def,
    opt_result_def,
    prop_def,
    region_def,
    traits_def,
    var_operand_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import (
    HasParent,
    IsolatedFromAbove,
    IsTerminator,
    NoTerminator,
    SymbolOpInterface,
    SymbolTable,
)
from xdsl.utils.exceptions import VerifyException


@irdl_op_definition
class ModuleOp(IRDLOperation):
    """A module of kernels that are compiled together, and the globals they share."""

    name = "gpu.module"

    sym_name = prop_def(SymbolNameConstraint())
    body = region_def("single_block")
    traits = traits_def(IsolatedFromAbove(), NoTerminator(), SymbolOpInterface(), SymbolTable())
    assembly_format = "$sym_name attr-dict-with-keyword $body"

    def __init__(self, name: str, ops: Sequence[Operation]) -> None:
        super().__init__(properties={"sym_name": StringAttr(name)}, regions=[Region(Block(ops))])


@irdl_op_definition
class FuncOp(IRDLOperation):
    """A device function. A kernel returns nothing; `known_block_size` promises threads (x, y, z)."""

    name = "gpu.func"

    sym_name = attr_def(SymbolNameConstraint())
    kernel = opt_attr_def(UnitAttr, attr_name="gpu.kernel")
    function_type = prop_def(FunctionType)
    known_block_size = opt_prop_def(DenseArrayBase.constr(i32))
    known_grid_size = opt_prop_def(DenseArrayBase.constr(i32))
    body = region_def()
    traits = traits_def(IsolatedFromAbove(), HasParent(ModuleOp), SymbolOpInterface())

    def __init__(
        self,
        name: str,
        inputs: Sequence[Attribute],
        known_block_size: Sequence[int] | None = None,
        body: Region | None = None,
    ) -> None:
        """Builds a kernel; without `body`, one empty block with an argument per input."""
        properties: dict[str, Attribute] = {"function_type": FunctionType.from_lists(inputs, [])}
        if known_block_size is not None:
            properties["known_block_size"] = DenseArrayBase.from_list(i32, known_block_size)
        super().__init__(
            attributes={"sym_name": StringAttr(name), "gpu.kernel": UnitAttr()},
            properties=properties,
            regions=[body or Region(Block(arg_types=inputs))],
        )

    @property
    def block_threads(self) -> int | None:
        """Threads in a block, where `known_block_size` promises them."""
        size = self.known_block_size
        return None if size is None else prod(size.get_values())

    def verify_(self) -> None:
        block = self.body.blocks.first
        if block is None:
            raise VerifyException(f"gpu.func @{self.sym_name.data}: expected a body")
        if tuple(block.arg_types) != self.function_type.inputs.data:
            raise VerifyException(
                f"gpu.func @{self.sym_name.data}: the entry block's arguments and the signature differ"
            )
        if self.kernel is not None and len(self.function_type.outputs):
            raise VerifyException(f"gpu.func @{self.sym_name.data}: a kernel returns nothing")

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        name = parser.parse_symbol_name()
        arguments = parser.parse_comma_separated_list(parser.Delimiter.PAREN, parser.parse_argument)
        outputs: Sequence[Attribute] = ()
        if parser.parse_optional_punctuation("->"):
            outputs = parser.parse_optional_comma_separated_list(
                parser.Delimiter.PAREN, parser.parse_type
            ) or [parser.parse_type()]
        for keyword in ("workgroup", "private"):
            if parser.parse_optional_keyword(keyword):
                parser.raise_error(
                    f"`{keyword}` attributions are not supported: use a memref.global in memory space 3"
                )
        attributes: dict[str, Attribute] = {"sym_name": name}
        if parser.parse_optional_keyword("kernel"):
            attributes["gpu.kernel"] = UnitAttr()
        properties: dict[str, Attribute] = {
            "function_type": FunctionType.from_lists([a.type for a in arguments], outputs)
        }
        extra = parser.parse_optional_attr_dict_with_keyword(("sym_name", "function_type"))
        for key, value in extra.data.items() if extra else ():
            (properties if key in ("known_block_size", "known_grid_size") else attributes)[key] = value
        body = parser.parse_region(arguments)
        return cls.create(attributes=attributes, properties=properties, regions=[body])

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.sym_name.data)
        with printer.in_parens():
            printer.print_list(self.body.block.args, printer.print_block_argument)
        if self.function_type.outputs.data:
            printer.print_string(" -> ")
            with printer.in_parens():
                printer.print_list(self.function_type.outputs.data, printer.print_attribute)
        if self.kernel is not None:
            printer.print_string(" kernel")
        sizes = {key: value for key, value in self.properties.items() if key != "function_type"}
        printer.print_op_attributes(
            sizes | self.attributes, reserved_attr_names=("sym_name", "gpu.kernel"), print_keyword=True
        )
        printer.print_string(" ")
        printer.print_region(self.body, print_entry_block_args=False)


@irdl_op_definition
class ReturnOp(IRDLOperation):
    """The terminator of a `gpu.func`."""

    name = "gpu.return"

    arguments = var_operand_def()
    traits = traits_def(IsTerminator(), HasParent(FuncOp))
    assembly_format = "attr-dict ($arguments^ `:` type($arguments))?"

    def __init__(self, *values: SSAValue) -> None:
        super().__init__(operands=[values])


@irdl_op_definition
class LaunchFuncOp(IRDLOperation):
    """Launches a kernel on a grid of blocks of threads and waits for it. No clusters, no asynchronous launches."""

    name = "gpu.launch_func"

    async_dependencies = var_operand_def(gpu.AsyncTokenType)
    grid_size_x = operand_def()
    grid_size_y = operand_def()
    grid_size_z = operand_def()
    block_size_x = operand_def()
    block_size_y = operand_def()
    block_size_z = operand_def()
    cluster_size_x = opt_operand_def()
    cluster_size_y = opt_operand_def()
    cluster_size_z = opt_operand_def()
    dynamic_shared_memory_size = opt_operand_def(i32)
    kernel_operands = var_operand_def()
    async_object = opt_operand_def()
    async_token = opt_result_def(gpu.AsyncTokenType)
    kernel = prop_def(SymbolRefAttr)
    irdl_options = (AttrSizedOperandSegments(as_property=True),)

    def __init__(
        self,
        kernel: SymbolRefAttr,
        grid: Sequence[SSAValue],
        block: Sequence[SSAValue],
        arguments: Sequence[SSAValue],
    ) -> None:
        """`grid` and `block` are three sizes each, x first."""
        super().__init__(
            operands=[[], *grid, *block, [], [], [], [], arguments, []],
            result_types=[[]],
            properties={"kernel": kernel},
        )

    @property
    def grid(self) -> tuple[SSAValue, SSAValue, SSAValue]:
        """Blocks in x, y, z."""
        return self.grid_size_x, self.grid_size_y, self.grid_size_z

    @property
    def block(self) -> tuple[SSAValue, SSAValue, SSAValue]:
        """Threads in x, y, z."""
        return self.block_size_x, self.block_size_y, self.block_size_z

    def verify_(self) -> None:
        if self.async_dependencies or self.async_object or self.async_token or self.cluster_size_x:
            raise VerifyException("gpu.launch_func: only synchronous launches without clusters are supported")
        if self.dynamic_shared_memory_size:
            raise VerifyException(
                "gpu.launch_func: shared memory is static here, a memref.global in memory space 3"
            )

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        kernel = parser.parse_attribute()
        if not isinstance(kernel, SymbolRefAttr):
            parser.raise_error("expected the kernel's symbol, such as @kernels::@name")

        def sizes(keyword: str) -> Sequence[SSAValue]:
            parser.parse_keyword(keyword)
            parser.parse_keyword("in")
            values = parser.parse_comma_separated_list(
                parser.Delimiter.PAREN, parser.parse_unresolved_operand
            )
            if len(values) != 3:
                parser.raise_error(f"expected three sizes after `{keyword} in`, got {len(values)}")
            return [parser.resolve_operand(value, IndexType()) for value in values]

        def argument() -> SSAValue:
            value = parser.parse_unresolved_operand()
            parser.parse_punctuation(":")
            return parser.resolve_operand(value, parser.parse_type())

        grid, block = sizes("blocks"), sizes("threads")
        arguments: Sequence[SSAValue] = ()
        if parser.parse_optional_keyword("args"):
            arguments = parser.parse_comma_separated_list(parser.Delimiter.PAREN, argument)
        op = cls(kernel, grid, block, arguments)
        op.attributes |= parser.parse_optional_attr_dict()
        return op

    def print(self, printer: Printer) -> None:
        def argument(value: SSAValue) -> None:
            printer.print_ssa_value(value)
            printer.print_string(" : ")
            printer.print_attribute(value.type)

        printer.print_string(" ")
        printer.print_attribute(self.kernel)
        for keyword, sizes in (("blocks", self.grid), ("threads", self.block)):
            printer.print_string(f" {keyword} in ")
            with printer.in_parens():
                printer.print_list(sizes, printer.print_ssa_value)
        if self.kernel_operands:
            printer.print_string(" args")
            with printer.in_parens():
                printer.print_list(self.kernel_operands, argument)
        printer.print_op_attributes(self.attributes)
