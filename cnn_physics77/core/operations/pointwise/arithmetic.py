"""Sums, products, quotients, sign and magnitude, each with its derivative."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.backend.conversion import fitted, wrapped
from cnn_physics77.core.construction import plain_array
from cnn_physics77.core.errors import ArgumentError, DtypeError, GradientError, IntegerDivisionError
from cnn_physics77.core.kernels import division
from cnn_physics77.core.operations.base.broadcasting import OPERANDS, cast, common_dtype
from cnn_physics77.core.operations.base.elementwise import as_operator, binary, unary
from cnn_physics77.core.operations.base.keywords import number_first
from cnn_physics77.core.operations.base.names import named
from cnn_physics77.core.operations.base.operation import (
    as_tensor_input,
    check_tensor_among,
    check_tensors_given,
)
from cnn_physics77.core.operations.base.own_name import in_own_name
from cnn_physics77.core.operations.base.precision import in_float32
from cnn_physics77.core.operations.pointwise.where_clamp import where
from cnn_physics77.core.tensor import Tensor, from_array, method

_conj = unary("conj", np.conjugate, "The complex conjugate.", x=lambda g: conj(g), floating=False)


def conj(input: Tensor) -> Tensor:
    """The complex conjugate: :math:`y = \\bar x`. A real tensor is returned as it is.

    >>> import cnn_physics77 as torch
    >>> torch.conj(torch.tensor([1 + 2j]))
    tensor([1.-2.j])
    """
    return _conj(input) if input.array.dtype.kind == "c" else input


neg = unary(
    "neg",
    np.negative,
    """The negative: y = -x, dy/dx = -1.

    >>> import cnn_physics77 as torch
    >>> torch.neg(torch.tensor([1.0, -2.0]))
    tensor([-1.,  2.])
    """,
    x=lambda g: -g,
    floating=False,
)

_add = binary("add", np.add, "y = a + b", a=lambda g: g, b=lambda g: g)
_sub = binary("sub", np.subtract, "y = a - b", a=lambda g: g, b=lambda g: -g)

mul = binary(
    "mul",
    np.multiply,
    """The product: y = a b, dy/da = b, dy/db = a; with broadcasting and type promotion.

    >>> import cnn_physics77 as torch
    >>> torch.mul(torch.tensor([1.0, 2.0]), 3)
    tensor([3., 6.])
    """,
    a=lambda g, b: g * conj(b),
    b=lambda g, a: g * conj(a),
)

_true_divide = binary(
    "div",
    np.true_divide,
    "y = a / b",
    a=lambda g, b: g / conj(b),
    b=lambda g, a, b: -g * conj(a / b / b),
    floating=True,
)


def _times(function: str, x, factor, *operands):
    """x times a number, which must fit the result dtype of the operands."""
    if factor == 1:
        return x
    dtype = common_dtype(function, *operands)
    if isinstance(factor, Tensor):
        return mul(x, factor)
    if function in ("add", "sub") and dtype.kind in "iu" and not isinstance(factor, (int, np.integer)):
        raise DtypeError(
            f"{function}: For integral input tensors, argument alpha must not be a floating point number, "
            f"found {factor!r}; convert the tensors with .float()"
        )
    return mul(x, from_array(fitted(function, factor, dtype)))


@number_first("alpha")
def add(input, other, *, alpha=1) -> Tensor:
    """The sum: y = a + alpha b, dy/da = 1, dy/db = alpha; with broadcasting and type promotion.

    >>> import cnn_physics77 as torch
    >>> torch.add(torch.tensor([1.0, 2.0]), 10, alpha=2)
    tensor([21., 22.])
    """
    return _add(input, _times("add", other, alpha, input, other))


@number_first("alpha")
def sub(input, other, *, alpha=1) -> Tensor:
    """The difference: y = a - alpha b, dy/da = 1, dy/db = -alpha; with broadcasting and type promotion.

    >>> import cnn_physics77 as torch
    >>> torch.sub(torch.tensor([1.0, 2.0]), 1)
    tensor([0., 1.])
    """
    return _sub(input, _times("sub", other, alpha, input, other))


@in_own_name
def rsub(input: Tensor, other, *, alpha=1) -> Tensor:
    """The difference, reversed: y = other - alpha input. See :func:`sub`.

    >>> import cnn_physics77 as torch
    >>> torch.rsub(torch.tensor([1.0, 2.0]), 1)
    tensor([ 0., -1.])
    """
    if not isinstance(input, Tensor):
        raise DtypeError(f"rsub: expected a tensor first, found {type(input).__name__}; use sub")
    return sub(other, input, alpha=alpha)


def div(input, other, *, rounding_mode: str | None = None) -> Tensor:
    """The quotient: y = a / b, dy/da = 1/b, dy/db = -y/b; with broadcasting and type promotion (integers
    to floating).

    Args:
        rounding_mode: None, ``"trunc"`` (towards zero) or ``"floor"`` (down). The latter two keep integers,
            and have derivative 0.

    >>> import cnn_physics77 as torch
    >>> torch.div(torch.tensor([7, -7]), 2), torch.div(torch.tensor([7, -7]), 2, rounding_mode="trunc")
    (tensor([ 3.5000, -3.5000]), tensor([ 3, -3]))
    """
    if rounding_mode is None:
        return _true_divide(input, other)
    if rounding_mode == "floor":
        return floor_divide(input, other)
    if rounding_mode == "trunc":
        return _not_by_zero("div", _trunc_divide, input, other)
    raise ArgumentError(f"div: expected rounding_mode None, 'trunc' or 'floor', found {rounding_mode!r}")


def zero_like(g: Tensor) -> Tensor:
    """The derivative of a function that is constant almost everywhere."""
    return from_array(np.zeros_like(g.array))


def undefined(name: str, what: str = ""):
    """A derivative that raises a GradientError when it is needed: the function itself can be computed."""

    def derivative(g):
        raise GradientError(f"{name}: the derivative{what} is not implemented; detach the input")

    return derivative


def _not_by_zero(name: str, function, input, other) -> Tensor:
    """function(input, other) for real operands. Division of an integer by zero is an error."""
    input, other = (
        from_array(plain_array(name, o)) if isinstance(o, np.ndarray) else o for o in (input, other)
    )
    dtype = common_dtype(name, input, other)
    kind = dtype.kind
    if kind == "c":
        raise DtypeError(f"{name}: expected real numbers, found complex ones, which cannot be rounded")
    divisor = other.array if isinstance(other, Tensor) else wrapped(name, other, dtype)
    if kind in "biu" and not divisor.all():
        raise IntegerDivisionError(
            f"{name}: ZeroDivisionError: integers divided by 0; convert with .float() for inf and NaN"
        )
    return function(input, other)


_floor_divide = binary("floor_divide", division.floor_divide, "y = floor(a / b)", a=zero_like, b=zero_like)


def _truncated_quotient(a, b):
    return np.trunc(a / b) if a.dtype.kind == "f" else (a - np.fmod(a, b)) // b


_trunc_divide = binary("trunc_divide", _truncated_quotient, "y = trunc(a / b)", a=zero_like, b=zero_like)


def floor_divide(input, other) -> Tensor:
    """The quotient rounded down: y = floor(a / b); derivative 0; with broadcasting and type promotion.

    Raises:
        IntegerDivisionError: an integer is divided by 0.
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.floor_divide(torch.tensor([7, -7]), 2)
    tensor([ 3, -4])
    """
    return _not_by_zero("floor_divide", _floor_divide, input, other)


_remainder = binary(
    "remainder",
    division.remainder,
    "y = a - b floor(a / b)",
    a=lambda g: g,
    b=lambda g, a, b: -g * _floor_divide(a, b),
)
_fmod = binary(
    "fmod",
    division.fmod,
    "y = a - b trunc(a / b)",
    a=lambda g: g,
    b=lambda g, a, b: -g * _trunc_divide(a, b),
)


def remainder(input, other) -> Tensor:
    """The remainder with the sign of the divisor: y = a - b floor(a / b), dy/da = 1, dy/db = -floor(a / b).
    NaN for b = 0.

    Raises:
        IntegerDivisionError: an integer is divided by 0.
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.remainder(torch.tensor([-3.0, 5.0]), 2)
    tensor([1., 1.])
    """
    check_tensor_among("remainder", input, other)
    return _not_by_zero("remainder", _remainder, input, other)


def fmod(input, other) -> Tensor:
    """The remainder with the sign of the dividend: y = a - b trunc(a / b), dy/da = 1, dy/db = -trunc(a / b).
    NaN for b = 0.

    Raises:
        IntegerDivisionError: an integer is divided by 0.
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.fmod(torch.tensor([-3.0, 5.0]), 2)
    tensor([-1.,  1.])
    """
    check_tensors_given("fmod", input)
    return _not_by_zero("fmod", _fmod, input, other)


# ------------------------------------------------------------------------------------------ products and sums


@number_first("value")
@in_own_name
@in_float32
def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value=1) -> Tensor:
    """y = input + value tensor1 tensor2, with broadcasting.

    >>> import cnn_physics77 as torch
    >>> torch.addcmul(torch.tensor([1.0]), torch.tensor([2.0]), torch.tensor([3.0]), value=0.5)
    tensor([4.])
    """
    return _add(input, mul(_times("addcmul", tensor1, value, input, tensor1, tensor2), tensor2))


@number_first("value")
@in_own_name
@in_float32
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value=1) -> Tensor:
    """y = input + value tensor1 / tensor2, with broadcasting.

    Raises:
        DtypeError: tensor1 and tensor2 are integers.

    >>> import cnn_physics77 as torch
    >>> torch.addcdiv(torch.tensor([1.0]), torch.tensor([3.0]), torch.tensor([2.0]))
    tensor([2.5000])
    """
    if common_dtype("addcdiv", tensor1, tensor2).kind in "biu":
        raise DtypeError(
            "addcdiv: expected floating or complex tensors to divide, found integers; convert with .float()"
        )
    quotient = _true_divide(tensor1, tensor2)
    return _add(input, _times("addcdiv", quotient, value, input, quotient))


@in_own_name
@in_float32
def lerp(input: Tensor, end: Tensor, weight) -> Tensor:
    r"""Linear interpolation: :math:`y = a + w (b - a)`, computed from the nearer end, so that w = 1 gives b
    exactly.

    Args:
        input, end: a and b, of one floating or complex dtype.
        weight: w, a number, a 0-d tensor, or a tensor of that dtype; it may lie outside of [0, 1].

    Raises:
        DtypeError: different dtypes, or integers.
        ShapeError: the shapes do not broadcast.

    >>> import cnn_physics77 as torch
    >>> torch.lerp(torch.tensor([0.0, 10.0]), torch.tensor([10.0, 20.0]), 0.5)
    tensor([ 5., 15.])
    """
    a, b = as_tensor_input("lerp", input), as_tensor_input("lerp", end)
    if isinstance(weight, Tensor) and not weight.ndim and weight.array.dtype != a.array.dtype:
        weight = cast(weight, dtype=a.array.dtype)
    dtypes = {t.array.dtype for t in (a, b, *([weight] if isinstance(weight, Tensor) else []))}
    if len(dtypes) > 1 or a.array.dtype.kind not in "fc":
        raise DtypeError(
            f"lerp: expected tensors of one floating dtype, found {sorted(f'torch.{d}' for d in dtypes)}; "
            "convert them"
        )
    difference = _sub(b, a)
    if not isinstance(weight, Tensor):
        common_dtype("lerp", weight)  # raises where it is no number
        near = np.abs(weight) < 0.5
        return _add(a, mul(difference, weight)) if near else _sub(b, mul(difference, 1 - weight))
    near = from_array(np.abs(weight.array) < 0.5)
    return where(near, _add(a, mul(difference, weight)), _sub(b, mul(difference, 1 - weight)))


# ----------------------------------------------------------------------------------------- sign and magnitude


def _signum(x):
    return ((x > 0).view(np.int8) - (x < 0).view(np.int8)).astype(x.dtype)  # np.sign would keep NaN


def _unit(x):
    if x.dtype.kind != "c":
        return _signum(x)
    radius = np.abs(x)
    return np.where(radius == 0, 0, x / radius).astype(x.dtype, copy=False)


def _unit_gradient(g: Tensor, x: Tensor) -> Tensor:
    """0 for real x. For complex x, with s = x/|x|: (g - s Re(s* g)) / |x|, the part of g orthogonal to x."""
    if x.array.dtype.kind != "c":
        return zero_like(g)
    s = sgn(x)
    along = cast(mul(conj(s), g), dtype=np.zeros((), x.array.dtype).real.dtype)
    across = _true_divide(_sub(g, mul(s, along)), abs(x))
    return where(from_array(x.array == 0), 0.0, across)


sgn = unary(
    "sgn",
    _unit,
    """The direction: y = x/|x|, and 0 at 0. For real x it is the sign, with derivative 0.

    >>> import cnn_physics77 as torch
    >>> torch.sgn(torch.tensor([3 + 4j, 0]))
    tensor([0.6000+0.8000j, 0.0000+0.0000j])
    """,
    x=_unit_gradient,
    floating=False,
)

_sign = unary("sign", _signum, "y = sign x", x=zero_like, floating=False)


def sign(input: Tensor) -> Tensor:
    """The sign: -1, 0 or 1; derivative 0. NaN gives 0, as in PyTorch.

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.sign(torch.tensor([-2.0, 0.0, 5.0]))
    tensor([-1.,  0.,  1.])
    """
    input = as_tensor_input("sign", input)
    if input.array.dtype.kind == "c":
        raise DtypeError("sign: expected real numbers, found complex ones; use sgn")
    return _sign(input)


_abs = unary("abs", np.abs, "y = |x|", x=lambda g, x: mul(g, sgn(x)), floating=False)


def abs(input: Tensor) -> Tensor:
    """The magnitude: y = |x|, dy/dx = x/|x|, and 0 at 0. It is real also for complex x.

    >>> import cnn_physics77 as torch
    >>> torch.abs(torch.tensor([-2.0, 3.0])), torch.abs(torch.tensor([3 + 4j]))
    (tensor([2., 3.]), tensor([5.]))
    """
    return _abs(input)


def positive(input: Tensor) -> Tensor:
    """The tensor itself.

    Raises:
        DtypeError: boolean.

    >>> import cnn_physics77 as torch
    >>> torch.positive(torch.tensor([-1.0]))
    tensor([-1.])
    """
    input = as_tensor_input("positive", input)
    if input.array.dtype.kind == "b":
        raise DtypeError("positive: expected numbers, found booleans; convert with .int()")
    return input


absolute, subtract, multiply, divide, true_divide, negative = abs, sub, mul, div, _true_divide, neg


# -------------------------------------------------------------------------------------- operators and methods


def operator_of(function):
    """The operator form of a function: NotImplemented if the operand is neither a tensor nor a number."""

    def operator(self, other):
        return function(self, other) if isinstance(other, OPERANDS) else NotImplemented

    operator.__doc__ = function.__doc__
    return operator


def reflected_of(function):
    """The operator form for a tensor on the right."""
    return operator_of(lambda self, other: function(other, self))


method("__add__", "__radd__")(as_operator(_add))
method("__sub__")(as_operator(_sub))
_subtracted_from = reflected_of(_sub)


@method("__rsub__")
def _rsub_operator(self, other):
    """See :func:`sub`, with the operands exchanged."""
    result = _subtracted_from(self, other)
    return named(result, "RsubBackward1") if isinstance(result, Tensor) else result


method("__mul__", "__rmul__")(as_operator(mul))
method("mul", "multiply")(mul)
method("__truediv__")(as_operator(_true_divide))
method("true_divide")(_true_divide)
method("__rtruediv__")(reflected_of(_true_divide))
method("__rdiv__")(operator_of(lambda self, other: self.reciprocal() * other))  # the name of Python 2
method("__floordiv__")(operator_of(floor_divide))
method("floor_divide")(floor_divide)
method("__rfloordiv__")(reflected_of(floor_divide))
method("__mod__")(operator_of(remainder))
method("remainder")(remainder)
method("__rmod__")(reflected_of(remainder))
method("__neg__", "neg", "negative")(neg)
method("__pos__", "positive")(positive)
method("__abs__", "abs", "absolute")(abs)
method("add")(add)
method("sub", "subtract")(sub)
method("div", "divide")(div)
method("fmod")(fmod)
method("addcmul")(addcmul)
method("addcdiv")(addcdiv)
method("lerp")(lerp)
method("sgn")(sgn)
method("sign")(sign)
method("conj")(conj)

__all__ = [
    "abs",
    "absolute",
    "add",
    "addcdiv",
    "addcmul",
    "conj",
    "div",
    "divide",
    "floor_divide",
    "fmod",
    "lerp",
    "mul",
    "multiply",
    "neg",
    "negative",
    "positive",
    "remainder",
    "rsub",
    "sgn",
    "sign",
    "sub",
    "subtract",
    "true_divide",
]
