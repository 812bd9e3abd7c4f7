r"""Discrete Fourier transforms in one, two and n dimensions, of the names of ``torch.fft``.

.. math::
    X_k = c \sum_{j=0}^{n-1} x_j e^{-2 \pi i j k / n}, \qquad
    x_j = c' \sum_{k=0}^{n-1} X_k e^{2 \pi i j k / n}

``norm`` chooses the factors: ``"backward"``, the default, c = 1 and c' = 1/n; ``"ortho"``, both 1/√n;
``"forward"``, c = 1/n and c' = 1. In n dimensions, n is the number of elements that are transformed together.

Three linear operations do all of it, without a factor: complex to complex; real to the first half of the
complex spectrum, whose rest is its conjugate; and that half to real. The adjoint of each is made of them, so
there are derivatives of any order. float32 gives complex64, float64 complex128; integers and booleans are
converted to the default floating dtype.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence

import numpy as np

from cnn_physics77.core.backend.dtypes import default_dtype
from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.core.operations.base.broadcasting import cast
from cnn_physics77.core.operations.base.dimensions import dimension
from cnn_physics77.core.operations.base.operation import as_tensor_input, operation
from cnn_physics77.core.operations.indexing.getitem import narrow
from cnn_physics77.core.operations.indexing.pad import pad
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.pointwise.arithmetic import conj
from cnn_physics77.core.operations.pointwise.complex import real
from cnn_physics77.core.tensor import Tensor, from_array

# ------------------------------------------------------------------------------------------ the operations


@operation(name="fft_c2c")
def _complex_to_complex(x, *, dims, inverse):
    """X_k = Σ x_j e^(∓2πi jk/n) along the dimensions; the sign is + for the inverse."""
    return np.fft.ifftn(x, axes=dims, norm="forward") if inverse else np.fft.fftn(x, axes=dims)


@_complex_to_complex.derivative("x")
def _(g, dims, inverse):
    return _complex_to_complex(g, dims=dims, inverse=not inverse)


@operation(name="fft_r2c")
def _real_to_complex(x, *, dim):
    """X_k = Σ x_j e^(-2πi jk/n) for k = 0 ... n/2."""
    return np.fft.rfft(x, axis=dim)


@_real_to_complex.derivative("x")
def _(g, x_shape, dim):
    whole = _resized(g, (dim,), (x_shape[dim],))
    return real(_complex_to_complex(whole, dims=(dim,), inverse=True))


@operation(name="fft_c2r")
def _complex_to_real(x, *, dim, n):
    """x_j = Σ X_k e^(2πi jk/n) for real x of size n; X_k is given for k = 0 ... n/2."""
    return np.fft.irfft(x, n, axis=dim, norm="forward")


@_complex_to_real.derivative("x")
def _(g, x_shape, dim, n):
    count = np.full(
        x_shape[dim], 2, g.dtype, like=g.array
    )  # each but the first and the middle stands for two
    count[0] = 1
    if n % 2 == 0:
        count[-1] = 1
    shape = tuple(-1 if axis == dim else 1 for axis in range(len(x_shape)))
    return _real_to_complex(g, dim=dim) * from_array(count.reshape(shape))


# ------------------------------------------------------------------------------------------ arguments


def _resized(x: Tensor, dims: Sequence[int], sizes: Sequence[int]) -> Tensor:
    """x, cut or filled up with zeros at the end of each dimension."""
    for dim, size in zip(dims, sizes):
        n = x.array.shape[dim]
        if size < n:
            x = narrow(x, dim, 0, size)
        elif size > n:
            x = pad(x, (0, 0) * (x.array.ndim - dim - 1) + (0, size - n))
    return x


def _floating(function: str, input, to_complex: bool) -> Tensor:
    x = as_tensor_input(function, input)
    dtype = x.array.dtype
    if dtype.kind not in "fc":
        dtype = default_dtype()
    if dtype.char not in "fdFD":
        raise DtypeError(f"{function}: Unsupported dtype {x.dtype}; convert it, e.g. with .float()")
    return cast(x, dtype=np.result_type(dtype, np.complex64) if to_complex else dtype)


def _check_real(function: str, x: Tensor) -> None:
    if x.array.dtype.kind == "c":
        raise DtypeError(f"{function}: expects a real input tensor, but got {x.dtype}; use .real, or fft")


def _axes(function: str, shape: tuple[int, ...], s, dim) -> tuple[tuple[int, ...], list[int | None]]:
    """The dimensions, and for each the size that is asked for, or None."""
    if isinstance(s, int):
        s = (s,)
    if s is not None and dim is None:
        if len(s) > len(shape):
            raise ShapeError(
                f"{function}: Got shape with {len(s)} values but input tensor only has {len(shape)} "
                "dimensions."
            )
        dim = tuple(range(len(shape) - len(s), len(shape)))
    if dim is None:
        dim = tuple(range(len(shape)))
    elif not isinstance(dim, (tuple, list)):
        dim = (dim,)
    if not shape and dim:
        raise ShapeError(f"{function}: Dimension specified as {dim[0]} but tensor has no dimensions")
    axes = tuple(dimension(function, d, len(shape)) for d in dim)
    if len(set(axes)) != len(axes):
        raise ShapeError(f"{function}: FFT dims must be unique, found {tuple(dim)}")
    if s is not None and len(s) != len(axes):
        raise ShapeError(
            f"{function}: When given, dim and shape arguments must have the same length, found {tuple(dim)} "
            f"and {tuple(s)}"
        )
    sizes: list[int | None] = [None] * len(axes)
    for i, size in enumerate(s or ()):
        if size is not None and size != -1:
            sizes[i] = operator.index(size)
    return axes, sizes


def _given(function: str, shape: tuple[int, ...], axes, sizes) -> list[int]:
    """The sizes, with those of the input where none is asked for."""
    found = [shape[axis] if size is None else size for axis, size in zip(axes, sizes)]
    _check_sizes(function, found)
    return found


def _check_sizes(function: str, sizes: Sequence[int]) -> None:
    for n in sizes:
        if n < 1:
            raise ShapeError(f"{function}: Invalid number of data points ({n}) specified")


def _scaled(function: str, x: Tensor, norm: str | None, inverse: bool, count: int) -> Tensor:
    """x times the factor of a transform of ``count`` elements."""
    if norm not in (None, "backward", "forward", "ortho"):
        raise ArgumentError(
            f'{function}: Invalid normalization mode: "{norm}"; expected "backward", "forward" or "ortho"'
        )
    if norm == "ortho":
        return x * (1 / math.sqrt(count))
    return x * (1 / count) if (norm == "forward") != inverse else x


# ------------------------------------------------------------------------------------------ the three kinds


def _complex(function: str, input, s, dim, norm, inverse: bool) -> Tensor:
    x = _floating(function, input, to_complex=True)
    axes, asked = _axes(function, x.array.shape, s, dim)
    if not axes:
        return x
    sizes = _given(function, x.array.shape, axes, asked)
    y = _complex_to_complex(_resized(x, axes, sizes), dims=axes, inverse=inverse)
    return _scaled(function, y, norm, inverse, math.prod(sizes))


def _of_real(function: str, input, s, dim, norm, inverse: bool) -> Tensor:
    """The half spectrum of a real input: real to complex along the last dimension, then complex to complex.
    The inverse is the conjugate of the real transform."""
    x = as_tensor_input(function, input)
    _check_real(function, x)
    x = _floating(function, x, to_complex=False)
    axes, asked = _axes(function, x.array.shape, s, dim)
    if not axes:
        raise ShapeError(f"{function}: must transform at least one axis")
    sizes = _given(function, x.array.shape, axes, asked)
    y = _real_to_complex(_resized(x, axes, sizes), dim=axes[-1])
    y = conj(y) if inverse else y
    if len(axes) > 1:
        y = _complex_to_complex(y, dims=axes[:-1], inverse=inverse)
    return _scaled(function, y, norm, inverse, math.prod(sizes))


def _to_real(function: str, input, s, dim, norm, inverse: bool) -> Tensor:
    """The real result of a half spectrum: complex to complex, then complex to real along the last dimension.
    The forward transform is the inverse one of the conjugate."""
    x = _floating(function, input, to_complex=True)
    axes, asked = _axes(function, x.array.shape, s, dim)
    if not axes:
        raise ShapeError(f"{function}: must transform at least one axis")
    last = axes[-1]
    n = 2 * (x.array.shape[last] - 1) if asked[-1] is None else asked[-1]
    sizes = [*_given(function, x.array.shape, axes[:-1], asked[:-1]), n]
    _check_sizes(function, sizes)
    x = _resized(x, axes, [*sizes[:-1], n // 2 + 1])
    if len(axes) > 1:
        x = _complex_to_complex(x, dims=axes[:-1], inverse=inverse)
    y = _complex_to_real(x if inverse else conj(x), dim=last, n=n)
    return _scaled(function, y, norm, inverse, math.prod(sizes))


# ------------------------------------------------------------------------------------------ one dimension


def fft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    r"""The discrete Fourier transform along a dimension: :math:`X_k = \sum_j x_j e^{-2 \pi i j k / n}`.

    Args:
        n: the size to which the input is first cut or filled up with zeros.
        dim: the dimension.
        norm: ``"backward"`` (no factor), ``"ortho"`` (1/√n) or ``"forward"`` (1/n).

    Returns:
        A complex tensor. The derivative of the transform is its adjoint, the inverse transform without 1/n.

    Raises:
        ShapeError: there is no such dimension, or no elements.
        DtypeError: the dtype is float16.
        ValueError: another norm.

    >>> import cnn_physics77 as torch
    >>> torch.fft.fft(torch.tensor([0.0, 1.0, 0.0, -1.0]))
    tensor([0.+0.j, 0.-2.j, 0.+0.j, 0.+2.j])
    """
    return _complex("fft", input, None if n is None else (n,), (dim,), norm, inverse=False)


def ifft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    r"""The inverse of :func:`fft`: :math:`x_j = \tfrac1n \sum_k X_k e^{2 \pi i j k / n}`. With ``norm``
    "ortho" the factor is 1/√n, with "forward" it is 1.

    >>> import cnn_physics77 as torch
    >>> torch.fft.ifft(torch.tensor([0.0, 4.0, 0.0, 0.0]))
    tensor([ 1.+0.j,  0.+1.j, -1.+0.j,  0.-1.j])
    """
    return _complex("ifft", input, None if n is None else (n,), (dim,), norm, inverse=True)


def rfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    r"""The first half, :math:`X_0 \dots X_{\lfloor n/2 \rfloor}`, of :func:`fft` of real numbers. The rest is
    its conjugate: :math:`X_{n-k} = X_k^*`.

    Raises:
        DtypeError: the numbers are complex, or float16.

    >>> import cnn_physics77 as torch
    >>> torch.fft.rfft(torch.tensor([0.0, 1.0, 0.0, -1.0]))
    tensor([0.+0.j, 0.-2.j, 0.+0.j])
    """
    return _of_real("rfft", input, None if n is None else (n,), (dim,), norm, inverse=False)


def irfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The inverse of :func:`rfft`: real numbers from the first half of their transform.

    Args:
        n: the number of results; by default 2 (m - 1) for m inputs, which is even. For an odd number it has
            to be given.

    The imaginary part of the first input is ignored, and for even n that of the last, too.

    >>> import cnn_physics77 as torch
    >>> torch.fft.irfft(torch.tensor([0, -2j, 0]))
    tensor([ 0.,  1.,  0., -1.])
    """
    return _to_real("irfft", input, None if n is None else (n,), (dim,), norm, inverse=True)


def hfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The transform of a signal whose second half is the conjugate of its first one, which is given: real
    numbers. n is the number of results, as of :func:`irfft`, and the factor is that of :func:`fft`.

    >>> import cnn_physics77 as torch
    >>> torch.fft.hfft(torch.tensor([1.0, 2.0, 3.0]))
    tensor([ 8., -2.,  0., -2.])
    """
    return _to_real("hfft", input, None if n is None else (n,), (dim,), norm, inverse=False)


def ihfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The inverse of :func:`hfft`: the first half of the inverse transform of real numbers.

    Raises:
        DtypeError: the numbers are complex, or float16.

    >>> import cnn_physics77 as torch
    >>> torch.fft.ihfft(torch.tensor([8.0, -2.0, 0.0, -2.0]))
    tensor([1.+0.j, 2.+0.j, 3.+0.j])
    """
    return _of_real("ihfft", input, None if n is None else (n,), (dim,), norm, inverse=True)


# ------------------------------------------------------------------------------------------ n dimensions


def fftn(input: Tensor, s=None, dim=None, norm: str | None = None) -> Tensor:
    """The discrete Fourier transform along several dimensions: see :func:`fft`.

    Args:
        s: the size of each transformed dimension, to which the input is first cut or filled up with zeros; -1
            leaves it. Without ``dim``, the last ones are transformed.
        dim: the dimensions, by default all.
        norm: ``"backward"`` (no factor), ``"ortho"`` (1/√n) or ``"forward"`` (1/n), where n is the product of
            the sizes.

    Raises:
        ShapeError: the dimensions do not exist, are repeated, empty, or of another number than the sizes.
        DtypeError: the dtype is float16.
        ValueError: another norm.

    >>> import cnn_physics77 as torch
    >>> torch.fft.fftn(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[10.+0.j, -2.+0.j],
            [-4.+0.j,  0.+0.j]])
    """
    return _complex("fftn", input, s, dim, norm, inverse=False)


