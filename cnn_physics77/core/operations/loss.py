r"""Losses: how far predictions are from targets."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.core.kernels import softmax as kernels
from cnn_physics77.core.operations.arguments import check_tensors, reduction_of
from cnn_physics77.core.operations.composition import gradient_again
from cnn_physics77.core.operations.operation import operation
from cnn_physics77.core.operations.softmax import log_softmax
from cnn_physics77.core.tensor import Tensor

# --------------------------------------------------------------------------------------------- negative
# log-likelihood

# l_n = -w[t_n] x[n, t_n] reads, for each sample, one number of x (N, C, d1, ...); its adjoint writes there.
# Ignored ones are 0.


@operation(name="nll")
def _nll(x, target, weight, *, ignore_index):
    """l_n = -w[t_n] x[n, t_n]"""
    at, factor = _chosen(x.shape, x.dtype, target, weight, ignore_index)
    return x[at] * factor


@operation(name="nll_gradient")
def _nll_gradient(g, target, weight, *, shape, ignore_index):
    """x̄[n, t_n] = -w[t_n] g_n, 0 elsewhere"""
    at, factor = _chosen(shape, g.dtype, target, weight, ignore_index)
    gx = np.zeros(shape, g.dtype)
    gx[at] = g * factor
    return gx


@_nll.derivative("x")
def _(g, target, weight, x_shape, ignore_index):
    return _nll_gradient(g, target, weight, shape=x_shape, ignore_index=ignore_index)


@_nll_gradient.derivative("g")
def _(v, target, weight, ignore_index):
    return _nll(v, target, weight, ignore_index=ignore_index)


def _chosen(shape, dtype, target, weight, ignore_index):
    """The index of x[n, t_n, ...], and -w[t_n] (0 where ignored), of the target's shape."""
    axis = 0 if len(shape) == 1 else 1
    kept = target != ignore_index
    target = np.where(kept, target, 0)
    factor = -kept.astype(dtype) if weight is None else np.where(kept, -weight[target], dtype.type(0))
    grid = np.ogrid[tuple(slice(n) for n in target.shape)] if target.ndim else []
    return (*grid[:axis], target, *grid[axis:]), factor


# --------------------------------------------------------------------------------------------- cross-entropy


@operation(name="cross_entropy", extras=("probabilities", "divisor"))
def _cross_entropy(logits, target, weight, *, ignore_index, reduction, label_smoothing):
    """-(1 - s) w[t_n] log p[n, t_n] - s/C Σ_c w_c log p[n, c], p = softmax(logits), reduced"""
    loss, probabilities, divisor = kernels.cross_entropy_forward(
        logits, target, weight, ignore_index, reduction, label_smoothing
    )
    return loss, probabilities, np.asarray(divisor)


@operation(name="cross_entropy_gradient")
def _cross_entropy_gradient(
    g, logits, target, weight, probabilities, divisor, *, ignore_index, label_smoothing
):
    """g/divisor ((1 - s) w[t_n] (p[n, c] - [c = t_n]) + s/C (p[n, c] Σ w - w_c))"""
    return kernels.cross_entropy_gradient(
        g, probabilities, target, weight, ignore_index, label_smoothing, float(divisor)
    )


@_cross_entropy.derivative("logits")
def _(g, logits, target, weight, probabilities, divisor, ignore_index, label_smoothing):
    return _cross_entropy_gradient(
        g,
        logits,
        target,
        weight,
        probabilities,
        divisor,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
    )


