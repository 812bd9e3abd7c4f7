"""``torchvision.ops.focal_loss``."""

from __future__ import annotations

from cnn_physics77.core.operations.nn.loss_cross_entropy import binary_cross_entropy_with_logits
from cnn_physics77.core.tensor import Tensor


def sigmoid_focal_loss(
    inputs: Tensor, targets: Tensor, alpha: float = 0.25, gamma: float = 2, reduction: str = "none"
) -> Tensor:
    r"""The cross-entropy of two classes, in which examples that are classified well count little:
    :math:`-\alpha_t (1 - p_t)^\gamma \log p_t` (T.-Y. Lin et al., arXiv:1708.02002).

    Args:
        inputs: logits.
        targets: 0 or 1, of their shape.
        alpha: the weight of class 1, and 1 - alpha that of class 0, from 0 to 1; -1 for none.
        gamma: see the formula.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``.

    Raises:
        ValueError: another alpha or reduction.

    >>> import cnn_physics77 as torch
    >>> sigmoid_focal_loss(torch.zeros(2), torch.tensor([0.0, 1.0]), alpha=-1, gamma=0)
    tensor([0.6931, 0.6931])
    """
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"sigmoid_focal_loss: expected the reduction none, mean or sum, found {reduction!r}")
    if not (0 <= alpha <= 1 or alpha == -1):
        raise ValueError(f"sigmoid_focal_loss: expected alpha from 0 to 1, or -1 for none, found {alpha}")
    p = inputs.sigmoid()
    right = p * targets + (1 - p) * (1 - targets)
    loss = binary_cross_entropy_with_logits(inputs, targets, reduction="none") * (1 - right) ** gamma
    if alpha >= 0:
        loss = (alpha * targets + (1 - alpha) * (1 - targets)) * loss
    return loss if reduction == "none" else getattr(loss, reduction)()


__all__ = ["sigmoid_focal_loss"]
