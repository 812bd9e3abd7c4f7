r"""Distances: elementwise regression losses, and distances and similarities of vectors."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.core.kernels import piecewise
from cnn_physics77.core.operations.base.arguments import check_tensors, reduced, reduction_of
from cnn_physics77.core.operations.base.broadcasting import prepare
from cnn_physics77.core.operations.base.elementwise import binary
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.base.own_name import in_own_name
from cnn_physics77.core.operations.base.precision import in_float32
from cnn_physics77.core.operations.indexing.shape import broadcast_tensors
from cnn_physics77.core.operations.nn.activation_piecewise import _hardtanh
from cnn_physics77.core.operations.reduction.var_std_norm import vector_norm
from cnn_physics77.core.tensor import Tensor, from_array

# ------------------------------------------------------------------------------ of elements

_squared_error = binary(
    "squared_error",
    lambda a, b: np.square(a - b),
    "y = (a - b)²",
    a=lambda g, a, b: g * (2 * (a - b)),
    b=lambda g, a, b: g * (2 * (b - a)),
)

_absolute_error = binary(
    "absolute_error",
    lambda a, b: np.abs(a - b),
    "y = |a - b|",
    a=lambda g, a, b: g * (a - b).sign(),
    b=lambda g, a, b: g * (b - a).sign(),
)


@operation(name="huber")
def _huber(d, *, delta):
    """y = d²/2 where |d| < δ, δ (|d| - δ/2) elsewhere"""
    return piecewise.huber(d, delta)


@_huber.derivative("d")
def _(g, d, delta):
    return g * _hardtanh(d, low=-delta, high=delta)


def _pair(function: str, input: Tensor, target: Tensor, kinds: str = "f") -> list[Tensor]:
    """Input and target as tensors of one dtype of these kinds. There is a warning if their shapes differ."""
    for value in (input, target):
        if not isinstance(value, Tensor):
            raise DtypeError(
                f"{function}: expected a tensor, found {type(value).__name__}; use torch.tensor() first"
            )
    if input.shape != target.shape:
        warn(
            f"Using a target size ({target.shape}) that is different to the input size "
            f"({input.shape}). This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size."
        )
    pair = prepare(function, (input, target))
    if pair[0].array.dtype.kind not in kinds:
        raise DtypeError(
            f"{function}: expected a real floating dtype, found {pair[0].dtype}; convert, e.g. with .float()"
        )
    return pair


@in_float32
def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    r"""The squared error: :math:`l = w (x - t)^2`.

    Args:
        input: x, of any shape.
        target: t, of the same shape. Another shape broadcasts, with a warning.
        size_average, reduce: older forms of ``reduction``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.
        weight: a factor w for each element, of the input's shape. The mean is then the sum of the losses
            divided by the sum of the weights.

    Raises:
        ShapeError: the shapes do not broadcast.
        DtypeError: the dtype is not real and floating.
        ArgumentError: an unknown reduction.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.mse_loss(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
    tensor(2.)
    """
    reduction = reduction_of("mse_loss", reduction, size_average, reduce)
    losses = _squared_error(*_pair("mse_loss", input, target))
    if weight is None:
        return reduced(losses, None, reduction, "MseLoss")
    return _weighted("mse_loss", losses, weight, reduction)


@in_float32
def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    r"""The absolute error: :math:`l = w |x - t|`, whose derivative at 0 is 0. Arguments and errors are those
    of :func:`mse_loss`.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.l1_loss(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
    tensor(1.)
    """
    reduction = reduction_of("l1_loss", reduction, size_average, reduce)
    x, t = _pair("l1_loss", input, target, "fc")
    losses = _absolute_error(x, t) if x.array.dtype.kind == "f" else (x - t).abs()
    return _weighted("l1_loss", losses, weight, reduction)


@in_float32
def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    r"""The absolute error, quadratic near 0 (R. Girshick, arXiv:1504.08083).

    .. math::
        l = \frac{(x - t)^2}{2 \beta} \text{ where } |x - t| < \beta, \quad
        |x - t| - \frac{\beta}{2} \text{ elsewhere}

    Args:
        input, target, size_average, reduce, reduction: as for :func:`mse_loss`.
        beta: β; 0 gives :func:`l1_loss`.

    Raises:
        ArgumentError: beta is negative, or the reduction is unknown.
        ShapeError, DtypeError: as for :func:`mse_loss`.

    >>> import cnn_physics77 as torch
    >>> x, t = torch.tensor([0.5, 3.0]), torch.tensor([0.0, 0.0])
    >>> torch.nn.functional.smooth_l1_loss(x, t, reduction="none")
    tensor([0.1250, 2.5000])
    """
    reduction = reduction_of("smooth_l1_loss", reduction, size_average, reduce)
    if beta < 0:
        raise ArgumentError(f"smooth_l1_loss: expected beta to be non-negative, found {beta}")
    x, t = _pair("smooth_l1_loss", input, target)
    if beta == 0:
        return reduced(_absolute_error(x, t), None, reduction)
    return reduced(_huber(x - t, delta=beta) / beta, None, reduction, "SmoothL1Loss")


@in_float32
def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    r"""The squared error for small differences, the absolute error for large ones (P. J. Huber, 1964).

    .. math::
        l = w \frac{(x - t)^2}{2} \text{ where } |x - t| < \delta, \quad
        w \delta \left(|x - t| - \frac{\delta}{2}\right) \text{ elsewhere}

    Args:
        input, target, reduction: as for :func:`mse_loss`.
        delta: δ > 0.
        weight: a factor w for each element, of the input's shape. The mean is that of the weighted losses.

    Raises:
        ArgumentError: delta is not positive, or the reduction is unknown.
        ShapeError, DtypeError: as for :func:`mse_loss`.

    >>> import cnn_physics77 as torch
    >>> x, t = torch.tensor([0.5, 3.0]), torch.tensor([0.0, 0.0])
    >>> torch.nn.functional.huber_loss(x, t, reduction="none", delta=2.0)
    tensor([0.1250, 4.0000])
    """
    reduction_of("huber_loss", reduction, None, None)
    if delta <= 0:
        raise ArgumentError(f"huber_loss: expected delta to be greater than 0, found {delta}")
    x, t = _pair("huber_loss", input, target)
    losses = _huber(x - t, delta=delta)
    _check_weight("huber_loss", weight, losses)
    return reduced(losses, weight, reduction, "HuberLoss" if weight is None else "")


def _check_weight(function: str, weight: Tensor | None, losses: Tensor) -> None:
    if weight is not None and weight.shape != losses.shape:
        raise ShapeError(
            f"{function}: Weights and input must have the same size, found {weight.array.shape} and "
            f"{losses.array.shape}"
        )


def _weighted(function: str, losses: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    """The losses times the weights; the mean divides by the sum of the weights."""
    _check_weight(function, weight, losses)
    if weight is not None and reduction == "mean":
        return (losses * weight).sum() / weight.sum()
    return reduced(losses, weight, reduction)


# ------------------------------------------------------------------------------ of vectors


@in_float32
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-08) -> Tensor:
    r"""The cosine of the angle between vectors.

    .. math:: y = \frac{\sum_i a_i b_i}{\max(\|a\|, \epsilon) \, \max(\|b\|, \epsilon)}

    Args:
        x1, x2: vectors a and b along ``dim``; the shapes broadcast.
        eps: ε, the smallest norm. The maximum is not differentiated: gradients flow as if it were the norm.

    Raises:
        ShapeError: the shapes do not broadcast, or there is no such dimension.
        DtypeError: the common dtype is not floating.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.cosine_similarity(torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 1.0]]))
    tensor([0.7071])
    """
    a, b = broadcast_tensors(*prepare("cosine_similarity", (x1, x2)))
    check_tensors("cosine_similarity", a)
    return (_normalized(a, dim, eps) * _normalized(b, dim, eps)).sum(dim)


def _normalized(a: Tensor, dim: int, eps: float) -> Tensor:
    """a / max(‖a‖, ε), with the maximum differentiated like ‖a‖."""
    length = vector_norm(a, 2, dim, True)
    return a / (length + from_array(np.maximum(eps - length.array, 0)))


@in_own_name
@in_float32
def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-06, keepdim: bool = False
) -> Tensor:
    r"""The p-norm of the difference of vectors along the last dimension.

    .. math:: y = \Big(\sum_i |a_i - b_i + \epsilon|^p\Big)^{1/p}

    Args:
        x1, x2: vectors a and b, (..., D); the shapes broadcast.
        p: the order of the norm.
        eps: ε; it keeps the derivative finite for equal vectors.
        keepdim: whether to keep the last dimension with size 1.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.pairwise_distance(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0]]))
    tensor([5.0000])
    """
    for given in (x1, x2):
        check_tensors("pairwise_distance", given, kinds="fciu")
    return (x1 - x2 + eps).norm(p, -1, keepdim)


__all__ = [
    "cosine_similarity",
    "huber_loss",
    "l1_loss",
    "mse_loss",
    "pairwise_distance",
    "smooth_l1_loss",
]
