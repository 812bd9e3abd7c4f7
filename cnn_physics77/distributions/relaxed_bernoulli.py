"""``torch.distributions.relaxed_bernoulli``."""

from __future__ import annotations

from typing import Any

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.one_probability import OneProbability
from cnn_physics77.distributions.transformed_distribution import TransformedDistribution
from cnn_physics77.distributions.transforms import SigmoidTransform
from cnn_physics77.distributions.utils import broadcast_all, clamp_probs


class LogitRelaxedBernoulli(OneProbability):
    """The logit of :class:`RelaxedBernoulli`: logistically distributed.

    Args:
        temperature: T > 0.
        probs, logits: one of them.
    """

    support = constraints.real
    has_rsample = True

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self._give(probs, logits)
        self.temperature = temperature
        super().__init__(self._param.shape, validate_args=validate_args)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        probs = clamp_probs(self.probs.expand(shape))
        u = clamp_probs(torch.rand(shape, dtype=probs.dtype))
        return (u.log() - (-u).log1p() + probs.log() - (-probs).log1p()) / self.temperature

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        difference = logits - value * self.temperature
        log_temperature = torch.as_tensor(self.temperature, dtype=difference.dtype).log()
        return log_temperature + difference - 2 * difference.exp().log1p()


class Relaxed(TransformedDistribution):
    """A function of a distribution that has a temperature and probabilities."""

    has_rsample = True

    @property
    def temperature(self) -> Any:
        """T."""
        return self.base_dist.temperature

    @property
    def logits(self) -> Tensor:
        """The logits."""
        return self.base_dist.logits

    @property
    def probs(self) -> Tensor:
        """The probabilities."""
        return self.base_dist.probs


class RelaxedBernoulli(Relaxed):
    """A number between 0 and 1 that goes to :class:`Bernoulli` as the temperature goes to 0, with samples
    that are differentiable: the binary concrete distribution (C. Maddison, A. Mnih and Y. W. Teh, ICLR 2017).

    Args:
        temperature: T > 0.
        probs, logits: one of them.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.distributions import RelaxedBernoulli
    >>> RelaxedBernoulli(1.0, probs=0.5).log_prob(torch.tensor(0.3))
    tensor(0.)
    """

    arg_constraints = OneProbability.arg_constraints
    support = constraints.unit_interval

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        base = LogitRelaxedBernoulli(temperature, probs, logits)
        super().__init__(base, SigmoidTransform(), validate_args)


__all__ = ["LogitRelaxedBernoulli", "RelaxedBernoulli"]
