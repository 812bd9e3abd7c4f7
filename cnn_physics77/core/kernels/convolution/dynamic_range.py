"""Where neighbouring values differ too much in size for Winograd's algorithm. The only decisions by value.

The algorithm mixes the pixels of a tile, so the rounding error of each output follows the largest value of
its tile, although the kernel may not even reach from it. Measured in float32, one value of size S adds up to
``1e-6 S |w|`` to the error of every output of its tile (F(8 x 1), the largest of the algorithms that are
chosen; F(4 x 4) adds half of it), where the outputs themselves are about ``sqrt(taps C) s |w|`` for values of
size s. So a pixel is measured as the outputs see it, by the norm

    sqrt(sum over channels c of x[c]^2 v[c])       v[c]: the squared norm of the weights of channel c

and a piece of work is computed again by the exact product (`im2col`) where

    a line is more than `MOST_CONTRAST` times as large as a typical pixel of its sample,

or where a value is infinite, NaN or so large that a sum may overflow. Then outliers add at most about 2e-4 of
the outputs' size to the error of outputs that they do not reach, divided by the share of the pixels that are
not outliers. The typical size is the harmonic mean of some pixels that are not zero: it follows the ordinary
values even where most pixels hold a large fill value. What is zero or smaller than typical counts as typical,
so sparse and decaying images remain with the fast algorithm; there the error is relative to the typical
pixel.

Large values are no outliers where they are common: the strokes of a digit before its background, and what
layers make of them. If an eighth of the pixels are large, lines may be `MOST_CONTRAST` times as large as
these, if that is not more than 2^13 times the typical pixel. There the error is small beside the large
values, at most 1e-6 of them, and at most about 1e-2 of the outputs where all is small, again divided by the
share of the pixels that are.

Taps of a kernel that differ by more than `MOST_KERNEL_CONTRAST` are excluded in the same way, all of the map
at once. In a weight gradient both images are looked at.

:class:`Screen` measures lines in two planes of the transform, which the algorithm computes anyway: the
numbers into which it turns a strip of rows, for all columns. What a row adds to the error follows its part in
the planes, and each row shows in these two: one that adds the most, with 1 / 2.3 of its size at least, the
others with more beside what they add (`telling_planes`). What is typical and common is taken from a few
pixels of each sample, at places that follow no pattern of the images and differ from sample to sample. They
may meet no ordinary value, in a hole of a few pixels, say, in a region of fill values. Therefore a line is
not more than `PIECE_CONTRAST` times as large as the typical pixel of any other sample of the piece, either.
And where all pixels taken of a piece are zero or of one size, they tell nothing: it is computed exactly.

What remains: fill values that differ among themselves, where ordinary values are 2 % or less in all samples
of a piece, so that no pixel meets them. Outputs that fill values do not reach may be wrong there. So may be
those beside large values one above the other that cancel in both planes. In float32 squares leave the range
where all lines are below 6e-14, one is above 2e19, or typical pixels are above 3e17: such pieces are computed
exactly.
"""

from functools import lru_cache
from itertools import combinations
from math import ceil, inf, prod
from typing import NamedTuple

import numpy as np

from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.kernels.convolution.toom_cook import matrices
from cnn_physics77.core.kernels.gemm import matmul
from cnn_physics77.core.kernels.runtime.layout import flat

MOST_CONTRAST = 64.0
COMMON_CONTRAST = 128.0
PIECE_CONTRAST = 2.0**20
VARIED = 1 + 2.0**-10  # pixels that differ by less in their squared size are alike
COMMON = 8  # one pixel in so many is large: then large values are common
MOST_KERNEL_CONTRAST = 16.0
LEAST_ENERGY = 2.0**-88  # of the largest line: with a smaller one, squares in float32 lose the small values
SCREENED = 128  # pixels of a piece that the screen takes, at least, and at least
LEAST_SCREENED = 16  # of each of its samples
# 1 / p and 1 / p^2 with p^3 = p + 1: their multiples, modulo 1, fill the unit square evenly (M. Roberts, "The
# unreasonable effectiveness of quasirandom sequences", 2018)
STEP = np.array([0.7548776662466927, 0.5698402909980532])


class TellingPlanes(NamedTuple):
    """Two planes of a transform by which outliers are found."""

    which: slice
    energies: np.ndarray
    """The squared norm of the coefficients with which rows enter each of them."""


@lru_cache(maxsize=32)
def telling_planes(m: int, r: int, dtype: np.dtype, of_gradient: bool = False) -> TellingPlanes:
    """The planes of ``B^T d`` of F(m, r), or of ``A g``.

    A row k of a strip enters plane i with a coefficient M[i, k], and the error of result j by the sum of
    ``|O[j, i] M[i, k]| f[i]`` over the planes, with O the transform back and f[i] the norm of the
    coefficients by which the other factor enters the plane. The two planes are those that show each row best
    beside the error that it makes.
    """
    a_t, g, b_t = matrices(m, np.dtype(np.float64), r)
    transform, back, factor = (a_t.T, g.T, b_t) if of_gradient else (b_t, a_t, g)
    errors = np.max(np.abs(back) @ (np.linalg.norm(factor, axis=1)[:, None] * np.abs(transform)), axis=0)
    norms = np.linalg.norm(transform, axis=1)
    seen = np.abs(transform) / norms[:, None] / errors
    i, j = max(combinations(range(len(seen)), 2), key=lambda pair: seen[list(pair)].max(axis=0).min())
    return TellingPlanes(slice(i, j + 1, j - i), np.square(norms[[i, j]]).astype(dtype))


