"""Where neighbouring values differ too much in size for Winograd's algorithm. The only decisions by value.

The algorithm mixes the pixels of a tile, so the rounding error of each output follows the largest value of
its tile, although the kernel may not even reach from it. Measured in float32, one value of size S adds up to
``1e-6 S |w|`` to the error of every output of its tile (F(8 x 1), the largest of the algorithms that are
chosen; F(4 x 4) adds half of it), where the outputs themselves are about ``sqrt(taps C) s |w|`` for values of
size s. So a pixel is measured as the outputs see it, by the norm

    sqrt(sum over channels c of x[c]^2 v[c])       v[c]: the squared norm of the weights of channel c

and a cell, of one pixel or some neighbours of one row, is so narrow that every window of the kernel holds a
whole one. A piece of work is taken by the exact product instead (`im2col`) where

    a cell is more than `MOST_CONTRAST` times as large as a typical pixel of its sample,

or where a value is infinite, NaN or so large that a sum may overflow. Then outliers add at most about 1e-4 of
the outputs' size to the error of outputs that they do not reach, divided by the share of the pixels that are
not outliers. The typical size is the harmonic mean of some
pixels that are not zero: it follows the ordinary values even where most pixels hold a large fill value. Cells
that are zero or smaller than typical count as typical, so sparse and decaying images remain with the fast
algorithm; there the error is relative to the typical pixel.

Large values are no outliers where they are common: the strokes of a digit before its background, and what
layers make of them. If an eighth of the pixels are within `MOST_CONTRAST` of a value, it is allowed up to
`COMMON_CONTRAST` times the typical pixel. There the error is small beside the large values, at most 1e-6 of
them, and at most about 1e-2 of the outputs where all is small, again divided by the share of the pixels that
are.

Taps of a kernel that differ by more than `MOST_KERNEL_CONTRAST` are excluded in the same way, all of the map
at once. In a weight gradient both images are looked at.

:class:`Screen` finds the pieces of work that are in order, at the cost of one pass over their rows by BLAS
and of a few pixels of each sample, at places that follow no pattern of the images and differ from sample to
sample. No cell is larger than the norm of its row. So a piece is in order where no row is too large beside
the typical and the common size of these pixels of its sample. They may meet no ordinary value, in a hole of a
few pixels, say, in a region of fill values. Therefore a row is not more than `PIECE_CONTRAST` times as large
as the typical pixel of any other sample of the piece, either. The bounds above then hold with these sizes.
They are too large only where ordinary values are so few in all samples of a piece that no pixel meets them:
2 % of the pixels or less, the rest being fill values. Then outputs that fill values do not reach may be
wrong. In float32 squares leave the range where all rows are below 6e-14, or one is above 2e19: such pieces
are not in order.
"""

from functools import lru_cache
from math import ceil, inf, prod

import numpy as np

from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.kernels.convolution import im2col_nhwc
from cnn_physics77.core.kernels.convolution.nhwc_windows import NHWCWindows
from cnn_physics77.core.kernels.gemm import matmul
from cnn_physics77.core.kernels.windows import Size

MOST_CONTRAST = 64.0
COMMON_CONTRAST = 2.0**13
PIECE_CONTRAST = 2.0**20
COMMON = 8  # one pixel in so many is large: then large values are common
MOST_KERNEL_CONTRAST = 16.0
LEAST_ENERGY = 2.0**-88  # of the largest row: with a smaller one, squares in float32 lose the small values
SCREENED = 128  # pixels of a piece that the screen takes, at least, and at least
LEAST_SCREENED = 16  # of each of its samples
# 1 / p and 1 / p^2 with p^3 = p + 1: their multiples, modulo 1, fill the unit square evenly (M. Roberts, "The
# unreasonable effectiveness of quasirandom sequences", 2018)
STEP = np.array([0.7548776662466927, 0.5698402909980532])
TRUE = np.array(True)
TRUE.flags.writeable = False


