"""``torch.distributions.gamma``."""

from __future__ import annotations

from typing import Any, ClassVar

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.draws import standard_gamma
from cnn_physics77.distributions.exp_family import ExponentialFamily
from cnn_physics77.distributions.utils import broadcast_all


class Gamma(ExponentialFamily):
    r"""The gamma distribution: :math:`p(x) = \beta^\alpha x^{\alpha - 1} e^{-\beta x} / \Gamma(\alpha)`.

    Samples are differentiable by both parameters, once: see :mod:`.draws`.

    Args:
        concentration: α > 0.
        rate: β > 0.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.distributions import Gamma
    >>> Gamma(3.0, 2.0).mean, Gamma(1.0, 2.0).log_prob(torch.tensor(0.5)).exp()
    (tensor(1.5000), tensor(0.7358))
    """

    arg_constraints: ClassVar[dict[str, Any]] = {
        "concentration": constraints.positive,
        "rate": constraints.positive,
    }
    support = constraints.nonnegative
    has_rsample = True
    _batched = ("concentration", "rate")
    _mean_carrier_measure = 0.0

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        self.concentration, self.rate = broadcast_all(concentration, rate)
        super().__init__(self.concentration.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.rate

    @property
    def mode(self) -> Tensor:
        return ((self.concentration - 1) / self.rate).clamp(min=0)

    @property
    def variance(self) -> Tensor:
        return self.concentration / self.rate.pow(2)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        drawn = standard_gamma(self.concentration.expand(shape)) / self.rate.expand(shape)
        return drawn.clamp(min=torch.finfo(drawn.dtype).tiny)  # 0 has no logarithm

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        value = torch.as_tensor(value, dtype=self.rate.dtype)
        return (
            torch.xlogy(self.concentration, self.rate)
            + torch.xlogy(self.concentration - 1, value)
            - self.rate * value
            - torch.lgamma(self.concentration)
        )

    def cdf(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        return torch.special.gammainc(self.concentration, self.rate * value)

    def entropy(self) -> Tensor:
        a = self.concentration
        return a - torch.log(self.rate) + torch.lgamma(a) + (1.0 - a) * torch.digamma(a)

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return self.concentration - 1, -self.rate

    def _log_normalizer(self, x: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        return torch.lgamma(x + 1) - (x + 1) * torch.log(-y)


__all__ = ["Gamma"]
