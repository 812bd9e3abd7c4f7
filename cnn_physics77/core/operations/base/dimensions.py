"""Arguments that name dimensions or sizes: negative numbers, tuples, None, several arguments, and errors."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import wraps

from cnn_physics77.core.errors import DtypeError, ShapeError


def dimension(function: str, dim, ndim: int) -> int:
    """``dim`` as a number from 0 to ndim - 1. Negative ones count from the end; a 0-d tensor counts as 1-d.

    Raises:
        ShapeError: there is no such dimension.

    >>> dimension("sum", -1, 3)
    2
    """
    try:
        index = operator.index(dim)
    except TypeError:
        raise ShapeError(f"{function}: expected a dimension as an integer, found {dim!r}") from None
    bound = ndim or 1
    if not -bound <= index < bound:
        raise ShapeError(
            f"{function}: Dimension out of range (expected to be in range of [{-bound}, {bound - 1}], but "
            f"got {index})"
        )
    return index % bound


def dimensions(function: str, dim, ndim: int) -> tuple[int, ...]:
    """``dim``, one or several integers, as numbers from 0 to ndim - 1. None and () mean all dimensions.

    Raises:
        ShapeError: there is no such dimension, or one is named twice.

    >>> dimensions("sum", (-1, 0), 3)
    (2, 0)
    """
    if dim is None:
        return tuple(range(ndim))
    if not isinstance(dim, (tuple, list)):
        return (dimension(function, dim, ndim),) if ndim else _of_scalar(function, (dim,))
    if not dim:
        return tuple(range(ndim))
    if not ndim:
        return _of_scalar(function, dim)
    named = tuple(dimension(function, d, ndim) for d in dim)
    if len(set(named)) != len(named):
        twice = next(d for d in named if named.count(d) > 1)
        raise ShapeError(
            f"{function}: expected every dimension once, but dim {twice} appears multiple times in "
            f"{tuple(dim)}"
        )
    return named


def _of_scalar(function: str, dim) -> tuple[int, ...]:
    for d in dim:
        dimension(function, d, 0)
    return ()


def sizes_of(function: str, sizes: tuple) -> tuple[int, ...]:
    """The sizes as a tuple, for each of the calls f(2, 3), f((2, 3)) and f([2, 3]).

    Raises:
        DtypeError: they are not integers.

    >>> sizes_of("view", ((2, 3),)), sizes_of("view", (2, 3))
    ((2, 3), (2, 3))
    """
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    try:
        return tuple(operator.index(n) for n in sizes)
    except TypeError:
        raise DtypeError(f"{function}: expected sizes as integers, found {sizes!r}") from None


def variadic(function: Callable) -> Callable:
    """Decorator: the first argument of f(self, sizes, ...) may be a tuple, several arguments, or a keyword.

    >>> @variadic
    ... def repeat(self, repeats):
    ...     return repeats
    >>> repeat("x", (2, 3)), repeat("x", 2, 3), repeat("x", repeats=(2, 3))
    ((2, 3), (2, 3), (2, 3))
    """

    @wraps(function)
    def called(self, *given, **options):
        if given:
            packed = len(given) == 1 and isinstance(given[0], (tuple, list))
            return function(self, given[0] if packed else given, **options)
        return function(self, **options)

    return called
