r"""Losses with a margin: scores, distances and similarities that are good enough cost nothing.

Most are hinges, :math:`\max(0, m - d)` with a margin m and the distance d from the border of a decision.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.core.operations.base.arguments import check_tensors, reduced, reduction_of
from cnn_physics77.core.operations.base.own_name import in_own_name
from cnn_physics77.core.operations.base.precision import in_float32
from cnn_physics77.core.operations.indexing.gather_scatter import gather_along
from cnn_physics77.core.operations.indexing.shape import reshape, unsqueeze
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.nn.activation_piecewise import relu
from cnn_physics77.core.operations.nn.activation_smooth import logsigmoid
from cnn_physics77.core.operations.nn.distance import pairwise_distance
from cnn_physics77.core.operations.pointwise.exp_log_pow import sqrt, square
from cnn_physics77.core.operations.pointwise.where_clamp import clamp_min, minimum, where
from cnn_physics77.core.tensor import Tensor, from_array

# ------------------------------------------------------------------------------ of pairs


@in_own_name
@in_float32
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Which of two scores is to be the larger: :math:`l = \max(0, -t (a - b) + m)`.

    Args:
        input1, input2: scores a and b, of any shape.
        target: t, 1 where a is to be larger and -1 where b is; the shapes broadcast.
        margin: m.
        size_average, reduce: older forms of ``reduction``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Raises:
        ShapeError: different numbers of dimensions, or shapes that do not broadcast.
        ArgumentError: an unknown reduction.

    >>> import cnn_physics77 as torch
    >>> a, b = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 1.0])
    >>> torch.nn.functional.margin_ranking_loss(a, b, torch.ones(2), reduction="none")
    tensor([2., 0.])
    """
    reduction = reduction_of("margin_ranking_loss", reduction, size_average, reduce)
    if not input1.ndim == input2.ndim == target.ndim:
        raise ShapeError(
            "margin_ranking_loss: All input tensors should have same dimension but got sizes: input1: "
            f"{input1.array.shape}, input2: {input2.array.shape}, target: {target.array.shape}"
        )
    return reduced(clamp_min(-target * (input1 - input2) + margin, 0), None, reduction)


@in_own_name
@in_float32
def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Distances that are to be small or large: x where t = 1, and :math:`\max(0, m - x)` where t = -1.

    Args:
        input: distances x, of any shape.
        target: t; the shapes broadcast. Another value than 1 and -1 takes the sum of both.
        margin: m.
        size_average, reduce, reduction: as for :func:`margin_ranking_loss`.

    Raises:
        ShapeError: the shapes do not broadcast.
        ArgumentError: an unknown reduction.

    >>> import cnn_physics77 as torch
    >>> x, t = torch.tensor([0.5, 0.25]), torch.tensor([1, -1])
    >>> torch.nn.functional.hinge_embedding_loss(x, t, reduction="none")
    tensor([0.5000, 0.7500])
    """
    reduction = reduction_of("hinge_embedding_loss", reduction, size_average, reduce)
    far = where(target != 1, clamp_min(margin - input, 0), 0)
    near = where(target != -1, input, 0)
    return reduced(far + near, None, reduction)


@in_own_name
@in_float32
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Vectors that are to have equal directions or not: :math:`1 - c` where t = 1, and
    :math:`\max(0, c - m)` where t = -1, with the cosine

    .. math:: c = \frac{a \cdot b}{\sqrt{(a \cdot a + \epsilon) (b \cdot b + \epsilon)}},
        \qquad \epsilon = 10^{-12}

    Args:
        input1, input2: vectors a and b, (N, D) or (D,).
        target: t, (N,) or ().
        margin: m, from -1 to 1.
        size_average, reduce, reduction: as for :func:`margin_ranking_loss`.

    Raises:
        ShapeError: sizes that do not fit.
        ArgumentError: an unknown reduction.

    >>> import cnn_physics77 as torch
    >>> a, b = torch.tensor([[3.0, 4.0]]), torch.tensor([[4.0, 3.0]])
    >>> torch.nn.functional.cosine_embedding_loss(a, b, torch.tensor([1]))
    tensor(0.0400)
    """
    reduction = reduction_of("cosine_embedding_loss", reduction, size_average, reduce)
    _check_multiple("cosine_embedding_loss", target, input1, input2)
    a = (input1 * input1).sum(-1) + 1e-12
    b = (input2 * input2).sum(-1) + 1e-12
    cosine = (input1 * input2).sum(-1) / sqrt(a * b)
    similar = where(target == 1, 1 - cosine, 0)
    different = where(target == -1, clamp_min(cosine - margin, 0), 0)
    return reduced(similar + different, None, reduction)


def _check_multiple(function: str, target: Tensor, *inputs: Tensor) -> None:
    """Raise a ShapeError unless the inputs have one dimension more than the target, which has none or one."""
    if target.ndim > 1:
        raise ShapeError(
            f"{function}: 0D or 1D target tensor expected, multi-target not supported, found shape "
            f"{target.array.shape}"
        )
    if any(x.ndim != target.ndim + 1 for x in inputs):
        raise ShapeError(
            f"{function}: {target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but found "
            f"inputs with sizes {[x.array.shape for x in inputs]}"
        )


