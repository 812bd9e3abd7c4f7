"""Classification losses: negative log-likelihood and cross-entropies. Other likelihoods are in
:mod:`.nn.loss_likelihood`, regression losses in :mod:`.nn.distance`."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.core.kernels import activation as kernels_of_activation
from cnn_physics77.core.kernels import softmax as kernels
from cnn_physics77.core.operations.base.arguments import check_tensors, reduced, reduction_of
from cnn_physics77.core.operations.base.broadcasting import cast, common_shape, expand_to
from cnn_physics77.core.operations.base.double_backward import double_backward
from cnn_physics77.core.operations.base.names import named
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.base.precision import in_float32
from cnn_physics77.core.operations.nn.activation_smooth import logsigmoid, sigmoid
from cnn_physics77.core.operations.nn.softmax import log_softmax
from cnn_physics77.core.operations.pointwise.exp_log_pow import log, log1p
from cnn_physics77.core.operations.pointwise.where_clamp import clamp
from cnn_physics77.core.tensor import Tensor, from_array

# ------------------------------------------------------------------------------ negative log-likelihood

# l_n = -w[t_n] x[n, t_n] reads one number of x (N, C, d1, ...) for each sample; its adjoint writes to it. All
# targets are valid classes. ``kept`` says which of them count (None for all); the losses of the others are 0.


@operation(name="nll")
def _nll(x, target, kept, weight):
    """l_n = -w[t_n] x[n, t_n]"""
    return _weighted(-x[kernels.at_classes(target)], target, kept, weight)


@operation(name="nll_gradient")
def _nll_gradient(g, target, kept, weight, *, shape):
    """x̄[n, t_n] = -w[t_n] g_n, 0 elsewhere"""
    gx = np.zeros(shape, g.dtype, like=g)
    gx[kernels.at_classes(target)] = _weighted(-g, target, kept, weight)
    return gx


@_nll.derivative("x")
def _(g, target, kept, weight, x_shape):
    return _nll_gradient(g, target, kept, weight, shape=x_shape)


@_nll_gradient.derivative("g")
def _(v, target, kept, weight):
    return _nll(v, target, kept, weight)


@operation(name="nll_divisor")
def _total_weight(target, kept, weight, *, dtype):
    """Σ w[t_n] over those that count"""
    return np.asarray(kernels.total_weight(target, kept, weight), dtype)


def _weighted(losses, target, kept, weight):
    if weight is not None:
        losses = losses * weight[target]
    return losses if kept is None else np.where(kept, losses, losses.dtype.type(0))


def _class_axis(ndim: int) -> int:
    """The dimension of the classes: 1, or 0 if there is only one dimension."""
    return 0 if ndim == 1 else 1


def _classes(
    function: str, input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int
) -> tuple[Tensor, Tensor | None]:
    """The checked targets, with class 0 for ignored ones; and a mask of those that count, None for all."""
    shape, indices = input.array.shape, target.array
    if not shape:
        raise ShapeError(
            f"{function}: Expected 1 or more dimensions (got 0), an input (N, C, d1, ...) or (C)"
        )
    axis = _class_axis(len(shape))
    if axis == 0 and indices.shape == (1,):  # as in PyTorch, the target of an input (C,) may be (1,)
        target = from_array(indices.reshape(()))
        indices = target.array
    if axis and indices.ndim and len(indices) != shape[0]:
        raise ShapeError(
            f"{function}: Expected input batch_size ({shape[0]}) to match target batch_size "
            f"({len(indices)}), found input {shape} and target {indices.shape}"
        )
    if indices.shape != shape[:axis] + shape[axis + 1 :]:
        raise ShapeError(
            f"{function}: Expected target size {list(shape[:axis] + shape[axis + 1 :])}, got "
            f"{list(indices.shape)}: class indices (N, d1, ...) for an input (N, C, d1, ...), here {shape}, "
            "or () for (C)"
        )
    if indices.dtype not in (np.int64, np.uint8):
        raise DtypeError(
            f"{function}: expected target dtype to be Long or Byte, but got torch.{indices.dtype}; convert "
            "it, e.g. with .long()"
        )
    classes = shape[axis]
    if weight is not None and weight.array.shape != (classes,):
        raise ShapeError(
            f"{function}: weight tensor should be defined either for all {classes} classes or no classes but "
            f"got weight tensor of shape: {list(weight.array.shape)}"
        )
    if indices.size == 0:
        return target, None
    low, high = indices.min(), indices.max()
    if low >= 0 and high < classes and not low <= ignore_index <= high:
        return target, None
    kept = indices != ignore_index
    indices = np.where(kept, indices, indices.dtype.type(0))
    low, high = indices.min(), indices.max()
    if low < 0 or high >= classes:
        raise ShapeError(
            f"{function}: Target {high if high >= classes else low} is out of bounds: expected class indices "
            f"in [0, {classes}) or ignore_index {ignore_index}; check the labels and the number of classes"
        )
    return from_array(indices), from_array(kept)


@in_float32
def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""The negative log-likelihood of class indices, from log-probabilities.

    .. math:: l_n = -w_{t_n} x_{n,t_n}, \qquad \text{mean: } \frac{\sum_n l_n}{\sum_n w_{t_n}}

    The sums are over the n whose target is not ``ignore_index``; if there are none, the mean is NaN.

    Args:
        input: log-probabilities x, (N, C), (N, C, d1, ...) or (C,), floating; see :func:`log_softmax`.
        target: class indices t, int64, (N,), (N, d1, ...) or ().
        weight: a factor w for each class, (C,).
        size_average, reduce: older forms of ``reduction``.
        ignore_index: samples with this target have loss 0 and are ignored in the mean.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Raises:
        ShapeError: the shapes do not fit, or a class index is out of bounds.
        DtypeError: the dtypes do not fit.
        ArgumentError: the reduction is unknown.

    >>> import cnn_physics77 as torch
    >>> log_p = torch.log(torch.tensor([[0.25, 0.75], [0.5, 0.5]]))
    >>> torch.nn.functional.nll_loss(log_p, torch.tensor([1, 0]), reduction="none")
    tensor([0.2877, 0.6931])
    """
    check_tensors("nll_loss", input, weight)
    reduction = reduction_of("nll_loss", reduction, size_average, reduce)
    target, kept = _classes("nll_loss", input, target, weight, ignore_index)
    losses = _nll(input, target, kept, weight)
    loss = losses if reduction == "none" else losses.sum()
    if reduction == "mean":
        loss = loss / _total_weight(target, kept, weight, dtype=losses.dtype)
    return named(loss, "NllLossBackward0" if input.ndim <= 2 else "NllLoss2DBackward0")


