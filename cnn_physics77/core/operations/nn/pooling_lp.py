"""Power-average pooling: the p-norm of each window."""

from __future__ import annotations

import math

from cnn_physics77.core.operations.base.arguments import check_tensors, per_dimension
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.nn import pooling
from cnn_physics77.core.operations.pointwise.where_clamp import where
from cnn_physics77.core.tensor import Tensor

_MAXIMUM = {1: pooling.max_pool1d, 2: pooling.max_pool2d, 3: pooling.max_pool3d}
_AVERAGE = {1: pooling.avg_pool1d, 2: pooling.avg_pool2d, 3: pooling.avg_pool3d}


def lp_pool1d(input: Tensor, norm_type: float, kernel_size, stride=None, ceil_mode: bool = False) -> Tensor:
    """The p-norm of each window along one dimension: see :func:`lp_pool2d`; input (N, C, L) or (C, L).

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.lp_pool1d(torch.tensor([[[3.0, 4.0, 6.0, 8.0]]]), 2, 2)
    tensor([[[ 5., 10.]]])
    """
    return _pool("lp_pool1d", 1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(input: Tensor, norm_type: float, kernel_size, stride=None, ceil_mode: bool = False) -> Tensor:
    r"""The p-norm of each window.

    .. math:: y_{n,c,o} = \Big(\sum_t x_{n,c,\; o \cdot stride + t}^p\Big)^{1/p}

    without absolute values: an odd p is for positive x. The derivative of a window whose sum is 0 is 0.

    Args:
        input: x, (N, C, H, W) or (C, H, W), real and floating.
        norm_type: p; infinity takes the largest :math:`|x|`, minus infinity the smallest.
        kernel_size: of the window; an int or one per spatial dimension.
        stride: between windows; None for the kernel_size.
        ceil_mode: also the window that begins inside but ends outside. Its sum is scaled to the whole window.

    Returns:
        (N, C, H', W'), of x's dtype.

    Raises:
        ShapeError, DtypeError: as :func:`avg_pool2d`.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.lp_pool2d(torch.tensor([[[1.0, 1.0], [1.0, 1.0]]]), 2, 2)
    tensor([[[2.]]])
    """
    return _pool("lp_pool2d", 2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(input: Tensor, norm_type: float, kernel_size, stride=None, ceil_mode: bool = False) -> Tensor:
    """The p-norm of each window over three dimensions: see :func:`lp_pool2d`.

    Input (N, C, D, H, W) or (C, D, H, W).

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.lp_pool3d(torch.full((1, 1, 2, 2), 3.0), 2, (1, 2, 2))
    tensor([[[[6.]]]])
    """
    return _pool("lp_pool3d", 3, input, norm_type, kernel_size, stride, ceil_mode)


def _pool(function: str, d: int, input: Tensor, p: float, kernel_size, stride, ceil_mode: bool) -> Tensor:
    sizes = per_dimension(function, "kernel_size", kernel_size, d)
    if p == math.inf:
        return _MAXIMUM[d](input.abs(), sizes, stride, ceil_mode=ceil_mode)
    if p == -math.inf:
        return -_MAXIMUM[d](-input.abs(), sizes, stride, ceil_mode=ceil_mode)
    check_tensors(function, input)  # a mean of integers would be rounded
    mean = _AVERAGE[d](input**p, sizes, stride, ceil_mode=ceil_mode)
    total = where(mean != 0, mean, 0) * math.prod(sizes)  # where it is 0, so is its gradient: inf * 0 is NaN
    return total ** (1 / p)


__all__ = ["lp_pool1d", "lp_pool2d", "lp_pool3d"]
complete_late(__name__)
