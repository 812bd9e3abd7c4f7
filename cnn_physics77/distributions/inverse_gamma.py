"""``torch.distributions.inverse_gamma``."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.gamma import Gamma
from cnn_physics77.distributions.transformed_distribution import TransformedDistribution
from cnn_physics77.distributions.transforms import PowerTransform


class InverseGamma(TransformedDistribution):
    r"""The distribution of 1/x for x of :class:`Gamma`.

    Args:
        concentration: α > 0. The mean is infinite for α ≤ 1, the variance for α ≤ 2.
        rate: β > 0.

    >>> from cnn_physics77.distributions import InverseGamma
    >>> InverseGamma(3.0, 4.0).mean
    tensor(2.)
    """

    arg_constraints: ClassVar[dict[str, Any]] = {
        "concentration": constraints.positive,
        "rate": constraints.positive,
    }
    support = constraints.positive
    has_rsample = True

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        base = Gamma(concentration, rate, validate_args=validate_args)
        super().__init__(base, PowerTransform(-base.rate.new_ones(())), validate_args)

    @property
    def concentration(self) -> Tensor:
        """α."""
        return self.base_dist.concentration

    @property
    def rate(self) -> Tensor:
        """β."""
        return self.base_dist.rate

    @property
    def mean(self) -> Tensor:
        return torch.where(self.concentration > 1, self.rate / (self.concentration - 1), math.inf)

    @property
    def mode(self) -> Tensor:
        return self.rate / (self.concentration + 1)

    @property
    def variance(self) -> Tensor:
        a = self.concentration
        return torch.where(a > 2, self.rate.square() / ((a - 1).square() * (a - 2)), math.inf)

    def entropy(self) -> Tensor:
        a = self.concentration
        return a + self.rate.log() + torch.lgamma(a) - (1 + a) * torch.digamma(a)


__all__ = ["InverseGamma"]
