"""Half precision: computed in single precision, rounded once at the end, as PyTorch does on the CPU.

A float16 number ends at 65504 and has 11 binary digits. The sum of squares of a few hundreds leaves that
range, sums stop growing at 2048 ones, and a count above 65504 is infinite, where the mean, the norm or the
normalised values would be ordinary numbers. So whatever sums, squares or divides on its way to a result does
it in float32, and so does its derivative.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from cnn_physics77.core.backend.dtypes import float16, float32
from cnn_physics77.core.operations.base.broadcasting import cast, result_type
from cnn_physics77.core.tensor import Tensor

P = ParamSpec("P")
R = TypeVar("R")


def in_float32(function: Callable[P, R]) -> Callable[P, R]:
    """Decorator of a function of tensors that gives a tensor, or a tuple with tensors in it: where its
    arguments are float16 it is computed with float32 ones, and what it gives is rounded to float16.

    Where the arguments' common dtype is another, nothing changes. The arguments are not to be changed in
    place.

    >>> import cnn_physics77 as torch
    >>> @in_float32
    ... def length(x, y):
    ...     return (x * x + y * y).sqrt()
    >>> x = torch.tensor(300.0, dtype=torch.float16)
    >>> length(x, x)
    tensor(424.2500, dtype=float16)
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
    if result_type(*given) != float16:
        return function(*args, **kwargs)
    result = function(*map(_wide, args), **{name: _wide(value) for name, value in kwargs.items()})
    return tuple(map(_narrow, result)) if isinstance(result, tuple) else _narrow(result)


def _wide(value):
    return cast(value, dtype=float32) if isinstance(value, Tensor) and value.array.dtype == float16 else value


def _narrow(value):
    return cast(value, dtype=float16) if isinstance(value, Tensor) and value.array.dtype == float32 else value
