"""The loss of label sequences without times, as a layer."""

from __future__ import annotations

from cnn_physics77.core.layers.loss import _Loss
from cnn_physics77.core.operations.nn import loss_ctc as F
from cnn_physics77.core.tensor import Tensor


class CTCLoss(_Loss):
    """Connectionist temporal classification: see :func:`nn.functional.ctc_loss`.

    ``forward(log_probs, targets, input_lengths, target_lengths)``.

    Args:
        blank: the class of the blank.
        zero_infinity: whether losses of targets that are too long for their input count as 0.

    >>> import cnn_physics77 as torch
    >>> log_probs = torch.full((2, 1, 3), 1 / 3).log()
    >>> torch.nn.CTCLoss()(log_probs, torch.tensor([[1]]), (2,), (1,))
    tensor(1.0986)
    """

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None:
        super().__init__(reduction=reduction)
        self.blank = blank
        self.zero_infinity = zero_infinity

    def forward(self, log_probs: Tensor, targets: Tensor, input_lengths, target_lengths) -> Tensor:
        return F.ctc_loss(
            log_probs,
            targets,
            input_lengths,
            target_lengths,
            self.blank,
            self.reduction,
            self.zero_infinity,
        )


__all__ = ["CTCLoss"]
