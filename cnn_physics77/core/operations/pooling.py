r"""Pooling: the largest or the mean value of each window.

Max-pooling chooses; its derivative is a *scatter* to the places that won, whose adjoint is the *gather* from
them, whose adjoint is the scatter again: closed. Average pooling is linear, and so is its adjoint.
"""

from __future__ import annotations

from cnn_physics77.core.errors import DtypeError
from cnn_physics77.core.kernels import pooling as kernels
from cnn_physics77.core.operations.arguments import batched, per_dimension
from cnn_physics77.core.operations.operation import operation
from cnn_physics77.core.tensor import Tensor, from_array, recording

# ------------------------------------------------------------------------------ max-pooling


# The parameter ``window`` is (kernel_size, stride, padding, dilation), each with one int per spatial
# dimension.


@operation(name="max_pool", extras=("positions",))
def _max_pool(x, *, window, ceil_mode, with_positions):
    """y[o] = max over the window; and the winner's position within it"""
    return kernels.max_pool(x, *window, ceil_mode, with_positions=with_positions)


@operation(name="max_pool_scatter")
def _scatter(g, positions, *, size, window):
    """Each g is added to the place that won its window."""
    return kernels.max_pool_scatter(g, positions, size, *window)


@operation(name="max_pool_gather")
def _gather(v, positions, *, window):
    """Of each window the value at the place that won."""
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
    """The largest value of each window along one dimension: see :func:`max_pool2d`; input (N, C, L) or (C,
    L).

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
    """The largest value of each window over three dimensions: see :func:`max_pool2d`; input (N, C, D, H, W)
    or (C, D, H, W).

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.max_pool3d(torch.arange(8.0).reshape(1, 2, 2, 2), 2)
    tensor([[[[7.]]]])
    """
    return _pool_max(
        "max_pool3d", 3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices
    )


def _pool_max(function, d, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices):
    _check_real(function, input)
    batched(function, input, d)
    kernel_size, stride = _kernel_and_stride(function, kernel_size, stride, d)
    padding = per_dimension(function, "padding", padding, d)
    window = (kernel_size, stride, padding, per_dimension(function, "dilation", dilation, d))
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


def _check_real(function: str, input: Tensor) -> None:
    if not isinstance(input, Tensor) or input.array.dtype.kind not in "fiu":
        found = input.dtype if isinstance(input, Tensor) else type(input).__name__
        raise DtypeError(
            f"{function}: expected a tensor of real numbers, found {found}; convert it, e.g. with .float()"
        )


__all__ = ["max_pool1d", "max_pool2d", "max_pool3d"]
