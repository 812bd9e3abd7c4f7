"""Batch, group, instance and layer normalisation, and their gradients.

Batch and group normalisation share one form. Cut x (N, C, S), S the product of the spatial sizes, into parts
that are summed alone (one part per sample, or per block of rows where the memory is channels-last), get for
each part and channel

    mean and M2 = sum (x - mean)^2,        in the gradient: sum g and sum g (x - mean),

put the parts together in float64 (Chan, Golub and LeVeque 1979, "Updating formulae and a pairwise algorithm
for computing sample variances"), and end with one pass that is linear in x and g. Sums over long axes are
products with a vector of ones: BLAS adds in several accumulators and is faster than a reduction. The parts
depend on the shape alone, so results do not depend on the number of threads.
"""

from collections.abc import Callable
from functools import lru_cache
from math import prod

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.kernels.runtime.scratch import scratch
from cnn_physics77.core.kernels.runtime.tiling import block_length, for_slices, items

NANOSECONDS = 0.5  # per element and pass over memory, to judge whether threads pay
LONG_ROW = 8192
SAFE_RATIO = 4.0  # mean^2 / variance up to which sum x^2 - n mean^2 is as good as the sum of centred squares

Vector = np.ndarray


@lru_cache(maxsize=64)
def _ones(n: int, dtype: np.dtype) -> np.ndarray:
    ones = np.ones(n, dtype)
    ones.setflags(write=False)
    return ones


# ---- the two memory orders ----------------------------------------------------------------------------