# ------------------------------------------------------------------------------ cross-entropy


@operation(name="cross_entropy", extras=("probabilities", "divisor"))
def _cross_entropy(logits, target, kept, weight, *, reduction, label_smoothing):
    """-(1 - s) w[t_n] log p[n, t_n] - s/C Σ_c w_c log p[n, c], p = softmax(logits), reduced"""
    loss, probabilities, divisor = kernels.cross_entropy_forward(
        logits, target, kept, weight, reduction, label_smoothing
    )
    return loss, probabilities, np.asanyarray(divisor)


@operation(name="cross_entropy_gradient")
def _cross_entropy_gradient(g, logits, target, kept, weight, probabilities, divisor, *, label_smoothing):
    """g/divisor ((1 - s) w[t_n] (p[n, c] - [c = t_n]) + s/C (p[n, c] Σ w - w_c))"""
    return kernels.cross_entropy_gradient(
        g, probabilities, target, kept, weight, label_smoothing, float(divisor)
    )


@_cross_entropy.derivative("logits")
def _(g, logits, target, kept, weight, probabilities, divisor, label_smoothing):
    return _cross_entropy_gradient(
        g, logits, target, kept, weight, probabilities, divisor, label_smoothing=label_smoothing
    )


@_cross_entropy_gradient.joint_derivative
def _(v, needed, g, logits, target, kept, weight, divisor, label_smoothing):
    def loss(logits):
        axis = _class_axis(logits.ndim)
        log_p = log_softmax(logits, axis)
        loss = (1 - label_smoothing) * _nll(log_p, target, kept, weight)
        if label_smoothing:
            if weight is not None:
                log_p = log_p * weight.array.reshape(-1, *(1,) * (logits.ndim - axis - 1))
            share = label_smoothing / logits.shape[axis]
            if kept is not None:
                share = kept.array.astype(logits.dtype) * share
            loss = loss - log_p.sum(axis) * share
        return (loss if g.ndim else loss.sum()) / cast(divisor, dtype=loss.array.dtype)

    return [*double_backward(loss, g, (logits,), (v,), needed[:2]), *(None,) * 5]


