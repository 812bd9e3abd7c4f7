"""``torch.distributions.relaxed_categorical``."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.categorical import Categorical
from cnn_physics77.distributions.distribution import Distribution
from cnn_physics77.distributions.transformed_distribution import TransformedDistribution
from cnn_physics77.distributions.transforms import ExpTransform
from cnn_physics77.distributions.utils import broadcast_all, clamp_probs


class ExpRelaxedCategorical(Distribution):
    """The logarithm of :class:`RelaxedOneHotCategorical`.

    Args:
        temperature: T > 0.
        probs, logits: (..., K), one of them.
    """

    arg_constraints: ClassVar[dict[str, Any]] = {
        "probs": constraints.simplex,
        "logits": constraints.real_vector,
    }
    support = constraints.real_vector
    has_rsample = True
    _batched = ("_categorical",)

    def __init__(
        self,
        temperature: Any,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        self._categorical = Categorical(probs, logits)
        self.temperature = temperature
        shape = self._categorical.param_shape
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)

    @property
    def probs(self) -> Tensor:
        """The probabilities."""
        return self._categorical.probs

    @property
    def logits(self) -> Tensor:
        """Their logarithms."""
        return self._categorical.logits

    @property
    def param_shape(self) -> Any:
        """The shape of the parameters."""
        return self._categorical.param_shape

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


class RelaxedOneHotCategorical(TransformedDistribution):
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

    arg_constraints: ClassVar[dict[str, Any]] = {
        "probs": constraints.simplex,
        "logits": constraints.real_vector,
    }
    support = constraints.simplex
    has_rsample = True

    def __init__(
        self,
        temperature: Any,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        base = ExpRelaxedCategorical(temperature, probs, logits, validate_args=validate_args)
        super().__init__(base, ExpTransform(), validate_args)

    @property
    def temperature(self) -> Any:
        """T."""
        return self.base_dist.temperature

    @property
    def logits(self) -> Tensor:
        """The logarithms of the probabilities."""
        return self.base_dist.logits

    @property
    def probs(self) -> Tensor:
        """The probabilities."""
        return self.base_dist.probs


__all__ = ["ExpRelaxedCategorical", "RelaxedOneHotCategorical"]
