r"""Interpolation: images of another size.

Each method is linear and treats one dimension after the other. Along one, it is a sum over few *taps*,
:math:`y_o = \sum_k w_{ok} x_{i_{ok}}`: one tap for the nearest pixel, two for linear and four for cubic
interpolation, more where an antialiasing filter is wide. Its adjoint adds each :math:`w_{ok} g_o` to the
place :math:`i_{ok}`, and the adjoint of that is the sum itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.errors import ArgumentError, ShapeError
from cnn_physics77.core.operations.base.arguments import check_tensors
from cnn_physics77.core.operations.base.broadcasting import cast
from cnn_physics77.core.operations.base.dimensions import sizes_of
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.base.precision import in_float32
from cnn_physics77.core.operations.indexing.clone import clone
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.nn.adaptive_pooling import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
)
from cnn_physics77.core.tensor import Tensor, from_array

# ------------------------------------------------------------------------------ the operation

Tap = tuple[np.ndarray, np.ndarray | None]
"""For each output its input, in ascending order, and its weight (None: 1)."""


@operation(name="resample")
def _resample(x, *, dim, taps: tuple[Tap, ...]):
    """y_o = Σ_k w_ok x_(i_ok) along dim"""
    y = None
    for index, weight in taps:
        part = np.take(x, index, axis=dim)
        if weight is not None:
            part = part * _along(weight, dim, x)
        y = part if y is None else y + part
    return y


@operation(name="resample_adjoint")
def _spread(g, *, dim, taps: tuple[Tap, ...], size):
    """x_i = Σ w_ok g_o over all o and k with i_ok = i"""
    before = (slice(None),) * dim
    x = np.zeros((*g.shape[:dim], size, *g.shape[dim + 1 :]), g.dtype, like=g)
    for index, weight in taps:
        part = g if weight is None else g * _along(weight, dim, g)
        starts = np.flatnonzero(np.diff(index, prepend=-1))  # of runs of one place
        x[(*before, index[starts])] += np.add.reduceat(part, starts, axis=dim)
    return x


@_resample.derivative("x")
def _(g, x_shape, dim, taps):
    return _spread(g, dim=dim, taps=taps, size=x_shape[dim])


@_spread.derivative("g")
def _(v, dim, taps):
    return _resample(v, dim=dim, taps=taps)


def _along(weight: np.ndarray, dim: int, x: np.ndarray) -> np.ndarray:
    return weight.astype(x.dtype).reshape(-1, *(1,) * (x.ndim - dim - 1))


# ------------------------------------------------------------------------------ where and how much


def _scale(n: int, m: int, factor: float | None, align_corners: bool) -> float:
    """The distance of neighbouring outputs in pixels of the input."""
    if align_corners:
        return (n - 1) / (m - 1) if m > 1 else 0.0
    return n / m if factor is None else 1 / factor


def _sources(n: int, m: int, factor: float | None, align_corners: bool) -> np.ndarray:
    """The place of each output in the input, whose pixels lie at 0, 1, 2, ..."""
    outputs = np.arange(m)
    scale = _scale(n, m, factor, align_corners)
    return scale * outputs if align_corners else scale * (outputs + 0.5) - 0.5


def _nearest(n: int, m: int, factor: float | None, align_corners: bool) -> tuple[Tap, ...]:
    """The pixel at or before the place of each output, as if outputs lay at their left edges.

    The places are float32 numbers in PyTorch, which decides ties.
    """
    return _pixels(n, np.arange(m, dtype=np.float32) * _single_scale(n, m, factor))


def _nearest_exact(n: int, m: int, factor: float | None, align_corners: bool) -> tuple[Tap, ...]:
    """The pixel that contains the middle of each output."""
    return _pixels(n, (np.arange(m, dtype=np.float32) + np.float32(0.5)) * _single_scale(n, m, factor))


def _single_scale(n: int, m: int, factor: float | None) -> np.float32:
    return np.float32(n) / np.float32(m) if factor is None else np.float32(1 / factor)


def _pixels(n: int, places: np.ndarray) -> tuple[Tap, ...]:
    return ((np.minimum(np.floor(places).astype(np.intp), n - 1), None),)


def _linear(n: int, m: int, factor: float | None, align_corners: bool) -> tuple[Tap, ...]:
    if n == m:
        return ((np.arange(n), None),)
    places = np.maximum(_sources(n, m, factor, align_corners), 0)
    left, t = _split(n, places)
    return (left, 1 - t), (np.minimum(left + 1, n - 1), t)


def _cubic(n: int, m: int, factor: float | None, align_corners: bool) -> tuple[Tap, ...]:
    left, t = _split(n, _sources(n, m, factor, align_corners))
    return tuple((np.clip(left + k, 0, n - 1), cubic_weight(t - k)) for k in (-1, 0, 1, 2))


def _split(n: int, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pixel to the left of each place, and the distance to it."""
    left = np.minimum(np.floor(places).astype(np.intp), n - 1)
    return left, np.clip(places - left, 0, 1)


