"""Conversion of data that users pass to NumPy arrays: every entry point uses it, and nothing is dropped silently.

Accepted are NumPy's arrays and scalars in either byte order, memory views and `array.array`, arrays of other libraries
that support DLPack, Python's numbers, and nested lists of all of these. Refused is data that an array of numbers cannot
represent (masks, units, names of fields, labels, dates, text, objects), and numbers that the dtype cannot hold.
Numbers of Python and in lists may round; arrays keep their dtype, unless another one is asked for.
"""

from __future__ import annotations

from array import array as PackedArray  # noqa: N812  a class, whatever its name
from collections.abc import Sequence
from typing import Any, NoReturn, TypeAlias, TypeGuard, cast

import ml_dtypes
import numpy as np
import numpy.typing as npt

from pullback.dialects.graph.tensor.tensor import Number, Operators
from pullback.dialects.graph.tensor.types import DTYPES, MAX_RANK, NUMPY_DTYPES, ArgumentTypeError

Array: TypeAlias = npt.NDArray[Any]
"""A NumPy array of any of the dtypes that tensors have."""
AnyDtype: TypeAlias = np.dtype[Any]

DEFAULTS: dict[type, AnyDtype] = {
    bool: np.dtype(np.bool_),
    int: np.dtype(np.int32),
    float: np.dtype(np.float32),
    complex: np.dtype(np.complex64),
}
"""The default dtypes of Python's numbers; each can hold the values of those before it."""
_EXACT = {bool: np.bool_, int: np.int64, float: np.float64, complex: np.complex128}
"""The dtypes in which NumPy holds Python's numbers."""
KNOWN = frozenset(NUMPY_DTYPES.values())
"""The dtypes that tensors can have."""
_INSTEAD = {
    "MaskedArray": "pass filled(...), and the mask as an array of its own",
    "MaskedConstant": "it marks an element that is masked",
    "matrix": "its * is a matrix product, that of tensors is not: pass np.asarray(...) of it",
}
"""What to pass in place of an array subclass that is refused, for its message."""


def is_array(value: object) -> bool:
    """Tells whether this is an array or a scalar with a dtype of its own, of NumPy or of another library."""
    if isinstance(value, np.ndarray | np.generic | memoryview | PackedArray):
        return True
    return hasattr(type(value), "__dlpack__")


def array_of(value: object, what: str, dtype: AnyDtype | None = None) -> Array:
    """Converts data to a plain NumPy array of a dtype that tensors can have.

    Args:
        value: an array, a number, or a nested list of these.
        what: names the argument in errors.
        dtype: of the result. Unless given, arrays and NumPy's scalars keep theirs; Python's numbers become i1, i32, f32
            and complex<f32>, or take the dtype of NumPy's numbers beside them in a list.

    Raises:
        ArgumentTypeError: for any other value, and for numbers that the dtype cannot hold.
    """
    if type(value) is np.ndarray and value.dtype in KNOWN and dtype is None:
        return value
    if is_array(value):
        array = _plain(value, what)
        return _known(array if dtype is None else converted(array, dtype, what), what)
    if isinstance(value, Number):
        return _from_list(value, {_kind(value)}, what, dtype)
    if isinstance(value, list | tuple | range):
        kinds: set[Any] = set()
        return _from_list(_spelled_out(value, kinds, what, 1), kinds, what, dtype)  # pyright: ignore[reportUnknownArgumentType]
    refuse(value, what)


def refuse(value: object, what: str) -> NoReturn:
    """Raises the error for a value that is no data, which says what was expected in its place."""
    kind = type(value).__name__
    if isinstance(value, Operators):
        raise ArgumentTypeError(f"{what}: expected numbers or an array, got a tensor; stack() joins several")
    hint = ""
    if hasattr(value, "__array__"):
        hint = ", which may say more than its numbers: pass np.asarray(...) of it if that is all you mean"
    elif hasattr(value, "toarray"):
        hint = ", which is sparse: pass its toarray(), or IndexedSlices"
    raise ArgumentTypeError(f"{what}: expected numbers or an array, got {kind}{hint}")


def beside(value: object, dtype: AnyDtype, what: str) -> object:
    """Converts the other operand of a tensor of this dtype (weak typing): NumPy's scalars of its kind become numbers.

    Numbers take the tensor's dtype. Of one kind are those between which NumPy casts by the rule `"same_kind"`: any
    float for any float, and integers for floats, but no floats for integers. Other values are returned unchanged.
    """
    if not isinstance(value, np.generic):
        return value
    array = _plain(value, what)
    source = _builtin(array.dtype)
    if not np.can_cast(source, _builtin(dtype), "same_kind"):
        return value
    widest = {"f": np.dtype(np.float64), "c": np.dtype(np.complex128)}.get(source.kind, source)
    return converted(array, widest, what).item()


