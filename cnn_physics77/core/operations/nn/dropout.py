r"""Dropout: random zeros in training, the identity otherwise.

The random numbers come from the default generator, which :func:`manual_seed` seeds.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.errors import ArgumentError, ShapeError
from cnn_physics77.core.kernels import dropout as kernels
from cnn_physics77.core.operations.base.arguments import check_tensors
from cnn_physics77.core.operations.base.inplace_base import apply_inplace
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.creation.draws import in_order_of, laid_out
from cnn_physics77.core.random import default_generator
from cnn_physics77.core.tensor import Tensor, from_array


@operation(name="dropout")
def _dropout(x, mask, *, scale):
    """y = x mask scale"""
    return kernels.scale_by_mask(x, mask, scale)


@_dropout.derivative("x")
def _(g, mask, scale):
    return _dropout(g, mask, scale=scale)


def _keep(shape: tuple[int, ...], p: float) -> np.ndarray:
    """True with probability 1 - p."""
    return kernels.dropout_mask(shape, p, default_generator.numpy)


def _check(function: str, input: Tensor, p: float, training: bool) -> None:
    """Raise an error unless p is a probability, and the dtype one that can be scaled if anything is."""
    check_tensors(function, input, kinds="fc" if training else "fciub")
    if not 0.0 <= p <= 1.0:
        raise ArgumentError(f"{function}: dropout probability has to be between 0 and 1, but got {p}")


def _applied(function: str, input: Tensor, inplace: bool, apply, *args, **parameters) -> Tensor:
    if inplace:
        return apply_inplace(function, input, apply, *args, **parameters)
    return apply(input, *args, **parameters)


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    r"""Zero each element with probability p, and scale the others (N. Srivastava et al., 2014).

    .. math:: y = \frac{m x}{1 - p}, \qquad m \in \{0, 1\}, \; P(m = 0) = p

    The expectation of y is x. An infinite x that is zeroed becomes NaN.

    Args:
        input: x, floating; of any dtype without training.
        p: the probability of a zero, in [0, 1].
        training: False returns the input unchanged.
        inplace: overwrite the input with y.

    Raises:
        ArgumentError: p is not in [0, 1].
        DtypeError: the input is not floating, in training.

    >>> import cnn_physics77 as torch
    >>> _ = torch.manual_seed(0)
    >>> y = torch.nn.functional.dropout(torch.ones(1000), p=0.2)
    >>> y.unique(), abs(y.mean().item() - 1) < 0.1
    (tensor([0.0000, 1.2500]), True)
    """
    _check("dropout", input, p, training)
    if not training or p == 0:
        return input
    mask = from_array(in_order_of(laid_out(input), partial(_keep, p=p)))
    return _applied("dropout", input, inplace, _dropout, mask, scale=1 / (1 - p) if p < 1 else 1.0)


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero whole channels of (N, C, L) or (C, L) with probability p, and scale the others by 1/(1 - p).

    Arguments and errors are those of :func:`dropout`, and:

    Raises:
        ShapeError: the input is neither 2-D nor 3-D.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.dropout1d(torch.ones(1, 2, 3), p=1.0)
    tensor([[[0., 0., 0.],
             [0., 0., 0.]]])
    """
    _check("dropout1d", input, p, training)
    if input.ndim not in (2, 3):
        raise ShapeError(f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input")
    return _channels("dropout1d", input, p, training, inplace, batched=input.ndim == 3)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero whole channels of (N, C, H, W) with probability p, and scale the others by 1/(1 - p).

    A 3-D input is read as (N, C, L), with a warning, as in PyTorch. Arguments and errors are those of
    :func:`dropout`. (J. Tompson et al., arXiv:1411.4280)

    >>> import cnn_physics77 as torch
    >>> y = torch.nn.functional.dropout2d(torch.ones(1, 9, 2, 2))
    >>> bool((y == y[:, :, :1, :1]).all())
    True
    """
    _check("dropout2d", input, p, training)
    if input.ndim == 3:
        warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior "
            "is desired - input is interpreted as shape (N, C, L), where C is the channel dim; use "
            "dropout1d."
        )
    elif input.ndim != 4:
        _warn_of_dimensions("dropout2d", input, 4)
    return _channels("dropout2d", input, p, training, inplace)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero whole channels of (N, C, D, H, W) or (C, D, H, W) with probability p, and scale the others by
    1/(1 - p).

    Arguments and errors are those of :func:`dropout`.

    >>> import cnn_physics77 as torch
    >>> y = torch.nn.functional.dropout3d(torch.ones(1, 9, 2, 2, 2))
    >>> bool((y == y[:, :, :1, :1, :1]).all())
    True
    """
    _check("dropout3d", input, p, training)
    if input.ndim not in (4, 5):
        _warn_of_dimensions("dropout3d", input, 5)
    return _channels("dropout3d", input, p, training, inplace, batched=input.ndim == 5)


def _warn_of_dimensions(function: str, input: Tensor, expected: int) -> None:
    warn(
        f"{function}: Received a {input.ndim}-D input to {function}, which is deprecated and will result in "
        f"an error in a future release; expected {expected}-D."
    )


def _channels(function, input, p, training, inplace, batched: bool = True) -> Tensor:
    """Dropout of whole channels: dimension 1, or 0 without a batch."""
    if not training or p == 0:
        return input
    shape = input.array.shape
    lead = (2 if batched else 1) if input.ndim > 1 else input.ndim
    noise = _keep(shape[:lead], p).astype(input.array.dtype)
    if p < 1:
        noise /= 1 - p
    factor = from_array(noise.reshape(*shape[:lead], *(1,) * (input.ndim - lead)))
    return _applied(function, input, inplace, lambda x: x * factor)


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    r"""Dropout that preserves mean 0 and variance 1, for networks with :func:`selu` (G. Klambauer et al.,
    arXiv:1706.02515).

    .. math:: y = a \, (m x + (1 - m) \alpha') + b, \qquad \alpha' = -1.7580993408473766

    m is 0 with probability p; a and b preserve mean and variance. Arguments and errors are those of
    :func:`dropout`.

    >>> import cnn_physics77 as torch
    >>> _ = torch.manual_seed(0)
    >>> y = torch.nn.functional.alpha_dropout(torch.randn(10000), 0.3, training=True)
    >>> abs(y.mean().item()) < 0.05, abs(y.std().item() - 1) < 0.05
    (True, True)
    """
    _check("alpha_dropout", input, p, training)
    return _alpha("alpha_dropout", input, p, training, inplace, laid_out(input))


def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """:func:`alpha_dropout` of whole channels, dimension 1.

    >>> import cnn_physics77 as torch
    >>> y = torch.nn.functional.feature_alpha_dropout(torch.ones(1, 9, 2, 2), training=True)
    >>> bool((y == y[:, :, :1, :1]).all())
    True
    """
    _check("feature_alpha_dropout", input, p, training)
    if input.ndim < 2 and training and 0 < p < 1:
        raise ShapeError(
            "feature_alpha_dropout: Feature dropout requires at least 2 dimensions in the input, found shape "
            f"{input.array.shape}"
        )
    channels = np.empty((*input.array.shape[:2], *(1,) * (input.ndim - 2)), np.bool_)
    return _alpha("feature_alpha_dropout", input, p, training, inplace, channels)


def _alpha(function: str, input: Tensor, p: float, training: bool, inplace: bool, like: np.ndarray) -> Tensor:
    """Alpha dropout with noise of the shape and memory order of an array."""
    if not training or p == 0:
        return input
    if p == 1:
        return _applied(function, input, inplace, lambda x: x * 0)
    alpha = 1.7580993408473766
    a = 1 / math.sqrt((alpha * alpha * p + 1) * (1 - p))
    keep = in_order_of(like, partial(_keep, p=p)).astype(input.array.dtype)
    factor = from_array(keep * keep.dtype.type(a))
    shift = from_array(((keep - 1) * (alpha * a) + alpha * a * p).astype(keep.dtype))
    return _applied(function, input, inplace, lambda x: x * factor + shift)


__all__ = [
    "alpha_dropout",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "feature_alpha_dropout",
]
