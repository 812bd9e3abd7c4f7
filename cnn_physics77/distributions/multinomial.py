"""``torch.distributions.multinomial``."""

from __future__ import annotations

from typing import Any

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.binomial import Binomial
from cnn_physics77.distributions.categorical import OfCategorical
from cnn_physics77.distributions.utils import broadcast_all


class Multinomial(OfCategorical):
    r"""How often each of K results comes in n draws: :math:`p(x) = n! \prod_k p_k^{x_k} / x_k!`.

    Args:
        total_count: n, an int.
        probs, logits: (..., K), one of them, as for :class:`Categorical`.

    Raises:
        NotImplementedError: ``total_count`` is no int.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.distributions import Multinomial
    >>> Multinomial(2, torch.tensor([0.5, 0.5])).log_prob(torch.tensor([1.0, 1.0])).exp()
    tensor(0.5000)
    """

    def __init__(
        self,
        total_count: int = 1,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if not isinstance(total_count, int):
            raise NotImplementedError(
                f"Multinomial: inhomogeneous total_count is not supported; expected an int, found "
                f"{type(total_count).__name__}"
            )
        self.total_count = total_count
        super().__init__(probs, logits, validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> Any:
        return constraints.multinomial(self.total_count)

    @property
    def mean(self) -> Tensor:
        return self.probs * self.total_count

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        drawn = self._categorical.sample((self.total_count, *sample_shape))
        return torch.nn.functional.one_hot(drawn, self.event_shape[0]).sum(0).to(self.probs.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        impossible = (value == 0) & (logits == -torch.inf)  # 0 log 0 = 0
        ways = torch.lgamma(value.sum(-1) + 1) - torch.lgamma(value + 1).sum(-1)
        return ways + (torch.where(impossible, 0.0, logits) * value).sum(-1)

    def entropy(self) -> Tensor:
        """From the entropy of the draws, and the binomial distribution of each count."""
        n = self.total_count
        counts = Binomial(n, probs=self.probs, validate_args=False)
        values = counts.enumerate_support(expand=False)[1:]
        lost = (counts.log_prob(values).exp() * torch.lgamma(values + 1)).sum((0, -1))
        return n * self._categorical.entropy() - torch.lgamma(self.probs.new_full((), n + 1)) + lost


__all__ = ["Multinomial"]
