r"""Pooling: the largest or the mean value of each window.

Max-pooling chooses; its derivative is a *scatter* to the places that won, whose adjoint is the *gather* from
them, whose adjoint is the scatter again: closed. Average pooling is linear, and so is its adjoint.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.core.kernels import pooling as kernels
from cnn_physics77.core.kernels.windows import Size
from cnn_physics77.core.operations.base.arguments import batched, check_tensors, check_window, per_dimension
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.base.precision import in_float32
from cnn_physics77.core.operations.indexing.gather_scatter import gather_along, scatter_add_along
from cnn_physics77.core.operations.indexing.shape import flatten, reshape
from cnn_physics77.core.recording import recording
from cnn_physics77.core.tensor import Tensor, from_array

# ------------------------------------------------------------------------------ max-pooling


Window = tuple[Size, Size, Size, Size]
"""kernel_size, stride, padding, dilation: one int per spatial dimension each"""


@operation(name="max_pool", extras=("positions",))
def _max_pool(x, *, window: Window, ceil_mode, with_positions):
    """y[o] = max over the window; and the winner's position within it"""
    return kernels.max_pool(x, *window, ceil_mode, with_positions=with_positions)


@operation(name="max_pool_scatter")
def _scatter(g, positions, *, size, window: Window):
    """Each g is added to the place that won its window."""
    return kernels.max_pool_scatter(g, positions, size, *window)


@operation(name="max_pool_gather")
def _gather(v, positions, *, window: Window):
    """The value of each window at the place that won."""
    return kernels.max_pool_gather(v, positions, *window)


@_max_pool.derivative("x")
def _(g, positions, x_shape, window):
    return _scatter(g, positions, size=x_shape[-len(window[0]) :], window=window)


@_scatter.derivative("g")
def _(v, positions, window):
    return _gather(v, positions, window=window)


@_gather.derivative("v")
def _(g, positions, v_shape, window):
    return _scatter(g, positions, size=v_shape[-len(window[0]) :], window=window)


def max_pool1d(
    input: Tensor, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
):
    """The largest value of each window along one dimension: see :func:`max_pool2d`.

    Input (N, C, L) or (C, L).

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.max_pool1d(torch.tensor([[[1.0, 3.0, 2.0, 5.0]]]), 2)
    tensor([[[3., 5.]]])
    """
    return _pool_max(
        "max_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices
    )


def max_pool2d(
    input: Tensor, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
):
    r"""The largest value of each window.

    .. math:: y_{n,c,o} = \max_t x_{n,c,\; o \cdot stride - padding + t \cdot dilation}

    The first of equal values wins, and takes the whole gradient; NaN wins over everything; padding never
    wins. Each spatial size is ⌊(size + 2 padding - dilation (kernel - 1) - 1) / stride⌋ + 1; with
    ``ceil_mode`` ⌈·⌉, without windows that would begin in the padding at the end.

    Args:
        input: x, (N, C, H, W) or (C, H, W), real.
        kernel_size: of the window; an int or one per spatial dimension, as are the following.
        stride: between windows; None for the kernel_size.
        padding: at both ends; at most half of the kernel.
        dilation: the distance of the window's elements.
        return_indices: also give the places that won, as for :func:`max_unpool2d`.

    Returns:
        y, (N, C, H', W'), of x's dtype; with return_indices also their row-major indices in the plane H x W,
        int64.

    Raises:
        ShapeError: sizes that do not fit, no window in the input.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([[[1.0, 2.0], [4.0, 3.0]]])
    >>> torch.nn.functional.max_pool2d(x, 2, return_indices=True)
    (tensor([[[4.]]]), tensor([[[2]]]))
    """
    return _pool_max(
        "max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices
    )


