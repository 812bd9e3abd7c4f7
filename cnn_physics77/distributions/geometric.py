"""``torch.distributions.geometric``."""

from __future__ import annotations

from typing import Any

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.one_probability import OneProbability
from cnn_physics77.distributions.utils import broadcast_all
from cnn_physics77.nn.functional import binary_cross_entropy_with_logits


class Geometric(OneProbability):
    r"""The number of failures before the first success: :math:`p(k) = (1 - p)^k p`, k = 0, 1, ...

    Args:
        probs: p, 0 < p ≤ 1.
        logits: :math:`\log p - \log(1 - p)`, in place of ``probs``.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.distributions import Geometric
    >>> Geometric(0.5).log_prob(torch.tensor([0.0, 1.0, 2.0])).exp()
    tensor([0.5000, 0.2500, 0.1250])
    """

    support = constraints.nonnegative_integer

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self._give(probs, logits)
        super().__init__(self._param.shape, validate_args=validate_args)
        if self._validate_args and probs is not None and not (self.probs > 0).array.all():
            raise ValueError(
                "Expected parameter probs of distribution Geometric to be positive, but found invalid "
                f"values:\n{self.probs}"
            )

    @property
    def mean(self) -> Tensor:
        return 1 / self.probs - 1

    @property
    def mode(self) -> Tensor:
        return torch.zeros_like(self.probs)

    @property
    def variance(self) -> Tensor:
        return (1 / self.probs - 1) / self.probs

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with torch.no_grad():
            u = torch.rand(self._extended_shape(sample_shape), dtype=self.probs.dtype)
            u = u.clamp(min=torch.finfo(u.dtype).tiny)
            return (u.log() / (-self.probs).log1p()).floor()

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        value, probs = broadcast_all(value, self.probs)
        certain = (probs == 1) & (value == 0)  # 0 log 0 = 0
        return value * torch.log1p(-torch.where(certain, 0.0, probs)) + self.probs.log()

    def entropy(self) -> Tensor:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none") / self.probs


__all__ = ["Geometric"]