def ifftn(input: Tensor, s=None, dim=None, norm: str | None = None) -> Tensor:
    """The inverse of :func:`fftn`.

    >>> import cnn_physics77 as torch
    >>> torch.fft.ifftn(torch.tensor([[10.0, -2.0], [-4.0, 0.0]])).real
    tensor([[1., 2.],
            [3., 4.]])
    """
    return _complex("ifftn", input, s, dim, norm, inverse=True)


def rfftn(input: Tensor, s=None, dim=None, norm: str | None = None) -> Tensor:
    """:func:`fftn` of real numbers, of which the last dimension is the first half: see :func:`rfft`.

    >>> import cnn_physics77 as torch
    >>> torch.fft.rfftn(torch.ones(2, 4))
    tensor([[8.+0.j, 0.+0.j, 0.+0.j],
            [0.+0.j, 0.+0.j, 0.+0.j]])
    """
    return _of_real("rfftn", input, s, dim, norm, inverse=False)


def irfftn(input: Tensor, s=None, dim=None, norm: str | None = None) -> Tensor:
    """The inverse of :func:`rfftn`. The last size of ``s`` is that of the result, as n of :func:`irfft`.

    >>> import cnn_physics77 as torch
    >>> torch.fft.irfftn(torch.fft.rfftn(torch.ones(2, 3)), s=(2, 3))
    tensor([[1., 1., 1.],
            [1., 1., 1.]])
    """
    return _to_real("irfftn", input, s, dim, norm, inverse=True)