@in_float32
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

    For class indices t, with p = softmax(x) over the classes, s = label_smoothing, w = 1 without a weight:

    .. math:: l_n = -(1 - s) \, w_{t_n} \log p_{n,t_n} - \frac{s}{C} \sum_c w_c \log p_{n,c}, \qquad
        \text{mean: } \frac{\sum_n l_n}{\sum_n w_{t_n}}

    The sums are over the n whose target is not ``ignore_index``; if there are none, the mean is NaN. For
    class probabilities q:

    .. math::
        l_n = -\sum_c w_c \left((1 - s) q_{n,c} + \frac{s}{C}\right) \log p_{n,c}, \qquad
        \text{mean: } \frac{1}{N} \sum_n l_n

    Args:
        input: logits x, (N, C), (N, C, d1, ...) or (C,), floating.
        target: class indices, int64, (N,), (N, d1, ...) or (); or probabilities, of the input's shape and
            dtype.
        weight: a factor w for each class, (C,).
        size_average, reduce: older forms of ``reduction``.
        ignore_index: samples with this target have loss 0 and are ignored in the mean (class indices only).
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.
        label_smoothing: s in [0, 1].

    Returns:
        The loss: a number, or for ``"none"`` a tensor of the input's shape without the dimension of the
            classes.

    Raises:
        ShapeError: the shapes do not fit, or a class index is out of bounds.
        DtypeError: the dtypes do not fit.
        ArgumentError: label_smoothing is not in [0, 1], or the reduction is unknown.

    >>> import cnn_physics77 as torch
    >>> logits = torch.tensor([[0.0, 0.0], [1000.0, 0.0]], requires_grad=True)
    >>> loss = torch.nn.functional.cross_entropy(logits, torch.tensor([1, 0]))
    >>> loss.backward()
    >>> loss.item(), logits.grad
    (0.34657..., tensor([[ 0.2500, -0.2500],
            [ 0.0000,  0.0000]]))
    """
    if not 0.0 <= label_smoothing <= 1.0:
        raise ArgumentError(
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
    target, kept = _classes("cross_entropy", input, target, weight, ignore_index)
    y, _, _ = _cross_entropy(
        input, target, kept, weight, reduction=reduction, label_smoothing=label_smoothing
    )
    if label_smoothing:
        return named(y, "AddBackward0")
    return y if input.ndim <= 2 else named(y, "NllLoss2DBackward0")


def _cross_entropy_of_probabilities(
    input, target, weight, ignore_index, reduction, label_smoothing
) -> Tensor:
    if target.array.shape != input.array.shape or target.array.dtype.kind != "f" or input.array.ndim == 0:
        raise ShapeError(
            "cross_entropy: expected class probabilities of the shape (N, C, d1, ...) of the logits and of a "
            "floating dtype, or class indices (N, d1, ...) of an integer dtype, found target "
            f"{target.array.shape} of {target.dtype} and logits {input.array.shape}"
        )
    if ignore_index >= 0:
        raise ArgumentError(
            f"cross_entropy: ignore_index is not supported for class probabilities, found {ignore_index}; "
            "leave it out"
        )
    axis = _class_axis(input.ndim)
    classes = input.shape[axis]
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    if weight is not None:
        if weight.array.shape != (classes,):
            raise ShapeError(
                f"cross_entropy: expected one weight per class, shape ({classes},), found "
                f"{weight.array.shape}"
            )
        target = target * weight.reshape(-1, *(1,) * (input.ndim - axis - 1))
    losses = -(log_softmax(input, axis) * target)
    if reduction == "none":
        return losses.sum(axis)
    return losses.sum() if reduction == "sum" else losses.sum() / (input.numel() / classes)


# ------------------------------------------------------------------------------ binary cross-entropy


@operation(name="binary_cross_entropy")
def _binary_cross_entropy(x, target):
    """-(t log x + (1 - t) log(1 - x)), with the logarithms limited to -100"""
    return (target - 1) * np.maximum(np.log1p(-x), -100) - target * np.maximum(np.log(x), -100)


@_binary_cross_entropy.derivative("x")
def _(g, x, target):
    return g * (x - target) / clamp((1 - x) * x, min=1e-12)


@_binary_cross_entropy.derivative("target")
def _(g, x):
    return g * (log1p(-x) - log(x))


def _as(like: Tensor, given: Any) -> Any:
    """The tensor, or None, in the dtype of another tensor."""
    dtype = like.array.dtype
    return given if given is None or given.array.dtype == dtype else cast(given, dtype=dtype)


@in_float32
def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""The cross-entropy of the probabilities of binary events.

    .. math:: l = -w \left(t \log x + (1 - t) \log(1 - x)\right)

    The logarithms are limited to -100 from below, so that the loss is finite. For logits, use
    :func:`binary_cross_entropy_with_logits`, which is more accurate.

    Args:
        input: probabilities x in [0, 1], of any shape.
        target: probabilities t, of the same shape and dtype.
        weight: a factor w for each element, of any dtype; broadcasts.
        size_average, reduce: older forms of ``reduction``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Raises:
        ShapeError: the shapes do not fit, or an input or a target is not in [0, 1].
        DtypeError: the dtypes differ.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.binary_cross_entropy(torch.tensor([0.25, 1.0]), torch.tensor([1.0, 1.0]))
    tensor(0.6931)
    """
    check_tensors("binary_cross_entropy", input, target)
    weight = _as(input, weight)
    reduction = reduction_of("binary_cross_entropy", reduction, size_average, reduce)
    if input.shape != target.shape:
        raise ShapeError(
            f"binary_cross_entropy: expected a target of the input's shape {input.array.shape}, found "
            f"{target.array.shape}; please ensure they have the same size, e.g. with .view_as()"
        )
    for name, x in (("input", input.array), ("target", target.array)):
        if not ((x >= 0) & (x <= 1)).all():
            raise ShapeError(
                f"binary_cross_entropy: all elements of {name} should be between 0 and 1, found {x.min()} to "
                f"{x.max()}; apply sigmoid first, or use binary_cross_entropy_with_logits"
            )
    return reduced(_binary_cross_entropy(input, target), weight, reduction, "BinaryCrossEntropy")