# ------------------------------------------------------------------------------ of triples


@in_own_name
@in_float32
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""An anchor that is to be nearer to one vector than to another (V. Balntas et al., 2016).

    .. math:: l = \max(0, d(a, p) - d(a, n) + m)

    with the p-norm of the difference, :func:`pairwise_distance`, as d.

    Args:
        anchor, positive, negative: vectors a, p and n, (..., D); the shapes broadcast.
        margin: m > 0.
        p, eps: of :func:`pairwise_distance`.
        swap: whether d(p, n) replaces d(a, n) where it is smaller.
        size_average, reduce, reduction: as for :func:`margin_ranking_loss`.

    Raises:
        ShapeError: different numbers of dimensions, or shapes that do not broadcast.
        ArgumentError: the margin is not positive, or the reduction is unknown.

    >>> import cnn_physics77 as torch
    >>> a, p, n = torch.zeros(1, 2), torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 2.0]])
    >>> torch.nn.functional.triplet_margin_loss(a, p, n, eps=0.0)
    tensor(4.)
    """
    reduction = reduction_of("triplet_margin_loss", reduction, size_average, reduce)

    def distance(x, y):
        return pairwise_distance(x, y, p, eps)

    return _triplets("triplet_margin_loss", anchor, positive, negative, distance, margin, swap, reduction)


@in_float32
def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """:func:`triplet_margin_loss` with another distance.

    Args:
        anchor, positive, negative: whatever the distance takes.
        distance_function: of two tensors; None for :func:`pairwise_distance`.
        margin, swap, reduction: as there.

    Raises:
        ShapeError, ValueError: as there.

    >>> import cnn_physics77 as torch
    >>> a, p, n = torch.zeros(1, 2), torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 2.0]])
    >>> city_block = lambda x, y: (x - y).abs().sum(-1)
    >>> torch.nn.functional.triplet_margin_with_distance_loss(a, p, n, distance_function=city_block)
    tensor(6.)
    """
    function = "triplet_margin_with_distance_loss"
    reduction_of(function, reduction, None, None)
    distance = pairwise_distance if distance_function is None else distance_function
    return _triplets(function, anchor, positive, negative, distance, margin, swap, reduction)


def _triplets(function, anchor, positive, negative, distance: Callable, margin, swap, reduction) -> Tensor:
    if margin <= 0:
        raise ArgumentError(f"{function}: margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise ShapeError(
            f"{function}: The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {anchor.ndim}D, positive {positive.ndim}D, and negative "
            f"{negative.ndim}D inputs"
        )
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    return reduced(clamp_min(margin + near - far, 0), None, reduction)


# ------------------------------------------------------------------------------ of classes


@in_float32
def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Class scores of which the target's is to be the largest (K. Crammer and Y. Singer, 2001).

    .. math:: l = \frac{1}{C} \sum_{i \ne t} w_t \max(0, m - x_t + x_i)^p

    Args:
        input: scores x, (N, C) or (C,), real and floating.
        target: classes t, int64, (N,) or ().
        p: 1 or 2.
        margin: m.
        weight: a factor w for each class, (C,).
        size_average, reduce, reduction: as for :func:`margin_ranking_loss`.

    Raises:
        ShapeError: sizes that do not fit, a class that does not exist.
        ArgumentError: another p, or an unknown reduction.
        DtypeError: targets that are not int64, or an input that is not real and floating.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([[0.1, 0.2, 0.4, 0.8]])
    >>> torch.nn.functional.multi_margin_loss(x, torch.tensor([3]))
    tensor(0.3250)
    """
    function = "multi_margin_loss"
    reduction = reduction_of(function, reduction, size_average, reduce)
    check_tensors(function, input, weight, kinds="f")
    if p not in (1, 2):
        raise ArgumentError(f"{function}: only p == 1 and p == 2 supported, found {p}")
    if weight is not None and weight.ndim != 1:
        raise ArgumentError(f"{function}: weight must be one-dimensional, found {weight.array.shape}")
    x, t = _scores_and_classes(function, input, target, ())
    classes = x.array.shape[1]
    if weight is not None and weight.array.shape != (classes,):
        raise ArgumentError(
            f"{function}: weight must be one-dimensional with one number for each of {classes} classes, "
            f"found shape {weight.array.shape}"
        )
    if t.array.size and not 0 <= t.array.min() <= t.array.max() < classes:
        raise ShapeError(
            f"{function}: target out of range: expected classes from 0 to {classes - 1}, found "
            f"{t.array.min()} to {t.array.max()}"
        )
    of_target = gather_along(x, unsqueeze(t, 1), dim=1, squeeze=False)
    hinges = relu(margin - of_target + x)
    if p == 2:
        hinges = square(hinges)
    if weight is not None:
        hinges = hinges * unsqueeze(weight[t], 1)
    others = np.arange(classes) != t.array[:, None]
    losses = where(from_array(others), hinges, 0).sum(1) / classes
    return reduced(reshape(losses, target.array.shape), None, reduction, "MultiMarginLoss")


