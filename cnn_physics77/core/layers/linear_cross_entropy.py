"""The cross-entropy of a linear map, as a layer."""

from __future__ import annotations

from math import prod

from cnn_physics77.core import operations as F
from cnn_physics77.core.errors import ArgumentError, ShapeError
from cnn_physics77.core.layers.linear import Linear
from cnn_physics77.core.layers.loss import _WeightedLoss
from cnn_physics77.core.operations.nn.linear_cross_entropy import (
    LinearCrossEntropyOptions,
    linear_cross_entropy,
)
from cnn_physics77.core.tensor import Tensor


class LinearCrossEntropyLoss(_WeightedLoss):
    """The cross-entropy of a linear map of the input: see :func:`nn.functional.linear_cross_entropy`.

    Args:
        in_features: the size of the input.
        num_classes: C.
        out_features: further dimensions of the logits.
        bias: whether the map has a bias.
        weight: of each class.
        ignore_index, label_smoothing, options: as for the function.

    Attributes:
        linear: the map, of C times the product of out_features outputs.

    >>> import cnn_physics77 as torch
    >>> torch.nn.LinearCrossEntropyLoss(8, 3)(torch.randn(4, 8), torch.tensor([0, 1, 2, 0])).shape
    torch.Size([])
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        device=None,
        dtype=None,
        reduction: str = "mean",
        weight: Tensor | None = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        options: LinearCrossEntropyOptions | None = None,
    ) -> None:
        if weight is not None and weight.array.shape != (num_classes,):
            raise ShapeError(
                f"LinearCrossEntropyLoss: expected weight shape to be {(num_classes,)}, got "
                f"{weight.array.shape}"
            )
        if not 0 <= label_smoothing <= 1:
            raise ArgumentError(
                "LinearCrossEntropyLoss: expected label_smoothing to be in range [0, 1], got "
                f"{label_smoothing}"
            )
        super().__init__(weight, reduction=reduction)
        self.num_classes = num_classes
        self.out_features = out_features
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing
        self.linear = Linear(
            in_features, prod(out_features, start=num_classes), bias=bias, device=device, dtype=dtype
        )
        self.options = options

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        outputs = (self.num_classes, *self.out_features)
        bias = self.linear.bias
        return linear_cross_entropy(
            input,
            F.reshape(self.linear.weight, (*outputs, self.linear.in_features)),
            target,
            linear_bias=None if bias is None else F.reshape(bias, outputs),
            weight=self.weight,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            options=self.options,
        )

    def extra_repr(self) -> str:
        return (
            f"in_features={self.linear.in_features}, num_classes={self.num_classes}, "
            f"out_features={self.out_features}, bias={self.linear.bias is not None}, "
            f"reduction={self.reduction}, ignore_index={self.ignore_index}, "
            f"label_smoothing={self.label_smoothing}, options={self.options}"
        )


__all__ = ["LinearCrossEntropyLoss", "LinearCrossEntropyOptions"]
