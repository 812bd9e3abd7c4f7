"""Batch normalisation and its gradients; :mod:`.layouts` has the passes shared with group normalisation."""

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.kernels.normalization.layouts import (
    check_vectors,
    combined_moments,
    empty_in_layout,
    is_well_conditioned,
    layout_of,
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
    """y = (x - mean) / sqrt(var + eps) * weight + bias per channel.

    Source: Ioffe and Szegedy 2015, arXiv 1502.03167.

    Args:
        x: (N, C, ...), floating.
        weight, bias: (C), or None for 1 and 0.
        mean, var: (C), the running statistics; required, and used, if ``training`` is False.
        training: use the mean and the biased variance of x.

    Returns:
        y: like x, in its memory order.
        mean, invstd: (C), as used; invstd = 1 / sqrt(var + eps).
        var: (C), the biased variance. The running variance needs the unbiased one, var * n / (n - 1) with
            n = x.size / C.

    Raises:
        ShapeError: a vector does not fit the channels, or the running statistics are missing.

    >>> y, mean, invstd, var = batch_norm_forward(np.array([[1.0, 10.0], [3.0, 30.0]]), eps=0.0)
    >>> y, mean, var
    (array([[-1., -1.], [ 1.,  1.]]), array([ 2., 20.]), array([  1., 100.]))
    """
    check_vectors("batch_norm", x, weight=weight, bias=bias, running_mean=mean, running_var=var)
    layout = layout_of(x) if x.size else None
    if training and layout is not None:
        centre, m2 = combined_moments(layout.counts, *layout.moments(x))
        biased_var = m2 / (x.size // x.shape[1])
    elif training:
        centre = biased_var = np.zeros(x.shape[1], like=x)
    elif mean is None or var is None:
        raise ShapeError(
            "batch_norm: expected running_mean and running_var where training is False, found None"
        )
    else:
        centre, biased_var = mean.astype(np.float64), var.astype(np.float64)
    invstd = 1 / np.sqrt(biased_var + eps)
    scale = (invstd if weight is None else invstd * weight).astype(x.dtype)  # also in the shift
    shift = -centre * scale if bias is None else bias - centre * scale
    if layout is None:
        y = np.empty_like(x)
    else:
        y = empty_in_layout(x, layout)
        layout.linear(y, x, scale, shift)
    return y, centre.astype(x.dtype), invstd.astype(x.dtype), biased_var.astype(x.dtype)


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
                                              gx = weight invstd g                                otherwise

    g and x are (N, C, ...); mean and invstd (C) are the results of the forward pass. Returns gx in the memory
    order of x, then gweight and gbias (C).

    >>> g, x = np.array([[1.0], [0.0]]), np.array([[1.0], [3.0]])
    >>> gx, gweight, gbias = batch_norm_gradient(g, x, None, np.array([2.0]), np.array([1.0]))
    >>> gx.ravel(), gweight, gbias
    (array([0., 0.]), array([-1.]), array([1.]))
    """
    if g.shape != x.shape:
        raise ShapeError(f"batch_norm: expected a gradient of the input's shape {x.shape}, found {g.shape}")
    if x.size == 0:
        zeros = np.zeros(x.shape[1], x.dtype, like=x)
        return np.empty_like(x), zeros, zeros.copy()
    layout = layout_of(x)
    gx = empty_in_layout(x, layout)
    scale = invstd.astype(np.float64)
    # Running statistics say nothing about this x, so nothing is assumed.
    well_conditioned = training and is_well_conditioned(mean, scale)
    total, product = (sums.sum(axis=0) for sums in layout.sums(g, x, mean, well_conditioned))
    gweight = product * scale
    a = scale if weight is None else scale * weight
    if training:
        n = x.size // x.shape[1]
        r = -scale * gweight / n
        layout.gradient(gx, g, x, r, -total / n - r * mean, a)
    else:
        layout.linear(gx, g, a, np.zeros_like(a))
    return gx, gweight.astype(x.dtype), total.astype(x.dtype)
