"""``torch.distributions.relaxed_categorical``."""

from __future__ import annotations

import math
from typing import Any

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.categorical import OfCategorical
from cnn_physics77.distributions.relaxed_bernoulli import Relaxed
from cnn_physics77.distributions.transforms import ExpTransform
from cnn_physics77.distributions.utils import broadcast_all, clamp_probs


class ExpRelaxedCategorical(OfCategorical):
    """The logarithm of :class:`RelaxedOneHotCategorical`.

    Args:
        temperature: T > 0.
        probs, logits: (..., K), one of them.
    """

    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self,
        temperature: Any,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        super().__init__(probs, logits, validate_args)
        self.temperature = temperature

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """The softmax of the logits with Gumbel noise, as a logarithm."""
        u = clamp_probs(torch.rand(self._extended_shape(sample_shape), dtype=self.logits.dtype))
        scores = (self.logits - (-u.log()).log()) / self.temperature
        return scores - torch.logsumexp(scores, -1, keepdim=True)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        count = self._categorical._num_events
        logits, value = broadcast_all(self.logits, value)
        temperature = torch.as_tensor(self.temperature, dtype=logits.dtype)
        scores = logits - value * temperature
        scores = (scores - torch.logsumexp(scores, -1, keepdim=True)).sum(-1)
        return scores + math.lgamma(count) + temperature.log() * (count - 1)


class RelaxedOneHotCategorical(Relaxed):
    """K positive numbers of sum 1 that go to :class:`OneHotCategorical` as the temperature goes to 0, with
    samples that are differentiable: the concrete distribution, or Gumbel-softmax (C. Maddison, A. Mnih and
    Y. W. Teh, ICLR 2017; E. Jang, S. Gu and B. Poole, ICLR 2017).

    Args:
        temperature: T > 0.
        probs, logits: (..., K), one of them.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.distributions import RelaxedOneHotCategorical
    >>> RelaxedOneHotCategorical(1.0, torch.ones(3)).log_prob(torch.tensor([0.2, 0.3, 0.5]))
    tensor(0.7001)
    """

    arg_constraints = OfCategorical.arg_constraints
    support = constraints.simplex

    def __init__(
        self,
        temperature: Any,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        base = ExpRelaxedCategorical(temperature, probs, logits, validate_args=validate_args)
        super().__init__(base, ExpTransform(), validate_args)


__all__ = ["ExpRelaxedCategorical", "RelaxedOneHotCategorical"]
