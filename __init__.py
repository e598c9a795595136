"""Pullback: a multi-level gradient compiler. `import pullback as pb`, and build inside `with pb.Graph():`."""

from __future__ import annotations

from pullback.dialects.graph.value import Tensor
from pullback.driver.checking.report import GradientCheckError, GradientReport
from pullback.frontend import train
from pullback.frontend.arguments import AggregationMethod, UnconnectedGradients
from pullback.frontend.check_gradients import check_gradients
from pullback.frontend.custom_gradient import (
    custom_gradient,
    grad_pass_through,
    prevent_gradient,
    recompute_grad,
)
from pullback.frontend.explain import explain
from pullback.frontend.function import Function, function
from pullback.frontend.functions import activations as _activations
from pullback.frontend.functions import casts as _casts
from pullback.frontend.functions import clipping as _clipping
from pullback.frontend.functions import complex_numbers as _complex_numbers
from pullback.frontend.functions import conditionals as _conditionals
from pullback.frontend.functions import control_flow as _control_flow
from pullback.frontend.functions import convolution as _convolution
from pullback.frontend.functions import creation as _creation
from pullback.frontend.functions import einsum as _einsum
from pullback.frontend.functions import elementwise as _elementwise
from pullback.frontend.functions import images as _images
from pullback.frontend.functions import indexing as _indexing
from pullback.frontend.functions import linalg as _linalg
from pullback.frontend.functions import losses as _losses
from pullback.frontend.functions import matrices as _matrices
from pullback.frontend.functions import normalization as _normalization
from pullback.frontend.functions import norms as _norms
from pullback.frontend.functions import padding as _padding
from pullback.frontend.functions import pieces as _pieces
from pullback.frontend.functions import pooling as _pooling
from pullback.frontend.functions import random as _random
from pullback.frontend.functions import reductions as _reductions
from pullback.frontend.functions import repeating as _repeating
from pullback.frontend.functions import scans as _scans
from pullback.frontend.functions import searching as _searching
from pullback.frontend.functions import segments as _segments
from pullback.frontend.functions import sequences as _sequences
from pullback.frontend.functions import shapes as _shapes
from pullback.frontend.functions import slicing as _slicing
from pullback.frontend.functions import softmax as _softmax
from pullback.frontend.functions import sorting as _sorting
from pullback.frontend.functions import statistics as _statistics
from pullback.frontend.functions.activations import *
from pullback.frontend.functions.casts import *
from pullback.frontend.functions.clipping import *
from pullback.frontend.functions.complex_numbers import *
from pullback.frontend.functions.conditionals import *
from pullback.frontend.functions.control_flow import *
from pullback.frontend.functions.convolution import *
from pullback.frontend.functions.creation import *
from pullback.frontend.functions.einsum import *
from pullback.frontend.functions.elementwise import *
from pullback.frontend.functions.images import *
from pullback.frontend.functions.indexing import *
from pullback.frontend.functions.linalg import *
from pullback.frontend.functions.losses import *
from pullback.frontend.functions.matrices import *
from pullback.frontend.functions.normalization import *
from pullback.frontend.functions.norms import *
from pullback.frontend.functions.padding import *
from pullback.frontend.functions.pieces import *
from pullback.frontend.functions.pooling import *
from pullback.frontend.functions.random import *
from pullback.frontend.functions.reductions import *
from pullback.frontend.functions.repeating import *
from pullback.frontend.functions.scans import *
from pullback.frontend.functions.searching import *
from pullback.frontend.functions.segments import *
from pullback.frontend.functions.sequences import *
from pullback.frontend.functions.shapes import *
from pullback.frontend.functions.slicing import *
from pullback.frontend.functions.softmax import *
from pullback.frontend.functions.sorting import *
from pullback.frontend.functions.statistics import *
from pullback.frontend.gradients import gradients
from pullback.frontend.graph import Graph
from pullback.frontend.handles import IndexedSlices, Operation
from pullback.frontend.hessians import hessian_vector_product, hessians
from pullback.frontend.needs import group
from pullback.frontend.needs import tuple_of as tuple
from pullback.frontend.registry import NoGradient, NotDifferentiable, RegisterGradient, gradient_of
from pullback.frontend.run import run
from pullback.frontend.scopes import control_dependencies, device, name_scope
from pullback.frontend.step import Step, compile
from pullback.frontend.transforms.matrices import hessian, jacobian
from pullback.frontend.transforms.products import hvp, jvp, vjp
from pullback.frontend.transforms.reverse import grad, value_and_grad
from pullback.frontend.variables import Variable, global_variables, trainable_variables
from pullback.passes.explain.explanation import Explanation

__all__ = [
    "AggregationMethod",
    "Explanation",
    "Function",
    "GradientCheckError",
    "GradientReport",
    "Graph",
    "IndexedSlices",
    "NoGradient",
    "NotDifferentiable",
    "Operation",
    "RegisterGradient",
    "Step",
    "Tensor",
    "UnconnectedGradients",
    "Variable",
    "check_gradients",
    "compile",
    "control_dependencies",
    "custom_gradient",
    "device",
    "explain",
    "function",
    "global_variables",
    "grad",
    "grad_pass_through",
    "gradient_of",
    "gradients",
    "group",
    "hessian",
    "hessian_vector_product",
    "hessians",
    "hvp",
    "jacobian",
    "jvp",
    "name_scope",
    "prevent_gradient",
    "recompute_grad",
    "run",
    "train",
    "trainable_variables",
    "tuple",
    "value_and_grad",
    "vjp",
]
__all__ += _activations.__all__
__all__ += _casts.__all__
__all__ += _clipping.__all__
__all__ += _complex_numbers.__all__
__all__ += _conditionals.__all__
__all__ += _control_flow.__all__
__all__ += _convolution.__all__
__all__ += _creation.__all__
__all__ += _einsum.__all__
__all__ += _elementwise.__all__
__all__ += _images.__all__
__all__ += _indexing.__all__
__all__ += _linalg.__all__
__all__ += _losses.__all__
__all__ += _matrices.__all__
__all__ += _normalization.__all__
__all__ += _norms.__all__
__all__ += _padding.__all__
__all__ += _pieces.__all__
__all__ += _pooling.__all__
__all__ += _random.__all__
__all__ += _reductions.__all__
__all__ += _repeating.__all__
__all__ += _scans.__all__
__all__ += _searching.__all__
__all__ += _segments.__all__
__all__ += _sequences.__all__
__all__ += _shapes.__all__
__all__ += _slicing.__all__
__all__ += _softmax.__all__
__all__ += _sorting.__all__
__all__ += _statistics.__all__