def is_number(value: object) -> TypeGuard[Number]:
    """Tells whether this is a number of Python. NumPy's f64 is a `float` too, by its class, but has a dtype."""
    return isinstance(value, Number) and not isinstance(value, np.generic)


# ---- arrays ---------------------------------------------------------------------------------------------------


def _plain(value: Any, what: str) -> Array:
    """Converts an array to NumPy's own class in native byte order; its dtype must be one of numbers."""
    kind = type(value)
    if isinstance(value, np.ndarray) and kind not in (np.ndarray, np.memmap):
        instead = _INSTEAD.get(kind.__name__, "it may say more than its numbers: pass np.asarray(...) of it")
        raise ArgumentTypeError(f"{what}: expected an array, got the subclass {kind.__name__}: {instead}")
    try:
        array = np.asarray(value) if _gives_array(value) else np.from_dlpack(value)
    except Exception as error:
        raise ArgumentTypeError(
            f"{what}: {kind.__module__}.{kind.__name__} gives no array ({error}): pass one of NumPy"
        ) from None
    if not _is_of_numbers(array.dtype):
        name = "records" if array.dtype.names else array.dtype.name
        raise ArgumentTypeError(f"{what}: expected numbers or an array, got {kind.__name__} of {name}")
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _gives_array(value: object) -> bool:
    return isinstance(value, memoryview | PackedArray) or hasattr(type(value), "__array__")


def _is_of_numbers(dtype: AnyDtype) -> bool:
    """Tells whether a dtype is one of numbers: NumPy's, or one of those that `ml_dtypes` adds."""
    return dtype.names is None and (dtype.kind in "biufc" or dtype.type.__module__ == "ml_dtypes")


def _known(array: Array, what: str) -> Array:
    """Returns the array if tensors can have its dtype; raises `ArgumentTypeError` otherwise."""
    if array.dtype in KNOWN:
        return array
    raise ArgumentTypeError(
        f"{what}: dtype {array.dtype} is not supported: expected one of {', '.join(DTYPES)}; dtype= converts"
    )


# ---- lists ----------------------------------------------------------------------------------------------------


def _kind(value: Number) -> type:
    """The class of Python's numbers of which this is an instance."""
    return next(kind for kind in DEFAULTS if isinstance(value, kind))


def _spelled_out(values: Sequence[Any], kinds: set[Any], what: str, depth: int) -> Any:
    """Converts arrays inside nested lists to plain ones; adds the classes of numbers and dtypes found to `kinds`."""
    if depth > MAX_RANK:
        raise ArgumentTypeError(f"{what}: lists in lists, deeper than {MAX_RANK}: a tensor has no more dims")
    found = set(map(type, values))
    if found <= DEFAULTS.keys():  # nearly always, and then there is nothing to look at one by one
        kinds |= found
        return values
    return [_part(v, kinds, f"{what}[{i}]", depth) for i, v in enumerate(values)]


def _part(value: Any, kinds: set[Any], what: str, depth: int) -> Any:
    if isinstance(value, list | tuple | range):
        return _spelled_out(cast("Sequence[Any]", value), kinds, what, depth + 1)
    if is_array(value):
        array = _plain(value, what)
        kinds.add(array.dtype)
        return array
    if isinstance(value, Number):
        kind = _kind(value)
        kinds.add(kind)
        return kind(value)
    refuse(value, what)


def _from_list(values: Any, kinds: set[Any], what: str, dtype: AnyDtype | None) -> Array:
    """Joins numbers and arrays in nested lists, of these kinds, to one array."""
    of_python = [kind for kind in DEFAULTS if kind in kinds]
    dtypes = [kind for kind in kinds if isinstance(kind, np.dtype)]
    wide = _joined([np.dtype(_EXACT[kind]) for kind in of_python] + dtypes, what)
    own = [DEFAULTS[k] for k in of_python[-1:] if not _within(k, dtypes)]
    target = _joined([*own, *dtypes], what)
    target = dtype if dtype is not None else target if kinds else DEFAULTS[float]
    if wide.kind == "f" and float not in kinds and all(d.kind in "iu" for d in dtypes) and kinds - {bool}:
        raise ArgumentTypeError(f"{what}: no dtype holds all of these integers")
    try:
        array = np.array(values, wide)
    except OverflowError:
        array = _large(values, wide, target, what)
    except ValueError:
        numbers = "" if dtype is None else f"numbers of dtype {dtype}, in "
        raise ArgumentTypeError(
            f"{what}: expected {numbers}lists of one length at each depth, got {values}"
        ) from None
    if not array.size:
        return _known(array.astype(target), what)
    return _known(converted(array, target, what, may_vanish=not of_python), what)