def cubic_weight(distance: np.ndarray, a: float = -0.75) -> np.ndarray:
    """The kernel of cubic convolution (R. G. Keys, 1981, equation 15); a is its slope at distance 1.

    >>> cubic_weight(np.array([0.0, 0.5, 1.0, 2.5]))
    array([1.     , 0.59375, 0.     , 0.     ])
    """
    d = np.abs(distance)
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((d - 5) * d + 8) * d * a - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def _triangle(distance: np.ndarray) -> np.ndarray:
    return np.maximum(1 - np.abs(distance), 0)


def _smooth_cubic(distance: np.ndarray) -> np.ndarray:
    return cubic_weight(distance, -0.5)


def _lanczos(distance: np.ndarray) -> np.ndarray:
    return np.where(np.abs(distance) < 3, np.sinc(distance) * np.sinc(distance / 3), 0.0)


_FILTERS: dict[str, tuple[Callable, float]] = {
    "bilinear": (_triangle, 1.0),
    "bicubic": (_smooth_cubic, 2.0),
    "lanczos": (_lanczos, 3.0),
}
"""The antialiasing filters, and how far each reaches."""


def _antialiased(mode: str, n: int, m: int, factor: float | None, align_corners: bool) -> tuple[Tap, ...]:
    """The mean of the pixels around each output, weighted by a filter that is as wide as an output."""
    weight, reach = _FILTERS[mode]
    scale = _scale(n, m, factor, align_corners)
    width = max(scale, 1.0)
    middles = scale * (np.arange(m) + 0.5)
    first = np.maximum((middles - reach * width + 0.5).astype(np.intp), 0)
    stop = np.minimum((middles + reach * width + 0.5).astype(np.intp), n)
    count = max(int((stop - first).max(initial=1)), 1)
    index = first[:, None] + np.arange(count)
    weights = np.where(index < stop[:, None], weight((index + 0.5 - middles[:, None]) / width), 0.0)
    total = weights.sum(axis=1, keepdims=True)
    weights = weights / np.where(total == 0, 1.0, total)
    index = np.minimum(index, n - 1)
    return tuple((index[:, k], weights[:, k]) for k in range(count))


_METHODS: dict[str, tuple[Callable, tuple[int, ...]]] = {
    "nearest": (_nearest, (1, 2, 3)),
    "nearest-exact": (_nearest_exact, (1, 2, 3)),
    "linear": (_linear, (1,)),
    "bilinear": (_linear, (2,)),
    "bicubic": (_cubic, (2,)),
    "trilinear": (_linear, (3,)),
}
"""The taps along one dimension, and for how many spatial dimensions the mode is."""

_AREA = {1: adaptive_avg_pool1d, 2: adaptive_avg_pool2d, 3: adaptive_avg_pool3d}


