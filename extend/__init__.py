# ruff: noqa: I001  sections are in the order of docs/extension_api.md
"""The stable API for extensions: one module, whose names stay while the folders behind it may change.

Operations, rules, passes, targets and kinds of kernels of one's own need nothing else of Pullback but
`import pullback as pb`; the pages docs/add-*.md are written with it. The operations of the dialect are in
`pullback.extend.operations`.
A name belongs here if a recipe needs it; what is listed here is documented in docs/extension_api.md, which is made from
it.
"""

# ---- Plug-ins ----
from pullback.driver.plugins.plugin import Plugin as Plugin
from pullback.driver.plugins.registration import register as register
from pullback.driver.plugins.registration import unregister as unregister
from pullback.passes.pipeline.pipelines import Pipeline as Pipeline
from pullback.process.registries import Registry as Registry
from pullback.process.registries import DuplicateError as DuplicateError

# ---- Operations ----
from pullback.dialects.graph.op.graph_op import GraphOp as GraphOp
from pullback.dialects.graph.op.graph_op import graph_op as graph_op
from pullback.dialects.graph.op.graph_op import OPS as OPS
from pullback.dialects.graph.op.graph_op import Properties as Properties
from pullback.dialects.graph.op.graph_op import GradientTerms as GradientTerms
from pullback.dialects.graph.tensor.arrays import Array as Array
from pullback.dialects.graph.tensor.tensor import Tensor as Tensor
from pullback.dialects.graph.tensor.tensor import Number as Number
from pullback.dialects.graph.tensor.tensor import conj as conj

# ---- Families of operations ----
from pullback.dialects.graph.op.families import Unary as Unary
from pullback.dialects.graph.op.families import Binary as Binary
from pullback.dialects.graph.op.families import UnaryPredicate as UnaryPredicate
from pullback.dialects.graph.op.families import BinaryPredicate as BinaryPredicate
from pullback.dialects.graph.op.families import Elementwise as Elementwise
from pullback.dialects.graph.op.families import OneOperand as OneOperand
from pullback.dialects.graph.op.families import OfDtypes as OfDtypes
from pullback.dialects.graph.op.families import Composite as Composite
from pullback.dialects.graph.along_axes.axis_families import OverAxes as OverAxes
from pullback.dialects.graph.along_axes.axis_families import AlongAxis as AlongAxis
from pullback.dialects.graph.along_axes.reductions import Reduction as Reduction
from pullback.dialects.graph.linear_algebra.matrix_families import OfMatrices as OfMatrices
from pullback.dialects.graph.linear_algebra.matrix_families import OfSquares as OfSquares
from pullback.dialects.graph.linear_algebra.matrix_families import SquareToSquare as SquareToSquare

# ---- How kernels read operands ----
from pullback.dialects.graph.op.indexed import Indexed as Indexed
from pullback.dialects.graph.op.indexed import Pointwise as Pointwise
from pullback.dialects.graph.op.indexed import View as View
from pullback.dialects.graph.op.indexed import Alias as Alias
from pullback.dialects.graph.op.access import AccessMap as AccessMap
from pullback.dialects.graph.op.access import AffineAccess as AffineAccess
from pullback.dialects.graph.op.access import StoredAccess as StoredAccess
from pullback.dialects.graph.op.access import RowMajorAccess as RowMajorAccess
from pullback.dialects.graph.op.access import PaddedAccess as PaddedAccess
from pullback.dialects.graph.op.access import RowAccess as RowAccess
from pullback.dialects.graph.op.affine import Affine as Affine
from pullback.dialects.graph.op.access import dims as dims
from pullback.dialects.graph.op.access import identity as identity

# ---- Traits ----
from pullback.dialects.graph.op.graph_op import NotDifferentiable as NotDifferentiable
from pullback.dialects.graph.op.graph_op import Broadcasts as Broadcasts
from pullback.dialects.graph.op.graph_op import PassesSlices as PassesSlices
from pullback.dialects.graph.op.graph_op import KeepsRows as KeepsRows

# ---- Bodies for one element, and meanings on arrays ----
from pullback.dialects.graph.op.scalar import Scalar as Scalar
from pullback.dialects.graph.op import scalar_functions as scalar_functions
from pullback.dialects.graph.op.oracles import in_double as in_double
from pullback.dialects.graph.op.oracles import by_element as by_element
from pullback.dialects.graph.tensor.accumulators import summed as summed

# ---- Dtypes that an operation takes ----
from pullback.dialects.graph.op.families import any_dtype as any_dtype
from pullback.dialects.graph.op.families import numeric as numeric
from pullback.dialects.graph.op.families import real_numeric as real_numeric
from pullback.dialects.graph.op.families import real_or_truth as real_or_truth
from pullback.dialects.graph.op.families import integer_or_truth as integer_or_truth
from pullback.dialects.graph.tensor.types import is_float as is_float
from pullback.dialects.graph.tensor.types import is_inexact as is_inexact
from pullback.dialects.graph.tensor.types import is_integer as is_integer
from pullback.dialects.graph.tensor.types import is_complex as is_complex