class Screen:
    """Finds the pieces of images that Winograd's algorithm may take.

    Beside two threads that work on pieces each short call waits for the interpreter's lock. So a piece is
    measured by one call (`look`), while its planes are in the cache, and all pieces are judged at once when
    their results are there (`in_order`); then those that are not in order are computed again. It squares what
    it is given, so its caller is `silent`.

    Args:
        images: (N, H, W, C).
        channels: (C,), what a squared value of each channel counts, 1 at most.
        above: rows above the images at which the first strip begins.
        step, span: rows from one strip to the next, and of each.
        pieces: (samples, strips) of each, every one of its samples with every one of its strips, as `cut`
            orders them.
        planes: those that tell of outliers.
    """

    def __init__(
        self,
        images: np.ndarray,
        channels: np.ndarray,
        above: int,
        step: int,
        span: int,
        pieces: list[tuple[slice, slice]],
        planes: TellingPlanes,
    ) -> None:
        self.images, self.channels, self.planes = images, channels, planes
        batch, height = images.shape[:2]
        self._starts = list(dict.fromkeys(samples.start for samples, _ in pieces))
        self._strips = list(dict.fromkeys((strips.start, strips.stop) for _, strips in pieces))
        self._bands = tuple(_rows(*strips, above, step, span, height) for strips in self._strips)
        self._most_samples = max((samples.stop - samples.start for samples, _ in pieces), default=1)
        number = max((last for _, last in self._strips), default=0)
        self._energies = np.empty((batch, number, 2), images.dtype, like=images)
        self._limits = self._limits_of(*self._sample()) if images.size else None

    def look(self, piece: tuple[slice, slice], lines: np.ndarray) -> None:
        """Measure a piece by the planes of its lines, (samples, strips, t, ..., numbers)."""
        lines, energies = lines[:, :, self.planes.which], self._energies[piece]
        if lines.ndim == 4:
            np.vecdot(lines, lines, out=energies)
        else:
            inner = tuple(range(3, lines.ndim - 1))
            np.add.reduce(np.vecdot(lines, lines), axis=inner, out=energies)

    def in_order(self) -> np.ndarray:
        """Whether each piece is in order, when there was a look at all of them."""
        if self._limits is None:
            return np.ones(len(self._starts) * len(self._strips), bool)
        most, most_of_piece, in_order = self._limits
        starts = self._starts
        for band, (first, last) in enumerate(self._strips):
            if self._bands[band][0] == self._bands[band][1]:
                in_order[band] = True  # its pieces read nothing
                continue
            found = np.maximum.reduce(self._energies[:, first:last], axis=1) / self.planes.energies
            found = np.maximum.reduce(found, axis=1)
            in_order[band] &= np.logical_and.reduceat(found <= most[band], starts)
            found = np.maximum.reduceat(found, starts)
            in_order[band] &= (found >= LEAST_ENERGY) & (found <= most_of_piece[band])
        return in_order.T.reshape(-1)

    def _limits_of(self, typical: np.ndarray, common: np.ndarray) -> tuple[np.ndarray, ...]:
        """The largest squared size in order in each band and sample, and in each band and piece; and whether
        the pixels taken of that differ, so that they tell something."""
        most = np.maximum(typical, np.minimum(common, typical * COMMON_CONTRAST**2))
        most = np.fmax(most * MOST_CONTRAST**2, LEAST_ENERGY)  # NaN where all pixels that were taken are zero
        typical = np.fmin.reduceat(typical, self._starts, axis=1)
        common = np.fmax.reduceat(common, self._starts, axis=1)
        most_of_piece = np.fmin(typical * PIECE_CONTRAST**2, _largest_energy(typical.dtype))
        return most, most_of_piece, common > typical * VARIED

    def _sample(self) -> tuple[np.ndarray, np.ndarray]:
        """The squared typical and common sizes of some pixels of each sample, (bands of rows, N).

        The typical size is NaN where all of them are zero.

        In as few calls as possible, for each takes some microseconds while its code is in no cache.
        """
        batch, height, width, channels = self.images.shape
        number = max(LEAST_SCREENED, ceil(SCREENED / self._most_samples))
        places = _places(batch, height, width, self._bands, number)
        if self.images.flags.c_contiguous:
            pixels = self.images.reshape(-1, channels).take(places, axis=0)
        else:
            sample, pixel = np.divmod(places, height * width)
            pixels = self.images[sample, pixel // width, pixel % width]
        energies = np.square(pixels, out=pixels) @ self.channels
        there = energies > 0
        inverse = np.where(there, energies, inf) ** -0.5
        typical = np.add.reduce(there, axis=2, dtype=energies.dtype) / np.add.reduce(inverse, axis=2)
        place = number - max(2, number // COMMON)
        energies.partition(place, axis=2)
        return typical * typical, energies[:, :, place]


def _rows(first: int, last: int, above: int, step: int, span: int, height: int) -> tuple[int, int]:
    """The rows of images of this height that some strips read."""
    top = min(height, max(0, first * step - above))
    return top, max(top, min(height, (last - 1) * step - above + span))


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
    """Whether all values are finite; False also where they are so large that the sum of squares overflows.

    >>> all_finite(np.ones(3)), all_finite(np.array([np.inf, -np.inf]))
    (True, False)
    """
    row = flat(array)
    return bool(np.isfinite(array.sum() if row is None else np.vecdot(row, row)))
