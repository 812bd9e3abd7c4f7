"""Layer normalisation and its gradients."""

from math import prod

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.kernels.normalization.layouts import NANOSECONDS, ones_of, work_like
from cnn_physics77.core.kernels.runtime.tiling import block_length, for_slices


def _rows(name: str, x: np.ndarray, normalized_shape: tuple[int, ...]) -> tuple[int, int]:
    d = len(normalized_shape)
    if d == 0 or x.shape[x.ndim - d :] != tuple(normalized_shape):
        raise ShapeError(
            f"{name}: expected an input (..., *normalized_shape), "
            f"normalized_shape {tuple(normalized_shape)}, found {x.shape}; give the sizes of the last axes"
        )
    return prod(x.shape[: x.ndim - d]), prod(normalized_shape)


def layer_norm_forward(
    x: np.ndarray,
    normalized_shape: tuple[int, ...],
    weight: np.ndarray | None = None,
    bias: np.ndarray | None = None,
    eps: float = 1e-5,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """y = (x - mean) / sqrt(var + eps) * weight + bias, with mean and var over the last axes.

    Source: Ba et al. 2016, arXiv 1607.06450.

    Args:
        x: (..., *normalized_shape), floating.
        weight, bias: of shape ``normalized_shape``, or None.

    Returns:
        y: of the shape and dtype of x.
        mean, invstd: (..., 1, ..., 1).

    Raises:
        ShapeError: the last axes are not ``normalized_shape``.

    >>> y, mean, invstd = layer_norm_forward(np.array([[1.0, 3.0], [10.0, 30.0]]), (2,), eps=0.0)
    >>> y, mean
    (array([[-1.,  1.], [-1.,  1.]]), array([[ 2.], [20.]]))
    """
    m, n = _rows("layer_norm", x, normalized_shape)
    lead = x.shape[: x.ndim - len(normalized_shape)] + (1,) * len(normalized_shape)
    y = np.empty(x.shape, x.dtype, like=x)
    mean, invstd = np.zeros((m, 1), x.dtype, like=x), np.zeros((m, 1), x.dtype, like=x)
    if x.size == 0:
        return y, mean.reshape(lead), invstd.reshape(lead)
    source, out, ones = x.reshape(m, n), y.reshape(m, n), ones_of(n, x.dtype)
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
    """The gradients of `layer_norm_forward` with respect to x, weight and bias.

    With z = (x - mean) invstd, h = g weight and <> the mean over a row::

        gx = invstd (h - <h> - z <h z>),    gweight = sum g z over rows,    gbias = sum g over rows

    >>> g, x = np.array([[1.0, 0.0, 0.0]]), np.array([[0.0, 0.0, 3.0]])
    >>> gx, *_ = layer_norm_gradient(g, x, (3,), None, np.array([[1.0]]), np.array([[0.5**0.5]]))
    >>> gx.round(4)
    array([[ 0.3536, -0.3536,  0.    ]])
    """
    m, n = _rows("layer_norm", x, normalized_shape)
    if g.shape != x.shape:
        raise ShapeError(f"layer_norm: expected a gradient of the input's shape {x.shape}, found {g.shape}")
    gx = np.empty(x.shape, x.dtype, like=x)
    if x.size == 0:
        zeros = np.zeros(normalized_shape, x.dtype, like=x)
        return gx, zeros, zeros.copy()
    source, gradient, out = x.reshape(m, n), g.reshape(m, n), gx.reshape(m, n)
    mean, invstd, ones = mean.reshape(m, 1), invstd.reshape(m, 1), ones_of(n, x.dtype)
    w = None if weight is None else weight.reshape(n)
    step = block_length(m, n * x.itemsize)
    parts = -(-m // step), n
    gweight, gbias = np.empty(parts, like=g), np.empty(parts, like=g)

    def block(s: slice) -> None:
        t, h = out[s], gradient[s]
        z = np.subtract(source[s], mean[s], out=work_like("centred", t))
        z *= invstd[s]
        rows, part = ones_of(len(t), x.dtype), s.start // step
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
