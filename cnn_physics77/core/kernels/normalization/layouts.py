"""Memory layouts of the input of batch and group normalisation, and the passes over them.

Both normalisations work in three steps. S is the product of the spatial sizes.

1. Divide x (N, C, S) into parts: one per sample, or one per block of rows if x is channels-last. Compute for
   each part and channel the mean and M2 = sum (x - mean)^2; in the gradient, sum g and sum g (x - mean).
2. Combine the parts in float64 (Chan, Golub and LeVeque 1979, "Updating formulae and a pairwise algorithm for
   computing sample variances").
3. Compute the result in one pass that is linear in x and g.

Sums over long axes are products with a vector of ones: BLAS adds in several accumulators and is faster than a
reduction. The parts depend only on the shape, so results do not depend on the number of threads.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from math import prod

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.kernels.runtime.choice import either
from cnn_physics77.core.kernels.runtime.scratch import scratch
from cnn_physics77.core.kernels.runtime.tiling import block_length, for_slices, items

NANOSECONDS = 0.5  # per element and pass over memory; decides whether to use threads
LONG_ROW = 8192
WELL_CONDITIONED_RATIO = 4.0
"""The largest mean^2 / variance for which sum x^2 - n mean^2 is as accurate as the sum of centred squares."""

Vector = np.ndarray


@lru_cache(maxsize=64)
def ones_of(n: int, dtype: np.dtype) -> np.ndarray:
    ones = np.ones(n, dtype)
    ones.setflags(write=False)
    return ones


class ChannelsFirst:
    """Memory order (N, C, S), channels-first: one row of S contiguous values per sample and channel."""

    def __init__(self, shape: tuple[int, int, int], dtype: np.dtype) -> None:
        n, self.channels, self.inner = shape
        self.rows, self.dtype = n * self.channels, dtype
        self.parts = n
        self.counts = np.full(n, self.inner)
        self.step = block_length(self.rows, self.inner * dtype.itemsize)

    def view(self, x: np.ndarray) -> np.ndarray:
        return x.reshape(self.rows, self.inner)

    def for_each_block(self, function: Callable[[slice], object], passes: int) -> None:
        for_slices(function, self.rows, self.step, self.rows * self.inner * passes * NANOSECONDS * 1e-3)

    def broadcast_vector(self, values: np.ndarray) -> np.ndarray:
        """Values per channel (C) or per part and channel (N, C), as a column to broadcast over the rows."""
        values = np.broadcast_to(values, (self.parts, self.channels)).astype(self.dtype)
        return values.reshape(self.rows, 1)

    def moments(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x = self.view(x)
        mean, m2 = np.empty(self.rows, like=x), np.empty(self.rows, like=x)
        ones = ones_of(self.inner, self.dtype)

        def block(b: slice) -> None:
            mean[b] = x[b] @ ones
            mean[b] /= self.inner
            m2[b] = np.vecdot(x[b], x[b])
            m2[b] -= self.inner * mean[b] ** 2
            well_conditioned = (self.inner * mean[b] ** 2 <= WELL_CONDITIONED_RATIO * m2[b]).all()
            either(well_conditioned, nothing, partial(centre, b))

        def centre(b: slice) -> None:
            of_row = mean[b].astype(self.dtype)[:, None]
            centred = np.subtract(x[b], of_row, out=work_like("centred", x[b]))
            # what rounding left of the mean, added pairwise: BLAS adds a long row in few sums
            rest = np.add.reduce(centred, axis=1) / self.inner
            mean[b] = of_row[:, 0].astype(np.float64) + rest
            np.subtract(centred, rest[:, None], out=centred)
            m2[b] = np.vecdot(centred, centred)

        self.for_each_block(block, 2)
        return mean.reshape(self.parts, -1), m2.reshape(self.parts, -1)

    def sums(
        self, g: np.ndarray, x: np.ndarray, mean: np.ndarray, well_conditioned: np.bool | bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Sum g and sum g (x - mean); if ``well_conditioned``, the latter as sum g x - mean sum g."""
        g, x, mean = self.view(g), self.view(x), self.broadcast_vector(mean)
        total, product = np.empty(self.rows, like=g), np.empty(self.rows, like=g)
        ones = ones_of(self.inner, self.dtype)

        def block(b: slice) -> None:
            total[b] = g[b] @ ones
            either(well_conditioned, partial(straight, b), partial(centred, b))

        def straight(b: slice) -> None:
            product[b] = np.vecdot(g[b], x[b]) - mean[b, 0] * total[b]

        def centred(b: slice) -> None:
            product[b] = np.vecdot(g[b], np.subtract(x[b], mean[b], out=work_like("centred", x[b])))

        self.for_each_block(block, 3)
        return total.reshape(self.parts, -1), product.reshape(self.parts, -1)

    def linear(self, out: np.ndarray, x: np.ndarray, a: np.ndarray, c: np.ndarray, *more: np.ndarray) -> None:
        """out = a x + c, or a x + c + b g if more = (g, b); a, b, c per channel or per part and channel."""
        out, x, a, c = self.view(out), self.view(x), self.broadcast_vector(a), self.broadcast_vector(c)
        g, b = (self.view(more[0]), self.broadcast_vector(more[1])) if more else (x, a)

        def block(s: slice) -> None:
            y = out[s]
            np.multiply(x[s], a[s], out=y)
            np.add(y, c[s], out=y)
            if more:
                np.add(y, np.multiply(g[s], b[s], out=work_like("centred", y)), out=y)

        self.for_each_block(block, 4 if more else 2)

    def gradient(self, out: np.ndarray, g: np.ndarray, x: np.ndarray, *factors: np.ndarray) -> None:
        """out = (r x + c + g) a for factors = (r, c, a) per channel; ``out`` is the only temporary."""
        out, g, x = self.view(out), self.view(g), self.view(x)
        r, c, a = map(self.broadcast_vector, factors)
        self.for_each_block(lambda s: _combine(out[s], g[s], x[s], r[s], c[s], a[s]), 4)


