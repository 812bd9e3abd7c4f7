"""Group and instance normalisation and their gradients."""

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.kernels.normalization.layouts import ChannelsFirst, check_vectors, is_well_conditioned


def group_norm_forward(
    x: np.ndarray,
    groups: int,
    weight: np.ndarray | None = None,
    bias: np.ndarray | None = None,
    eps: float = 1e-5,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """y = (x - mean) / sqrt(var + eps) * weight + bias, with mean and var of each group of a sample.

    A group has C / groups channels; groups = C gives instance normalisation. Source: Wu and He 2018, arXiv
    1803.08494.

    Args:
        x: (N, C, ...), floating.
        weight, bias: (C), or None.

    Returns:
        y: of the shape and dtype of x.
        mean, invstd: (N, groups).

    Raises:
        ShapeError: a vector does not fit the channels, or ``groups`` does not divide them.

    >>> y, mean, invstd = group_norm_forward(np.array([[1.0, 3.0, 10.0, 30.0]]), 2, eps=0.0)
    >>> y, mean
    (array([[-1.,  1., -1.,  1.]]), array([[ 2., 20.]]))
    """
    check_vectors("group_norm", x, weight=weight, bias=bias)
    n, channels = x.shape[:2]
    if groups < 1 or channels % groups:
        raise ShapeError(
            f"group_norm: expected num_groups to divide the channels, found {groups} groups and "
            f"input {x.shape}; choose a divisor"
        )
    y = np.empty(x.shape, x.dtype, like=x)
    if x.size == 0:
        return y, np.zeros((n, groups), x.dtype, like=x), np.zeros((n, groups), x.dtype, like=x)
    whole = ChannelsFirst((n, groups, x.size // (n * groups)), x.dtype)
    mean, m2 = whole.moments(x)
    invstd = 1 / np.sqrt(m2 / whole.inner + eps)
    scale, centre = (np.repeat(v, channels // groups, axis=1) for v in (invstd, mean))
    if weight is not None:
        scale = scale * weight
    scale = scale.astype(x.dtype)  # also in the shift
    shift = -centre * scale if bias is None else bias - centre * scale
    ChannelsFirst((n, channels, x.size // (n * channels)), x.dtype).linear(y, x, scale, shift)
    return y, mean.astype(x.dtype), invstd.astype(x.dtype)


def group_norm_gradient(
    g: np.ndarray, x: np.ndarray, groups: int, weight: np.ndarray | None, mean: np.ndarray, invstd: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gradients of `group_norm_forward` with respect to x, weight and bias.

    With z = (x - mean) invstd, h = g weight and <> the mean over a group::

        gx = invstd (h - <h> - z <h z>),    gweight = sum g z,    gbias = sum g

    >>> g, x = np.array([[1.0, 0.0, 0.0]]), np.array([[0.0, 0.0, 3.0]])
    >>> gx, *_ = group_norm_gradient(g, x, 1, None, np.array([[1.0]]), np.array([[0.5**0.5]]))
    >>> gx.round(4)
    array([[ 0.3536, -0.3536,  0.    ]])
    """
    n, channels = x.shape[:2]
    if g.shape != x.shape:
        raise ShapeError(f"group_norm: expected a gradient of the input's shape {x.shape}, found {g.shape}")
    gx = np.empty(x.shape, x.dtype, like=x)
    if x.size == 0:
        zeros = np.zeros(channels, x.dtype, like=x)
        return gx, zeros, zeros.copy()
    layout = ChannelsFirst((n, channels, x.size // (n * channels)), x.dtype)
    each = channels // groups
    centre, scale = (np.repeat(v.astype(np.float64), each, axis=1) for v in (mean, invstd))
    total, product = layout.sums(g, x, centre, is_well_conditioned(centre, scale))
    w = np.ones(channels, like=x) if weight is None else weight.astype(np.float64)

    def group_mean(values: np.ndarray) -> np.ndarray:
        sums = (values * w).reshape(n, groups, each).sum(axis=2)
        return np.repeat(sums / (each * layout.inner), each, axis=1)

    b = -(scale**3) * group_mean(product)
    layout.linear(gx, x, b, -scale * group_mean(total) - b * centre, g, scale * w)
    gweight = (product * scale).sum(axis=0)
    return gx, gweight.astype(x.dtype), total.sum(axis=0).astype(x.dtype)