# ---- Constraints ----
from pullback.dialects.graph.tensor.types import GraphError as GraphError
from pullback.dialects.graph.op.checks import check_tensor as check_tensor
from pullback.dialects.graph.op.checks import check_results as check_results
from pullback.dialects.graph.op.families import check_dtype as check_dtype
from pullback.dialects.graph.op.checks import check_operand_dtypes as check_operand_dtypes
from pullback.dialects.graph.op.checks import check_same_dtype as check_same_dtype
from pullback.dialects.graph.op.checks import check_axis as check_axis
from pullback.dialects.graph.op.checks import check_axes as check_axes
from pullback.dialects.graph.op.checks import check_indices as check_indices
from pullback.dialects.graph.op.checks import check_shape_operand as check_shape_operand

# ---- Types and attributes ----
from pullback.dialects.graph.tensor.types import tensor_type as tensor_type
from pullback.dialects.graph.tensor.types import shape_of_type as shape_of_type
from pullback.dialects.graph.tensor.types import element_type_of as element_type_of
from pullback.dialects.graph.tensor.types import is_static as is_static
from pullback.dialects.graph.tensor.types import broadcast_shapes as broadcast_shapes
from pullback.dialects.graph.tensor.types import numpy_dtype as numpy_dtype
from pullback.dialects.graph.tensor.types import SlicesType as SlicesType
from pullback.dialects.graph.tensor.attributes import integers as integers
from pullback.dialects.graph.tensor.attributes import integer_list as integer_list
from pullback.dialects.graph.tensor.attributes import flag as flag

# ---- Rules ----
from pullback.passes.gradients.rule_registry import gradient_of as gradient_of
from pullback.passes.gradients.rule_registry import MissingGradientError as MissingGradientError
from pullback.dialects.graph.tensor.insertion import insert as insert
from pullback.dialects.graph.tensor.insertion import inserting as inserting
from pullback.dialects.graph.tensor.insertion import inserting_beside as inserting_beside

# ---- Optimizers ----
from pullback.frontend.train.state import VariableState as VariableState
from pullback.frontend.train.hyperparameters import Hyperparameter as Hyperparameter

# ---- Passes ----
from pullback.passes.pipeline.instrumentation import PassInstrumentation as PassInstrumentation
from pullback.passes.pipeline.instrumentation import instrumented as instrumented
from pullback.passes.pipeline.pass_statistics import PassStatistics as PassStatistics
from pullback.driver.reproducer import CrashReproducer as CrashReproducer
from pullback.passes.pipeline.pipelines import parse_passes as parse_passes
from pullback.passes.pipeline.run_passes import run_passes as run_passes
from pullback.passes.rewriting.replacement import Replacements as Replacements
from pullback.passes.rewriting.statistic import Statistic as Statistic
from pullback.passes.simplify.matching import folds as folds
from pullback.passes.simplify.canonicalize import apply_folds as apply_folds
from pullback.passes.rewriting.patterns import inserting_at as inserting_at
from pullback.passes.simplify.matching import producer as producer
from pullback.passes.simplify.matching import number_in as number_in
from pullback.dialects.ir.diagnostics import DiagnosticError as DiagnosticError
from pullback.dialects.ir.diagnostics import UnsupportedError as UnsupportedError

# ---- Targets ----
from pullback.driver.targets.target import Target as Target
from pullback.driver.targets.target import Text as Text
from pullback.driver.targets.registry import register_target as register_target
from pullback.driver.targets.registry import unregister_target as unregister_target
from pullback.driver.targets.registry import target_named as target_named
from pullback.driver.layout import Layout as Layout
from pullback.backends.interpreter.interpreter import interpret as interpret

# ---- Kinds of kernels ----
from pullback.passes.lowering.kernel_kind import Kind as Kind
from pullback.passes.lowering.kernel_kind import Order as Order
from pullback.passes.lowering.kernel_kind import Lowering as Lowering
from pullback.passes.lowering.kernel_kind import NotYet as NotYet
from pullback.passes.lowering.kinds import add_kind as add_kind
from pullback.passes.lowering.kinds import remove_kind as remove_kind
from pullback.passes.lowering.in_place import at_its_index as at_its_index
from pullback.passes.lowering.in_place import once_per_line as once_per_line
from pullback.passes.lowering.in_place import never as never
from pullback.passes.lowering.tuning import tuned as tuned
from pullback.passes.loops.kernel_function import KernelFunction as KernelFunction
from pullback.passes.gpu.parameters import Parameters as Parameters
from pullback.passes.gpu.gpu_kernel import GpuKernel as GpuKernel
from pullback.passes.gpu.point_kernels import kernel_of_points as kernel_of_points

# ---- Programs as text ----
from pullback.driver.program import compile_function as compile_function
from pullback.dialects.context import context as context
from pullback.dialects.ir.source import parse as parse
from pullback.dialects.ir.text import print_module as print_module
from pullback.dialects.verification import verify as verify
from pullback.dialects.verification import VerificationError as VerificationError
from pullback.dialects.graph.tensor.location import name_of as name_of
from pullback.dialects.graph.tensor.location import named as named