@in_float32
def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Class scores of which those of several targets are to be larger than all others.

    .. math:: l = \frac{1}{C} \sum_j \sum_{i \notin t} \max(0, 1 - (x_{t_j} - x_i))

    Args:
        input: scores x, (N, C) or (C,), real and floating.
        target: the classes t, int64, of the same shape: those before the first -1 in each row.
        size_average, reduce, reduction: as for :func:`margin_ranking_loss`.

    Raises:
        ShapeError: another shape of the targets, or a class that does not exist.
        ArgumentError: an unknown reduction.
        DtypeError: targets that are not int64, or an input that is not real and floating.

    All pairs of targets and other classes take memory for N C² numbers.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([[0.1, 0.2, 0.4, 0.8]])
    >>> torch.nn.functional.multilabel_margin_loss(x, torch.tensor([[3, 0, -1, 1]]))
    tensor(0.8500)
    """
    function = "multilabel_margin_loss"
    reduction = reduction_of(function, reduction, size_average, reduce)
    check_tensors(function, input, kinds="f")
    x, t = _scores_and_classes(function, input, target, input.array.shape[-1:] or (1,))
    classes = x.array.shape[1]
    if t.array.size and not -1 <= t.array.min() <= t.array.max() < classes:
        raise ShapeError(
            f"{function}: target out of range: expected classes from -1 to {classes - 1}, found "
            f"{t.array.min()} to {t.array.max()}"
        )
    counts = np.logical_and.accumulate(t.array >= 0, axis=1)
    chosen = np.where(counts, t.array, 0)
    is_target = (counts[:, :, None] & (chosen[:, :, None] == np.arange(classes))).any(axis=1)
    of_targets = gather_along(x, from_array(chosen), dim=1, squeeze=False)
    hinges = relu(1 - (unsqueeze(of_targets, 2) - unsqueeze(x, 1)))
    pairs = counts[:, :, None] & ~is_target[:, None, :]
    losses = where(from_array(pairs), hinges, 0).sum((1, 2)) / classes
    return reduced(losses if input.ndim == 2 else losses[0], None, reduction, "MultilabelMarginLoss")


def _scores_and_classes(
    function: str, input: Tensor, target: Tensor, more: tuple[int, ...]
) -> tuple[Tensor, Tensor]:
    """Scores (N, C) and targets (N, *more), with N = 1 if there was none, and C = 1 for a single score."""
    if not input.array.shape:
        input, target = unsqueeze(input, 0), from_array(target.array.reshape(1))
    shape = input.array.shape
    if len(shape) not in (1, 2) or 0 in shape[-1:]:
        raise ShapeError(
            f"{function}: Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
            f"{shape}"
        )
    expected = (*shape[:-1], *more)
    if target.array.shape != expected and not (len(shape) == 1 and target.array.shape == (1,) and not more):
        raise ShapeError(
            f"{function}: inconsistent target size: expected {expected} for scores of shape {shape}, found "
            f"{target.array.shape}"
        )
    if target.array.dtype != np.int64:
        raise DtypeError(f"{function}: expected targets of int64, found {target.dtype}; use .long()")
    if len(shape) == 2:
        return input, target
    return unsqueeze(input, 0), from_array(target.array.reshape(1, *more))


@in_float32
def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""The mean of the binary cross-entropies of all classes.

    .. math:: l = -\frac{1}{C} \sum_i w_i (t_i \log \sigma(x_i) + (1 - t_i) \log \sigma(-x_i))

    Args:
        input: logits x, (..., C).
        target: t, 0 or 1, or between; the shapes broadcast.
        weight: a factor w for each class or element.
        size_average, reduce, reduction: as for :func:`margin_ranking_loss`.

    Returns:
        With reduction ``"none"``, (...) without the last dimension.

    Raises:
        ShapeError: the shapes do not broadcast.
        ArgumentError: an unknown reduction.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.multilabel_soft_margin_loss(torch.zeros(1, 3), torch.ones(1, 3))
    tensor(0.6931)
    """
    reduction = reduction_of("multilabel_soft_margin_loss", reduction, size_average, reduce)
    losses = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    if weight is not None:
        losses = losses * weight
    return reduced(losses.sum(-1) / input.array.shape[-1], None, reduction)


@in_own_name
@in_float32
def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""The logistic loss of two classes: :math:`l = \log(1 + e^{-t x})`, computed without overflow.

    Args:
        input: scores x, of any shape.
        target: t, 1 or -1; the shapes broadcast.
        size_average, reduce, reduction: as for :func:`margin_ranking_loss`.

    Raises:
        ShapeError: the shapes do not broadcast.
        ArgumentError: an unknown reduction.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.soft_margin_loss(torch.tensor([0.0]), torch.tensor([1.0]))
    tensor(0.6931)
    """
    reduction = reduction_of("soft_margin_loss", reduction, size_average, reduce)
    return reduced(-logsigmoid(input * target), None, reduction, "SoftMarginLoss")


__all__ = [
    "cosine_embedding_loss",
    "hinge_embedding_loss",
    "margin_ranking_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]
complete_late(__name__)
