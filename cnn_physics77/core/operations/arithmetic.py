"""Sums, products, powers: each with its derivative."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.operations.elementwise import binary, unary
from cnn_physics77.core.tensor import Tensor, from_array, method

_conj = unary("conj", np.conjugate, "The complex conjugate, also of real tensors.", x=lambda g: conj(g), floating=False)


def conj(input: Tensor) -> Tensor:
    """The complex conjugate: :math:`y = \\bar x`. A real tensor is returned as it is.

    >>> import cnn_physics77 as torch
    >>> torch.conj(torch.tensor([1 + 2j]))
    tensor([1.-2.j], dtype=complex64)
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
    """The product: y = a b, dy/da = b, dy/db = a; with broadcasting and promotion of dtypes.

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
    b=lambda g, b, y: -g * conj(y / b),
    floating=True,
)


def add(input, other, *, alpha=1) -> Tensor:
    """The sum: y = a + alpha b, dy/da = 1, dy/db = alpha; with broadcasting and promotion of dtypes.

    >>> import cnn_physics77 as torch
    >>> torch.add(torch.tensor([1.0, 2.0]), 10, alpha=2)
    tensor([21., 22.])
    """
    return _add(input, other if alpha == 1 else mul(other, alpha))


def sub(input, other, *, alpha=1) -> Tensor:
    """The difference: y = a - alpha b, dy/da = 1, dy/db = -alpha; with broadcasting and promotion of dtypes.

    >>> import cnn_physics77 as torch
    >>> torch.sub(torch.tensor([1.0, 2.0]), 1)
    tensor([0., 1.])
    """
    return _sub(input, other if alpha == 1 else mul(other, alpha))


def div(input, other, *, rounding_mode: str | None = None) -> Tensor:
    """The quotient: y = a / b, dy/da = 1/b, dy/db = -y/b; with broadcasting and promotion of dtypes (integers to floating).

    Args:
        rounding_mode: None; ``"trunc"`` rounds towards zero, ``"floor"`` down, both keep integers and have derivative 0.

    >>> import cnn_physics77 as torch
    >>> torch.div(torch.tensor([7, -7]), 2), torch.div(torch.tensor([7, -7]), 2, rounding_mode="trunc")
    (tensor([ 3.5000, -3.5000]), tensor([ 3, -3]))
    """
    if rounding_mode is None:
        return _true_divide(input, other)
    if rounding_mode == "floor":
        return floor_divide(input, other)
    if rounding_mode == "trunc":
        return _trunc_divide(input, other)
    raise ValueError(f"div: expected rounding_mode None, 'trunc' or 'floor', found {rounding_mode!r}")


def _zero_like(g: Tensor) -> Tensor:
    return from_array(np.zeros_like(g.array))


floor_divide = binary(
    "floor_divide",
    np.floor_divide,
    """The quotient rounded down: y = floor(a / b); derivative 0.

    >>> import cnn_physics77 as torch
    >>> torch.floor_divide(torch.tensor([7, -7]), 2)
    tensor([ 3, -4])
    """,
    a=_zero_like,
    b=_zero_like,
)

_trunc_divide = binary(
    "trunc_divide",
    lambda a, b: np.trunc(a / b).astype(np.result_type(a, b), copy=False),
    "y = trunc(a / b)",
    a=_zero_like,
    b=_zero_like,
)

method("__add__", "__radd__")(_add)
method("__sub__")(_sub)
method("__mul__", "__rmul__", "mul")(mul)
method("__truediv__")(_true_divide)
method("__neg__", "neg")(neg)
method("conj")(conj)
method("add")(add)
method("sub")(sub)
method("div")(div)


@method("__rsub__")
def _(self, other):
    return _sub(other, self)


@method("__rtruediv__")
def _(self, other):
    return _true_divide(other, self)

