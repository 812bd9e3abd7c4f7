"""``torch.distributions.binomial``."""

from __future__ import annotations

from typing import Any, ClassVar

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.draws import binomial
from cnn_physics77.distributions.one_probability import OneProbability


class Binomial(OneProbability):
    r"""The number of successes in n trials: :math:`p(k) = \binom{n}{k} p^k (1 - p)^{n - k}`.

    Args:
        total_count: n.
        probs: p.
        logits: :math:`\log p - \log(1 - p)`, in place of ``probs``.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.distributions import Binomial
    >>> Binomial(2, 0.5).log_prob(torch.tensor([0.0, 1.0, 2.0])).exp()
    tensor([0.2500, 0.5000, 0.2500])
    """

    arg_constraints: ClassVar[dict[str, Any]] = {
        "total_count": constraints.nonnegative_integer,
        **OneProbability.arg_constraints,
    }
    has_enumerate_support = True
    _batched = ("total_count", *OneProbability._batched)

    def __init__(
        self,
        total_count: Any = 1,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        self.total_count = self._give(probs, logits, total_count)
        super().__init__(self._param.shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.probs

    @property
    def mode(self) -> Tensor:
        return torch.minimum(((self.total_count + 1) * self.probs).floor(), self.total_count)

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        return binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        n, logits = self.total_count, self.logits
        log_all = n * logits.clamp(min=0) + n * torch.log1p(torch.exp(-logits.abs()))  # n log(1 + e^logits)
        ways = torch.lgamma(n + 1) - torch.lgamma(value + 1) - torch.lgamma(n - value + 1)
        return ways + value * logits - log_all

    def _count(self) -> int:
        """n, if it is the same for the batch."""
        count = int(self.total_count.max().item())
        if not self.total_count.min().item() == count:
            raise NotImplementedError("Binomial: inhomogeneous total count is not supported by this method")
        return count

    def entropy(self) -> Tensor:
        self._count()
        log_prob = self.log_prob(self.enumerate_support(False))
        return -(torch.exp(log_prob) * log_prob).sum(0)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        return self._support_values(torch.arange(1 + self._count(), dtype=self._param.dtype), expand)


__all__ = ["Binomial"]
