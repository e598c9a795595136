"""The intended differences between the array functions and the Array API standard, and the parts that they leave out.

`tests/array_api` holds them to all the rest of it.
"""

from __future__ import annotations

from collections.abc import Mapping

VERSION = "2025.12"
"""The edition of the standard."""

IN_GENERAL = (
    "Nothing is promoted: operands have one dtype, and `cast` gives it to them. Numbers and lists take that of the "
    "tensor beside them.",
    "Python's floats become f32 and its integers i32, in constants and where no `dtype` is given.",
    "`x == y` tells whether both are the same tensor object; `equal(x, y)` compares elements.",
    "Constants and dtypes are NumPy's, `np.pi`, `np.newaxis`, `np.float32`; a dtype may also be a name, such as `f32`.",
    "Every option may be given by position too, and most functions have one more: the `name` of their operation.",
)
"""What holds for every function."""

_DEFAULT_DTYPE = "the default dtype is f32, or i32 for whole numbers"
_KEPT_DTYPE = "without `dtype` the result has the dtype of `x`, also where that is a small integer"
_NUMBER = "`rtol` is a number"
_OUT_OF_RANGE = "an index out of range gives zeros, and a negative one is out of range"

DIFFERS: Mapping[str, str] = {
    "arange": _DEFAULT_DTYPE,
    "clip": "where the bounds cross it gives `min`, as TensorFlow does",
    "cumulative_prod": _KEPT_DTYPE,
    "cumulative_sum": _KEPT_DTYPE,
    "empty": _DEFAULT_DTYPE,
    "eye": _DEFAULT_DTYPE,
    "full": _DEFAULT_DTYPE,
    "linspace": _DEFAULT_DTYPE,
    "ones": _DEFAULT_DTYPE,
    "matrix_rank": _NUMBER,
    "pinv": _NUMBER,
    "prod": _KEPT_DTYPE,
    "qr": '`mode` is "reduced", and no other',
    "repeat": "how often is a number or a list, since the shape of the result depends on it",
    "sum": _KEPT_DTYPE,
    "svd": "`full_matrices` is `False`, and cannot be `True`",
    "take": f"{_OUT_OF_RANGE}; without `axis` it is axis 0, of any tensor",
    "take_along_axis": _OUT_OF_RANGE,
    "trace": _KEPT_DTYPE,
    "zeros": _DEFAULT_DTYPE,
}
"""The functions that do something else, and what."""

ARGUMENTS: Mapping[str, str] = {
    "copy": "a tensor of a graph is immutable, so that a copy would be the same",
    "device": "where operations run is said by `with pb.device(…)`",
}
"""Arguments that no function has."""

_SHAPE = "the shape of the result depends on the elements, and shapes are known when a graph is built"
_DTYPES = "dtypes are names, of which NumPy and ml_dtypes can tell all this"

LEFT_OUT: Mapping[str, str] = {
    "__array_namespace_info__": "a graph is no array, and code written for arrays does not run in one",
    "can_cast": _DTYPES,
    "finfo": _DTYPES,
    "from_dlpack": "`constant` takes arrays; a graph has no memory to share with them",
    "iinfo": _DTYPES,
    "isdtype": _DTYPES,
    "nonzero": _SHAPE,
    "result_type": "nothing is promoted",
    "unique_all": _SHAPE,
    "unique_counts": _SHAPE,
    "unique_inverse": _SHAPE,
    "unique_values": _SHAPE,
}
"""The functions of the standard that Pullback has not, and why."""