@operation(name="binary_cross_entropy_with_logits")
def _logits_cross_entropy(x, target, pos_weight):
    """(1 - t) x - (1 + (p - 1) t) log sigmoid(x)"""
    loss = kernels_of_activation.log_sigmoid(x)
    if pos_weight is not None:
        loss *= 1 + (pos_weight - 1) * target
    return np.subtract((1 - target) * x, loss, out=loss)


@_logits_cross_entropy.derivative("x")
def _(g, x, target, pos_weight):
    if pos_weight is None:
        return g * (sigmoid(x) - target)
    return g * (1 - target - (1 + (pos_weight - 1) * target) * sigmoid(-x))


@_logits_cross_entropy.derivative("target")
def _(g, x, pos_weight):
    return -g * (x if pos_weight is None else x + (pos_weight - 1) * logsigmoid(x))


@in_float32
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    r"""The cross-entropy of binary events with the probabilities sigmoid(logits).

    .. math:: l = -w \left(p \, t \log \sigma(x) + (1 - t) \log(1 - \sigma(x))\right)

    Args:
        input: logits x, of any shape.
        target: probabilities t, floating, of the same shape. Its dtype is that of the loss; all else may have
            another.
        weight: a factor w for each element; broadcasts.
        size_average, reduce: older forms of ``reduction``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.
        pos_weight: a factor p for the positive events, a constant; broadcasts.

    Raises:
        ShapeError: the shapes do not fit.
        DtypeError: logits or targets are not floating.

    >>> import cnn_physics77 as torch
    >>> x, t = torch.tensor([0.0, 1000.0]), torch.tensor([1.0, 0.0])
    >>> torch.nn.functional.binary_cross_entropy_with_logits(x, t, reduction="none")
    tensor([6.9315e-01, 1.0000e+03])
    """
    function = "binary_cross_entropy_with_logits"
    check_tensors(function, input)
    check_tensors(function, target)
    input, weight, pos_weight = _as(target, input), _as(target, weight), _as(target, pos_weight)
    reduction = reduction_of(function, reduction, size_average, reduce)
    if input.shape != target.shape:
        raise ShapeError(
            f"{function}: Target size ({target.array.shape}) must be the same as input size "
            f"({input.array.shape}); reshape one of them"
        )
    if pos_weight is not None:
        both = common_shape(f"{function}: pos_weight and input", pos_weight.shape, input.shape)
        pos_weight = expand_to(pos_weight, both)
        if pos_weight.shape != input.shape:
            raise ShapeError(
                f"{function}: expected a pos_weight that broadcasts to the input's shape "
                f"{input.array.shape}, found {pos_weight.array.shape}"
            )
    losses = _logits_cross_entropy(input, target, pos_weight)
    return reduced(losses, weight, reduction, "BinaryCrossEntropyWithLogits")


__all__ = ["binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "nll_loss"]
