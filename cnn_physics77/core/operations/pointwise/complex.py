"""Complex numbers and their parts.

Gradients follow PyTorch's convention: for real L and z = x + iy, the gradient is ∂L/∂x + i ∂L/∂y, the
direction of steepest ascent.
"""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.core.kernels import piecewise
from cnn_physics77.core.operations.base.broadcasting import common_shape, expand_to
from cnn_physics77.core.operations.base.elementwise import unary
from cnn_physics77.core.operations.base.operation import check_tensors_given, operation
from cnn_physics77.core.operations.base.views import view_operation
from cnn_physics77.core.operations.pointwise.arithmetic import mul, zero_like
from cnn_physics77.core.operations.pointwise.trigonometric import atan2, cos, sin
from cnn_physics77.core.tensor import Tensor, method

# --------------------------------------------------------------------------------------------- parts


@view_operation(name="real")
def _real(z):
    return z.real


@view_operation(name="imag")
def _imag(z):
    return z.imag


@_real.derivative("z")
def _(g):
    return _complex(g, zero_like(g))


@_imag.derivative("z")
def _(g):
    return _complex(zero_like(g), g)


@operation(name="complex")
def _complex(real, imag):
    """real + i imag"""
    z = np.empty(np.broadcast_shapes(real.shape, imag.shape), np.result_type(real, np.complex64), like=real)
    z.real[...] = real
    z.imag[...] = imag
    return z


@_complex.derivative("real")
def _(g):
    return _real(g)


@_complex.derivative("imag")
def _(g):
    return _imag(g)


def real(input: Tensor) -> Tensor:
    """The real part, a view. A real tensor is returned as it is. Also ``input.real``.

    >>> import cnn_physics77 as torch
    >>> torch.real(torch.tensor([1 + 2j]))
    tensor([1.])
    """
    return _real(input) if input.array.dtype.kind == "c" else input


def imag(input: Tensor) -> Tensor:
    """The imaginary part, a view. Also ``input.imag``.

    Raises:
        DtypeError: the input is not complex.

    >>> import cnn_physics77 as torch
    >>> torch.imag(torch.tensor([1 + 2j]))
    tensor([2.])
    """
    if input.array.dtype.kind != "c":
        raise DtypeError(
            f"imag: imag is not implemented for tensors with non-complex dtypes, found {input.dtype}"
        )
    return _imag(input)


def _set_part(part):
    def assign(self, value):
        part(self)[...] = value

    return assign


method("real")(property(real, _set_part(real), doc=real.__doc__))
method("imag")(property(imag, _set_part(imag), doc=imag.__doc__))


# --------------------------------------------------------------------------------------------- from parts


def _pair(function: str, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Two floating tensors of one dtype, expanded to one shape."""
    check_tensors_given(function, a, b)
    if a.array.dtype != b.array.dtype or a.array.dtype.kind != "f" or a.array.dtype == np.float16:
        raise DtypeError(
            f"{function}: expected two tensors of dtype float32 or two of float64, found {a.dtype} and "
            f"{b.dtype}; convert them"
        )
    shape = common_shape(function, a.array.shape, b.array.shape)
    return expand_to(a, shape), expand_to(b, shape)


def complex(real: Tensor, imag: Tensor) -> Tensor:
    """The complex tensor z = real + i imag: complex64 from float32, complex128 from float64.

    Raises:
        DtypeError: the parts are not both float32 or both float64.
        ShapeError: the shapes do not broadcast.

    >>> import cnn_physics77 as torch
    >>> torch.complex(torch.tensor([1.0]), torch.tensor([2.0]))
    tensor([1.+2.j])
    """
    return _complex(*_pair("complex", real, imag))


def polar(abs: Tensor, angle: Tensor) -> Tensor:
    """The complex tensor z = r (cos φ + i sin φ) of a magnitude and an angle in radians.

    Raises:
        DtypeError: the two are not both float32 or both float64.
        ShapeError: the shapes do not broadcast.

    >>> import cnn_physics77 as torch
    >>> torch.polar(torch.tensor([2.0]), torch.tensor([0.0]))
    tensor([2.+0.j])
    """
    r, angle = _pair("polar", abs, angle)
    return _complex(mul(r, cos(angle)), mul(r, sin(angle)))


@method("angle")
def angle(input: Tensor) -> Tensor:
    """The angle in radians, in [-π, π]: arctan(imag / real) in the right quadrant, with gradient 0 at 0.

    For real numbers it is π if negative, NaN if NaN, else 0, and the gradient is 0.

    >>> import cnn_physics77 as torch
    >>> torch.angle(torch.tensor([1j, -1 + 0j]))
    tensor([1.5708, 3.1416])
    """
    if input.array.dtype.kind == "c":
        return atan2(imag(input), real(input))
    return _angle_of_real(input)


_angle_of_real = unary(
    "angle",
    piecewise.angle,
    "π of negative numbers, 0 of others",
    x=zero_like,
)


def view_as_real(input: Tensor) -> Tensor:
    """A complex tensor (...) as a real one (..., 2) of real and imaginary parts, on the same memory.

    Raises:
        DtypeError: the input is not complex.

    >>> import cnn_physics77 as torch
    >>> torch.view_as_real(torch.tensor([1 + 2j]))
    tensor([[1., 2.]])
    """
    if input.array.dtype.kind != "c":
        raise DtypeError(f"view_as_real: expected a complex tensor, found {input.dtype}")
    return _view_as_real(input)


def view_as_complex(input: Tensor) -> Tensor:
    """A real tensor (..., 2) of real and imaginary parts as a complex one (...), on the same memory.

    Raises:
        ShapeError: the last dimension has not size 2 and stride 1.
        DtypeError: the input is not floating.

    >>> import cnn_physics77 as torch
    >>> torch.view_as_complex(torch.tensor([[1.0, 2.0]]))
    tensor([1.+2.j])
    """
    array = input.array
    if array.dtype not in (np.float32, np.float64):
        raise DtypeError(
            f"view_as_complex: expected float32 or float64, found torch.{array.dtype}; convert the input"
        )
    if array.ndim == 0 or array.shape[-1] != 2 or array.strides[-1] != array.itemsize:
        raise ShapeError(
            f"view_as_complex: expected a last dimension of size 2 and stride 1, found shape {array.shape} "
            f"and strides {input.stride()}; use .contiguous(), or complex(x[..., 0], x[..., 1])"
        )
    return _view_as_complex(input)


@view_operation(name="view_as_real")
def _view_as_real(z):
    parts = z.dtype.type(0).real.dtype
    return (
        np.lib.stride_tricks.as_strided(z.view(), z.shape, z.strides, subok=True)
        .reshape(*z.shape, 1)
        .view(parts)
    )


@_view_as_real.derivative("z")
def _(g):
    return _complex(g[..., 0], g[..., 1])


@view_operation(name="view_as_complex")
def _view_as_complex(x):
    return x.view(np.result_type(x.dtype, np.complex64)).reshape(x.shape[:-1])


@_view_as_complex.derivative("x")
def _(g):
    return _view_as_real(g)


__all__ = ["angle", "complex", "imag", "polar", "real", "view_as_complex", "view_as_real"]
