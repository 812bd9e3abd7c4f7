"""Batch normalisation and its gradients; see :mod:`.layouts` for the form that they share with groups."""

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.kernels.normalization.layouts import (
    check_vectors,
    empty_in_order,
    is_safe,
    order_of,
    together,
)


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
        ShapeError: vectors that do not fit the channels, running statistics missing.

    >>> y, mean, invstd, var = batch_norm_forward(np.array([[1.0, 10.0], [3.0, 30.0]]), eps=0.0)
    >>> y, mean, var
    (array([[-1., -1.], [ 1.,  1.]]), array([ 2., 20.]), array([  1., 100.]))
    """
    check_vectors("batch_norm", x, weight=weight, bias=bias, running_mean=mean, running_var=var)
    order = order_of(x) if x.size else None
    if training and order is not None:
        centre, m2 = together(order.counts, *order.moments(x))
        spread = m2 / (x.size // x.shape[1])
    elif training:
        centre = spread = np.zeros(x.shape[1])
    elif mean is None or var is None:
        raise ShapeError(
            "batch_norm: expected running_mean and running_var where training is False, found None"
        )
    else:
        centre, spread = mean.astype(np.float64), var.astype(np.float64)
    invstd = 1 / np.sqrt(spread + eps)
    scale = invstd if weight is None else invstd * weight
    shift = -centre * scale if bias is None else bias - centre * scale
    if order is None:
        y = np.empty_like(x)
    else:
        y = empty_in_order(x, order)
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
    if x.size == 0:
        zeros = np.zeros(x.shape[1], x.dtype)
        return np.empty_like(x), zeros, zeros.copy()
    order = order_of(x)
    gx = empty_in_order(x, order)
    scale = invstd.astype(np.float64)
    safe = training and is_safe(mean, scale)  # running statistics say nothing of the spread of this x
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