class Planes:
    """x as rows of S contiguous values, one row per sample and channel: (N, C, S) in this order of memory."""

    def __init__(self, shape: tuple[int, int, int], dtype: np.dtype) -> None:
        n, self.channels, self.inner = shape
        self.rows, self.dtype = n * self.channels, dtype
        self.parts = n
        self.counts = np.full(n, self.inner)
        self.step = block_length(self.rows, self.inner * dtype.itemsize)

    def view(self, x: np.ndarray) -> np.ndarray:
        return x.reshape(self.rows, self.inner)

    def each(self, function: Callable[[slice], object], passes: int) -> None:
        for_slices(function, self.rows, self.step, self.rows * self.inner * passes * NANOSECONDS * 1e-3)

    def table(self, values: np.ndarray) -> np.ndarray:
        """Values per channel (C) or per part and channel (N, C), as a column beside the rows."""
        values = np.broadcast_to(values, (self.parts, self.channels)).astype(self.dtype)
        return values.reshape(self.rows, 1)

    def moments(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x = self.view(x)
        mean, m2 = np.empty(self.rows), np.empty(self.rows)
        ones = _ones(self.inner, self.dtype)

        def block(b: slice) -> None:
            mean[b] = x[b] @ ones
            mean[b] /= self.inner
            m2[b] = np.vecdot(x[b], x[b])
            m2[b] -= self.inner * mean[b] ** 2
            if not (self.inner * mean[b] ** 2 <= SAFE_RATIO * m2[b]).all():
                centre = mean[b].astype(self.dtype)[:, None]
                centred = np.subtract(x[b], centre, out=_like("centred", x[b]))
                m2[b] = np.vecdot(centred, centred)

        self.each(block, 2)
        return mean.reshape(self.parts, -1), m2.reshape(self.parts, -1)

    def sums(
        self, g: np.ndarray, x: np.ndarray, mean: np.ndarray, safe: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Sum g and sum g (x - mean); ``safe``: sum g x - mean sum g is as good."""
        g, x, mean = self.view(g), self.view(x), self.table(mean)
        total, product = np.empty(self.rows), np.empty(self.rows)
        ones = _ones(self.inner, self.dtype)

        def block(b: slice) -> None:
            total[b] = g[b] @ ones
            if safe:
                product[b] = np.vecdot(g[b], x[b]) - mean[b, 0] * total[b]
            else:
                product[b] = np.vecdot(g[b], np.subtract(x[b], mean[b], out=_like("centred", x[b])))

        self.each(block, 3)
        return total.reshape(self.parts, -1), product.reshape(self.parts, -1)

    def linear(self, out: np.ndarray, x: np.ndarray, a: np.ndarray, c: np.ndarray, *more: np.ndarray) -> None:
        """out = a x + c, or a x + c + b g for more = (g, b); a, b, c per channel or per part and channel."""
        out, x, a, c = self.view(out), self.view(x), self.table(a), self.table(c)
        g, b = (self.view(more[0]), self.table(more[1])) if more else (x, a)

        def block(s: slice) -> None:
            y = out[s]
            np.multiply(x[s], a[s], out=y)
            np.add(y, c[s], out=y)
            if more:
                np.add(y, np.multiply(g[s], b[s], out=_like("centred", y)), out=y)

        self.each(block, 4 if more else 2)

    def gradient(self, out: np.ndarray, g: np.ndarray, x: np.ndarray, *factors: np.ndarray) -> None:
        """out = (r x + c + g) a for factors = (r, c, a) per channel, all in the memory of ``out``."""
        out, g, x = self.view(out), self.view(g), self.view(x)
        r, c, a = map(self.table, factors)
        self.each(lambda s: _combine(out[s], g[s], x[s], r[s], c[s], a[s]), 4)


class Columns:
    """x as a matrix with one column per channel: (N, S, C) in this order of memory, channels-last.

    Vectors over the channels are tiled to rows of `LONG_ROW` elements: with rows of up to 4096 a pass takes
    half as long again.
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

    def each(self, function: Callable[[int, slice], object], passes: int) -> None:
        """Call function(part, rows of this part)."""
        for_slices(
            lambda b: function(b.start // self.step, b),
            self.rows,
            self.step,
            self.rows * self.channels * passes * NANOSECONDS * 1e-3,
        )

    def tables(self, *values: np.ndarray) -> np.ndarray:
        """Each of the vectors, values per channel (C), again and again in a row of tile * C."""
        tables = np.empty((len(values), self.tile, self.channels), self.dtype)
        items(tables)[...] = items(np.array(values, self.dtype))[:, None]
        return tables.reshape(len(values), -1)

    def sum(self, rows: np.ndarray, *factor: np.ndarray) -> np.ndarray:
        """The sum of each column of ``rows``, or of rows times factor, in float64 over the columns of
        `long_rows`."""
        totals = []
        for piece, *other in self.long_rows(rows, *factor):
            if other:
                sums = np.einsum("ij,ij->j", piece, *other)
            else:
                sums = _ones(len(piece), self.dtype) @ piece  # reads four rows at once: three times as fast
            sums = sums.reshape(-1, self.channels).astype(np.float64)
            totals.append(_ones(len(sums), sums.dtype) @ sums)
        return sum(totals[1:], totals[0])

    def long_rows(self, *arrays: np.ndarray):
        """A part's arrays as (q, tile * C), and what is left over as (1, r * C)."""
        rows = len(arrays[0])
        whole = rows // self.tile * self.tile
        if whole:
            yield [x[:whole].reshape(-1, self.tile * self.channels) for x in arrays]
        if whole < rows:
            yield [x[whole:].reshape(1, -1) for x in arrays]

    def centred(self, rows: np.ndarray, centre: np.ndarray) -> np.ndarray:
        work = _like("centred", rows)
        for source, target in self.long_rows(rows, work):
            np.subtract(source, centre[: source.shape[1]], out=target)
        return work

    def moments(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x = self.view(x)
        mean, m2 = np.empty((self.parts, self.channels)), np.empty((self.parts, self.channels))

        def block(part: int, b: slice) -> None:
            rows = x[b]
            mean[part] = self.sum(rows)
            mean[part] /= len(rows)
            m2[part] = self.sum(rows, rows) - len(rows) * mean[part] ** 2
            if not (len(rows) * mean[part] ** 2 <= SAFE_RATIO * m2[part]).all():
                work = self.centred(rows, self.tables(mean[part])[0])
                m2[part] = self.sum(work, work)

        self.each(block, 2)
        return mean, m2

    def sums(
        self, g: np.ndarray, x: np.ndarray, mean: np.ndarray, safe: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        g, x = self.view(g), self.view(x)
        total, product = np.empty((self.parts, self.channels)), np.empty((self.parts, self.channels))

        def block(part: int, b: slice) -> None:
            total[part] = self.sum(g[b])
            if safe:
                product[part] = self.sum(g[b], x[b]) - mean * total[part]
            else:
                product[part] = self.sum(g[b], self.centred(x[b], self.tables(mean)[0]))

        self.each(block, 4)
        return total, product

    def linear(self, out: np.ndarray, x: np.ndarray, a: np.ndarray, c: np.ndarray) -> None:
        out, x, (a, c) = self.view(out), self.view(x), self.tables(a, c)

        def block(_: int, s: slice) -> None:
            for y, source in self.long_rows(out[s], x[s]):
                n = y.shape[1]
                np.multiply(source, a[:n], out=y)
                np.add(y, c[:n], out=y)

        self.each(block, 2)

    def gradient(self, out: np.ndarray, g: np.ndarray, x: np.ndarray, *factors: np.ndarray) -> None:
        out, g, x = self.view(out), self.view(g), self.view(x)
        r, c, a = self.tables(*factors)

        def block(_: int, s: slice) -> None:
            for y, h, source in self.long_rows(out[s], g[s], x[s]):
                n = y.shape[1]
                _combine(y, h, source, r[:n], c[:n], a[:n])

        self.each(block, 4)


def _combine(
    y: np.ndarray, g: np.ndarray, x: np.ndarray, r: np.ndarray, c: np.ndarray, a: np.ndarray
) -> None:
    """y = (r x + c + g) a"""
    np.multiply(x, r, out=y)
    np.add(y, c, out=y)  # before g: r x and c may be large, and nearly cancel
    np.add(y, g, out=y)
    np.multiply(y, a, out=y)


def _like(name: str, x: np.ndarray) -> np.ndarray:
    return scratch(f"normalization.{name}", x.shape, x.dtype)


def _channels_last(x: np.ndarray) -> np.ndarray:
    return x.transpose(0, *range(2, x.ndim), 1)


_planes, _columns = lru_cache(maxsize=256)(Planes), lru_cache(maxsize=256)(Columns)


def _order(x: np.ndarray) -> Planes | Columns:
    """How x (N, C, *spatial) lies in memory; what is neither order is copied by the views of Planes."""
    shape = (x.shape[0], x.shape[1], prod(x.shape[2:]))
    if shape[2] == 1 or (not x.flags.c_contiguous and _channels_last(x).flags.c_contiguous):
        return _columns(shape, x.dtype)
    return _planes(shape, x.dtype)


def _empty_like(x: np.ndarray, order: Planes | Columns) -> np.ndarray:
    if isinstance(order, Planes):
        return np.empty(x.shape, x.dtype)
    y = np.empty(_channels_last(x).shape, x.dtype)
    return y.transpose(0, -1, *range(1, x.ndim - 1))


def _together(counts: Vector, mean: np.ndarray, m2: np.ndarray) -> tuple[Vector, Vector]:
    """Mean and M2 over all parts, from those of the parts (first axis)."""
    if len(counts) == 1:
        return mean[0], m2[0]
    counts = counts[:, None]
    whole = (counts * mean).sum(axis=0) / counts.sum()
    return whole, (m2 + counts * (mean - whole) ** 2).sum(axis=0)


def _is_safe(mean: np.ndarray, invstd: np.ndarray) -> bool:
    return bool((mean * mean * invstd * invstd <= SAFE_RATIO).all())


def _check(name: str, x: np.ndarray, **vectors: np.ndarray | None) -> None:
    if x.ndim < 2:
        raise ShapeError(
            f"{name}: expected an input (N, C, ...), found shape {x.shape}; add a batch dimension"
        )
    for key, vector in vectors.items():
        if vector is not None and vector.shape != (x.shape[1],):
            raise ShapeError(
                f"{name}: expected {key} of shape ({x.shape[1]},), one value per channel of the input "
                f"{x.shape}, found {vector.shape}; check num_features"
            )


# ---- batch normalisation ------------------------------------------------------------------------------


def batch_norm_forward(
    x: np.ndarray,
    weight: np.ndarray | None = None,
    bias: np.ndarray | None = None,
    mean: np.ndarray | None = None,
    var: np.ndarray | None = None,
    training: bool = True,
    eps: float = 1e-5,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """y = (x - mean) / sqrt(var + eps) * weight + bias per channel (Ioffe and Szegedy 2015, arXiv
    1502.03167).

    Args:
        x: (N, C, ...), floating.
        weight, bias: (C), or None for 1 and 0.
        mean, var: (C), the running statistics; needed and used where ``training`` is False.
        training: use the mean and the biased variance of x itself.

    Returns:
        y: like x, in its memory order.
        mean, invstd: (C), those used; invstd = 1 / sqrt(var + eps).
        var: (C), the biased variance used. The running variance takes the unbiased one, var * n / (n - 1), n
        = x.size / C.

    Raises:
        ShapeError: vectors that do not fit the channels, no values to average, running statistics missing.

    >>> y, mean, invstd, var = batch_norm_forward(np.array([[1.0, 10.0], [3.0, 30.0]]), eps=0.0)
    >>> y, mean, var
    (array([[-1., -1.], [ 1.,  1.]]), array([ 2., 20.]), array([  1., 100.]))
    """
    _check("batch_norm", x, weight=weight, bias=bias, running_mean=mean, running_var=var)
    order = _order(x)
    if training:
        if x.size == 0:
            raise ShapeError(
                f"batch_norm: expected at least one value per channel when training, found input {x.shape}; "
                "drop empty batches"
            )
        centre, m2 = _together(order.counts, *order.moments(x))
        spread = m2 / (x.size // x.shape[1])
    elif mean is None or var is None:
        raise ShapeError(
            "batch_norm: expected running_mean and running_var where training is False, found None"
        )
    else:
        centre, spread = mean.astype(np.float64), var.astype(np.float64)
    invstd = 1 / np.sqrt(spread + eps)
    scale = invstd if weight is None else invstd * weight
    shift = -centre * scale if bias is None else bias - centre * scale
    y = _empty_like(x, order)
    if x.size:
        order.linear(y, x, scale, shift)
    return y, centre.astype(x.dtype), invstd.astype(x.dtype), spread.astype(x.dtype)


def batch_norm_gradient(
    g: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray | None,
    mean: np.ndarray,
    invstd: np.ndarray,
    training: bool = True,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gradients of `batch_norm_forward` with respect to x, weight and bias; with z = (x - mean) invstd::

        gweight = sum g z,   gbias = sum g,   gx = weight invstd (g - (gbias + z gweight) / n)    in training
                                              gx = weight invstd g                                else

    g and x: (N, C, ...); mean and invstd (C) as the forward returned them. Returns gx in x's memory order,
    and two (C).

    >>> g, x = np.array([[1.0], [0.0]]), np.array([[1.0], [3.0]])
    >>> gx, gweight, gbias = batch_norm_gradient(g, x, None, np.array([2.0]), np.array([1.0]))
    >>> gx.ravel(), gweight, gbias
    (array([0., 0.]), array([-1.]), array([1.]))
    """
    if g.shape != x.shape:
        raise ShapeError(f"batch_norm: expected a gradient of the input's shape {x.shape}, found {g.shape}")
    order = _order(x)
    gx = _empty_like(x, order)
    if x.size == 0:
        zeros = np.zeros(x.shape[1], x.dtype)
        return gx, zeros, zeros.copy()
    scale = invstd.astype(np.float64)
    safe = training and _is_safe(mean, scale)  # running statistics say nothing of the spread of this x
    total, product = (sums.sum(axis=0) for sums in order.sums(g, x, mean, safe))
    gweight = product * scale
    a = scale if weight is None else scale * weight
    if training:
        n = x.size // x.shape[1]
        r = -scale * gweight / n
        order.gradient(gx, g, x, r, -total / n - r * mean, a)
    else:
        order.linear(gx, g, a, np.zeros_like(a))
    return gx, gweight.astype(x.dtype), total.astype(x.dtype)


# ---- group and instance normalisation -----------------------------------------------------------------


def group_norm_forward(
    x: np.ndarray,
    groups: int,
    weight: np.ndarray | None = None,
    bias: np.ndarray | None = None,
    eps: float = 1e-5,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """y = (x - mean) / sqrt(var + eps) * weight + bias, mean and var over each sample's group of C / groups
    channels (Wu and He 2018, arXiv 1803.08494). With groups = C it is instance normalisation.

    Args:
        x: (N, C, ...), floating.
        weight, bias: (C), or None.

    Returns:
        y: the shape and dtype of x; mean, invstd: (N, groups).

    Raises:
        ShapeError: vectors that do not fit the channels, or groups that do not divide them.

    >>> y, mean, invstd = group_norm_forward(np.array([[1.0, 3.0, 10.0, 30.0]]), 2, eps=0.0)
    >>> y, mean
    (array([[-1.,  1., -1.,  1.]]), array([[ 2., 20.]]))
    """
    _check("group_norm", x, weight=weight, bias=bias)
    n, channels = x.shape[:2]
    if groups < 1 or channels % groups:
        raise ShapeError(
            f"group_norm: expected num_groups to divide the channels, found {groups} groups and input "
            f"{x.shape}; choose a divisor"
        )
    y = np.empty(x.shape, x.dtype)
    if x.size == 0:
        return y, np.zeros((n, groups), x.dtype), np.zeros((n, groups), x.dtype)
    whole = Planes((n, groups, x.size // (n * groups)), x.dtype)
    mean, m2 = whole.moments(x)
    invstd = 1 / np.sqrt(m2 / whole.inner + eps)
    scale, centre = (np.repeat(v, channels // groups, axis=1) for v in (invstd, mean))
    if weight is not None:
        scale = scale * weight
    shift = -centre * scale if bias is None else bias - centre * scale
    Planes((n, channels, x.size // (n * channels)), x.dtype).linear(y, x, scale, shift)
    return y, mean.astype(x.dtype), invstd.astype(x.dtype)


def group_norm_gradient(
    g: np.ndarray, x: np.ndarray, groups: int, weight: np.ndarray | None, mean: np.ndarray, invstd: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gradients of `group_norm_forward` with respect to x, weight and bias; with z = (x - mean) invstd, h
    = g weight and <> the mean over a group: gx = invstd (h - <h> - z <h z>), gweight = sum g z, gbias = sum
    g.

    >>> g, x = np.array([[1.0, 0.0, 0.0]]), np.array([[0.0, 0.0, 3.0]])
    >>> gx, *_ = group_norm_gradient(g, x, 1, None, np.array([[1.0]]), np.array([[0.5**0.5]]))
    >>> gx.round(4)
    array([[ 0.3536, -0.3536,  0.    ]])
    """
    n, channels = x.shape[:2]
    if g.shape != x.shape:
        raise ShapeError(f"group_norm: expected a gradient of the input's shape {x.shape}, found {g.shape}")
    gx = np.empty(x.shape, x.dtype)
    if x.size == 0:
        zeros = np.zeros(channels, x.dtype)
        return gx, zeros, zeros.copy()
    order = Planes((n, channels, x.size // (n * channels)), x.dtype)
    each = channels // groups
    centre, scale = (np.repeat(v.astype(np.float64), each, axis=1) for v in (mean, invstd))
    total, product = order.sums(g, x, centre, _is_safe(centre, scale))
    w = np.ones(channels) if weight is None else weight.astype(np.float64)

    def group_mean(values: np.ndarray) -> np.ndarray:
        sums = (values * w).reshape(n, groups, each).sum(axis=2)
        return np.repeat(sums / (each * order.inner), each, axis=1)

    b = -(scale**3) * group_mean(product)
    order.linear(gx, x, b, -scale * group_mean(total) - b * centre, g, scale * w)
    gweight = (product * scale).sum(axis=0)
    return gx, gweight.astype(x.dtype), total.sum(axis=0).astype(x.dtype)


# ---- layer normalisation ------------------------------------------------------------------------------


def _rows(name: str, x: np.ndarray, normalized_shape: tuple[int, ...]) -> tuple[int, int]:
    d = len(normalized_shape)
    if d == 0 or x.shape[x.ndim - d :] != tuple(normalized_shape):
        raise ShapeError(
            f"{name}: expected an input (..., *normalized_shape), normalized_shape "
            f"{tuple(normalized_shape)}, found {x.shape}; give the sizes of the last axes"
        )
    return prod(x.shape[: x.ndim - d]), prod(normalized_shape)


def layer_norm_forward(
    x: np.ndarray,
    normalized_shape: tuple[int, ...],
    weight: np.ndarray | None = None,
    bias: np.ndarray | None = None,
    eps: float = 1e-5,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """y = (x - mean) / sqrt(var + eps) * weight + bias, mean and var over the last axes (Ba et al. 2016,
    arXiv 1607.06450).

    Args:
        x: (..., *normalized_shape), floating.
        weight, bias: of shape ``normalized_shape``, or None.

    Returns:
        y: the shape and dtype of x; mean, invstd: (..., 1, ..., 1).

    Raises:
        ShapeError: last axes that are not ``normalized_shape``.

    >>> y, mean, invstd = layer_norm_forward(np.array([[1.0, 3.0], [10.0, 30.0]]), (2,), eps=0.0)
    >>> y, mean
    (array([[-1.,  1.], [-1.,  1.]]), array([[ 2.], [20.]]))
    """
    m, n = _rows("layer_norm", x, normalized_shape)
    lead = x.shape[: x.ndim - len(normalized_shape)] + (1,) * len(normalized_shape)
    y = np.empty(x.shape, x.dtype)
    mean, invstd = np.zeros((m, 1), x.dtype), np.zeros((m, 1), x.dtype)
    if x.size == 0:
        return y, mean.reshape(lead), invstd.reshape(lead)
    source, out, ones = x.reshape(m, n), y.reshape(m, n), _ones(n, x.dtype)
    w, b = (None if v is None else v.reshape(n) for v in (weight, bias))

    def block(s: slice) -> None:
        t = out[s]
        mean[s, 0] = source[s] @ ones
        mean[s] /= n
        np.subtract(source[s], mean[s], out=t)
        invstd[s, 0] = np.vecdot(t, t)
        invstd[s] /= n
        invstd[s] += eps
        np.sqrt(invstd[s], out=invstd[s])
        np.divide(1, invstd[s], out=invstd[s])
        t *= invstd[s]
        if w is not None:
            t *= w
        if b is not None:
            t += b

    for_slices(block, m, block_length(m, n * x.itemsize), x.size * 6 * NANOSECONDS * 1e-3)
    return y, mean.reshape(lead), invstd.reshape(lead)


def layer_norm_gradient(
    g: np.ndarray,
    x: np.ndarray,
    normalized_shape: tuple[int, ...],
    weight: np.ndarray | None,
    mean: np.ndarray,
    invstd: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gradients of `layer_norm_forward` with respect to x, weight and bias; with z = (x - mean) invstd, h
    = g weight and <> the mean over a row: gx = invstd (h - <h> - z <h z>), gweight = sum g z and gbias = sum
    g over the rows.

    >>> g, x = np.array([[1.0, 0.0, 0.0]]), np.array([[0.0, 0.0, 3.0]])
    >>> gx, *_ = layer_norm_gradient(g, x, (3,), None, np.array([[1.0]]), np.array([[0.5**0.5]]))
    >>> gx.round(4)
    array([[ 0.3536, -0.3536,  0.    ]])
    """
    m, n = _rows("layer_norm", x, normalized_shape)
    if g.shape != x.shape:
        raise ShapeError(f"layer_norm: expected a gradient of the input's shape {x.shape}, found {g.shape}")
    gx = np.empty(x.shape, x.dtype)
    if x.size == 0:
        zeros = np.zeros(normalized_shape, x.dtype)
        return gx, zeros, zeros.copy()
    source, gradient, out = x.reshape(m, n), g.reshape(m, n), gx.reshape(m, n)
    mean, invstd, ones = mean.reshape(m, 1), invstd.reshape(m, 1), _ones(n, x.dtype)
    w = None if weight is None else weight.reshape(n)
    step = block_length(m, n * x.itemsize)
    gweight, gbias = np.empty((-(-m // step), n)), np.empty((-(-m // step), n))

    def block(s: slice) -> None:
        t, h = out[s], gradient[s]
        z = np.subtract(source[s], mean[s], out=_like("centred", t))
        z *= invstd[s]
        rows, part = _ones(len(t), x.dtype), s.start // step
        np.multiply(h, z, out=t)
        gweight[part], gbias[part] = rows @ t, rows @ h
        if w is not None:
            h = np.multiply(h, w, out=t)
        z *= (np.vecdot(h, z) / n)[:, None]
        z += (h @ ones / n)[:, None]
        np.subtract(h, z, out=t)
        t *= invstd[s]

    for_slices(block, m, step, x.size * 9 * NANOSECONDS * 1e-3)
    return (
        gx,
        gweight.sum(axis=0).astype(x.dtype).reshape(normalized_shape),
        gbias.sum(axis=0).astype(x.dtype).reshape(normalized_shape),
    )
