r"""Sliding windows as an operation: unfold and fold (im2col and col2im), each the adjoint of the other.

:math:`\langle \mathrm{unfold}(x), c \rangle = \langle x, \mathrm{fold}(c) \rangle`, so each is the other's
derivative.
"""

from __future__ import annotations

from math import prod

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.kernels import windows as kernels
from cnn_physics77.core.operations.base.arguments import batched, check_tensors, check_window, per_dimension
from cnn_physics77.core.operations.base.dimensions import dimension as nonnegative
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.base.views import view_operation
from cnn_physics77.core.operations.indexing.shape import squeeze, unsqueeze
from cnn_physics77.core.tensor import Tensor, method

# The parameter ``window`` is (kernel_size, dilation, padding, stride).


@operation(name="unfold")
def _unfold(x, *, window):
    """columns[n, (c, t), o] = x[n, c, o stride - padding + t dilation]"""
    return kernels.im2col(x, *window)


@operation(name="fold")
def _fold(columns, *, size, window):
    """Each column is added back to the window that it came from."""
    return kernels.col2im(columns, size, *window)


@_unfold.derivative("x")
def _(g, x_shape, window):
    return _fold(g, size=x_shape[2:], window=window)


@_fold.derivative("columns")
def _(g, window):
    return _unfold(g, window=window)


def _window(function: str, kernel_size, dilation, padding, stride) -> tuple:
    named = {"kernel_size": kernel_size, "dilation": dilation, "padding": padding, "stride": stride}
    return tuple(per_dimension(function, name, value, 2) for name, value in named.items())


def window_counts(
    function: str,
    size: tuple[int, ...],
    kernel_size: tuple[int, ...],
    dilation: tuple[int, ...],
    padding: tuple[int, ...],
    stride: tuple[int, ...],
) -> tuple[int, ...]:
    """The number of windows along each spatial dimension of an image.

    Raises:
        ShapeError: a kernel size, dilation or stride below 1, a negative padding, or a window larger than the
            padded image.
    """
    check_window(function, kernel_size, stride, dilation, padding)
    spans = tuple(d * (k - 1) + 1 for k, d in zip(kernel_size, dilation))
    padded = tuple(n + 2 * p for n, p in zip(size, padding))
    if any(span > n for span, n in zip(spans, padded)):
        raise ShapeError(
            f"{function}: Kernel size can't be greater than actual input size; the padded input is {padded} "
            f"(size {size}, padding {padding}) and a window {spans} (kernel_size {kernel_size}, dilation "
            f"{dilation}); use a larger input, more padding or a smaller kernel"
        )
    return kernels.output_size(size, kernel_size, stride, padding, dilation)


def unfold(input: Tensor, kernel_size, dilation=1, padding=0, stride=1) -> Tensor:
    r"""The windows of an image as the columns of a matrix (im2col).

    .. math:: y_{n, (c,t), o} = x_{n,c,\; o \cdot stride - padding + t \cdot dilation}

    where (c, t), channel and place in the window, and o, the window, each count in row-major order, and x
    reads as zero outside of itself. Convolution is :func:`unfold` and a product: ``weight.flatten(1) @
    unfold(x)``.

    Args:
        input: x, (N, C, H, W) or (C, H, W), floating or complex.
        kernel_size, dilation, padding, stride: an int or one per spatial dimension.

    Returns:
        y, (N, C * kernel height * kernel width, L) with L windows, or without N.

    Raises:
        ShapeError: sizes that do not fit, a window larger than the padded input.
        DtypeError: the input is neither floating nor complex.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.unfold(torch.arange(9.0).reshape(1, 1, 3, 3), 2)
    tensor([[[0., 1., 3., 4.],
             [1., 2., 4., 5.],
             [3., 4., 6., 7.],
             [4., 5., 7., 8.]]])
    """
    check_tensors("unfold", input, kinds="fcb")
    window = _window("unfold", kernel_size, dilation, padding, stride)
    with_batch = batched("unfold", input, 2)
    window_counts("unfold", input.array.shape[-2:], *window)
    if not with_batch:
        return squeeze(_unfold(unsqueeze(input, 0), window=window), 0)
    return _unfold(input, window=window)