@lru_cache(maxsize=256)
def _taps(mode: str, n: int, m: int, factor: float | None, align_corners: bool, antialias: bool):
    if antialias:
        return _antialiased(mode, n, m, factor, align_corners)
    return _METHODS[mode][0](n, m, factor, align_corners)


# ------------------------------------------------------------------------------ the functions


@in_float32
def interpolate(
    input: Tensor,
    size=None,
    scale_factor=None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    r"""The input as an image (or a series, or a volume) of another size.

    An output o lies in the input at

    .. math:: p = \frac{n}{m} \left(o + \tfrac{1}{2}\right) - \tfrac{1}{2}, \qquad
        \text{with align\_corners: } p = \frac{n - 1}{m - 1} \, o

    where the size changes from n to m, and pixels lie at 0, 1, ..., n - 1. It is

    - ``"nearest"``: the pixel at ⌊o n / m⌋, which is half an output too far to the left on average;
    - ``"nearest-exact"``: the pixel that is nearest to p;
    - ``"linear"``, ``"bilinear"``, ``"trilinear"``, for one, two and three spatial dimensions: the straight
      line between the two neighbours of p, in each dimension;
    - ``"bicubic"``, for two: the cubic convolution of four neighbours (R. G. Keys, 1981) with a = -0.75,
      which can overshoot;
    - ``"area"``: the mean of the pixels that o covers, :func:`adaptive_avg_pool2d`;
    - ``"lanczos"``, for two, with ``antialias`` only: the windowed sinc function sinc(d) sinc(d / 3).

    Beyond the edges, the pixels of the edge are repeated.

    Args:
        input: (N, C, L), (N, C, H, W) or (N, C, D, H, W), real and floating, or uint8 (but for ``"area"``),
            of which the result of each dimension is rounded to the nearest integer. PyTorch's weights of
            bytes have 16 bits, so its results can differ by one or two.
        size: m; an int or one for each spatial dimension.
        scale_factor: m / n, instead of size; the size is then ⌊n scale_factor⌋, and n / m in the formula is
            1 / scale_factor.
        mode: see above.
        align_corners: whether the middles of the first and of the last pixels stay where they are; for the
            linear and cubic modes, False by default.
        recompute_scale_factor: whether n / m is that of the sizes, as if they had been given.
        antialias: whether a smaller image takes the mean of all pixels around an output, weighted by a
            triangle, a cubic (a = -0.5) or a Lanczos kernel as wide as an output; for ``"bilinear"``,
            ``"bicubic"`` and ``"lanczos"``.

    Returns:
        (N, C, *sizes), of the input's dtype.

    Raises:
        ArgumentError: both or neither of size and scale_factor, a number of them that does not fit, an option
            that does not go with the mode.
        NotImplementedError: no such mode for so many dimensions.
        ShapeError: a size below 1.
        DtypeError: the dtype is neither real and floating nor uint8.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([[[1.0, 3.0]]])
    >>> torch.nn.functional.interpolate(x, 4), torch.nn.functional.interpolate(x, 4, mode="linear")
    (tensor([[[1., 1., 3., 3.]]]), tensor([[[1.0000, 1.5000, 2.5000, 3.0000]]]))
    """
    d = input.array.ndim - 2
    if mode in ("nearest", "nearest-exact", "area") and align_corners is not None:
        raise ArgumentError(
            "interpolate: align_corners option can only be set with the interpolating modes: linear | "
            f"bilinear | bicubic | trilinear, found mode {mode!r}"
        )
    bytes_in = input.array.dtype == np.uint8 and mode != "area"
    check_tensors("interpolate", input, kinds="u" if bytes_in else "f")
    sizes, factors = _sizes(input.array.shape[2:], size, scale_factor)
    if recompute_scale_factor:
        if factors is None:
            raise ArgumentError("interpolate: recompute_scale_factor is not meaningful with an explicit size")
        factors = None
    _check_mode(mode, d, antialias)
    if mode == "area":
        return _AREA[d](input, sizes)
    if mode == "lanczos" and align_corners:
        raise ArgumentError("interpolate: Lanczos mode does not support align_corners=True; leave it out")
    if min(sizes) < 1 or min(input.array.shape[1:]) < 1:
        raise ShapeError(
            "interpolate: Input and output sizes should be greater than 0, but got input "
            f"{input.array.shape} and output sizes {sizes}"
        )
    y = input
    for axis in reversed(range(d)):
        factor = None if factors is None else factors[axis]
        n, m = input.shape[2 + axis], sizes[axis]
        if n == m and (antialias or (mode == "nearest" and d == 2)):
            continue  # as in PyTorch, even if there is a factor, e.g. 3 * 1.3 pixels
        taps = _taps(mode, n, m, factor, bool(align_corners), antialias)
        if bytes_in and taps[0][1] is not None:
            y = _rounded(_resample(cast(y, dtype=np.dtype(np.float32)), dim=2 + axis, taps=taps))
        else:
            y = _resample(y, dim=2 + axis, taps=taps)
    return clone(y) if y is input else y


def _rounded(y: Tensor) -> Tensor:
    """As PyTorch rounds bytes after each dimension."""
    return from_array(np.floor(np.clip(y.array, 0, 255) + np.float32(0.5)).astype(np.uint8))


def _sizes(found: tuple[int, ...], size, scale_factor) -> tuple[tuple[int, ...], tuple[float, ...] | None]:
    """The sizes of the result, and the factors if these were given."""
    if (size is None) == (scale_factor is None):
        which = "either size or scale_factor" if size is None else "only one of size or scale_factor"
        raise ArgumentError(f"interpolate: {which} should be defined")
    name, given = ("size", size) if scale_factor is None else ("scale_factor", scale_factor)
    values = tuple(given) if isinstance(given, (tuple, list)) else (given,) * len(found)
    if len(values) != len(found):
        raise ArgumentError(
            f"interpolate: Input and {name} must have the same number of spatial dimensions, but got input "
            f"with spatial dimensions of {list(found)} and {name} {given}"
        )
    if scale_factor is not None:
        factors = tuple(float(v) for v in values)
        return tuple(math.floor(n * f) for n, f in zip(found, factors)), factors
    return sizes_of("interpolate", values), None


def _check_mode(mode: str, d: int, antialias: bool) -> None:
    if antialias and not (mode in _FILTERS and d == 2):
        raise ArgumentError(
            "interpolate: Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and "
            f"requires a 4-D tensor as input, found mode {mode!r} and a {d + 2}-D tensor"
        )
    if mode == "lanczos" and not antialias:
        raise ArgumentError("interpolate: Lanczos mode requires antialias=True")
    known = _FILTERS if antialias else {*_METHODS, "area"}
    if not 1 <= d <= 3 or mode not in known or (mode in _METHODS and d not in _METHODS[mode][1]):
        raise NotImplementedError(
            "interpolate: expected a 3D, 4D or 5D input and a mode for its spatial dimensions (linear for "
            "one, bilinear and bicubic for two, trilinear for three, nearest, nearest-exact and area for all "
            f"of them), found a {d + 2}D input and mode {mode!r}"
        )


def upsample(
    input: Tensor, size=None, scale_factor=None, mode: str = "nearest", align_corners: bool | None = None
) -> Tensor:
    """The older name of :func:`interpolate`; it warns."""
    warn("`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.")
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Tensor, size=None, scale_factor=None) -> Tensor:
    """The older name of :func:`interpolate` with ``mode="nearest"``; it warns."""
    warn("`nn.functional.upsample_nearest` is deprecated. Use `nn.functional.interpolate` instead.")
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(input: Tensor, size=None, scale_factor=None) -> Tensor:
    """The older name of :func:`interpolate` with ``mode="bilinear"`` and ``align_corners=True``; it warns."""
    warn("`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead.")
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


__all__ = ["interpolate", "upsample", "upsample_bilinear", "upsample_nearest"]
complete_late(__name__)