class ChannelsLast:
    """Memory order (N, S, C), channels-last: a matrix with one column per channel.

    Vectors over the channels are tiled to rows of `LONG_ROW` elements: with rows of up to 4096 elements a
    pass takes one and a half times as long.
    """

    def __init__(self, shape: tuple[int, int, int], dtype: np.dtype) -> None:
        n, self.channels, inner = shape
        self.rows, self.dtype = n * inner, dtype
        self.tile = max(1, LONG_ROW // self.channels)
        self.step = -(-block_length(self.rows, self.channels * dtype.itemsize) // self.tile) * self.tile
        self.parts = -(-self.rows // self.step)
        self.counts = np.full(self.parts, self.step)
        self.counts[-1] = self.rows - (self.parts - 1) * self.step

    def view(self, x: np.ndarray) -> np.ndarray:
        return _channels_last(x).reshape(self.rows, self.channels)

    def for_each_block(self, function: Callable[[int, slice], object], passes: int) -> None:
        """Call function(part, rows of this part)."""
        for_slices(
            lambda b: function(b.start // self.step, b),
            self.rows,
            self.step,
            self.rows * self.channels * passes * NANOSECONDS * 1e-3,
        )

    def broadcast_vectors(self, *values: np.ndarray) -> np.ndarray:
        """Vectors over the channels (C), each repeated to a row of tile * C elements."""
        each = np.empty((len(values), self.channels), self.dtype, like=values[0])
        for row, vector in zip(each, values):
            row[...] = vector
        rows = np.empty((len(values), self.tile, self.channels), self.dtype, like=each)
        items(rows)[...] = items(each)[:, None]
        return rows.reshape(len(values), -1)

    def sum(self, rows: np.ndarray, *factor: np.ndarray) -> np.ndarray:
        """The sum of each column of ``rows``, or of rows times factor; the last sum is in float64."""
        totals = []
        for piece, *other in self.long_rows(rows, *factor):
            if other:
                sums = np.einsum("ij,ij->j", piece, *other)
            else:
                sums = ones_of(len(piece), self.dtype) @ piece  # reads four rows at once, three times as fast
            sums = sums.reshape(-1, self.channels).astype(np.float64)
            totals.append(ones_of(len(sums), sums.dtype) @ sums)
        return sum(totals[1:], totals[0])

    def long_rows(self, *arrays: np.ndarray):
        """The arrays of a part as (q, tile * C), then the remaining rows as (1, r * C)."""
        rows = len(arrays[0])
        whole = rows // self.tile * self.tile
        if whole:
            yield [x[:whole].reshape(-1, self.tile * self.channels) for x in arrays]
        if whole < rows:
            yield [x[whole:].reshape(1, -1) for x in arrays]

    def centred(self, rows: np.ndarray, centre: np.ndarray) -> np.ndarray:
        work = work_like("centred", rows)
        for source, target in self.long_rows(rows, work):
            np.subtract(source, centre[: source.shape[1]], out=target)
        return work

    def moments(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x = self.view(x)
        shape = self.parts, self.channels
        mean, m2 = np.empty(shape, like=x), np.empty(shape, like=x)

        def block(part: int, b: slice) -> None:
            rows = x[b]
            mean[part] = self.sum(rows)
            mean[part] /= len(rows)
            m2[part] = self.sum(rows, rows) - len(rows) * mean[part] ** 2
            well_conditioned = (len(rows) * mean[part] ** 2 <= WELL_CONDITIONED_RATIO * m2[part]).all()
            either(well_conditioned, nothing, partial(centre, part, rows))

        def centre(part: int, rows: np.ndarray) -> None:
            of_row = self.broadcast_vectors(mean[part])[0]
            work = self.centred(rows, of_row)
            rest = self.sum(work) / len(rows)  # what rounding left of the mean
            mean[part] = of_row[: self.channels] + rest
            work = self.centred(work, self.broadcast_vectors(rest)[0])
            m2[part] = self.sum(work, work)

        self.for_each_block(block, 2)
        return mean, m2

    def sums(
        self, g: np.ndarray, x: np.ndarray, mean: np.ndarray, well_conditioned: np.bool | bool
    ) -> tuple[np.ndarray, np.ndarray]:
        g, x = self.view(g), self.view(x)
        shape = self.parts, self.channels
        total, product = np.empty(shape, like=g), np.empty(shape, like=g)

        def block(part: int, b: slice) -> None:
            total[part] = self.sum(g[b])
            either(well_conditioned, partial(straight, part, b), partial(centred, part, b))

        def straight(part: int, b: slice) -> None:
            product[part] = self.sum(g[b], x[b]) - mean * total[part]

        def centred(part: int, b: slice) -> None:
            product[part] = self.sum(g[b], self.centred(x[b], self.broadcast_vectors(mean)[0]))

        self.for_each_block(block, 4)
        return total, product

    def linear(self, out: np.ndarray, x: np.ndarray, a: np.ndarray, c: np.ndarray) -> None:
        out, x, (a, c) = self.view(out), self.view(x), self.broadcast_vectors(a, c)

        def block(_: int, s: slice) -> None:
            for y, source in self.long_rows(out[s], x[s]):
                n = y.shape[1]
                np.multiply(source, a[:n], out=y)
                np.add(y, c[:n], out=y)

        self.for_each_block(block, 2)

    def gradient(self, out: np.ndarray, g: np.ndarray, x: np.ndarray, *factors: np.ndarray) -> None:
        out, g, x = self.view(out), self.view(g), self.view(x)
        r, c, a = self.broadcast_vectors(*factors)

        def block(_: int, s: slice) -> None:
            for y, h, source in self.long_rows(out[s], g[s], x[s]):
                n = y.shape[1]
                _combine(y, h, source, r[:n], c[:n], a[:n])

        self.for_each_block(block, 4)


def _combine(
    y: np.ndarray, g: np.ndarray, x: np.ndarray, r: np.ndarray, c: np.ndarray, a: np.ndarray
) -> None:
    """y = (r x + c + g) a"""
    np.multiply(x, r, out=y)
    np.add(y, c, out=y)  # before g is added, because r x and c may be large and nearly cancel
    np.add(y, g, out=y)
    np.multiply(y, a, out=y)


def work_like(name: str, x: np.ndarray) -> np.ndarray:
    return scratch(f"normalization.{name}", x.shape, x.dtype)


def _channels_last(x: np.ndarray) -> np.ndarray:
    return x.transpose(0, *range(2, x.ndim), 1)


_channels_first_layout = lru_cache(maxsize=256)(ChannelsFirst)
_channels_last_layout = lru_cache(maxsize=256)(ChannelsLast)


def layout_of(x: np.ndarray) -> ChannelsFirst | ChannelsLast:
    """The layout of x (N, C, *spatial); an x in neither layout is copied by ``ChannelsFirst.view``."""
    shape = (x.shape[0], x.shape[1], prod(x.shape[2:]))
    if shape[2] == 1 or (not x.flags.c_contiguous and _channels_last(x).flags.c_contiguous):
        return _channels_last_layout(shape, x.dtype)
    return _channels_first_layout(shape, x.dtype)


def empty_in_layout(x: np.ndarray, layout: ChannelsFirst | ChannelsLast) -> np.ndarray:
    if isinstance(layout, ChannelsFirst):
        return np.empty(x.shape, x.dtype, like=x)
    y = np.empty(_channels_last(x).shape, x.dtype, like=x)
    return y.transpose(0, -1, *range(1, x.ndim - 1))


def combined_moments(counts: Vector, mean: np.ndarray, m2: np.ndarray) -> tuple[Vector, Vector]:
    """Mean and M2 over all parts, from those of each part (first axis)."""
    if len(counts) == 1:
        return mean[0], m2[0]
    counts = counts[:, None]
    whole = (counts * mean).sum(axis=0) / counts.sum()
    return whole, (m2 + counts * (mean - whole) ** 2).sum(axis=0)


def nothing() -> None:
    """Leave things as they are."""


def is_well_conditioned(mean: np.ndarray, invstd: np.ndarray) -> np.bool:
    return (mean * mean * invstd * invstd <= WELL_CONDITIONED_RATIO).all()


def check_vectors(name: str, x: np.ndarray, **vectors: np.ndarray | None) -> None:
    if x.ndim < 2:
        raise ShapeError(
            f"{name}: expected an input (N, C, ...), found shape {x.shape}; add a batch dimension"
        )
    for key, vector in vectors.items():
        if vector is not None and vector.shape != (x.shape[1],):
            raise ShapeError(
                f"{name}: expected {key} of shape ({x.shape[1]},), one value per channel of the "
                f"input {x.shape}, found {vector.shape}; check num_features"
            )