class Screen:
    """Finds the pieces of images that Winograd's algorithm may take.

    It squares what it is given, so its caller is `silent`.

    Args:
        images: (N, H, W, C).
        channels: (C,), what a squared value of each channel counts, 1 at most.
        above: rows above the images at which the first strip begins.
        step, span: rows from one strip to the next, and of each.
        pieces: (samples, strips) of each, every one of its samples with every one of its strips.
    """

    def __init__(
        self,
        images: np.ndarray,
        channels: np.ndarray,
        above: int,
        step: int,
        span: int,
        pieces: list[tuple[slice, slice]],
    ) -> None:
        self.images, self.channels = images, channels
        self.above, self.step, self.span = above, step, span
        strips = sorted({(piece.start, piece.stop) for _, piece in pieces})
        self.rows = {first: self._rows(first, last) for first, last in strips}
        self._band = {first: number for number, first in enumerate(self.rows)}
        if self.images.size:
            starts = sorted({samples.start for samples, _ in pieces})
            self._allowed = self._allowed_energies(tuple(self.rows.values()), starts)

    def _rows(self, first: int, last: int) -> tuple[int, int]:
        """The rows of the images that some strips read."""
        top = max(0, first * self.step - self.above)
        bottom = (last - 1) * self.step - self.above + self.span
        return top, max(top, min(self.images.shape[1], bottom))

    def _allowed_energies(self, bands: tuple[tuple[int, int], ...], starts: list[int]) -> np.ndarray:
        """The largest squared norm of a row that is in order, for each sample: (bands of rows, N). It is 0
        where all pixels that were taken are zero, or are not finite.

        Args:
            starts: the first samples of the pieces.

        In as few calls as possible, for each takes some microseconds while its code is in no cache.
        """
        batch, height, width, channels = self.images.shape
        sizes = np.diff([*starts, batch])
        number = max(LEAST_SCREENED, ceil(SCREENED / sizes.max()))
        places = _places(batch, height, width, bands, number)
        if self.images.flags.c_contiguous:
            pixels = self.images.reshape(-1, channels).take(places, axis=0)
        else:
            sample, pixel = np.divmod(places, height * width)
            pixels = self.images[sample, pixel // width, pixel % width]
        typical, allowed = _sizes(np.sqrt(np.square(pixels, out=pixels) @ self.channels))
        of_piece = np.fmin.reduceat(typical, starts, axis=1) * PIECE_CONTRAST
        allowed = np.minimum(allowed, np.repeat(of_piece, sizes, axis=1))
        limit = _largest_energy(allowed.dtype)
        return np.where(allowed < inf, np.minimum(np.square(allowed), limit), 0)

    def passes(self, piece: tuple[slice, slice]) -> np.ndarray:
        """Whether a piece is in order: an array of one boolean."""
        samples, strips = piece
        top, bottom = self.rows[strips.start]
        if bottom == top or self.images.size == 0:
            return TRUE
        largest = np.maximum.reduce(_row_energies(self.images[samples, top:bottom]), axis=1)
        allowed = np.maximum(self._allowed[self._band[strips.start], samples], LEAST_ENERGY)
        in_range = np.maximum.reduce(largest) >= LEAST_ENERGY
        return np.logical_and(np.logical_and.reduce(largest <= allowed), in_range)


@lru_cache(maxsize=32)
def _places(
    batch: int, height: int, width: int, bands: tuple[tuple[int, int], ...], number: int
) -> np.ndarray:
    """Some pixels of bands of rows of images, (bands, batch, number), as indices into all pixels."""
    shape = len(bands), batch, number
    rows, columns = (np.arange(1, prod(shape) + 1) * STEP[:, None] % 1).reshape(2, *shape)
    tops, bottoms = np.minimum(np.array(bands).T, height)[:, :, None, None]
    rows = np.minimum(tops + (rows * (bottoms - tops)).astype(np.intp), height - 1)
    columns = (columns * width).astype(np.intp)
    return (np.arange(batch)[:, None] * height + rows) * width + columns


@lru_cache
def _largest_energy(dtype: np.dtype) -> float:
    """The square of the largest number that leaves room for the sums of a convolution; finite."""
    largest = float(np.finfo(dtype).max)
    return min(largest, min(largest * 2.0**-20, 2.0**500) ** 2)


def _row_energies(images: np.ndarray) -> np.ndarray:
    """The sums of squares of rows of pixels, (samples, H)."""
    rows = images.reshape(*images.shape[:2], -1)
    return np.vecdot(rows, rows)


def _sizes(norms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The typical size of pixels of these norms, over the last axis, and the size that is allowed beside it.

    The typical size is the harmonic mean of those that are not zero; NaN where all are.
    """
    inverse = 1 / norms
    there = inverse < inf
    typical = there.sum(axis=-1, dtype=norms.dtype) / np.where(there, inverse, 0).sum(axis=-1)
    number = norms.shape[-1]
    place = max(0, number - max(2, number // COMMON))
    common = np.partition(norms, place, axis=-1)[..., place]
    contrast = np.minimum(MOST_CONTRAST * common, COMMON_CONTRAST * typical)
    return typical, np.maximum(MOST_CONTRAST * typical, contrast)


@silent
def channel_counts(weight: np.ndarray, axis: int) -> np.ndarray | None:
    """What a squared value of each channel that a map reads counts: its weights' squared norm, 1 at most.

    None where the taps of one output differ by more than `MOST_KERNEL_CONTRAST`, or are not finite: then each
    output has the error of its largest tap, also where that tap meets the zeros of the padding.

    Args:
        weight: (K, C, *kernel_size).
        axis: that of the channels that the map reads; it writes those of the other one.
    """
    out_channels, in_channels = weight.shape[:2]
    weight = weight.reshape(out_channels, in_channels, -1)
    written, counts = _tap_energies(weight, axis)
    if not LEAST_ENERGY <= written.max() < inf:
        written, counts = _tap_energies(weight.astype(np.float64), axis)
    least = np.where(written == 0, inf, written).min(axis=1, keepdims=True)  # each output by itself
    if not (written <= np.minimum(MOST_KERNEL_CONTRAST**2 * least, _largest_energy(least.dtype))).all():
        return None
    counts /= counts.max() or 1
    return counts.astype(weight.dtype, copy=False)


def _tap_energies(weight: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """The squared weights (K, C, taps) summed for each tap of the channels written, and for those read."""
    out_channels, in_channels, taps = weight.shape
    squares = np.square(weight).reshape(out_channels, in_channels * taps)
    over_k = np.add.reduce(squares, axis=0).reshape(in_channels, taps)
    if axis == 0:
        return over_k, np.add.reduce(squares, axis=1)
    return matmul(squares, _each_tap(in_channels, taps, weight.dtype)), np.add.reduce(over_k, axis=1)


@lru_cache(maxsize=32)
def _each_tap(channels: int, taps: int, dtype: np.dtype) -> np.ndarray:
    """Ones that sum over channels for each tap: (channels * taps, taps)."""
    return np.tile(np.eye(taps, dtype=dtype), (channels, 1))


@silent
def all_finite(array: np.ndarray) -> bool:
    """Whether all values are finite; False also where they are so large that their sum overflows.

    >>> all_finite(np.ones(3)), all_finite(np.array([np.inf, -np.inf]))
    (True, False)
    """
    return bool(np.isfinite(array.sum()))


class ExactPieces:
    """Writes pieces of a correlation's output by the exact product."""

    def __init__(
        self,
        images: np.ndarray,
        kernel: np.ndarray,
        padding: Size,
        bias: np.ndarray | None,
        y: np.ndarray,
        m: int,
    ) -> None:
        self.images, self.kernel, self.bias, self.y, self.m = images, kernel, bias, y, m
        self.padding = padding

    def write(self, piece: tuple[slice, slice]) -> None:
        origin = tuple(-p for p in self.padding)
        windows = NHWCWindows(origin, self.kernel.shape[:2], (1, 1), (1, 1), self.y.shape[1:3])
        samples, strips = piece
        rows = rows_of(strips, self.m, self.y.shape[1])
        product = im2col_nhwc.WindowProduct(self.kernel, windows, self.bias, rows.stop - rows.start)
        product(self.images, samples, rows, self.y)


def rows_of(strips: slice, m: int, height: int) -> slice:
    """The rows of some strips of m rows; the last one may be cut."""
    return slice(strips.start * m, min(height, strips.stop * m))
