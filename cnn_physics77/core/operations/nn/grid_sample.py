r"""Images sampled at given places, and the places of an affine map (M. Jaderberg et al., arXiv:1506.02025).

The pixels around each place are gathered, and weighted by polynomials of the place. So derivatives with
respect to the image and to the places, of every order, follow from those of gather and of products.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from math import prod

import numpy as np

from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.errors import ArgumentError, ShapeError
from cnn_physics77.core.kernels.fused import fused_multiply_add
from cnn_physics77.core.operations.base.arguments import check_tensors
from cnn_physics77.core.operations.base.constants import constant_in
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.base.precision import in_float32
from cnn_physics77.core.operations.creation.creation import linspace
from cnn_physics77.core.operations.indexing.cat_split import cat, stack, unbind
from cnn_physics77.core.operations.indexing.gather_scatter import gather_along
from cnn_physics77.core.operations.indexing.permute import transpose
from cnn_physics77.core.operations.indexing.shape import flatten, reshape, unsqueeze
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.linalg.matmul import matmul
from cnn_physics77.core.operations.pointwise.arithmetic import mul
from cnn_physics77.core.operations.pointwise.where_clamp import where
from cnn_physics77.core.tensor import Tensor, from_array

# ------------------------------------------------------------------------------ places

_DEFAULT = (
    "Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. Please "
    "specify align_corners=True if the old behavior is desired. See the documentation of grid_sample for "
    "details."
)


def _pixels(place: Tensor, n: int, align_corners: bool) -> Tensor:
    """A place in [-1, 1] as one in pixels, which lie at 0, 1, ..., n - 1."""
    return (place + 1) * ((n - 1) / 2) if align_corners else _from_edge(place, n=n)


@operation(name="from_edge")
def _from_edge(x, *, n):
    """y = (x + 1) n/2 - 1/2, rounded once after the sum.

    At the middle of a pixel the derivative of a sample jumps, so the last bit of y decides which one it is:
    the first step of a spatial transformer begins there. PyTorch's is that of a fused product and sum.
    """
    return fused_multiply_add(x + x.dtype.type(1), n / 2, -0.5)


@_from_edge.derivative("x")
def _(g, n):
    return g * (n / 2)


def _clipped(place: Tensor, n: int) -> Tensor:
    """The nearest place in [0, n - 1]. The derivative is 0 at the bounds."""
    x = place.array
    inside = (x > 0) & (x < n - 1)
    nearest = np.fmin(np.fmax(x, 0), n - 1)  # NaN becomes 0
    return where(from_array(inside), place, from_array(nearest.astype(x.dtype)))


@silent
def _reflected(place: Tensor, n: int, align_corners: bool) -> Tensor:
    """Mirrored at the middles of the first and last pixels, or at their outer edges, until it is inside."""
    low, high = (0.0, n - 1.0) if align_corners else (-0.5, n - 0.5)
    if high == low:
        return place * 0
    distance = place - low
    negative = distance.array < 0
    distance = where(from_array(negative), -distance, distance)
    turns = np.floor(distance.array / (high - low))
    rest = distance - from_array(turns * distance.array.dtype.type(high - low))
    return where(from_array(turns % 2 == 0), rest + low, high - rest)


def _padded(place: Tensor, n: int, padding_mode: str, align_corners: bool) -> Tensor:
    if padding_mode == "zeros":
        return place
    if padding_mode == "reflection":
        place = _reflected(place, n, align_corners)
    return _clipped(place, n)


# ------------------------------------------------------------------------------ pixels


def _values(input: Tensor, index: Sequence[np.ndarray]) -> Tensor:
    """The pixels x[n, c, *index[n, ...]], 0 outside of the image: (N, C, P) for indices (N, P)."""
    count, channels, *sizes = input.array.shape
    flat, inside = np.zeros_like(index[0]), np.ones_like(index[0], bool)
    for i, n in zip(index, sizes):
        flat = flat * n + i
        inside = inside & (i >= 0) & (i < n)
    place = np.where(inside, flat, prod(sizes))
    pixels = cat([flatten(input, 2), from_array(np.zeros((count, channels, 1), input.array.dtype))], 2)
    position = from_array(np.broadcast_to(place[:, None], (count, channels, place.shape[1])))
    return gather_along(pixels, position, dim=2, squeeze=False)  # the last pixel is the outside


def _integers(x: np.ndarray) -> np.ndarray:
    """Rounded numbers as indices; NaN, and what is too large, lie outside of every image."""
    most = min(2.0**31, float(np.finfo(x.dtype).max))  # float16 ends below 2**31
    return np.where(np.abs(x) <= most, x, -2).astype(np.int64)


def _nearest(input: Tensor, places: list[Tensor], padding_mode: str, align_corners: bool) -> Tensor:
    index = [
        _integers(np.rint(_padded(p, n, padding_mode, align_corners).array))
        for p, n in zip(places, input.array.shape[2:])
    ]
    return _values(input, index)


def _linear(input: Tensor, places: list[Tensor], padding_mode: str, align_corners: bool) -> Tensor:
    """Σ over the corners around a place of pixel times Π over the dimensions of 1 - |distance|"""
    return linear_samples(
        input, [_padded(p, n, padding_mode, align_corners) for p, n in zip(places, input.array.shape[2:])]
    )


def linear_samples(input: Tensor, places: list[Tensor]) -> Tensor:
    """An image, or a volume, at places in pixels: (N, C, P) of (N, C, ...) and, for each dimension, (N, P).
    What is outside is 0.

    >>> import cnn_physics77 as torch
    >>> linear_samples(torch.tensor([[[1.0, 3.0]]]), [torch.tensor([[0.5, 1.5]])])
    tensor([[[2.0000, 1.5000]]])
    """
    left = [np.floor(p.array) for p in places]
    t = [p - from_array(floor) for p, floor in zip(places, left)]
    weights = [(1 - fraction, fraction) for fraction in t]
    return _weighted_sum(input, left, weights, (0, 1), lambda i, dimension: i)


def _cubic(input: Tensor, places: list[Tensor], padding_mode: str, align_corners: bool) -> Tensor:
    left = [np.floor(p.array) for p in places]
    weights = []
    for place, floor in zip(places, left):
        t = place - from_array(floor)
        weights.append((_far(t + 1), _near(t), _near(1 - t), _far(2 - t)))

    def pixel(i: np.ndarray, dimension: int) -> np.ndarray:
        n = input.array.shape[2 + dimension]
        return _padded(from_array(i), n, padding_mode, align_corners).array

    return _weighted_sum(input, left, weights, (-1, 0, 1, 2), pixel)


def _near(d: Tensor) -> Tensor:
    """The kernel of cubic convolution (R. G. Keys, 1981) with a = -3/4, for distances up to 1."""
    return (1.25 * d - 2.25) * d * d + 1


def _far(d: Tensor) -> Tensor:
    """The same for distances from 1 to 2."""
    return -0.75 * (((d - 5) * d + 8) * d - 4)


def _weighted_sum(input: Tensor, left: list[np.ndarray], weights: list, offsets: tuple, pixel) -> Tensor:
    """Σ over all offsets from the pixels to the left of value times weights, (N, C, P)."""
    d, (count, points) = len(left), left[0].shape
    whole = (count, *(len(offsets),) * d, points)
    taps = (len(offsets) ** d, points)
    index, parts = [], []
    for dimension, (floor, of_offset) in enumerate(zip(left, weights)):
        along = [1] * d
        along[dimension] = len(offsets)
        shape = (count, *along, points)
        i = _integers(pixel(floor[:, None] + np.array(offsets, floor.dtype)[:, None], dimension))
        index.append(np.broadcast_to(i.reshape(shape), whole).reshape(count, taps[0] * points))
        parts.append(reshape(stack(of_offset, 1), shape))
    weight = reshape(reduce(mul, parts), (count, *taps))
    values = reshape(_values(input, index), (*input.array.shape[:2], *taps))
    return _over_taps(values, weight)


@operation(name="over_taps")
def _over_taps(v, w):
    """y_ncp = Σ_t v_nctp w_ntp, without the products in memory."""
    return np.einsum("nctp,ntp->ncp", v, w)


@operation(name="over_channels")
def _over_channels(v, g):
    """y_ntp = Σ_c v_nctp g_ncp"""
    return np.einsum("nctp,ncp->ntp", v, g)


def _spread(g: Tensor, w: Tensor) -> Tensor:
    """y_nctp = g_ncp w_ntp"""
    return unsqueeze(g, 2) * unsqueeze(w, 1)


_over_taps.declare("v", lambda g, w: _spread(g, w))
_over_taps.declare("w", lambda g, v: _over_channels(v, g))
_over_channels.declare("v", lambda h, g: _spread(g, h))
_over_channels.declare("g", lambda h, v: _over_taps(v, h))


_MODES = {"bilinear": _linear, "nearest": _nearest, "bicubic": _cubic}
_PADDINGS = ("zeros", "border", "reflection")


@in_float32
def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    r"""An image, or a volume, sampled at given places.

    .. math:: y_{n,c,o} = \sum_p x_{n,c,p} \prod_k w(q_{n,o,k} - p_k)

    with the place q of each output in pixels, and the weights w of linear or cubic interpolation (with a =
    -3/4) around it, or the nearest pixel (of two, the even one).

    Args:
        input: x, (N, C, H, W) or (N, C, D, H, W), real and floating.
        grid: the places (N, H', W', 2) or (N, D', H', W', 3): the last dimension is (x, y) or (x, y, z), x
            along the last dimension of the input; -1 and 1 are the ends of the image.
        mode: ``"bilinear"``, ``"nearest"`` or, for images, ``"bicubic"``.
        padding_mode: what is outside of the image: ``"zeros"``, ``"border"``, the nearest pixel of the edge,
            or ``"reflection"``.
        align_corners: whether -1 and 1 are the middles of the first and last pixels, or their outer edges;
            False, with a warning, by default.

    With ``"zeros"``, infinite and NaN places give NaN, or 0 for the nearest pixel.

    Returns:
        y, (N, C, H', W') or (N, C, D', H', W'), of x's dtype.

    Raises:
        ShapeError: sizes that do not fit, an empty image.
        ArgumentError: an unknown mode.
        DtypeError: different dtypes, or one that is not real and floating.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> grid = torch.tensor([[[[0.0, 0.0], [1.0, -1.0]]]])
    >>> torch.nn.functional.grid_sample(x, grid, align_corners=True)
    tensor([[[[2.5000, 2.0000]]]])
    """
    if mode not in _MODES:
        raise ArgumentError(
            f"grid_sample: expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: {mode!r}"
        )
    if padding_mode not in _PADDINGS:
        raise ArgumentError(
            "grid_sample: expected padding_mode to be 'zeros', 'border', or 'reflection', but got: "
            f"{padding_mode!r}"
        )
    if align_corners is None:
        warn(_DEFAULT)
    check_tensors("grid_sample", input, grid, kinds="f")
    d = input.ndim - 2
    if d not in (2, 3) or grid.ndim != d + 2 or grid.shape[-1] != d or len(grid.array) != len(input.array):
        raise ShapeError(
            "grid_sample: expected 4D or 5D input and grid with same number of dimensions and the same batch "
            f"size, and a grid (N, H, W, 2) or (N, D, H, W, 3), but got {input.array.shape} and "
            f"{grid.array.shape}"
        )
    if 0 in input.array.shape[2:]:
        raise ShapeError(
            f"grid_sample: expected input to have non-empty spatial dimensions, found {input.array.shape}"
        )
    if mode == "bicubic" and d != 2:
        raise ShapeError("grid_sample: bicubic interpolation only supports 4D input, found a 5D one")
    coordinates = unbind(flatten(grid, 1, -2), -1)[::-1]
    places = [_pixels(p, n, bool(align_corners)) for p, n in zip(coordinates, input.array.shape[2:])]
    y = _MODES[mode](input, places, padding_mode, bool(align_corners))
    if mode == "nearest":
        y = constant_in(y, grid)
    return reshape(y, (*input.array.shape[:2], *grid.array.shape[1:-1]))


def grid_sampler(
    input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Tensor:
    """:func:`grid_sample` with numbers for its modes.

    Args:
        interpolation_mode: 0 for ``"bilinear"``, 1 for ``"nearest"``, 2 for ``"bicubic"``.
        padding_mode: 0 for ``"zeros"``, 1 for ``"border"``, 2 for ``"reflection"``.

    Raises:
        ArgumentError: another number.

    >>> import cnn_physics77 as torch
    >>> torch.grid_sampler(torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 1, 2), 0, 0, False)
    tensor([[[[1.]]]])
    """
    if interpolation_mode not in (0, 1, 2) or padding_mode not in (0, 1, 2):
        raise ArgumentError(
            "grid_sampler: expected interpolation_mode and padding_mode to be 0, 1 or 2, found "
            f"{interpolation_mode} and {padding_mode}"
        )
    mode = tuple(_MODES)[interpolation_mode]
    return grid_sample(input, grid, mode, _PADDINGS[padding_mode], align_corners)


# ------------------------------------------------------------------------------ affine maps


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    r"""The places of an affine map, for :func:`grid_sample`.

    .. math:: q_{n,o} = A_n \begin{pmatrix} p_o \\ 1 \end{pmatrix}

    with the places p of the output's pixels.

    Args:
        theta: the matrices A, (N, 2, 3) or (N, 3, 4), floating.
        size: of the output, (N, C, H, W) or (N, C, D, H, W).
        align_corners: whether -1 and 1 are the middles of the first and last pixels, or their outer edges;
            False, with a warning, by default.

    Returns:
        q, (N, H, W, 2) or (N, D, H, W, 3); the last dimension is (x, y) or (x, y, z).

    Raises:
        ArgumentError: a theta that is not floating, sizes that do not fit or are not positive.
        NotImplementedError: a size of neither 4 nor 5 numbers.

    >>> import cnn_physics77 as torch
    >>> theta = torch.tensor([[[1.0, 0.0, 0.5], [0.0, 1.0, 0.0]]])
    >>> torch.nn.functional.affine_grid(theta, (1, 1, 1, 2), align_corners=False)
    tensor([[[[0., 0.],
              [1., 0.]]]])
    """
    if align_corners is None:
        warn(_DEFAULT)
    size = tuple(size)
    if theta.array.dtype.kind != "f":
        raise ArgumentError(f"affine_grid: Expected theta to have floating point type, but got {theta.dtype}")
    d = len(size) - 2
    if d not in (2, 3):
        raise NotImplementedError(
            "affine_grid: only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. Got "
            f"size {size}"
        )
    if theta.array.shape != (size[0], d, d + 1):
        raise ArgumentError(
            f"affine_grid: Expected a batch of {d}D affine matrices of shape {size[0]}x{d}x{d + 1} for size "
            f"{size}. Got {theta.array.shape}"
        )
    if align_corners and min(size[2:]) == 1:
        warn(
            "Since version 1.3.0, affine_grid behavior has changed for unit-size grids when "
            "align_corners=True. This is not an intended use case of affine_grid. See the documentation of "
            "affine_grid for details."
        )
    elif min(size) <= 0:
        raise ArgumentError(f"affine_grid: Expected non-zero, positive output size. Got {size}")
    along = [_centres(n, bool(align_corners)).astype(theta.dtype) for n in size[2:]]
    places = np.stack([*np.meshgrid(*along, indexing="ij")[::-1], np.ones(size[2:], theta.dtype)], -1)
    grid = matmul(from_array(places.reshape(1, -1, d + 1)), transpose(theta, 1, 2))
    return reshape(grid, (size[0], *size[2:], d))


def affine_grid_generator(theta: Tensor, size: Sequence[int], align_corners: bool) -> Tensor:
    """:func:`affine_grid`, whose ``align_corners`` has no default.

    >>> import cnn_physics77 as torch
    >>> torch.affine_grid_generator(torch.ones(1, 2, 3), (1, 1, 1, 1), False)
    tensor([[[[1., 1.]]]])
    """
    return affine_grid(theta, size, align_corners)


def _centres(n: int, align_corners: bool) -> np.ndarray:
    """The places of the pixels in [-1, 1]."""
    if n == 1:
        return np.zeros(1)
    places = linspace(-1, 1, n, dtype=np.float64).array
    return places if align_corners else places * (n - 1) / n


__all__ = ["affine_grid", "affine_grid_generator", "grid_sample", "grid_sampler"]
complete_late(__name__)
