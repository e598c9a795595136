# ruff: noqa: I001  sections are in the order in which a reader meets them
"""The public names of `import pullback`: the sections of docs/python.md, and the modules whose `__all__` each has.

`public_on_demand.py` has those that are imported when a program first asks for one.
"""

# ---- Graphs ----
from pullback.frontend.graph.graph import *
from pullback.dialects.graph.tensor.tensor import Tensor as Tensor
from pullback.frontend.handles.operation import *
from pullback.frontend.handles.indexed_slices import *

# ---- Variables ----
from pullback.frontend.handles.variable import *

# ---- Gradients ----
from pullback.frontend.gradients.gradients import *
from pullback.frontend.gradients.gradient_arguments import *
from pullback.frontend.gradients.hessians import *

# ---- Gradient functions ----
from pullback.frontend.gradients.custom_gradient import *
from pullback.frontend.gradients.register_gradient import *

# ---- Functions ----
from pullback.frontend.trace.function import *
from pullback.frontend.transforms.grad import *
from pullback.frontend.transforms.vector_products import *
from pullback.frontend.transforms.jacobian_hessian import *

# ---- Running ----
from pullback.frontend.trace.run import *
from pullback.frontend.trace.step import *
from pullback.process.thread_count import *
from pullback.backends.cuda_runtime.cuda_error import CudaError as CudaError
from pullback.driver.device_array import DeviceArray as DeviceArray


# ---- Making tensors ----
from pullback.frontend.functions.creation import *
from pullback.frontend.functions.sequences import *

# ---- Element by element ----
from pullback.frontend.functions.elementwise import *
from pullback.frontend.functions.casts import *
from pullback.frontend.functions.activations import *
from pullback.frontend.functions.gamma import *

# ---- Complex numbers ----
from pullback.frontend.functions.complex_numbers import *

# ---- Reductions ----
from pullback.frontend.functions.reductions import *

# ---- Statistics and norms ----
from pullback.frontend.functions.statistics import *
from pullback.frontend.functions.norms import *

# ---- Running sums and products ----
from pullback.frontend.functions.scans import *

# ---- Softmax ----
from pullback.frontend.functions.softmax import *

# ---- Normalization ----
from pullback.frontend.functions.normalization import *

# ---- Losses ----
from pullback.frontend.functions.losses import *

# ---- Matrices ----
from pullback.frontend.functions.linalg import *
from pullback.frontend.functions.einsum import *
from pullback.frontend.functions.matrices import *
from pullback.frontend.functions.decompositions import *

# ---- Images ----
from pullback.frontend.functions.convolution import *
from pullback.frontend.functions.pooling import *
from pullback.frontend.functions.images import *

# ---- Shapes ----
from pullback.frontend.functions.shapes import *

# ---- One tensor and several ----
from pullback.frontend.functions.split_concat import *

# ---- Repetition and order ----
from pullback.frontend.functions.repeating import *

# ---- Padding ----
from pullback.frontend.functions.padding import *

# ---- By index ----
from pullback.frontend.functions.indexing import *
from pullback.frontend.functions.sorting import *
from pullback.frontend.functions.searching import *
from pullback.frontend.functions.segments import *

# ---- Random numbers ----
from pullback.frontend.functions.random import *
from pullback.frontend.handles.random_state import *

# ---- Parts ----
from pullback.frontend.functions.slicing import *

# ---- Loops and branches ----
from pullback.frontend.functions.control_flow import *
from pullback.frontend.functions.conditionals import *

# ---- Names, devices and order ----
from pullback.frontend.graph.scopes import *
from pullback.passes.placement.device_warnings import DeviceWarning as DeviceWarning
from pullback.frontend.handles.control_dependencies import *
from pullback.frontend.handles.control_dependencies import tuple_of as _tuple_of

# ---- Clipping ----
from pullback.frontend.functions.clipping import *

# ---- Training ----
from pullback.frontend import train as train

from pullback.frontend.graph.name_checks import check_names_first as _check_names_first

tuple = _tuple_of

globals().update(_check_names_first(globals()))
