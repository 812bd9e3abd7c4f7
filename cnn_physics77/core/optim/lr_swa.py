"""The schedule of stochastic weight averaging."""

from __future__ import annotations

import math

from cnn_physics77.core.optim.lr_scheduler import LRScheduler, per_group
from cnn_physics77.core.optim.optimizer import Optimizer


class SWALR(LRScheduler):
    r"""Go from the current rate to ``swa_lr`` in some epochs, and stay there (Izmailov et al. 2018).

    With :math:`\eta` the rate where it begins and :math:`s = \min(t / n, 1)`:

    .. math::
        \eta_t = (1 - a) \, \eta + a \, \eta_{swa} \qquad
        a = s \text{ (linear)} \quad \text{or} \quad a = (1 - \cos \pi s) / 2 \text{ (cos)}

    Args:
        swa_lr: the last rate, one number or one per group; also kept as ``group["swa_lr"]``.
        anneal_epochs: n.
        anneal_strategy: "cos" or "linear".

    Raises:
        ValueError: an unknown strategy, a negative number of epochs, or not one rate per group.

    >>> import cnn_physics77 as torch
    >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler = torch.optim.swa_utils.SWALR(optimizer, 0.5, anneal_epochs=2, anneal_strategy="linear")
    >>> for _ in range(3):
    ...     optimizer.step()
    ...     scheduler.step()
    ...     print(scheduler.get_last_lr())
    [0.75]
    [0.5]
    [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        rates = per_group("swa_lr", optimizer, swa_lr)
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"SWALR: anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"SWALR: anneal_epochs must be an integer from 0 on, got {anneal_epochs}")
        for group, rate in zip(optimizer.param_groups, rates):
            group["swa_lr"] = rate
        self.anneal_epochs = anneal_epochs
        self._anneal_strategy = anneal_strategy
        super().__init__(optimizer, last_epoch)

    def _share(self, epochs: int) -> float:
        """The share a of swa_lr after so many epochs."""
        share = max(0.0, min(1.0, epochs / max(1, self.anneal_epochs)))
        return share if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * share)) / 2

    def get_lr(self) -> list:
        epochs = self._step_count - 1
        if self.anneal_epochs == 0:
            epochs = max(1, epochs)
        before, share = self._share(epochs - 1), self._share(epochs)
        rates = []
        for group in self.optimizer.param_groups:
            last = group["swa_lr"]
            # the rate where it began, from the current one: another scheduler may have changed that
            first = last if before == 1 else (group["lr"] - before * last) / (1 - before)
            rates.append(last * share + first * (1 - share))
        return rates


__all__ = ["SWALR"]
