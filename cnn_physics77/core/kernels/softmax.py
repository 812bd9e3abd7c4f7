"""Softmax, its logarithm, and the cross-entropy of class indices, with their gradients.

All subtract the maximum first, so that nothing overflows (Goodfellow, Bengio and Courville 2016, section
4.1). A logit of -inf has probability 0. A slice that is all -inf, or contains +inf or NaN, gives NaN, as in
PyTorch.
"""

from collections.abc import Callable

import numpy as np

from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.kernels.runtime.tiling import for_blocks
from cnn_physics77.core.kernels.sums import LONGEST_PRODUCT, add_over

BLOCK_BYTES = 1 << 18


def _by_rows(block: Callable[[slice], object], x: np.ndarray, axis: int, nanoseconds: float) -> None:
    """Call ``block`` for slices of the first axis, or once for all of x if that is the softmax axis."""
    if x.size == 0:
        return
    if axis % x.ndim == 0:
        block(slice(None))
    else:
        for_blocks(block, len(x), x.nbytes // len(x), x.size * nanoseconds * 1e-3)


def softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """exp(x_i) / sum_j exp(x_j) along ``axis``. x: floating, at least one axis; returns the same shape and
    dtype.

    >>> softmax(np.log(np.array([[1.0, 3.0], [2.0, 2.0]])))
    array([[0.25, 0.75], [0.5 , 0.5 ]])
    """
    y = np.empty_like(x)

    def block(b: slice) -> None:
        out = y[b]
        _exponentials(x[b], axis, out)
        out *= 1 / _sum(out, axis)

    _by_rows(block, x, axis, 1.5)
    return y


def _sum(x: np.ndarray, axis: int) -> np.ndarray:
    """The sum along an axis, which is kept. Along a short last one a product with ones is fastest."""
    if x.ndim == 2 and axis in (1, -1) and x.shape[1] <= LONGEST_PRODUCT:
        return (x @ np.ones(x.shape[1], x.dtype, like=x))[:, None]
    return add_over(x, (axis % x.ndim,), keepdims=True)


@silent
def _exponentials(x: np.ndarray, axis: int, out: np.ndarray) -> None:
    """out = exp(x - max x)."""
    np.subtract(x, np.maximum.reduce(x, axis=axis, keepdims=True), out=out)
    np.exp(out, out=out)


def softmax_gradient(g: np.ndarray, y: np.ndarray, axis: int = -1) -> np.ndarray:
    """y * (g - sum_j g_j y_j), from the output y = softmax(x).

    >>> softmax_gradient(np.array([1.0, 0.0]), np.array([0.25, 0.75]))
    array([ 0.1875, -0.1875])
    """
    gx = np.empty_like(y)

    def block(b: slice) -> None:
        out = gx[b]
        np.multiply(g[b], y[b], out=out)
        total = _sum(out, axis)
        np.subtract(g[b], total, out=out)
        out *= y[b]

    _by_rows(block, y, axis, 0.8)
    return gx


@silent
def log_softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """x_i - log sum_j exp(x_j) along ``axis``. x: floating, at least one axis; returns the same shape and
    dtype.

    >>> log_softmax(np.array([0.0, 0.0])).round(4)
    array([-0.6931, -0.6931])
    """
    y = np.empty_like(x)

    def block(b: slice) -> None:
        out = y[b]
        np.subtract(x[b], np.maximum.reduce(x[b], axis=axis, keepdims=True), out=out)
        out -= np.log(_sum(np.exp(out), axis))

    _by_rows(block, x, axis, 1.5)
    return y


def log_softmax_gradient(g: np.ndarray, y: np.ndarray, axis: int = -1) -> np.ndarray:
    """g - exp(y) sum_j g_j, from the output y = log_softmax(x).

    >>> log_softmax_gradient(np.array([1.0, 0.0]), np.log(np.array([0.25, 0.75])))
    array([ 0.75, -0.75])
    """
    gx = np.empty_like(y)

    def block(b: slice) -> None:
        out = gx[b]
        np.exp(y[b], out=out)
        out *= _sum(g[b], axis)
        np.subtract(g[b], out, out=out)

    _by_rows(block, y, axis, 1.2)
    return gx


@silent
def cross_entropy_forward(
    logits: np.ndarray,
    target: np.ndarray,
    kept: np.ndarray | None = None,
    weight: np.ndarray | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> tuple[np.ndarray, np.ndarray, float]:
    """The cross-entropy of softmax(logits) with class indices, and the probabilities for its gradient::

        l_n = -(1 - s) w[t_n] log p[n, t_n] - s / C sum_c w[c] log p[n, c],       s = label_smoothing
        none: l_n    sum: sum_n l_n    mean: sum_n l_n / sum_n w[t_n]             w = 1 without a weight

    The sums are over the n that count; the others have l_n = 0. If no n counts, the mean is NaN.

    Args:
        logits: (N, C), (N, C, d1, ...) or (C,), floating.
        target: integers in [0, C): (N,), (N, d1, ...) or ().
        kept: a mask of the targets that count, of the target's shape; None for all.
        weight: (C,), of the logits' dtype.
        reduction: "mean", "sum" or "none".

    Returns:
        loss: of the target's shape for "none", else of shape (); the logits' dtype.
        probabilities: softmax of the logits over the class axis.
        divisor: the divisor of "mean"; 1 for the others. Both are for `cross_entropy_gradient`.

    >>> logits = np.log(np.array([[1.0, 3.0], [2.0, 2.0]]))
    >>> loss, probabilities, divisor = cross_entropy_forward(logits, np.array([0, 1]))
    >>> float(loss.round(4)), probabilities, divisor
    (1.0397, array([[0.25, 0.75], [0.5 , 0.5 ]]), 2.0)
    """
    axis = min(target.ndim, 1)
    classes, at = logits.shape[axis], at_classes(target)
    probabilities = np.empty_like(logits)
    shape = (*logits.shape[:axis], 1, *logits.shape[axis + 1 :])
    shift, log_total = np.empty(shape, logits.dtype, like=logits), np.empty(shape, logits.dtype, like=logits)
    smooth = np.empty(shape, logits.dtype, like=logits) if label_smoothing != 0 else None

    def block(b: slice) -> None:
        x, p = logits[b], probabilities[b]
        np.maximum.reduce(x, axis=axis, keepdims=True, out=shift[b])
        np.subtract(x, shift[b], out=p)
        if smooth is not None:  # - sum_c w[c] log p[n, c], without the part of log_total
            weighted = p if weight is None else p * weight.reshape(-1, *(1,) * (p.ndim - axis - 1))
            np.negative(_sum(weighted, axis), out=smooth[b])
        np.exp(p, out=p)
        total = _sum(p, axis)
        p *= 1 / total
        np.log(total, out=log_total[b])

    _by_rows(block, logits, axis, 2.0)
    log_total = log_total.reshape(target.shape)
    loss = log_total - (logits[at] - shift.reshape(target.shape))  # - log p[n, t_n]
    if weight is not None:
        loss *= weight[target]
    if smooth is not None:
        smooth = smooth.reshape(target.shape) + log_total * (classes if weight is None else weight.sum())
        loss *= 1 - label_smoothing
        loss += smooth * (label_smoothing / classes)
    if kept is not None:
        loss = np.where(kept, loss, loss.dtype.type(0))
    if reduction == "none":
        return loss, probabilities, 1.0
    divisor = 1.0
    total = loss.sum()
    if reduction == "mean":
        divisor = total_weight(target, kept, weight)
        if divisor == 0:
            total = total * np.nan
        else:
            total = total / loss.dtype.type(divisor)
    return np.asanyarray(total, loss.dtype), probabilities, divisor


def cross_entropy_gradient(
    g: np.ndarray,
    probabilities: np.ndarray,
    target: np.ndarray,
    kept: np.ndarray | None = None,
    weight: np.ndarray | None = None,
    label_smoothing: float = 0.0,
    divisor: float = 1.0,
) -> np.ndarray:
    """The gradient of `cross_entropy_forward` with respect to the logits::

        g_n / divisor * ((1 - s) w[t_n] (p[n, c] - [c = t_n]) + s / C (p[n, c] sum_k w[k] - w[c]))

    g: of the loss' shape; ``probabilities`` and ``divisor`` as the forward returned them.

    >>> cross_entropy_gradient(np.array(1.0), np.array([[0.25, 0.75]]), np.array([0]))
    array([[-0.75,  0.75]])
    """
    axis = min(target.ndim, 1)
    shape, dtype = probabilities.shape, probabilities.dtype
    classes, at = shape[axis], at_classes(target)
    per_target = g * dtype.type(1 / divisor if divisor != 0 else np.nan)
    if kept is not None:
        per_target = np.where(kept, per_target, dtype.type(0))
    hit = per_target * dtype.type(1 - label_smoothing)  # a scalar if all targets have the same factor
    if weight is not None:
        hit = hit * weight[target]
    whole, smooth = hit, None
    if label_smoothing != 0:
        smooth = per_target * dtype.type(label_smoothing / classes)
        whole = hit + smooth * (classes if weight is None else weight.sum())
        if np.ndim(smooth):
            smooth = smooth.reshape(*shape[:axis], 1, *shape[axis + 1 :])
    if np.ndim(whole):
        whole = whole.reshape(*shape[:axis], 1, *shape[axis + 1 :])
    gx = np.empty_like(probabilities)
    _by_rows(
        lambda b: np.multiply(probabilities[b], whole[b] if np.ndim(whole) else whole, out=gx[b]),
        gx,
        axis,
        0.4,
    )
    if smooth is not None:
        gx -= smooth if weight is None else smooth * weight.reshape(-1, *(1,) * (len(shape) - axis - 1))
    gx[at] -= hit
    return gx


def at_classes(target: np.ndarray) -> tuple:
    """The index of logits[n, t_n, ...], with the classes at axis 1, or at the only axis.

    >>> at_classes(np.array([2, 0]))
    (array([0, 1]), array([2, 0]))
    """
    if target.ndim == 0:
        return (target,)
    if target.ndim == 1:
        return (np.arange(len(target)), target)
    first, *others = np.ogrid[tuple(slice(n) for n in target.shape)]
    return (first, target, *others)


def total_weight(target: np.ndarray, kept: np.ndarray | None, weight: np.ndarray | None) -> float:
    """The divisor of a mean over classes: the sum of the weights of the targets that count."""
    if weight is None:
        return float(target.size if kept is None else np.count_nonzero(kept))
    counted = weight[target]
    return float(counted.sum() if kept is None else counted[kept].sum())