def _within(kind: type, dtypes: Sequence[AnyDtype]) -> bool:
    """Tells whether a Python number takes the dtype of NumPy's numbers beside it: of its kind, or of a wider one."""
    order = "biufc"
    ranks = [order.find(d.kind) if d.kind in order else order.find("f") for d in dtypes]
    return bool(ranks) and max(ranks) >= order.find(np.dtype(_EXACT[kind]).kind)


def _joined(dtypes: Sequence[AnyDtype], what: str) -> AnyDtype:
    """The dtype to which all of these promote."""
    try:
        return np.result_type(*dtypes) if dtypes else np.dtype(np.float64)
    except TypeError:
        names = ", ".join(sorted(str(d) for d in dtypes))
        raise ArgumentTypeError(f"{what}: the dtypes {names} have no common one") from None


def _large(values: Any, wide: AnyDtype, target: AnyDtype, what: str) -> Array:
    """Converts lists with integers beyond 64 bits, which a floating-point dtype may hold."""
    if wide.kind in "biu" and _builtin(target).kind in "fc":
        try:
            return np.array(values, np.float64)
        except OverflowError:
            pass
    raise _does_not_fit(what, target, "out of range")


# ---- other dtypes ---------------------------------------------------------------------------------------------


def converted(array: Array, dtype: AnyDtype, what: str, *, may_vanish: bool = True) -> Array:
    """Casts an array to another dtype; floats may round.

    Raises:
        ArgumentTypeError: for numbers that the dtype cannot hold: out of range, no whole numbers, complex ones; and
            unless `may_vanish` those that would become 0.
    """
    if array.dtype == dtype or not array.size:
        return array.astype(dtype, copy=False)
    source = array.astype(_builtin(array.dtype), copy=False)
    if source.dtype.kind == "c" and dtype.kind != "c":
        raise ArgumentTypeError(f"{what}: complex numbers are no values of {dtype}: take their real() first")
    if dtype.kind in "biu":
        _check_integers(source, dtype, what)
        return source.astype(dtype)
    with np.errstate(over="ignore", under="ignore"):
        result = source.astype(dtype)
    if np.any(np.isfinite(source) & ~np.isfinite(result)):
        raise _does_not_fit(what, dtype, "too large")
    if not may_vanish and np.any((source != 0) & (result == 0)):
        raise _does_not_fit(what, dtype, "so small that it would be 0")
    return result


def _check_integers(source: Array, dtype: AnyDtype, what: str) -> None:
    """Checks that numbers are whole, and in the range of an integer dtype."""
    low, high = (0, 1) if dtype.kind == "b" else (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))
    if source.dtype.kind == "f":
        source = source.astype(
            np.result_type(source, np.float64), copy=False
        )  # f16 has no limits of integers
        if not np.all(np.isfinite(source) & (np.trunc(source) == source)):
            raise ArgumentTypeError(
                f"{what}: a number is no whole one, as {dtype} needs: cast() drops fractions"
            )
        # In floating point 2**63 - 1 would be 2**63.
        fits = bool(np.all((source >= float(low)) & (source < float(high + 1))))
    else:
        fits = low <= int(source.min()) and int(source.max()) <= high
    if not fits:
        raise _does_not_fit(what, dtype, "out of range")


def _does_not_fit(what: str, dtype: AnyDtype, why: str) -> ArgumentTypeError:
    return ArgumentTypeError(f"{what}: a number is {why} for {dtype}; give another dtype=")


def _builtin(dtype: AnyDtype) -> AnyDtype:
    """A dtype of NumPy's own that holds all values of this one, which `ml_dtypes` may have added."""
    if dtype.kind in "biufc" and dtype.type.__module__ == "numpy":
        return dtype
    try:
        ml_dtypes.iinfo(dtype)
        return np.dtype(np.int8 if np.array(-1).astype(dtype) == -1 else np.uint8)
    except ValueError:
        return np.dtype(np.float32)
