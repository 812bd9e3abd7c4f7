"""The cross-entropy of a linear map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cnn_physics77.core.errors import ArgumentError, ShapeError
from cnn_physics77.core.operations.base.arguments import check_tensors
from cnn_physics77.core.operations.base.precision import in_float32
from cnn_physics77.core.operations.indexing.shape import flatten, reshape
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.nn.linear import linear
from cnn_physics77.core.operations.nn.loss_cross_entropy import cross_entropy
from cnn_physics77.core.tensor import Tensor


@dataclass(frozen=True, slots=True)
class LinearCrossEntropyOptions:
    """How PyTorch computes :func:`linear_cross_entropy` in chunks. They have no effect here: all logits are
    computed at once.

    Attributes:
        allow_retain_graph, batch_chunk_size, chunking_method, acc_policy, acc_dtype: PyTorch's settings.
    """

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: str = "auto"
    acc_dtype: Any = None

    def __post_init__(self) -> None:
        if self.acc_policy not in ("auto", "accurate", "balanced", "compact"):
            raise ValueError(
                "LinearCrossEntropyOptions: invalid acc_policy: expected 'auto', 'accurate', 'balanced' or "
                f"'compact', found {self.acc_policy!r}"
            )
        size = self.batch_chunk_size
        if size is not None and (not isinstance(size, int) or size < 1):
            raise ValueError(
                f"LinearCrossEntropyOptions: batch_chunk_size must be positive int or None, got {size!r}"
            )


@in_float32
def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: LinearCrossEntropyOptions | None = None,
) -> Tensor:
    r"""The :func:`cross_entropy` of the logits :math:`A x + b` and a target.

    Args:
        input: x, (N, I) or (I,), floating.
        linear_weight: A, (C, I) or (C, d1, ..., I) for C classes.
        target: class indices (N, d1, ...), or probabilities (N, C, d1, ...).
        linear_bias: b, (C, d1, ...), or None.
        weight, reduction, label_smoothing: as for :func:`cross_entropy`.
        ignore_index: as there; None for -100.
        options: accepted for PyTorch's sake, without effect.

    Raises:
        ShapeError: sizes that do not fit.
        ArgumentError: ignore_index with probabilities.
        DtypeError: as for :func:`cross_entropy`.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.linear_cross_entropy(torch.ones(1, 2), torch.zeros(4, 2), torch.tensor([3]))
    tensor(1.3863)
    """
    check_tensors("linear_cross_entropy", input, linear_weight, linear_bias)
    size = linear_weight.array.shape
    if input.ndim not in (1, 2) or len(size) < 2 or input.array.shape[-1] != size[-1]:
        raise ShapeError(
            "linear_cross_entropy: expected input (N, I) or (I,) and linear_weight (C, ..., I), found "
            f"{input.array.shape} and {size}"
        )
    if linear_bias is not None and linear_bias.array.shape != size[:-1]:
        raise ShapeError(
            f"linear_cross_entropy: expected linear_bias shape {size[:-1]}, got {linear_bias.array.shape}"
        )
    if input.ndim == 1 and len(size) > 2:
        raise ShapeError(
            f"linear_cross_entropy: a linear_weight of shape {size} requires batched input, (N, {size[-1]}), "
            f"got unbatched input with shape {input.array.shape}"
        )
    shape = (*input.array.shape[:-1], *size[:-1])
    if target.array.shape == shape and ignore_index is not None:
        raise ArgumentError(
            "linear_cross_entropy: ignore_index cannot be specified when target contains probabilities, "
            f"found {ignore_index}"
        )
    bias = None if linear_bias is None else flatten(linear_bias)
    logits = reshape(linear(input, reshape(linear_weight, (-1, size[-1])), bias), shape)
    ignored = -100 if ignore_index is None else ignore_index
    return cross_entropy(
        logits, target, weight, None, ignored, reduction=reduction, label_smoothing=label_smoothing
    )


__all__ = ["linear_cross_entropy"]
complete_late(__name__)
