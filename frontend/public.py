"""What `import pullback` offers: `as` says that a name is public, and `*` takes what a module's `__all__` says."""

from pullback.dialects.graph.tensor.tensor import Tensor as Tensor
from pullback.driver.checking.report import GradientCheckError as GradientCheckError
from pullback.driver.checking.report import GradientReport as GradientReport
from pullback.frontend import train as train
from pullback.frontend.functions.activations import *
from pullback.frontend.functions.casts import *
from pullback.frontend.functions.clipping import *
from pullback.frontend.functions.complex_numbers import *
from pullback.frontend.functions.conditionals import *
from pullback.frontend.functions.control_flow import *
from pullback.frontend.functions.convolution import *
from pullback.frontend.functions.creation import *
from pullback.frontend.functions.decompositions import *
from pullback.frontend.functions.einsum import *
from pullback.frontend.functions.elementwise import *
from pullback.frontend.functions.gamma import *
from pullback.frontend.functions.images import *
from pullback.frontend.functions.indexing import *
from pullback.frontend.functions.linalg import *
from pullback.frontend.functions.losses import *
from pullback.frontend.functions.matrices import *
from pullback.frontend.functions.normalization import *
from pullback.frontend.functions.norms import *
from pullback.frontend.functions.padding import *
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
from pullback.frontend.functions.split_concat import *
from pullback.frontend.functions.statistics import *
from pullback.frontend.gradients.check_gradients import check_gradients as check_gradients
from pullback.frontend.gradients.custom_gradient import custom_gradient as custom_gradient
from pullback.frontend.gradients.custom_gradient import grad_pass_through as grad_pass_through
from pullback.frontend.gradients.custom_gradient import prevent_gradient as prevent_gradient
from pullback.frontend.gradients.custom_gradient import recompute_grad as recompute_grad
from pullback.frontend.gradients.explain import explain as explain
from pullback.frontend.gradients.gradient_arguments import AggregationMethod as AggregationMethod
from pullback.frontend.gradients.gradient_arguments import UnconnectedGradients as UnconnectedGradients
from pullback.frontend.gradients.gradients import gradients as gradients
from pullback.frontend.gradients.hessians import hessian_vector_product as hessian_vector_product
from pullback.frontend.gradients.hessians import hessians as hessians
from pullback.frontend.gradients.register_gradient import NoGradient as NoGradient
from pullback.frontend.gradients.register_gradient import NotDifferentiable as NotDifferentiable
from pullback.frontend.gradients.register_gradient import RegisterGradient as RegisterGradient
from pullback.frontend.gradients.register_gradient import gradient_of as gradient_of
from pullback.frontend.graph.graph import Graph as Graph
from pullback.frontend.graph.name_checks import check_names_first as _check_names_first
from pullback.frontend.graph.scopes import device as device
from pullback.frontend.graph.scopes import name_scope as name_scope
from pullback.frontend.handles.control_dependencies import control_dependencies as control_dependencies
from pullback.frontend.handles.control_dependencies import group as group
from pullback.frontend.handles.control_dependencies import tuple_of as _tuple_of
from pullback.frontend.handles.indexed_slices import IndexedSlices as IndexedSlices
from pullback.frontend.handles.operation import Operation as Operation
from pullback.frontend.handles.random_state import set_random_seed as set_random_seed
from pullback.frontend.handles.variable import Variable as Variable
from pullback.frontend.handles.variable import global_variables as global_variables
from pullback.frontend.handles.variable import trainable_variables as trainable_variables
from pullback.frontend.trace.function import Function as Function
from pullback.frontend.trace.function import function as function
from pullback.frontend.trace.run import run as run
from pullback.frontend.trace.step import Step as Step
from pullback.frontend.trace.step import compile as compile
from pullback.frontend.transforms.grad import grad as grad
from pullback.frontend.transforms.grad import value_and_grad as value_and_grad
from pullback.frontend.transforms.jacobian_hessian import hessian as hessian
from pullback.frontend.transforms.jacobian_hessian import jacobian as jacobian
from pullback.frontend.transforms.vector_products import hvp as hvp
from pullback.frontend.transforms.vector_products import jvp as jvp
from pullback.frontend.transforms.vector_products import vjp as vjp
from pullback.passes.explain.explanation import Explanation as Explanation

tuple = _tuple_of

globals().update(_check_names_first(globals()))
