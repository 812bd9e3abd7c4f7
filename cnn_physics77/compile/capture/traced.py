"""Capture: an array that notes what is done with it (NEP 13 and 18).

A :class:`Traced` array is an ordinary array, and a call with one computes as always. But every ufunc, NumPy
function and method that it takes part in is appended to the current trace. Kernels do not notice: they
allocate with ``like=``, and read no values where they can help it.

What reads a value into Python would be fixed for ever. The truth of an array becomes a guard, and the replay
is given up where it has changed. Any other read makes the operation that runs one single call
(:mod:`.seams`), or ends the capture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import Any

import numpy as np

from cnn_physics77.compile.capture.trace import GuardFailed, Trace, current, owner_of
from cnn_physics77.core.kernels.runtime.choice import either
from cnn_physics77.core.kernels.runtime.parallel import direction
from cnn_physics77.core.kernels.runtime.scratch import arena


def plain(value: Any) -> Any:
    """The value with ordinary arrays for traced ones, in nested tuples, lists and dicts too."""
    kind = type(value)
    if kind is Traced:
        return value.view(np.ndarray)
    if kind is tuple or kind is list:
        return kind(plain(item) for item in value)
    if kind is dict:
        return {name: plain(item) for name, item in value.items()}
    return value


def traced(value: Any) -> Any:
    """The value with traced arrays for ordinary ones, in tuples and lists too."""
    kind = type(value)
    if kind is np.ndarray:
        return value.view(Traced)
    if kind is tuple or kind is list:
        return kind(traced(item) for item in value)
    return value


class Traced(np.ndarray):
    """An array whose uses are noted by the current trace."""

    def __array_finalize__(self, array):
        if self.base is None and self.size and current.trace is not None:
            current.trace.value_read("NumPy copied an array without a call that can be noted")

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **options):
        trace = current.trace
        inputs, options, given = plain(inputs), plain(options), plain(out)
        if options.get("where") is True:
            del options["where"]
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        if trace is None:
            return function(*inputs, **options, **({"out": given} if given else {}))
        if method == "at":
            trace.before_write(inputs[0])
            function(*inputs)
            return trace.note(function, inputs, {}, changed=inputs[:1])
        for array in given:
            trace.before_write(array)
        result = function(*inputs, **options, **({"out": given} if given else {}))
        results = given or (result if type(result) is tuple else (result,))
        results = tuple(np.asarray(one) for one in results)
        for one in results:
            trace.allocated(one)
        if "where" in options:  # what is not selected stays
            trace.note(function, inputs, {**options, "out": results}, changed=results)
        else:
            trace.note(function, inputs, options, results)
        return out[0] if len(out) == 1 else out or traced(results if len(results) > 1 else results[0])

    def __array_function__(self, function, types, arguments, options):
        return called(function, arguments, options)

    def __getitem__(self, key):
        trace = current.trace
        base, index = self.view(np.ndarray), plain(key)
        if trace is None:
            return base[index]
        if _is_basic(index):
            if _reads(trace, key):
                trace.value_read("an index was read from an array")
            return base[_with_ellipsis(index)].view(Traced)
        masks = [part for part in _parts(key) if isinstance(part, np.ndarray) and part.dtype == bool]
        if _reads(trace, *masks):
            trace.value_read("an array of booleans as an index decides the shape of the result")
        return _noted(trace, np.ndarray.__getitem__, (base, index), {}, base[index])

    def __setitem__(self, key, value):
        trace = current.trace
        base, index, value = self.view(np.ndarray), plain(key), plain(value)
        if trace is not None:
            trace.before_write(base)
        base[index] = value
        if trace is None:
            return
        if not _is_basic(index):
            trace.note(np.ndarray.__setitem__, (base, index, value), {}, changed=(base,))
            return
        if _reads(trace, key):
            trace.value_read("an index was read from an array")
        place = base[_with_ellipsis(index)]
        if not _is_same_place(place, value):  # else it is the end of ``x[i] += y``
            trace.note(np.copyto, (value,), {"casting": "unsafe"}, (place,))

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        value = bool(self.view(np.ndarray))
        if current.trace is not None and not current.trace.is_constant(self):
            current.trace.guard(self, value)
        return value

    def item(self, *arguments):
        """The value as a Python number."""
        if self.dtype == bool and not arguments:
            return bool(self)
        return _read("item", self, *arguments)


def _parts(index: Any) -> tuple:
    return index if type(index) is tuple else (index,)


def _is_basic(index: Any) -> bool:
    """Whether indexing gives a view."""
    return not any(
        isinstance(part, list) or (isinstance(part, np.ndarray) and (part.ndim or part.dtype == bool))
        for part in _parts(index)
    )


def _reads(trace: Trace, *values: Any) -> bool:
    """Whether there is a traced array that is no constant among the values, or in a tuple of them."""
    return any(
        type(part) is Traced and not trace.is_constant(part) for value in values for part in _parts(value)
    )


def _with_ellipsis(index: Any) -> tuple:
    """The index in a form that always gives an array, never a number."""
    parts = _parts(index)
    return parts if any(part is ... for part in parts) else (*parts, ...)


def _is_same_place(a: np.ndarray, b: Any) -> bool:
    return isinstance(b, np.ndarray) and a.__array_interface__ == b.__array_interface__


# ---------------------------------------------------------------------------------- functions and methods

METADATA = {
    np.shape, np.ndim, np.size, np.may_share_memory, np.shares_memory, np.result_type, np.can_cast,
    np.iscomplexobj, np.isrealobj, np.common_type, np.min_scalar_type,
}  # fmt: skip
"""Functions that read no values."""

FILLS: dict[Callable, int | None] = {
    np.empty: None,
    np.empty_like: None,
    np.zeros: 0,
    np.zeros_like: 0,
    np.ones: 1,
    np.ones_like: 1,
}
"""Functions that allocate, and what they fill the memory with."""

CHANGE_FIRST = {
    np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis, np.ndarray.sort, np.ndarray.partition,
    np.ndarray.put,
}  # fmt: skip
"""Functions that change their first argument."""

SHAPED_BY_DATA = {
    np.nonzero, np.ndarray.nonzero, np.flatnonzero, np.argwhere, np.unique, np.compress, np.ndarray.compress,
    np.extract, np.repeat, np.ndarray.repeat, np.bincount, np.union1d, np.intersect1d, np.setdiff1d,
    np.trim_zeros,
}  # fmt: skip
"""Functions the shape of whose result depends on values."""


def called(function: Callable, arguments: tuple, options: dict[str, Any]) -> Any:
    """``function(*arguments, **options)``, noted if it computes."""
    trace = current.trace
    arguments, options = plain(arguments), plain(options)
    if function is either and trace is not None and not trace.is_constant(arguments[0]):
        condition, first, other = arguments
        return trace.choice(condition, bool(condition), first, other)
    if trace is None or function in METADATA or function is either:
        return function(*arguments, **options)
    arguments, options = _with_named_out(function, arguments, options)
    decisive = arguments[1:] if function in (np.repeat, np.ndarray.repeat) else arguments
    if function in SHAPED_BY_DATA and not all(map(trace.is_constant, _arrays_in(decisive))):
        trace.value_read(f"{function.__name__} gives a result whose shape depends on values")
    if function is np.copyto or function is np.ndarray.fill or function in CHANGE_FIRST:
        trace.before_write(arguments[0])
        result = function(*arguments, **options)
        first, *others = arguments
        if function is np.ndarray.fill:
            trace.note(np.copyto, (first.dtype.type(others[0]),), {}, (first,))
        elif function is np.copyto and options.get("where", True) is True:
            trace.note(function, tuple(others), options, (first,))
        else:
            trace.note(function, arguments, options, changed=(first,))
        return result
    out = options.get("out")
    if out is not None:
        trace.before_write(out)
        function(*arguments, **options)
        trace.note(function, arguments, {k: v for k, v in options.items() if k != "out"}, (out,))
        return traced(out)
    result = _alone(function, arguments, options)
    if function in FILLS:
        trace.allocated(result)
        fill = FILLS[function]
        if fill is not None:
            trace.note(np.copyto, (result.dtype.type(fill),), {}, (result,))
        return traced(result)
    return _noted(trace, function, arguments, options, result)


def _alone(function: Callable, arguments: tuple, options: dict[str, Any]) -> Any:
    """``function(*arguments, **options)`` of ordinary arrays, in which nothing is noted: scratch memory is
    not traced either."""
    trace, frame, reverse = current.trace, arena.frame, direction.reverse
    current.trace = arena.frame = None
    try:
        return function(*arguments, **options)
    finally:
        current.trace, arena.frame = trace, frame
        direction.reverse = reverse  # the number of its loops may depend on values


def _with_named_out(function: Callable, arguments: tuple, options: dict[str, Any]) -> tuple[tuple, dict]:
    """The arguments with ``out`` among the options, where it was given by position."""
    if len(arguments) > 2 and any(isinstance(one, np.ndarray) for one in arguments[2:]):
        try:
            parameters = signature(function).parameters.values()
        except ValueError:
            return arguments, options
        names = [p.name for p in parameters if p.kind <= p.POSITIONAL_OR_KEYWORD]
        place = names.index("out") if "out" in names else len(arguments)
        if place < len(arguments):
            options = {**dict(zip(names[place:], arguments[place:])), **options}
            return arguments[:place], options
    return arguments, options


def _noted(trace: Trace, function: Callable, arguments: tuple, options: dict[str, Any], result: Any) -> Any:
    """``result``, traced; a call is noted unless it is a view."""
    several = isinstance(result, (tuple, list))
    results = tuple(result) if several else (result,)
    if not all(isinstance(one, (np.ndarray, np.generic)) for one in results):
        trace.value_read(f"{function.__name__} read a value")
        return result
    arrays = tuple(np.asarray(one) for one in results)
    owners = {id(owner_of(array)) for array in _arrays_in((arguments, tuple(options.values())))}
    new = [array for array in arrays if array.size and id(owner_of(array)) not in owners]
    for array in new:
        trace.allocated(array)
    if len(new) < sum(array.size > 0 for array in arrays):
        if new:
            trace.value_read(f"{function.__name__} gave both views and copies")
    elif new:
        trace.note(function, arguments, options, arrays)
    if not several:
        return traced(arrays[0])
    return type(result)(*traced(arrays)) if hasattr(result, "_fields") else type(result)(traced(arrays))


def _arrays_in(value: Any) -> list[np.ndarray]:
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, (tuple, list)):
        return [array for item in value for array in _arrays_in(item)]
    return []


def noted_whole(function: Callable, arguments: tuple, options: dict[str, Any], read: str) -> Any:
    """``function(*arguments, **options)`` of ordinary arrays, noted as one call. It returns an array, or
    nested tuples and lists of arrays and None. ``read`` says why it is not noted in parts."""
    trace = current.trace
    assert trace is not None
    result = _as_arrays(_alone(function, arguments, options))
    results = flattened(result)
    arrays = [one for one in results if one is not None]
    inputs = {id(owner_of(array)) for array in _arrays_in((arguments, tuple(options.values())))}
    if not all(isinstance(one, np.ndarray) for one in arrays):
        trace.refuse(f"{trace.operation} gives a result that is no array")
    elif any(hasattr(one, "array") for one in flattened((arguments, tuple(options.values())))):
        trace.refuse(f"{trace.operation} reads a value of a tensor among its parameters: {read}")
    elif any(array.base is not None and id(owner_of(array)) in inputs for array in arrays if array.size):
        trace.refuse(f"{trace.operation} reads a value and gives a view: {read}")
    else:
        for array in arrays:
            trace.allocated(array)
        forms = tuple(None if one is None else (one.shape, one.dtype) for one in results)
        trace.note(Flattened(function, forms), arguments, options, tuple(results))
    return traced(result)


def flattened(result: Any) -> list:
    """The arrays in nested tuples and lists."""
    if isinstance(result, (tuple, list)):
        return [array for item in result for array in flattened(item)]
    return [result]


def _as_arrays(result: Any) -> Any:
    """The result with 0-d arrays for numbers, in tuples and lists too."""
    if isinstance(result, (tuple, list)):
        return type(result)(map(_as_arrays, result))
    return np.asarray(result) if isinstance(result, (bool, int, float, complex, np.generic)) else result


@dataclass(frozen=True)
class Flattened:
    """A function whose results are given as one flat list, or alone.

    Attributes:
        forms: the shape and dtype that each result had; None for no array.

    Raises:
        GuardFailed: a result has another shape or dtype now.
    """

    function: Callable
    forms: tuple

    @property
    def __name__(self) -> str:
        return getattr(self.function, "__name__", "function").strip("_")

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        results = flattened(_as_arrays(self.function(*arguments, **options)))
        if tuple([None if one is None else (one.shape, one.dtype) for one in results]) != self.forms:
            raise GuardFailed
        return results[0] if len(results) == 1 else results


def _read(name: str, array: Traced, *arguments: Any, **options: Any) -> Any:
    if current.trace is not None and not current.trace.is_constant(array):
        current.trace.value_read(f"{name} read a value")
    return getattr(np.ndarray, name)(array.view(np.ndarray), *arguments, **options)


def _computing_method(name: str) -> Callable:
    function = getattr(np.ndarray, name)

    def method(self, *arguments, **options):
        return called(function, (self, *arguments), options)

    return method


def _reading_method(name: str) -> Callable:
    def method(self, *arguments, **options):
        return _read(name, self, *plain(arguments), **options)

    return method


for _name in (
    "argmax", "argmin", "argpartition", "argsort", "astype", "choose", "compress", "copy", "cumprod",
    "cumsum", "diagonal", "dot", "flatten", "nonzero", "ravel", "repeat", "reshape", "round", "searchsorted",
    "take", "trace", "fill", "sort", "partition", "put", "byteswap",
):  # fmt: skip
    setattr(Traced, _name, _computing_method(_name))
for _name in (
    "__float__", "__int__", "__index__", "__complex__", "__contains__", "__repr__", "__str__", "__format__",
    "tolist", "tobytes", "dump", "dumps", "tofile", "__reduce__", "__reduce_ex__", "__copy__", "__deepcopy__",
):  # fmt: skip
    setattr(Traced, _name, _reading_method(_name))
