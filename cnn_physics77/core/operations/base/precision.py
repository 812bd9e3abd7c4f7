"""Half precision: computed in single precision, rounded once at the end, as PyTorch does on the CPU.

The largest float16 number is 65504, and its precision is 11 bits. A few squares of numbers in the hundreds
overflow, a sum of ones stops at 2048, and a count above 65504 is infinite, although the mean, the norm or the
normalised values are ordinary numbers. So functions with sums, squares or quotients as intermediate results
compute these in float32, and so do their derivatives.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from cnn_physics77.core.backend.dtypes import float16, float32
from cnn_physics77.core.operations.base.broadcasting import cast, common_dtype
from cnn_physics77.core.tensor import Tensor

P = ParamSpec("P")
R = TypeVar("R")

_HALF, _SINGLE = float16.dtype, float32.dtype


def in_float32(function: Callable[P, R]) -> Callable[P, R]:
    """Decorator for a function of tensors that returns a tensor, or a tuple that contains tensors.

    If the common dtype of the arguments is float16, the function is called with float32 tensors, and its
    results are rounded to float16. Otherwise nothing changes. The function must not change its arguments in
    place.

    >>> import cnn_physics77 as torch
    >>> @in_float32
    ... def length(x, y):
    ...     return (x * x + y * y).sqrt()
    >>> x = torch.tensor(300.0, dtype=torch.float16)
    >>> length(x, x)
    tensor(424.2500, dtype=torch.float16)
    """

    @wraps(function)
    def computed(*args: P.args, **kwargs: P.kwargs) -> R:
        for value in args:
            if isinstance(value, Tensor) and value.array.dtype.char == "e":
                return _widened(function, args, kwargs)
        for value in kwargs.values():
            if isinstance(value, Tensor) and value.array.dtype.char == "e":
                return _widened(function, args, kwargs)
        return function(*args, **kwargs)

    return computed


def _widened(function: Callable, args: tuple, kwargs: dict):
    given = [value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)]
    if common_dtype("in_float32", *given) != _HALF:
        return function(*args, **kwargs)
    result = function(*map(_wide, args), **{name: _wide(value) for name, value in kwargs.items()})
    return tuple(map(_narrow, result)) if isinstance(result, tuple) else _narrow(result)


def _wide(value):
    return cast(value, dtype=_SINGLE) if isinstance(value, Tensor) and value.array.dtype == _HALF else value


def _narrow(value):
    return cast(value, dtype=_HALF) if isinstance(value, Tensor) and value.array.dtype == _SINGLE else value
