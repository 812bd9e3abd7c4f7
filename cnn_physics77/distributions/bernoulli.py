"""``torch.distributions.bernoulli``."""

from __future__ import annotations

import math
from typing import Any

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.exp_family import ExponentialFamily
from cnn_physics77.distributions.one_probability import OneProbability
from cnn_physics77.distributions.utils import broadcast_all
from cnn_physics77.nn.functional import binary_cross_entropy_with_logits


class Bernoulli(OneProbability, ExponentialFamily):
    r"""1 with the probability p, 0 otherwise: :math:`p(x) = p^x (1 - p)^{1 - x}`.

    Args:
        probs: p.
        logits: :math:`\log p - \log(1 - p)`, in place of ``probs``.

    Raises:
        ValueError: both are given, or none.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.distributions import Bernoulli
    >>> Bernoulli(0.25).log_prob(torch.tensor([1.0, 0.0])).exp()
    tensor([0.2500, 0.7500])
    """

    support = constraints.boolean
    has_enumerate_support = True
    _mean_carrier_measure = 0.0

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self._give(probs, logits)
        super().__init__(self._param.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        """NaN where both are equally probable."""
        return torch.where(self.probs == 0.5, math.nan, (self.probs >= 0.5).to(self.probs.dtype))

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with torch.no_grad():
            return torch.bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self) -> Tensor:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        return self._support_values(torch.arange(2, dtype=self._param.dtype), expand)

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (torch.logit(self.probs),)

    def _log_normalizer(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return torch.log1p(torch.exp(x))


__all__ = ["Bernoulli"]
