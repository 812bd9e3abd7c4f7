"""Choice between values: where, maximum, minimum, clamp."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cnn_physics77.core.backend.conversion import assigned, fitted
from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.construction import plain_array
from cnn_physics77.core.errors import ArgumentError, DtypeError
from cnn_physics77.core.kernels import selection
from cnn_physics77.core.operations.base.broadcasting import common_dtype, common_shape, expand_to, prepare
from cnn_physics77.core.operations.base.elementwise import binary
from cnn_physics77.core.operations.base.operation import check_tensors_given, operation
from cnn_physics77.core.operations.base.own_name import in_own_name
from cnn_physics77.core.tensor import Tensor, from_array, method


@operation(name="where")
def _where(condition, a, b):
    """y = a where the condition holds, b elsewhere."""
    return selection.where(condition, a, b)


@_where.derivative("a")
def _(g, condition):
    return _keep(g, condition)


@_where.derivative("b")
def _(g, condition):
    return _keep(g, from_array(~condition.array))


@operation(name="keep")
def _keep(x, condition):
    """y = x where the condition, of its shape, holds, 0 elsewhere, even if x is NaN or infinite there."""
    return selection.keep(x, condition)


@_keep.derivative("x")
def _(g, condition):
    return _keep(g, condition)


def where(condition: Tensor, input=None, other=None):
    r"""Choose elementwise.

    .. math:: y = \begin{cases} a & \text{where the condition holds} \\ b & \text{elsewhere} \end{cases}

    Args:
        condition: boolean tensor, or of uint8, with a warning; without input and other, of any dtype.
        input, other: a and b, tensors or numbers. All three broadcast, and a and b are promoted to one dtype.
            Without them, the result is ``nonzero(condition, as_tuple=True)``.

    The gradient goes to the chosen operand only, even if the other one is NaN or infinite.

    Raises:
        DtypeError: the condition is not boolean.
        ShapeError: the shapes do not broadcast.
        RangeError: a number is outside of the range of the result's dtype.

    >>> import cnn_physics77 as torch
    >>> torch.where(torch.tensor([True, False]), torch.tensor([1.0, 2.0]), 0.0)
    tensor([1., 0.])
    """
    if input is None and other is None:
        return tuple(from_array(index) for index in np.atleast_1d(condition.array).nonzero())
    if condition.array.dtype == np.uint8:
        warn(
            "where received a uint8 condition tensor. This behavior is deprecated; use a boolean condition "
            "instead"
        )
        condition = condition.bool()
    if condition.array.dtype.kind != "b":
        raise DtypeError(
            f"where: expected a boolean condition, found {condition.dtype}; compare, e.g. x > 0, or use "
            ".bool()"
        )
    input, other = (
        from_array(plain_array("where", o)) if isinstance(o, np.ndarray) else o for o in (input, other)
    )
    dtype = common_dtype("where", input, other)
    input, other = (
        o if isinstance(o, Tensor) else from_array(assigned("where", o, dtype)) for o in (input, other)
    )
    a, b = prepare("where", (input, other), broadcast=False)
    shape = common_shape("where", condition.shape, a.shape, b.shape)
    a, b = (t if t.edge is None else expand_to(t, shape) for t in (a, b))
    return _where(condition, a, b)


@method("where")
def _where_method(self, condition, other):
    """See :func:`where`: this tensor where the condition holds, ``other`` elsewhere."""
    return where(condition, self, other)


def keep_where(condition: np.ndarray, x: Tensor) -> Tensor:
    """x where the condition (of its shape) holds, 0 elsewhere, even if x is NaN or infinite there."""
    return _keep(x, from_array(condition))


# --------------------------------------------------------------------------------- the greater and the lesser


def _shared(strictly: Callable) -> tuple[Callable, Callable]:
    """The derivatives of maximum and minimum: g for the chosen operand, g/2 for each of two equal operands, g
    for both at NaN.
    """

    def share(g, mine, other):
        g = _where(from_array(mine.array == other.array), g * 0.5, g)
        return keep_where(~strictly(other.array, mine.array), g)

    return lambda g, a, b: share(g, a, b), lambda g, a, b: share(g, b, a)


_greater_a, _greater_b = _shared(np.greater)
_less_a, _less_b = _shared(np.less)


def _real(function: str, *operands) -> None:
    for operand in operands:
        if (
            operand.array.dtype.kind if isinstance(operand, Tensor) else np.asarray(operand).dtype.kind
        ) == "c":
            raise DtypeError(
                f"{function}: expected real numbers, found complex ones, which have no order; compare their "
                ".abs()"
            )


_maximum = binary("maximum", np.maximum, "y = max(a, b)", a=_greater_a, b=_greater_b)
_minimum = binary("minimum", np.minimum, "y = min(a, b)", a=_less_a, b=_less_b)


@method("maximum")
def maximum(input: Tensor, other: Tensor) -> Tensor:
    """The elementwise maximum: y = max(a, b), with broadcasting and type promotion; NaN if a or b is NaN.

    The gradient goes to the greater operand. Equal operands get half of it each; if one is NaN, both get it.

    Raises:
        DtypeError: the numbers are complex.
        ShapeError: the shapes do not broadcast.

    >>> import cnn_physics77 as torch
    >>> torch.maximum(torch.tensor([1.0, 5.0]), torch.tensor([3.0, 2.0]))
    tensor([3., 5.])
    """
    check_tensors_given("maximum", input, other)
    _real("maximum", input, other)
    return _maximum(input, other)


@method("minimum")
def minimum(input: Tensor, other: Tensor) -> Tensor:
    """The elementwise minimum: y = min(a, b), with broadcasting and type promotion; NaN if a or b is NaN.

    The gradient goes to the lesser operand. Equal operands get half of it each; if one is NaN, both get it.

    Raises:
        DtypeError: the numbers are complex.
        ShapeError: the shapes do not broadcast.

    >>> import cnn_physics77 as torch
    >>> torch.minimum(torch.tensor([1.0, 5.0]), torch.tensor([3.0, 2.0]))
    tensor([1., 2.])
    """
    check_tensors_given("minimum", input, other)
    _real("minimum", input, other)
    return _minimum(input, other)


_fmax = binary(
    "fmax",
    np.fmax,
    "y = max(a, b), or the one that is not NaN",
    a=lambda g, a, b: keep_where((a.array >= b.array) | np.isnan(b.array), g),
    b=lambda g, a, b: keep_where(~((a.array >= b.array) | np.isnan(b.array)), g),
)
_fmin = binary(
    "fmin",
    np.fmin,
    "y = min(a, b), or the one that is not NaN",
    a=lambda g, a, b: keep_where((a.array <= b.array) | np.isnan(b.array), g),
    b=lambda g, a, b: keep_where(~((a.array <= b.array) | np.isnan(b.array)), g),
)


@method("fmax")
def fmax(input: Tensor, other: Tensor) -> Tensor:
    """The elementwise maximum; of a number and NaN, the number.

    The gradient goes to the chosen operand; if they are equal, to the first.

    Raises:
        DtypeError: the numbers are complex.
        ShapeError: the shapes do not broadcast.

    >>> import cnn_physics77 as torch
    >>> torch.fmax(torch.tensor([1.0, float("nan")]), torch.tensor([3.0, 2.0]))
    tensor([3., 2.])
    """
    check_tensors_given("fmax", input, other)
    _real("fmax", input, other)
    return _fmax(input, other)


@method("fmin")
def fmin(input: Tensor, other: Tensor) -> Tensor:
    """The elementwise minimum; of a number and NaN, the number.

    The gradient goes to the chosen operand; if they are equal, to the first.

    Raises:
        DtypeError: the numbers are complex.
        ShapeError: the shapes do not broadcast.

    >>> import cnn_physics77 as torch
    >>> torch.fmin(torch.tensor([1.0, float("nan")]), torch.tensor([3.0, 2.0]))
    tensor([1., 2.])
    """
    check_tensors_given("fmin", input, other)
    _real("fmin", input, other)
    return _fmin(input, other)


# --------------------------------------------------------------------------------------------- bounds


@operation(name="clamp")
def _clamp(x, low, high):
    """min(max(x, low), high) in one pass; either bound may be None."""
    least, greatest = (
        (-np.inf, np.inf) if x.dtype.kind == "f" else (np.iinfo(x.dtype).min, np.iinfo(x.dtype).max)
    )
    return np.clip(x, least if low is None else low, greatest if high is None else high)


@_clamp.derivative("x")
def _(g, x, low, high):
    inside = np.ones((), bool) if low is None else x.array >= low.array
    if high is not None:
        inside = inside & (x.array <= high.array)
    return keep_where(inside, g)


@_clamp.derivative("low")
def _(g, x, low, high):
    below = x.array < low.array
    return keep_where(below if high is None else below & (low.array < high.array), g)


@_clamp.derivative("high")
def _(g, x, low, high):
    above = x.array > high.array
    return keep_where(above if low is None else above | (high.array < low.array), g)


@method("clamp")
def clamp(input: Tensor, min=None, max=None) -> Tensor:
    r"""Limit to an interval, elementwise.

    .. math:: y = \min(\max(x, \mathrm{min}), \mathrm{max})

    Args:
        input: x, real.
        min, max: numbers or tensors, which broadcast; one of them may be None. Where min > max the result is
            max.

    The gradient goes to x where it is within the bounds (inclusive), else to the bound. NaN stays NaN and has
    gradient 0.

    Raises:
        ArgumentError: both bounds are None.
        RangeError: a bound that is a number is outside of the range of the result's dtype.
        DtypeError: the numbers are complex.
        ShapeError: the shapes do not broadcast.

    >>> import cnn_physics77 as torch
    >>> torch.clamp(torch.tensor([-1.0, 0.5, 2.0]), min=0, max=1)
    tensor([0.0000, 0.5000, 1.0000])
    """
    if min is None and max is None:
        raise ArgumentError("clamp: At least one of 'min' or 'max' must not be None")
    given = [o for o in (input, min, max) if o is not None]
    _real("clamp", *given)
    given = [from_array(plain_array("clamp", o)) if isinstance(o, np.ndarray) else o for o in given]
    dtype = common_dtype("clamp", *given)
    for bound in (min, max):
        if bound is not None and not isinstance(bound, (Tensor, np.ndarray)):
            fitted("clamp", bound, dtype)  # as in PyTorch, a bound that does not fit is an error
    prepared = iter(prepare("clamp", given))
    x = next(prepared)
    if x.array.dtype.kind == "b":
        raise DtypeError("clamp: expected numbers, found booleans; convert with .int()")
    low = None if min is None else next(prepared)
    high = None if max is None else next(prepared)
    return _clamp(x, low, high)


@method("clip")
@in_own_name
def clip(input: Tensor, min=None, max=None) -> Tensor:
    """Alias of :func:`clamp`.

    >>> import cnn_physics77 as torch
    >>> torch.clip(torch.tensor([-1.0, 2.0]), 0, 1)
    tensor([0., 1.])
    """
    return clamp(input, min, max)


def _limited(function: str, choose: Callable, input: Tensor, bound) -> Tensor:
    """:func:`clamp` by one bound. Booleans, which it refuses, are compared as 0 and 1."""
    if bound is None:
        raise DtypeError(f"{function}: expected a number or a tensor as the bound, found None")
    booleans = isinstance(input, Tensor) and input.array.dtype.kind == "b"
    if booleans and common_dtype(function, input, bound).kind == "b":
        return choose(input, bound)
    return clamp(input, bound) if choose is _maximum else clamp(input, max=bound)


@method("clamp_min")
@in_own_name
def clamp_min(input: Tensor, min) -> Tensor:
    """:func:`clamp` with a lower bound only.

    >>> import cnn_physics77 as torch
    >>> torch.clamp_min(torch.tensor([-1.0, 2.0]), 0)
    tensor([0., 2.])
    """
    check_tensors_given("clamp_min", input)
    return _limited("clamp_min", _maximum, input, min)


@method("clamp_max")
@in_own_name
def clamp_max(input: Tensor, max) -> Tensor:
    """:func:`clamp` with an upper bound only.

    >>> import cnn_physics77 as torch
    >>> torch.clamp_max(torch.tensor([-1.0, 2.0]), 0)
    tensor([-1.,  0.])
    """
    check_tensors_given("clamp_max", input)
    return _limited("clamp_max", _minimum, input, max)


__all__ = [
    "clamp",
    "clamp_max",
    "clamp_min",
    "clip",
    "fmax",
    "fmin",
    "maximum",
    "minimum",
    "where",
]
