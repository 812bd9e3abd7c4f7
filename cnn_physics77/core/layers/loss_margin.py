"""Loss layers with a margin: functions from :mod:`cnn_physics77.core.operations.nn.loss_margin` with their
settings."""

from __future__ import annotations

from collections.abc import Callable

from cnn_physics77.core.layers.distance import PairwiseDistance
from cnn_physics77.core.layers.loss import _Loss, _WeightedLoss
from cnn_physics77.core.operations.nn import loss_margin as F
from cnn_physics77.core.tensor import Tensor


class _MarginLoss(_Loss):
    def __init__(self, margin: float, size_average, reduce, reduction: str) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin


class MarginRankingLoss(_MarginLoss):
    """Which of two scores is to be the larger: see :func:`nn.functional.margin_ranking_loss`.

    ``forward(input1, input2, target)``.

    Args:
        margin: by how much.
    """

    def __init__(self, margin: float = 0.0, size_average=None, reduce=None, reduction: str = "mean") -> None:
        super().__init__(margin, size_average, reduce, reduction)

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return F.margin_ranking_loss(input1, input2, target, margin=self.margin, reduction=self.reduction)


class HingeEmbeddingLoss(_MarginLoss):
    """Distances that are to be small or large: see :func:`nn.functional.hinge_embedding_loss`.

    Args:
        margin: what is large enough.
    """

    def __init__(self, margin: float = 1.0, size_average=None, reduce=None, reduction: str = "mean") -> None:
        super().__init__(margin, size_average, reduce, reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.hinge_embedding_loss(input, target, margin=self.margin, reduction=self.reduction)


class CosineEmbeddingLoss(_MarginLoss):
    """Vectors that are to have equal directions or not: see :func:`nn.functional.cosine_embedding_loss`.

    ``forward(input1, input2, target)``.

    Args:
        margin: the largest cosine of different vectors.

    >>> import cnn_physics77 as torch
    >>> a, b = torch.tensor([[3.0, 4.0]]), torch.tensor([[4.0, 3.0]])
    >>> torch.nn.CosineEmbeddingLoss()(a, b, torch.tensor([1]))
    tensor(0.0400)
    """

    def __init__(self, margin: float = 0.0, size_average=None, reduce=None, reduction: str = "mean") -> None:
        super().__init__(margin, size_average, reduce, reduction)

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return F.cosine_embedding_loss(input1, input2, target, margin=self.margin, reduction=self.reduction)


class TripletMarginLoss(_Loss):
    """An anchor that is to be nearer to one vector than to another: see
    :func:`nn.functional.triplet_margin_loss`.

    ``forward(anchor, positive, negative)``.

    Args:
        margin: by how much.
        p, eps: of the p-norm of the difference.
        swap: whether the distance of the other two counts where it is smaller.
    """

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        size_average=None,
        reduce=None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = _positive("TripletMarginLoss", margin)
        self.p = p
        self.eps = eps
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return F.triplet_margin_loss(
            anchor,
            positive,
            negative,
            margin=self.margin,
            p=self.p,
            eps=self.eps,
            swap=self.swap,
            reduction=self.reduction,
        )


class TripletMarginWithDistanceLoss(_Loss):
    """:class:`TripletMarginLoss` with another distance: see
    :func:`nn.functional.triplet_margin_with_distance_loss`.

    Args:
        distance_function: of two tensors; a function, or a module; None for :class:`PairwiseDistance`.
        margin, swap: as there.
    """

    def __init__(
        self,
        *,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        self.distance_function = PairwiseDistance() if distance_function is None else distance_function
        self.margin = _positive("TripletMarginWithDistanceLoss", margin)
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return F.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )


def _positive(layer: str, margin: float) -> float:
    if margin <= 0:
        raise ValueError(f"{layer}: expected margin to be greater than 0, got {margin} instead")
    return margin


class MultiMarginLoss(_WeightedLoss):
    """Class scores of which the target's is to be the largest: see :func:`nn.functional.multi_margin_loss`.

    Args:
        p: the power of the hinges, 1 or 2.
        margin: by how much.
        weight: of each class.
    """

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: Tensor | None = None,
        size_average=None,
        reduce=None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        if p not in (1, 2):
            raise ValueError(f"MultiMarginLoss: only p == 1 and p == 2 supported, found {p}")
        if weight is not None and weight.ndim != 1:
            raise ValueError(
                f"MultiMarginLoss: weight must be None or 1-dimensional, found shape {weight.array.shape}"
            )
        self.p = p
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multi_margin_loss(
            input, target, p=self.p, margin=self.margin, weight=self.weight, reduction=self.reduction
        )


class MultiLabelMarginLoss(_Loss):
    """Class scores of which those of several targets are to be the largest: see
    :func:`nn.functional.multilabel_margin_loss`."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(_WeightedLoss):
    """The mean of the binary cross-entropies of all classes: see
    :func:`nn.functional.multilabel_soft_margin_loss`.

    Args:
        weight: of each class.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multilabel_soft_margin_loss(input, target, weight=self.weight, reduction=self.reduction)


class SoftMarginLoss(_Loss):
    """The logistic loss of two classes, 1 and -1: see :func:`nn.functional.soft_margin_loss`."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.soft_margin_loss(input, target, reduction=self.reduction)


__all__ = [
    "CosineEmbeddingLoss",
    "HingeEmbeddingLoss",
    "MarginRankingLoss",
    "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "SoftMarginLoss",
    "TripletMarginLoss",
    "TripletMarginWithDistanceLoss",
]