def max_pool3d(
    input: Tensor, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
):
    """The largest value of each window over three dimensions: see :func:`max_pool2d`.

    Input (N, C, D, H, W) or (C, D, H, W).

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.max_pool3d(torch.arange(8.0).reshape(1, 2, 2, 2), 2)
    tensor([[[[7.]]]])
    """
    return _pool_max(
        "max_pool3d", 3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices
    )


def _pool_max(function, d, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices):
    check_tensors(function, input, kinds="fiu")
    batched(function, input, d)
    kernel_size, stride = _kernel_and_stride(function, kernel_size, stride, d)
    padding = per_dimension(function, "padding", padding, d)
    window = (kernel_size, stride, padding, per_dimension(function, "dilation", dilation, d))
    if not input.array.shape[-d - 1]:
        raise ShapeError(f"{function}: expected at least one channel, found shape {input.array.shape}")
    _check_windows(function, input.array.shape[-d:], *window, ceil_mode)
    needed = return_indices or (input.edge is not None and recording())
    y, positions = _max_pool(input, window=window, ceil_mode=ceil_mode, with_positions=needed)
    if not return_indices:
        return y
    return y, from_array(kernels.flat_indices(positions.array, input.shape[-d:], *window))


def _kernel_and_stride(function, kernel_size, stride, d):
    kernel_size = per_dimension(function, "kernel_size", kernel_size, d)
    if stride is None or (type(stride) is not int and not len(stride)):
        return kernel_size, kernel_size
    return kernel_size, per_dimension(function, "stride", stride, d)


