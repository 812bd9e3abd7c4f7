"""``torch.distributions.negative_binomial``."""

from __future__ import annotations

from typing import Any, ClassVar

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.draws import standard_gamma
from cnn_physics77.distributions.one_probability import OneProbability
from cnn_physics77.nn.functional import logsigmoid


class NegativeBinomial(OneProbability):
    r"""The number of successes before failure number r: :math:`p(k) = \binom{k + r - 1}{k} p^k (1 - p)^r`.

    Args:
        total_count: r ≥ 0, not necessarily an integer.
        probs: p, 0 ≤ p < 1.
        logits: :math:`\log p - \log(1 - p)`, in place of ``probs``.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.distributions import NegativeBinomial
    >>> NegativeBinomial(1.0, 0.5).log_prob(torch.tensor([0.0, 1.0, 2.0])).exp()
    tensor([0.5000, 0.2500, 0.1250])
    """

    arg_constraints: ClassVar[dict[str, Any]] = {
        "total_count": constraints.greater_than_eq(0),
        "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }
    support = constraints.nonnegative_integer
    _batched = ("total_count", *OneProbability._batched)

    def __init__(
        self, total_count: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self.total_count = self._give(probs, logits, total_count)
        super().__init__(self._param.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.total_count * torch.exp(self.logits)

    @property
    def mode(self) -> Tensor:
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0)

    @property
    def variance(self) -> Tensor:
        return self.mean / torch.sigmoid(-self.logits)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """A Poisson distribution whose rate is gamma distributed."""
        with torch.no_grad():
            shape = self._extended_shape(sample_shape)
            rate = standard_gamma(self.total_count.expand(shape)) * torch.exp(self.logits)
            return torch.poisson(rate)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        r = self.total_count
        powers = r * logsigmoid(-self.logits) + value * logsigmoid(self.logits)
        ways = torch.lgamma(r + value) - torch.lgamma(1 + value) - torch.lgamma(r)
        return powers + torch.where(r + value == 0, 0.0, ways)


__all__ = ["NegativeBinomial"]
