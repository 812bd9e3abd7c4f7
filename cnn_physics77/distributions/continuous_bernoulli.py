"""``torch.distributions.continuous_bernoulli``."""

from __future__ import annotations

import math
from typing import Any

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.exp_family import ExponentialFamily
from cnn_physics77.distributions.one_probability import OneProbability
from cnn_physics77.distributions.utils import broadcast_all, clamp_probs, lazy_property, logits_to_probs
from cnn_physics77.nn.functional import binary_cross_entropy_with_logits


class ContinuousBernoulli(OneProbability, ExponentialFamily):
    r"""A density on [0, 1]: :math:`p(x) = C(\lambda)\, \lambda^x (1 - \lambda)^{1 - x}` (G. Loaiza-Ganem and
    J. P. Cunningham, *The continuous Bernoulli*, NeurIPS 2019).

    Args:
        probs: λ, 0 < λ < 1; it is clamped to that, and only checked with ``validate_args=True``.
        logits: :math:`\log\lambda - \log(1 - \lambda)`, in place of ``probs``.
        lims: for λ between these, the functions of λ are Taylor series around 1/2, where the formulas divide
            zero by zero.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.distributions import ContinuousBernoulli
    >>> ContinuousBernoulli(0.5).log_prob(torch.tensor(0.3)).exp()
    tensor(1.)
    """

    support = constraints.unit_interval
    has_rsample = True
    _mean_carrier_measure = 0.0

    def __init__(
        self,
        probs: Any = None,
        logits: Any = None,
        lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:
        self._give(probs, logits)
        if logits is None:
            if validate_args and not constraints.unit_interval.check(self._param).array.all():
                raise ValueError(
                    "ContinuousBernoulli: the parameter probs has invalid values; expected them from 0 to 1"
                )
            self._param = self.probs = clamp_probs(self._param)
        self._lims = lims
        super().__init__(self._param.shape, validate_args=validate_args)

    @lazy_property
    def probs(self) -> Tensor:
        return clamp_probs(logits_to_probs(self.logits, is_binary=True))

    def _outside(self) -> Tensor:
        """Whether λ is away from 1/2."""
        return (self.probs <= self._lims[0]) | (self.probs > self._lims[1])

    def _cut(self) -> Tensor:
        """λ, moved away from 1/2."""
        return torch.where(self._outside(), self.probs, self._lims[0])

    def _log_norm(self) -> Tensor:
        r""":math:`\log C = \log(2\,\mathrm{artanh}(1 - 2\lambda) / (1 - 2\lambda))`."""
        cut = self._cut()
        exact = torch.log((torch.log1p(-cut) - torch.log(cut)).abs()) - torch.log((1 - 2 * cut).abs())
        x = (self.probs - 0.5).pow(2)
        return torch.where(self._outside(), exact, math.log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * x) * x)

    @property
    def mean(self) -> Tensor:
        cut = self._cut()
        exact = cut / (2 * cut - 1) + 1 / (torch.log1p(-cut) - torch.log(cut))
        x = self.probs - 0.5
        return torch.where(self._outside(), exact, 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * x.pow(2)) * x)

    @property
    def variance(self) -> Tensor:
        cut = self._cut()
        exact = cut * (cut - 1) / (1 - 2 * cut).pow(2) + 1 / (torch.log1p(-cut) - torch.log(cut)).pow(2)
        x = (self.probs - 0.5).pow(2)
        return torch.where(self._outside(), exact, 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * x) * x)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.icdf(torch.rand(self._extended_shape(sample_shape), dtype=self.probs.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none") + self._log_norm()

    def cdf(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        cut = self._cut()
        exact = (cut.pow(value) * (1 - cut).pow(1 - value) + cut - 1) / (2 * cut - 1)
        inside = torch.where(self._outside(), exact, value)
        # constants, whose derivative is 0, outside of (0, 1) and at its ends
        above = torch.where(value >= 1, torch.ones_like(value), inside)
        return torch.where(value <= 0, torch.zeros_like(value), above)

    def icdf(self, value: Tensor) -> Tensor:
        cut = self._cut()
        exact = (torch.log1p(-cut + value * (2 * cut - 1)) - torch.log1p(-cut)) / (
            torch.log(cut) - torch.log1p(-cut)
        )
        return torch.where(self._outside(), exact, value)

    def entropy(self) -> Tensor:
        log_1, log_0 = torch.log(self.probs), torch.log1p(-self.probs)
        return self.mean * (log_0 - log_1) - self._log_norm() - log_0

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.logits,)

    def _log_normalizer(self, x: Tensor) -> Tensor:  # type: ignore[override]
        outside = (x <= self._lims[0] - 0.5) | (x > self._lims[1] - 0.5)
        cut = torch.where(outside, x, self._lims[0] - 0.5)
        exact = torch.log((torch.expm1(cut) / cut).abs())
        return torch.where(outside, exact, x / 2 + x.pow(2) / 24 - x.pow(4) / 2880)


__all__ = ["ContinuousBernoulli"]