@lru_cache(maxsize=1024)
def _check_windows(
    function: str, size: Size, kernel_size: Size, stride: Size, padding: Size, dilation: Size, ceil_mode: bool
) -> None:
    """Raise a ShapeError unless such windows exist and at least one lies in an input of this size."""
    check_window(function, kernel_size, stride, dilation, padding)
    if any(p > k // 2 for p, k in zip(padding, kernel_size)):
        raise ShapeError(
            f"{function}: pad should be at most half of the kernel size, "
            f"but got padding {padding} and kernel_size {kernel_size}; "
            "lower the padding, or pad the input first"
        )
    output = kernels.pool_output_size(size, kernel_size, stride, padding, dilation, ceil_mode)
    if 0 in size or min(output) < 1:
        raise ShapeError(
            f"{function}: Given input size {size}, calculated output size {output}: output size is too small "
            f"(kernel_size {kernel_size}, stride {stride}, padding {padding}, dilation {dilation}); "
            "use a larger input or a smaller kernel"
        )


# ------------------------------------------------------------------------------ from indices


def gather_at(v: Tensor, indices: Tensor, d: int) -> Tensor:
    """The values of each plane (of the last d dimensions) at row-major indices."""
    dim = v.array.ndim - d
    y = gather_along(flatten(v, dim), flatten(indices, dim), dim=dim, squeeze=False)
    return reshape(y, indices.array.shape)


def scatter_add_at(g: Tensor, indices: Tensor, shape: tuple[int, ...], d: int) -> Tensor:
    """Zeros of a shape, to each plane of which (of the last d dimensions) g is added at row-major indices."""
    dim = len(shape) - d
    flat = from_array(np.zeros((*shape[:dim], math.prod(shape[dim:])), g.array.dtype))
    return reshape(scatter_add_along(flat, flatten(indices, dim), flatten(g, dim), dim=dim), shape)


@operation(name="max_unpool")
def _max_unpool(x, indices, *, size):
    """y is 0 but for y[indices] = x, plane by plane."""
    planes = x.shape[: x.ndim - len(size)]
    y = np.zeros((math.prod(planes), math.prod(size)), x.dtype, like=x)
    np.put_along_axis(y, indices.reshape(len(y), -1), x.reshape(len(y), -1), 1)
    return y.reshape(*planes, *size)


@_max_unpool.derivative("x")
def _(g, indices, size):
    return gather_at(g, indices, len(size))


def max_unpool1d(
    input: Tensor, indices: Tensor, kernel_size, stride=None, padding=0, output_size=None
) -> Tensor:
    """What :func:`max_pool1d` took, back at its place: see :func:`max_unpool2d`; input (N, C, L) or (C, L).

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.max_unpool1d(torch.tensor([[3.0, 5.0]]), torch.tensor([[1, 3]]), 2)
    tensor([[0., 3., 0., 5.]])
    """
    return _unpool_max("max_unpool1d", 1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Tensor, indices: Tensor, kernel_size, stride=None, padding=0, output_size=None
) -> Tensor:
    """What :func:`max_pool2d` took, back at its place, and 0 elsewhere.

    Args:
        input: x, (N, C, H, W) or (C, H, W), floating.
        indices: where each x goes, row-major in the plane of the result, as ``return_indices`` gives them; of
            x's shape.
        kernel_size, stride, padding: of the pooling.
        output_size: the size of what was pooled, for where several sizes pool to one; the last dimensions
            count. None for (size - 1) stride - 2 padding + kernel.

    Returns:
        (N, C, *output_size). Where several x have one index, one of them stands.

    Raises:
        ShapeError: sizes that do not fit, an index outside of the plane.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.max_unpool2d(torch.tensor([[[4.0]]]), torch.tensor([[[2]]]), 2)
    tensor([[[0., 0.],
             [4., 0.]]])
    """
    return _unpool_max("max_unpool2d", 2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Tensor, indices: Tensor, kernel_size, stride=None, padding=0, output_size=None
) -> Tensor:
    """What :func:`max_pool3d` took, back at its place: see :func:`max_unpool2d`.

    Input (N, C, D, H, W) or (C, D, H, W).

    >>> import cnn_physics77 as torch
    >>> y = torch.nn.functional.max_unpool3d(torch.full((1, 1, 1, 1), 7.0), torch.full((1, 1, 1, 1), 5), 2)
    >>> y.flatten()
    tensor([0., 0., 0., 0., 0., 7., 0., 0.])
    """
    return _unpool_max("max_unpool3d", 3, input, indices, kernel_size, stride, padding, output_size)


def _unpool_max(function, d, input, indices, kernel_size, stride, padding, output_size) -> Tensor:
    check_tensors(function, input)
    batched(function, input, d)
    kernel_size, stride = _kernel_and_stride(function, kernel_size, stride, d)
    padding = per_dimension(function, "padding", padding, d)
    size = tuple(
        (n - 1) * s - 2 * p + k for n, s, p, k in zip(input.shape[-d:], stride, padding, kernel_size)
    )
    if output_size is not None:
        asked = tuple(output_size)[-d:]
        if len(output_size) not in (d, d + 2) or any(
            not n - s < a < n + s for a, n, s in zip(asked, size, stride)
        ):
            raise ShapeError(
                f"{function}: invalid output_size {tuple(output_size)}: "
                f"expected each of the last {d} sizes less than a stride {stride} away from {size}; "
                "give the size of what was pooled"
            )
        size = asked
    if indices.array.dtype != np.int64:
        raise DtypeError(f"{function}: elements in indices should be type int64 but got: {indices.dtype}")
    if indices.shape != input.shape:
        raise ShapeError(
            f"{function}: Expected shape of indices to be same as that of the input tensor "
            f"({input.array.shape}) but got indices tensor with shape: {indices.shape}"
        )
    if indices.array.size and not 0 <= indices.array.min() <= indices.array.max() < math.prod(size):
        raise ShapeError(
            f"{function}: Found an invalid max index: "
            f"expected indices in a plane of {size}, [0, {math.prod(size)}), "
            f"found {indices.array.min()} to {indices.array.max()}"
        )
    return _max_unpool(input, indices, size=size)


# ------------------------------------------------------------------------------ average pooling

AverageWindow = tuple[Size, Size, Size]
"""kernel_size, stride, padding: one int per spatial dimension each"""
Divisor = tuple[bool, int | None]
"""count_include_pad, divisor_override"""


@operation(name="average_pool")
def _average_pool(x, *, window: AverageWindow, ceil_mode, divisor: Divisor):
    """y[o] = Σ over the window / divisor"""
    return kernels.average_pool(x, *window, ceil_mode, *divisor)


@operation(name="average_pool_gradient")
def _average_pool_gradient(g, *, size, window: AverageWindow, ceil_mode, divisor: Divisor):
    """Each g / divisor is added to all places of its window."""
    return kernels.average_pool_gradient(g, size, *window, *divisor)


@_average_pool.derivative("x")
def _(g, x_shape, window, ceil_mode, divisor):
    size = x_shape[-len(window[0]) :]
    return _average_pool_gradient(g, size=size, window=window, ceil_mode=ceil_mode, divisor=divisor)


@_average_pool_gradient.derivative("g")
def _(v, window, ceil_mode, divisor):
    return _average_pool(v, window=window, ceil_mode=ceil_mode, divisor=divisor)


def avg_pool1d(
    input: Tensor, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True
) -> Tensor:
    """The mean of each window along one dimension: see :func:`avg_pool2d`; input (N, C, L) or (C, L).

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.avg_pool1d(torch.tensor([[[1.0, 3.0, 2.0, 6.0]]]), 2)
    tensor([[[2., 4.]]])
    """
    return _pool_average(
        "avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None
    )


def avg_pool2d(
    input: Tensor,
    kernel_size,
    stride=None,
    padding=0,
    ceil_mode=False,
    count_include_pad=True,
    divisor_override=None,
) -> Tensor:
    r"""The mean of each window.

    .. math:: y_{n,c,o} = \frac{1}{d} \sum_t x_{n,c,\; o \cdot stride - padding + t}

    Args:
        input: x, (N, C, H, W) or (C, H, W), not bool.
        kernel_size: of the window; an int or one per spatial dimension, as are the following.
        stride: between windows; None for the kernel_size.
        padding: zeros at both ends; at most half of the kernel.
        ceil_mode: also the window that begins inside but ends outside; see :func:`max_pool2d`.
        count_include_pad: d counts the padding's zeros too (but not what ``ceil_mode`` lets lie beyond them).
        divisor_override: d itself.

    Returns:
        y, (N, C, H', W'), of x's dtype. Means of integers are rounded towards 0.

    Raises:
        ShapeError: sizes that do not fit, no window in the input, a divisor of 0.
        DtypeError: booleans.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.avg_pool2d(torch.tensor([[[1.0, 2.0], [3.0, 6.0]]]), 2)
    tensor([[[3.]]])
    """
    return _pool_average(
        "avg_pool2d", 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def avg_pool3d(
    input: Tensor,
    kernel_size,
    stride=None,
    padding=0,
    ceil_mode=False,
    count_include_pad=True,
    divisor_override=None,
) -> Tensor:
    """The mean of each window over three dimensions: see :func:`avg_pool2d`.

    Input (N, C, D, H, W) or (C, D, H, W).

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.avg_pool3d(torch.arange(8.0).reshape(1, 2, 2, 2), 2)
    tensor([[[[3.5000]]]])
    """
    return _pool_average(
        "avg_pool3d", 3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


@in_float32
def _pool_average(
    function, d, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
) -> Tensor:
    check_tensors(function, input, kinds="fciu")
    batched(function, input, d)
    if divisor_override == 0:
        raise ShapeError(f"{function}: divisor must be not zero, found divisor_override 0; leave it out")
    kernel_size, stride = _kernel_and_stride(function, kernel_size, stride, d)
    window = (kernel_size, stride, per_dimension(function, "padding", padding, d))
    _check_windows(function, input.array.shape[-d:], *window, (1,) * d, ceil_mode)
    return _average_pool(
        input,
        window=window,
        ceil_mode=ceil_mode,
        divisor=(count_include_pad, divisor_override),
    )


__all__ = [
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
]