def hfftn(input: Tensor, s=None, dim=None, norm: str | None = None) -> Tensor:
    """:func:`hfft` along the last dimension, and :func:`fft` along the others.

    >>> import cnn_physics77 as torch
    >>> torch.fft.hfftn(torch.ones(2, 3))
    tensor([[8., 0., 0., 0.],
            [0., 0., 0., 0.]])
    """
    return _to_real("hfftn", input, s, dim, norm, inverse=False)


def ihfftn(input: Tensor, s=None, dim=None, norm: str | None = None) -> Tensor:
    """The inverse of :func:`hfftn`.

    >>> import cnn_physics77 as torch
    >>> torch.fft.ihfftn(torch.tensor([[8.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])).real
    tensor([[1., 1., 1.],
            [1., 1., 1.]])
    """
    return _of_real("ihfftn", input, s, dim, norm, inverse=True)


# ------------------------------------------------------------------------------------------ two dimensions


def fft2(input: Tensor, s=None, dim=(-2, -1), norm: str | None = None) -> Tensor:
    """:func:`fftn` along the last two dimensions.

    >>> import cnn_physics77 as torch
    >>> torch.fft.fft2(torch.ones(1, 2, 2))[0, 0]
    tensor([4.+0.j, 0.+0.j])
    """
    return _complex("fft2", input, s, dim, norm, inverse=False)


def ifft2(input: Tensor, s=None, dim=(-2, -1), norm: str | None = None) -> Tensor:
    """:func:`ifftn` along the last two dimensions.

    >>> import cnn_physics77 as torch
    >>> torch.fft.ifft2(torch.ones(2, 2)).real
    tensor([[1., 0.],
            [0., 0.]])
    """
    return _complex("ifft2", input, s, dim, norm, inverse=True)


def rfft2(input: Tensor, s=None, dim=(-2, -1), norm: str | None = None) -> Tensor:
    """:func:`rfftn` along the last two dimensions.

    >>> import cnn_physics77 as torch
    >>> torch.fft.rfft2(torch.ones(2, 2)).real
    tensor([[4., 0.],
            [0., 0.]])
    """
    return _of_real("rfft2", input, s, dim, norm, inverse=False)


def irfft2(input: Tensor, s=None, dim=(-2, -1), norm: str | None = None) -> Tensor:
    """:func:`irfftn` along the last two dimensions.

    >>> import cnn_physics77 as torch
    >>> torch.fft.irfft2(torch.ones(2, 2))
    tensor([[1., 0.],
            [0., 0.]])
    """
    return _to_real("irfft2", input, s, dim, norm, inverse=True)


def hfft2(input: Tensor, s=None, dim=(-2, -1), norm: str | None = None) -> Tensor:
    """:func:`hfftn` along the last two dimensions.

    >>> import cnn_physics77 as torch
    >>> torch.fft.hfft2(torch.ones(2, 2))
    tensor([[4., 0.],
            [0., 0.]])
    """
    return _to_real("hfft2", input, s, dim, norm, inverse=False)


def ihfft2(input: Tensor, s=None, dim=(-2, -1), norm: str | None = None) -> Tensor:
    """:func:`ihfftn` along the last two dimensions.

    >>> import cnn_physics77 as torch
    >>> torch.fft.ihfft2(torch.ones(2, 2)).real
    tensor([[1., 0.],
            [0., 0.]])
    """
    return _of_real("ihfft2", input, s, dim, norm, inverse=True)


__all__ = [
    *("fft", "fft2", "fftn", "hfft", "hfft2", "hfftn", "ifft", "ifft2", "ifftn", "ihfft", "ihfft2", "ihfftn"),
    *("irfft", "irfft2", "irfftn", "rfft", "rfft2", "rfftn"),
]

complete_late(__name__)
