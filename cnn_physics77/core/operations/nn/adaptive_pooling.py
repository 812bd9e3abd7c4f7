"""Adaptive pooling: the number of windows is given, and their size follows.

Window o of n over an input of size s runs from ⌊o s / n⌋ to ⌈(o + 1) s / n⌉ (exclusive); neighbours may share
an element.
"""

from __future__ import annotations

from operator import index

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.core.kernels import pooling as kernels
from cnn_physics77.core.operations.base.arguments import batched, check_tensors
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.base.precision import in_float32
from cnn_physics77.core.operations.nn.pooling import scatter_add_at
from cnn_physics77.core.tensor import Tensor


@operation(name="adaptive_average_pool")
def _adaptive_average_pool(x, *, output_size):
    """y[o] = the mean of window o"""
    return kernels.adaptive_average_pool(x, output_size)


@operation(name="adaptive_average_pool_gradient")
def _adaptive_average_pool_gradient(g, *, size):
    """Each g, divided by the size of its window, is added to all places of it."""
    return kernels.adaptive_average_pool_gradient(g, size)


@_adaptive_average_pool.derivative("x")
def _(g, x_shape, output_size):
    return _adaptive_average_pool_gradient(g, size=x_shape[-len(output_size) :])


@_adaptive_average_pool_gradient.derivative("g")
def _(v, g_shape, size):
    return _adaptive_average_pool(v, output_size=g_shape[-len(size) :])


@operation(name="adaptive_max_pool", extras=("indices",))
def _adaptive_max_pool(x, *, output_size):
    """y[o] = max over window o; and the winner's row-major index in its plane"""
    return kernels.adaptive_max_pool(x, output_size)


@_adaptive_max_pool.derivative("x")
def _(g, indices, x_shape, output_size):
    return scatter_add_at(g, indices, x_shape, len(output_size))


def adaptive_avg_pool1d(input: Tensor, output_size) -> Tensor:
    """The means of a given number of windows: see :func:`adaptive_avg_pool2d`; input (N, C, L) or (C, L).

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.adaptive_avg_pool1d(torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]]), 3)
    tensor([[1.5000, 3.0000, 4.5000]])
    """
    return _average("adaptive_avg_pool1d", 1, input, output_size)


def adaptive_avg_pool2d(input: Tensor, output_size) -> Tensor:
    """The means of a given number of windows.

    Args:
        input: (N, C, H, W) or (C, H, W), floating.
        output_size: how many windows; an int or one per spatial dimension, None for the input's size.

    Returns:
        (N, C, *output_size), of the same dtype.

    Raises:
        ShapeError: sizes that do not fit, an empty plane.
        DtypeError: the input is not floating.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.adaptive_avg_pool2d(torch.tensor([[[1.0, 2.0], [3.0, 6.0]]]), 1)
    tensor([[[3.]]])
    """
    return _average("adaptive_avg_pool2d", 2, input, output_size)


def adaptive_avg_pool3d(input: Tensor, output_size) -> Tensor:
    """The means of a given number of windows: see :func:`adaptive_avg_pool2d`.

    Input (N, C, D, H, W) or (C, D, H, W).

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.adaptive_avg_pool3d(torch.arange(8.0).reshape(1, 2, 2, 2), (1, 1, 2))
    tensor([[[[3., 4.]]]])
    """
    return _average("adaptive_avg_pool3d", 3, input, output_size)


def adaptive_max_pool1d(input: Tensor, output_size, return_indices: bool = False):
    """The maxima of a given number of windows: see :func:`adaptive_max_pool2d`; input (N, C, L) or (C, L).

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.adaptive_max_pool1d(torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]]), 3)
    tensor([[2., 4., 5.]])
    """
    return _maximum("adaptive_max_pool1d", 1, input, output_size, return_indices)


def adaptive_max_pool2d(input: Tensor, output_size, return_indices: bool = False):
    """The maxima of a given number of windows. Ties, NaN and indices as :func:`max_pool2d`.

    Args:
        input: (N, C, H, W) or (C, H, W), floating.
        output_size: how many windows; an int or one per spatial dimension, None for the input's size.
        return_indices: also give the places that won, row-major in the plane, int64.

    Returns:
        (N, C, *output_size), of the same dtype; with return_indices the indices too.

    Raises:
        ShapeError: sizes that do not fit, an empty plane.
        DtypeError: the input is not floating.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([[[1.0, 2.0], [3.0, 6.0]]])
    >>> torch.nn.functional.adaptive_max_pool2d(x, 1, return_indices=True)
    (tensor([[[6.]]]), tensor([[[3]]]))
    """
    return _maximum("adaptive_max_pool2d", 2, input, output_size, return_indices)


def adaptive_max_pool3d(input: Tensor, output_size, return_indices: bool = False):
    """The maxima of a given number of windows: see :func:`adaptive_max_pool2d`.

    Input (N, C, D, H, W) or (C, D, H, W).

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.adaptive_max_pool3d(torch.arange(8.0).reshape(1, 2, 2, 2), (1, 1, 2))
    tensor([[[[6., 7.]]]])
    """
    return _maximum("adaptive_max_pool3d", 3, input, output_size, return_indices)


@in_float32
def _average(function: str, d: int, input: Tensor, output_size) -> Tensor:
    return _adaptive_average_pool(input, output_size=_windows(function, d, input, output_size))


def _maximum(function: str, d: int, input: Tensor, output_size, return_indices: bool):
    output_size = _windows(function, d, input, output_size)
    y, indices = _adaptive_max_pool(input, output_size=output_size)
    return (y, indices) if return_indices else y


def _windows(function: str, d: int, input: Tensor, output_size) -> tuple[int, ...]:
    """The number of windows along each spatial dimension."""
    check_tensors(function, input)
    batched(function, input, d)
    size = input.shape[-d:]
    asked = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * d
    asked = asked * d if len(asked) == 1 else asked
    try:
        asked = tuple(None if n is None else index(n) for n in asked)
    except TypeError:
        raise DtypeError(
            f"{function}: expected output_size to be made of ints and None, found {output_size!r}"
        ) from None
    if len(asked) != d or any(n is not None and n < 0 for n in asked):
        raise ShapeError(
            f"{function}: expected output_size to be an int or {d} of them, not below 0, "
            f"found {output_size!r}; give one per spatial dimension"
        )
    if 0 in size:
        raise ShapeError(
            f"{function}: expected input to have non-zero size for non-batch dimensions, "
            f"found shape {input.array.shape}"
        )
    return tuple(n if a is None else a for a, n in zip(asked, size))


__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
]
