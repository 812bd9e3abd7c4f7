"""The Kullback-Leibler divergence, and negative log-likelihoods of Poisson and normal distributions. Those of
classes are in :mod:`.nn.loss_cross_entropy`."""

from __future__ import annotations

import math
from math import pi
from typing import Any

import numpy as np

from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.errors import ArgumentError, ShapeError
from cnn_physics77.core.operations.base.arguments import check_tensors, reduced, reduction_of
from cnn_physics77.core.operations.base.elementwise import unary
from cnn_physics77.core.operations.base.own_name import in_own_name
from cnn_physics77.core.operations.base.precision import in_float32
from cnn_physics77.core.operations.comparison.comparison import gt
from cnn_physics77.core.operations.creation.creation import ones_like
from cnn_physics77.core.operations.indexing.shape import unsqueeze
from cnn_physics77.core.operations.pointwise.exp_log_pow import exp, log, square
from cnn_physics77.core.operations.pointwise.where_clamp import where
from cnn_physics77.core.tensor import Tensor, from_array


def _x_log_x(x):
    return np.where(x == 0, x.dtype.type(0), x * np.log(x))


_entropy = unary("x_log_x", _x_log_x, "x log x, 0 at 0", x=lambda g, x: g * (log(x) + 1))


@in_own_name
@in_float32
def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    r"""The Kullback-Leibler divergence of a distribution t from a distribution with logarithm x.

    .. math:: l = t \, (\log t - x), \quad 0 \log 0 = 0; \qquad \text{with log\_target: } l = e^t (t - x)

    Args:
        input: log-probabilities x.
        target: probabilities t, or, with ``log_target``, their logarithms; the shapes broadcast.
        size_average, reduce: older forms of ``reduction``.
        reduction: ``"batchmean"`` divides the sum by the size of dimension 0 (if there is one), which gives
            the divergence; ``"mean"`` divides by the number of elements, with a warning; ``"sum"`` or
            ``"none"``.
        log_target: whether the target contains logarithms.

    Raises:
        ShapeError: the shapes do not broadcast.
        ArgumentError: an unknown reduction.

    >>> import cnn_physics77 as torch
    >>> x = torch.log(torch.tensor([[0.5, 0.5]]))
    >>> torch.nn.functional.kl_div(x, torch.tensor([[1.0, 0.0]]), reduction="batchmean")
    tensor(0.6931)
    """
    if reduction == "batchmean" and size_average is None and reduce is None:
        total: Any = kl_div(input, target, reduction="sum", log_target=log_target)
        return total / input.shape[0] if input.ndim else total
    for given in (input, target):
        check_tensors("kl_div", given)
    reduction = reduction_of("kl_div", reduction, size_average, reduce)
    if reduction == "mean":
        warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size. "
            "'batchmean' divides only by the batch size, and aligns with the KL math definition."
        )
    losses = exp(target) * (target - input) if log_target else _entropy(target) - target * input
    return reduced(losses, None, reduction)


@in_own_name
@in_float32
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-08,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""The negative log-likelihood of counts t under Poisson distributions with mean λ, without the term
    log t!.

    .. math:: l = \lambda - t \log \lambda, \qquad \lambda = e^x

    Args:
        input: x; without ``log_input`` it is λ, and ``eps`` is added to it in the logarithm.
        target: counts t; the shapes broadcast, and the dtypes are promoted (two of integers to the default
            dtype).
        log_input: whether the input is log λ.
        full: whether to add Stirling's approximation of log t!, t log t - t + log(2πt)/2, where t > 1.
        size_average, reduce: older forms of ``reduction``.
        eps: see ``input``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.poisson_nll_loss(torch.tensor([0.0]), torch.tensor([2.0]))
    tensor(1.)
    """
    for given in (input, target):
        check_tensors("poisson_nll_loss", given, kinds="fciub")
    reduction = reduction_of("poisson_nll_loss", reduction, size_average, reduce)
    losses = exp(input) - target * input if log_input else input - target * log(input + eps)
    if full:
        counted = where(gt(target, 1), target, 1.0)  # keeps log away from t <= 1: 0 * inf would be NaN
        stirling = counted * log(counted) - counted + 0.5 * log(2 * pi * counted)
        losses = losses + where(gt(target, 1), stirling, 0.0)
    return reduced(losses, None, reduction)


@in_own_name
@in_float32
def gaussian_nll_loss(
    input: Tensor, target: Tensor, var, full: bool = False, eps: float = 1e-06, reduction: str = "mean"
) -> Tensor:
    r"""The negative log-likelihood of targets under normal distributions, without the constant term.

    .. math:: l = \frac{1}{2} \left(\log v + \frac{(x - t)^2}{v}\right), \qquad v = \max(var, eps)

    Args:
        input: means x.
        target: t; the shapes broadcast.
        var: variances, a number or a tensor of the input's shape, whose last dimension may be missing or 1.
            The maximum with ``eps`` is not differentiated: gradients flow into var as if it were v.
        full: whether to add log(2π)/2.
        eps: see the formula.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Raises:
        ArgumentError: a variance is negative, or the reduction is unknown.
        ShapeError: the shapes do not fit.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.gaussian_nll_loss(torch.tensor([1.0]), torch.tensor([3.0]), torch.tensor([1.0]))
    tensor(2.)
    """
    for given in (input, target):
        check_tensors("gaussian_nll_loss", given, kinds="fciu")
    reduction_of("gaussian_nll_loss", reduction, None, None)
    if not isinstance(var, Tensor):
        var = ones_like(input) * var
    if var.shape != input.shape:
        if var.shape == input.shape[:-1]:
            var = unsqueeze(var, -1)
        elif var.ndim != input.ndim or any(v not in (n, 1) for v, n in zip(var.shape, input.shape)):
            raise ShapeError(
                f"gaussian_nll_loss: var is of incorrect size: expected {input.array.shape}, "
                f"{input.array.shape[:-1]} or one that broadcasts, found {var.array.shape}"
            )
    if (var.array < 0).any():
        raise ArgumentError(
            f"gaussian_nll_loss: var has negative entry/entries, found {var.array.min()}; give non-negative "
            "variances"
        )
    var = var + from_array(np.maximum(eps - var.array, 0))
    losses = 0.5 * (log(var) + square(input - target) / var)
    if full:
        losses = losses + 0.5 * math.log(2 * pi)
    return reduced(losses, None, reduction)


__all__ = ["gaussian_nll_loss", "kl_div", "poisson_nll_loss"]
