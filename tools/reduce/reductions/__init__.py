"""The kinds of reduction, one file for each subject; `edit` says what they have in common.

`STAGES` has them in the order in which they are tried: first what removes much at once.
"""

from pullback.tools.reduce.reductions.edit import Edit, ReductionKind
from pullback.tools.reduce.reductions.remove_functions import CALLS, FUNCTIONS
from pullback.tools.reduce.reductions.remove_loops import BODIES, CARRIED
from pullback.tools.reduce.reductions.remove_operands import OPERANDS
from pullback.tools.reduce.reductions.remove_operations import DEAD, EFFECTS, OPERATIONS, ZEROS
from pullback.tools.reduce.reductions.remove_requests import NEARER, REQUESTS
from pullback.tools.reduce.reductions.remove_results import MERGED_ARGUMENTS, RESULTS, UNUSED_ARGUMENTS
from pullback.tools.reduce.reductions.shrink_kernels import KERNELS
from pullback.tools.reduce.reductions.shrink_shapes import SHAPES
from pullback.tools.reduce.reductions.simplify_attributes import ATTRIBUTES
from pullback.tools.reduce.reductions.simplify_constants import CONSTANTS
from pullback.tools.reduce.reductions.simplify_names import NAMES
from pullback.tools.reduce.reductions.simplify_schedules import PARAMETERS, PLANS
from pullback.tools.reduce.reductions.unify_dtypes import DTYPES

STAGES: tuple[tuple[ReductionKind, ...], ...] = (
    (PLANS, FUNCTIONS, RESULTS, DEAD, EFFECTS),
    (*OPERATIONS, RESULTS, REQUESTS, NEARER),
    (DEAD, EFFECTS, CALLS, BODIES, CARRIED, *KERNELS, OPERANDS, ZEROS, UNUSED_ARGUMENTS, MERGED_ARGUMENTS),
    (*SHAPES, DTYPES),
    (*CONSTANTS, PARAMETERS, ATTRIBUTES),
    NAMES,
)

__all__ = ["STAGES", "Edit", "ReductionKind"]