@_cross_entropy_gradient.joint_derivative
def _(v, needed, g, logits, target, weight, divisor, ignore_index, label_smoothing):
    def loss(logits):
        axis = min(logits.ndim - 1, 1)
        log_p = log_softmax(logits, axis)
        loss = (1 - label_smoothing) * _nll(log_p, target, weight, ignore_index=ignore_index)
        if label_smoothing:
            if weight is not None:
                log_p = log_p * weight.array.reshape(-1, *(1,) * (logits.ndim - axis - 1))
            kept = (target.array != ignore_index).astype(logits.dtype)
            loss = loss - log_p.sum(axis) * (kept * (label_smoothing / logits.shape[axis]))
        return (loss if g.ndim else loss.sum()) / divisor.item()

    return [*gradient_again(loss, g, (logits,), (v,), needed[:2]), None, None, None, None]


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    r"""The cross-entropy of the softmax of logits, with classes or with probabilities.

    With class indices t, p = softmax(x) over the classes, s = label_smoothing, and w = 1 where no weight is
    given:

    .. math:: l_n = -(1 - s) \, w_{t_n} \log p_{n,t_n} - \frac{s}{C} \sum_c w_c \log p_{n,c}, \qquad
        \text{mean: } \frac{\sum_n l_n}{\sum_n w_{t_n}}

    over the n whose target is not ``ignore_index``; with none left the mean is NaN. With class probabilities
    q:

    .. math:: l_n = -\sum_c w_c \left((1 - s) q_{n,c} + \frac{s}{C}\right) \log p_{n,c}, \qquad \text{mean: }
    \frac{1}{N} \sum_n l_n

    Args:
        input: logits x, (N, C), (N, C, d1, ...) or (C), floating.
        target: class indices, int64, (N), (N, d1, ...) or (); or probabilities, of the input's shape and
            dtype.
        weight: a factor w for each class, (C).
        size_average, reduce: older forms of ``reduction``.
        ignore_index: samples with this target have loss 0 and do not count (class indices only).
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.
        label_smoothing: s in [0, 1].

    Returns:
        The loss; a number, or for "none" of the target's shape (without the dimension of classes).

    Raises:
        ShapeError: shapes that do not fit, a class index out of bounds.
        DtypeError: dtypes that do not fit.
        ValueError: label_smoothing outside of [0, 1], an unknown reduction.

    >>> import cnn_physics77 as torch
    >>> logits = torch.tensor([[0.0, 0.0], [100.0, 0.0]], requires_grad=True)
    >>> loss = torch.nn.functional.cross_entropy(logits, torch.tensor([1, 0]))
    >>> loss.backward()
    >>> loss.item(), logits.grad
    (0.34657..., tensor([[ 0.2500, -0.2500],
            [ 0.0000,  0.0000]]))
    """
    if not 0.0 <= label_smoothing <= 1.0:
        raise ValueError(
            f"cross_entropy: label_smoothing must be between 0.0 and 1.0, found {label_smoothing}"
        )
    check_tensors("cross_entropy", input, weight)
    reduction = reduction_of("cross_entropy", reduction, size_average, reduce)
    if not isinstance(target, Tensor):
        raise DtypeError(
            f"cross_entropy: expected a tensor as target, found {type(target).__name__}; use torch.tensor() "
            "first"
        )
    if target.array.dtype.kind == "f" or (target.shape == input.shape and target.ndim > 0):
        return _cross_entropy_of_probabilities(
            input, target, weight, ignore_index, reduction, label_smoothing
        )
    y, _, _ = _cross_entropy(
        input, target, weight, ignore_index=ignore_index, reduction=reduction, label_smoothing=label_smoothing
    )
    return y


def _cross_entropy_of_probabilities(
    input, target, weight, ignore_index, reduction, label_smoothing
) -> Tensor:
    if target.array.shape != input.array.shape or target.array.dtype.kind != "f" or input.array.ndim == 0:
        raise ShapeError(
            "cross_entropy: expected class probabilities of the shape (N, C, d1, ...) of the logits and of a "
            "floating dtype, or class "
            f"indices (N, d1, ...) of an integer dtype, found target {target.shape} of {target.dtype} and "
            f"logits {input.shape}"
        )
    if ignore_index >= 0:
        raise ValueError(
            f"cross_entropy: ignore_index is not supported for class probabilities, found {ignore_index}; "
            "leave it out"
        )
    axis = 0 if input.array.ndim == 1 else 1
    classes = input.array.shape[axis]
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    if weight is not None:
        if weight.array.shape != (classes,):
            raise ShapeError(
                f"cross_entropy: expected one weight per class, shape ({classes},), found {weight.shape}"
            )
        target = target * weight.reshape(-1, *(1,) * (input.ndim - axis - 1))
    losses = -(log_softmax(input, axis) * target)
    if reduction == "none":
        return losses.sum(axis)
    return losses.sum() if reduction == "sum" else losses.sum() / (input.numel() / classes)


__all__ = ["cross_entropy"]
