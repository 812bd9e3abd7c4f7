"""The parts of floating numbers: signs, exponents, neighbours, NaN and infinities; and the step function."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.backend.conversion import as_array
from cnn_physics77.core.backend.dtypes import default_dtype
from cnn_physics77.core.errors import DtypeError, GradientError
from cnn_physics77.core.kernels import piecewise
from cnn_physics77.core.operations.base import return_types
from cnn_physics77.core.operations.base.broadcasting import cast, common_dtype, prepare
from cnn_physics77.core.operations.base.elementwise import binary, of_tensors
from cnn_physics77.core.operations.base.operation import as_tensor_input, check_tensors_given, operation
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.pointwise.arithmetic import undefined, zero_like
from cnn_physics77.core.operations.pointwise.exp_log_pow import exp2
from cnn_physics77.core.tensor import Tensor, from_array, method

# --------------------------------------------------------------------------------------------- signs

_copysign = binary(
    "copysign",
    np.copysign,
    """The magnitude of a with the sign of b, also that of a zero; dy/da = y/a, 0 at a = 0, and dy/db = 0.

    Integers become the default floating dtype.

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.copysign(torch.tensor([1.0, -2.0]), torch.tensor([-0.0, 3.0]))
    tensor([-1.,  2.])
    """,
    a=lambda g, a, y: g * from_array(np.where(a.array == 0, 0, y.array / a.array).astype(g.dtype)),
    b=lambda g: zero_like(g),
    floating=True,
)
copysign = of_tensors(_copysign, "second")
method("copysign")(copysign)


@method("signbit")
def signbit(input: Tensor) -> Tensor:
    """Whether the sign bit is set: booleans. It is for -0.0, unlike ``input < 0``.

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.signbit(torch.tensor([1.0, -0.0, -1.0]))
    tensor([False,  True,  True])
    """
    x = as_tensor_input("signbit", input).array
    if x.dtype.kind == "c":
        raise DtypeError("signbit: expected real numbers, found complex ones; use .real or .imag")
    return from_array(as_array(np.signbit(x) if x.dtype.kind == "f" else x < 0))


# --------------------------------------------------------------------------------------------- exponents


@operation(name="ldexp")
def _ldexp(x, n):
    return np.ldexp(x, np.clip(n, -9999, 9999).astype(np.intc))


_ldexp.declare("x", lambda g, n: _ldexp(g, n))


@method("ldexp")
def ldexp(input: Tensor, other: Tensor) -> Tensor:
    """y = x 2ⁿ, exact for integers n unless the result leaves the range; dy/dx = 2ⁿ, dy/dn = y ln 2.

    Integers x become the default floating dtype.

    Raises:
        ShapeError: the shapes do not broadcast.

    >>> import cnn_physics77 as torch
    >>> torch.ldexp(torch.tensor([1.0, 3.0]), torch.tensor([3, -1]))
    tensor([8.0000, 1.5000])
    """
    check_tensors_given("ldexp", input, other)
    input, other = as_tensor_input("ldexp", input), as_tensor_input("ldexp", other)
    dtype = common_dtype("ldexp", input, other)
    dtype = dtype if dtype.kind in "fc" else default_dtype()
    whole = other.array.dtype.kind in "iub" and dtype.kind == "f"
    x, n = prepare("ldexp", (cast(input, dtype=dtype), cast(other, dtype=dtype)))
    return _ldexp(x, other) if whole else x * exp2(n)


@operation(name="frexp", extras=("exponent",))
def _frexp(x):
    mantissa, exponent = np.frexp(x)
    return mantissa, np.where(np.isfinite(x), exponent, 0).astype(np.int32)


_frexp.declare("x", lambda g, exponent: _ldexp(g, -exponent))


@method("frexp")
def frexp(input: Tensor) -> return_types.frexp:
    """x = m 2ⁿ with 1/2 <= \\|m\\| < 1, or m = n = 0: a named tuple (mantissa, exponent). The exponents are
    int32; dm/dx = 2⁻ⁿ. The mantissa of an infinity or NaN is itself, its exponent 0.

    Raises:
        DtypeError: the dtype is not floating.

    >>> import cnn_physics77 as torch
    >>> torch.frexp(torch.tensor([1.0, -6.0]))
    torch.return_types.frexp(
    mantissa=tensor([ 0.5000, -0.7500]),
    exponent=tensor([1, 3], dtype=torch.int32))
    """
    input = as_tensor_input("frexp", input)
    if input.array.dtype.kind != "f":
        raise DtypeError(f"frexp: expected a floating dtype, found {input.dtype}; convert it, e.g. .float()")
    return return_types.frexp(*_frexp(input))


# ------------------------------------------------------------------------------------------ steps


_nextafter = binary(
    "nextafter",
    np.nextafter,
    """The floating number next to a in the direction of b; b itself if it equals a. As in PyTorch, dy/da is
    1, 0 if a = b, and dy/db = 0.

    Raises:
        DtypeError: the numbers are integers or complex.

    >>> import cnn_physics77 as torch
    >>> torch.nextafter(torch.tensor(0.0), torch.tensor(1.0)).item() == 2.0**-149
    True
    """,
    a=lambda g, a, b: g * from_array((a.array != b.array).astype(g.dtype)),
    b=lambda g: zero_like(g),
)
nextafter = of_tensors(_nextafter)
method("nextafter")(nextafter)


def _step(x, values):
    return np.where(x == 0, values, (x > 0).astype(x.dtype))


_heaviside = binary(
    "heaviside",
    _step,
    "1 where x > 0, values where x = 0, else 0",
    a=undefined("heaviside"),
    b=undefined("heaviside"),
)


@method("heaviside")
def heaviside(input: Tensor, values: Tensor) -> Tensor:
    """The step function: 1 where x > 0, ``values`` where x = 0, and 0 elsewhere, also for NaN. It has no
    derivative.

    Raises:
        DtypeError: the dtypes differ, or the numbers are complex.
        ShapeError: the shapes do not broadcast.

    >>> import cnn_physics77 as torch
    >>> torch.heaviside(torch.tensor([-1.0, 0.0, 2.0]), torch.tensor(0.5))
    tensor([0.0000, 0.5000, 1.0000])
    """
    check_tensors_given("heaviside", input, values)
    input, values = as_tensor_input("heaviside", input), as_tensor_input("heaviside", values)
    if input.array.dtype != values.array.dtype or input.array.dtype.kind == "c":
        raise DtypeError(
            f"heaviside: expected one real dtype, found {input.dtype} and {values.dtype}; convert one of them"
        )
    return _heaviside(input, values)


# --------------------------------------------------------------------------------------------- not finite


@operation(name="nan_to_num")
def _nan_to_num(x, *, nan, posinf, neginf):
    if x.dtype.kind != "c":
        return piecewise.finite(x, nan, posinf, neginf)
    y = x.copy()
    y.real[...], y.imag[...] = (piecewise.finite(part, nan, posinf, neginf) for part in (x.real, x.imag))
    return y


@_nan_to_num.derivative("x")
def _(g, x):
    if x.array.dtype.kind == "c":
        raise GradientError("nan_to_num: the derivative is not defined for complex numbers; use view_as_real")
    return g * from_array(np.isfinite(x.array).astype(g.dtype))


@method("nan_to_num")
def nan_to_num(input: Tensor, nan: float | None = None, posinf=None, neginf=None) -> Tensor:
    """The input with finite numbers for NaN and infinities, where its derivative is 0. Complex ones have no
    derivative.

    Args:
        nan: the number for NaN, 0 by default.
        posinf, neginf: those for the infinities; by default the largest and the least number of the dtype.

    Integers are unchanged. The parts of a complex number are treated each by itself.

    >>> import cnn_physics77 as torch
    >>> torch.nan_to_num(torch.tensor([float("nan"), float("inf"), 1.0]), posinf=9.0)
    tensor([0., 9., 1.])
    """
    input = as_tensor_input("nan_to_num", input)
    if input.array.dtype.kind not in "fc":
        return input.clone()
    return _nan_to_num(input, nan=0.0 if nan is None else nan, posinf=posinf, neginf=neginf)


__all__ = ["copysign", "frexp", "heaviside", "ldexp", "nan_to_num", "nextafter", "signbit"]

complete_late(__name__)