def fold(input: Tensor, output_size, kernel_size, dilation=1, padding=0, stride=1) -> Tensor:
    r"""Each column of a matrix added back to the window of an image (col2im): the adjoint of :func:`unfold`.

    .. math:: y_{n,c,p} = \sum_{t,o} x_{n, (c,t), o} \; [p = o \cdot stride - padding + t \cdot dilation]

    Args:
        input: x, (N, C * kernel height * kernel width, L) with L windows, or without N.
        output_size: of the image; an int or one per spatial dimension, as are the following.
        kernel_size, dilation, padding, stride: of the windows.

    Returns:
        y, (N, C, *output_size), or without N.

    Raises:
        ShapeError: sizes that do not fit.
        DtypeError: the input is neither floating nor complex.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.fold(torch.ones(1, 4, 4), 3, 2)
    tensor([[[[1., 2., 1.],
              [2., 4., 2.],
              [1., 2., 1.]]]])
    """
    check_tensors("fold", input)
    window = _window("fold", kernel_size, dilation, padding, stride)
    size = per_dimension("fold", "output_size", output_size, 2)
    if input.ndim not in (2, 3):
        raise ShapeError(
            "fold: expected 2D or 3D (batch mode) columns (N, C * kernel, L), found shape "
            f"{input.array.shape}"
        )
    counts = window_counts("fold", size, *window)
    rows, length = input.array.shape[-2:]
    if rows % prod(window[0]) or length != prod(counts):
        raise ShapeError(
            f"fold: expected columns (N, C * {prod(window[0])}, {prod(counts)}) for output_size {size} and "
            f"kernel_size {window[0]}, found {input.array.shape}; check output_size, stride, padding and "
            "dilation"
        )
    if input.ndim == 2:
        return squeeze(_fold(unsqueeze(input, 0), size=size, window=window), 0)
    return _fold(input, size=size, window=window)


# ------------------------------------------------------------------------------ windows along one dimension


@view_operation(name="sliding_windows")
def _slide(x, *, dim, size, step):
    """y[..., o, ..., t] = x[..., o step + t, ...]"""
    count = (x.shape[dim] - size) // step + 1
    shape = (*x.shape[:dim], count, *x.shape[dim + 1 :], size)
    strides = (*x.strides[:dim], x.strides[dim] * step, *x.strides[dim + 1 :], x.strides[dim])
    return np.lib.stride_tricks.as_strided(x, shape, strides, subok=True)


@operation(name="sliding_windows_sum")
def _sum_windows(g, *, dim, length, step):
    """The adjoint: each g is added back to the place that it came from."""
    count, size = g.shape[dim], g.shape[-1]
    x = np.zeros((*g.shape[:dim], length, *g.shape[dim + 1 : -1]), g.dtype, like=g)
    before = (slice(None),) * dim
    for t in range(size):
        x[(*before, slice(t, t + (count - 1) * step + 1, step))] += g[..., t]
    return x


@_slide.derivative("x")
def _(g, x_shape, dim, step):
    return _sum_windows(g, dim=dim, length=x_shape[dim], step=step)


@_sum_windows.derivative("g")
def _(v, g_shape, dim, step):
    return _slide(v, dim=dim, size=g_shape[-1], step=step)


@method("unfold")
def _unfold_method(self, dimension: int, size: int, step: int) -> Tensor:
    """All windows of ``size`` elements along a dimension, ``step`` apart, as a view with the windows as last
    dimension.

    Raises:
        ShapeError: no such dimension, a size larger than it, a step below 1.

    >>> import cnn_physics77 as torch
    >>> torch.arange(5.0).unfold(0, 2, 1)
    tensor([[0., 1.],
            [1., 2.],
            [2., 3.],
            [3., 4.]])
    """
    dim = nonnegative("unfold", dimension, self.ndim)
    length = self.shape[dim] if self.ndim else 1
    if not 0 <= size <= length:
        raise ShapeError(
            f"unfold: maximum size for tensor at dimension {dim} is {length} but size is {size}; use smaller "
            "windows"
        )
    if step < 1:
        raise ShapeError(f"unfold: step is {step} but must be > 0")
    if self.ndim == 0:
        return _slide(unsqueeze(self, 0), dim=0, size=size, step=step)[0]
    return _slide(self, dim=dim, size=size, step=step)


__all__ = ["fold", "unfold"]
