"""Rounding. Piecewise constant functions have derivative 0, as in PyTorch. Integers are unchanged."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.errors import DtypeError
from cnn_physics77.core.operations.base.elementwise import unary
from cnn_physics77.core.operations.base.operation import as_tensor_input
from cnn_physics77.core.operations.base.precision import in_float32
from cnn_physics77.core.operations.pointwise.arithmetic import zero_like
from cnn_physics77.core.tensor import Tensor, method


def _rounding(name: str, ufunc, doc: str):
    def rounded(x):
        if x.dtype.kind in "iu":
            return x.copy()
        if x.dtype.kind != "f":
            raise TypeError
        return ufunc(x)

    function = unary(name, rounded, doc, x=zero_like, floating=False)
    return method(name)(function)


floor = _rounding(
    "floor",
    np.floor,
    """The greatest integer not above x.

    >>> import cnn_physics77 as torch
    >>> torch.floor(torch.tensor([1.7, -1.2]))
    tensor([ 1., -2.])
    """,
)

ceil = _rounding(
    "ceil",
    np.ceil,
    """The least integer not below x.

    >>> import cnn_physics77 as torch
    >>> torch.ceil(torch.tensor([1.2, -1.7]))
    tensor([ 2., -1.])
    """,
)

trunc = _rounding(
    "trunc",
    np.trunc,
    """The integer part, towards 0.

    >>> import cnn_physics77 as torch
    >>> torch.trunc(torch.tensor([1.7, -1.7]))
    tensor([ 1., -1.])
    """,
)

fix = trunc
method("fix")(trunc)

_round = _rounding("round", np.rint, "The nearest integer; ties go to the even one.")


@method("round")
def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """The nearest multiple of 10^-decimals; ties go to the one whose last digit is even. Derivative 0.

    Raises:
        DtypeError: boolean or complex, or integers with ``decimals``.

    >>> import cnn_physics77 as torch
    >>> torch.round(torch.tensor([0.5, 1.5, 2.6])), torch.round(torch.tensor([1.234]), decimals=1)
    (tensor([0., 2., 3.]), tensor([1.2000]))
    """
    input = as_tensor_input("round", input)
    if decimals == 0:
        return _round(input)
    if input.array.dtype.kind != "f":
        raise DtypeError(
            f"round: expected a floating dtype with decimals={decimals}, found {input.dtype}; convert with "
            ".float()"
        )
    factor = 10.0 ** np.abs(decimals)
    return _to_multiple(input, factor, decimals > 0)


@in_float32
def _to_multiple(input: Tensor, factor: float, of_parts: bool) -> Tensor:
    return _round(input * factor) / factor if of_parts else _round(input / factor) * factor


@method("frac")
def frac(input: Tensor) -> Tensor:
    """The fractional part, with the sign of x: y = x - trunc x, dy/dx = 1.

    Raises:
        DtypeError: the dtype is not floating.

    >>> import cnn_physics77 as torch
    >>> torch.frac(torch.tensor([1.5, -1.5]))
    tensor([ 0.5000, -0.5000])
    """
    input = as_tensor_input("frac", input)
    if input.array.dtype.kind != "f":
        raise DtypeError(
            f"frac: expected a floating dtype, found {input.dtype}; convert the input with .float()"
        )
    return input - trunc(input)


__all__ = ["ceil", "fix", "floor", "frac", "round", "trunc"]
