"""Rearrangements between channels and pixels, or among channels: permutations of the elements, made of views
and one copy."""

from __future__ import annotations

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.core.operations.indexing.permute import permute, transpose
from cnn_physics77.core.operations.indexing.shape import reshape
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.tensor import Tensor


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    r"""Each group of r² channels becomes one channel of r times the height and width (W. Shi et al.,
    arXiv:1609.05158).

    .. math:: y_{c,\, h r + i,\, w r + j} = x_{c r^2 + i r + j,\, h,\, w}, \qquad 0 \le i, j < r

    Args:
        input: x, (..., C r², H, W), of any dtype.
        upscale_factor: r.

    Returns:
        y, (..., C, H r, W r).

    Raises:
        ShapeError: fewer than 3 dimensions, r below 1, or a number of channels that r² does not divide.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.pixel_shuffle(torch.arange(8.0).reshape(4, 1, 2), 2)
    tensor([[[0., 2., 1., 3.],
             [4., 6., 5., 7.]]])
    """
    r = _factor("pixel_shuffle", "upscale_factor", input, upscale_factor)
    *lead, channels, height, width = input.array.shape
    if channels % r**2:
        raise ShapeError(
            f"pixel_shuffle: expects its input's 'channel' dimension to be divisible by the square of "
            f"upscale_factor, but input.size(-3)={channels} is not divisible by {r**2}"
        )
    n = len(lead)
    parts = reshape(input, (*lead, channels // r**2, r, r, height, width))
    order = (*range(n), n, n + 3, n + 1, n + 4, n + 2)
    return reshape(permute(parts, order), (*lead, channels // r**2, height * r, width * r))


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Each block of r x r pixels becomes r² channels: the inverse of :func:`pixel_shuffle`.

    Args:
        input: (..., C, H r, W r), of any dtype.
        downscale_factor: r.

    Returns:
        (..., C r², H, W).

    Raises:
        ShapeError: fewer than 3 dimensions, r below 1, or a height or width that r does not divide.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.pixel_unshuffle(torch.arange(4.0).reshape(1, 2, 2), 2).flatten()
    tensor([0., 1., 2., 3.])
    """
    r = _factor("pixel_unshuffle", "downscale_factor", input, downscale_factor)
    *lead, channels, height, width = input.array.shape
    if height % r or width % r:
        raise ShapeError(
            f"pixel_unshuffle: expects height and width to be divisible by downscale_factor, but ({height}, "
            f"{width}) is not divisible by {r}"
        )
    n = len(lead)
    parts = reshape(input, (*lead, channels, height // r, r, width // r, r))
    order = (*range(n), n, n + 2, n + 4, n + 1, n + 3)
    return reshape(permute(parts, order), (*lead, channels * r**2, height // r, width // r))


def _factor(function: str, name: str, input: Tensor, factor) -> int:
    if type(factor) is not int:
        raise DtypeError(f"{function}: expected {name} to be an int, found {factor!r}")
    if input.array.ndim < 3:
        raise ShapeError(
            f"{function}: expects input to have at least 3 dimensions (..., C, H, W), found shape "
            f"{input.array.shape}"
        )
    if factor < 1:
        raise ShapeError(f"{function}: expects a positive {name}, but got {factor}")
    return factor


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    r"""The channels of g groups, dealt like cards (X. Zhang et al., arXiv:1707.01083).

    .. math:: y_{n,\, k g + i} = x_{n,\, i C / g + k}, \qquad 0 \le i < g

    Args:
        input: x, (N, C, ...) with at least one more dimension, of any dtype.
        groups: g.

    Raises:
        ShapeError: fewer than 3 dimensions, g below 1, or a number of channels that g does not divide.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.channel_shuffle(torch.arange(6.0).reshape(1, 6, 1), 2).flatten()
    tensor([0., 3., 1., 4., 2., 5.])
    """
    shape = input.array.shape
    if len(shape) < 3:
        raise ShapeError(f"channel_shuffle: expects input with > 2 dims, found shape {shape}")
    if groups < 1:
        raise ShapeError(
            f"channel_shuffle: Number of groups to divide channels in must be positive, found {groups}"
        )
    if shape[1] % groups:
        raise ShapeError(
            f"channel_shuffle: Number of channels must be divisible by groups, found {shape[1]} channels and "
            f"{groups} groups"
        )
    parts = reshape(input, (shape[0], groups, shape[1] // groups, *shape[2:]))
    return reshape(transpose(parts, 1, 2), shape)


__all__ = ["channel_shuffle", "pixel_shuffle", "pixel_unshuffle"]
complete_late(__name__)
