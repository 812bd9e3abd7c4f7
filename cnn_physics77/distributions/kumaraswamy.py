"""``torch.distributions.kumaraswamy``."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.transformed_distribution import TransformedDistribution
from cnn_physics77.distributions.transforms import AffineTransform, PowerTransform
from cnn_physics77.distributions.uniform import Uniform
from cnn_physics77.distributions.utils import broadcast_all, euler_constant


class Kumaraswamy(TransformedDistribution):
    r"""A distribution on [0, 1] like the beta distribution, with :math:`F(x) = 1 - (1 - x^a)^b`
    (P. Kumaraswamy, J. Hydrology 46 (1980) 79).

    Args:
        concentration1: a > 0.
        concentration0: b > 0.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.distributions import Kumaraswamy
    >>> Kumaraswamy(2.0, 1.0).cdf(torch.tensor(0.5))
    tensor(0.2500)
    """

    arg_constraints: ClassVar[dict[str, Any]] = {
        "concentration1": constraints.positive,
        "concentration0": constraints.positive,
    }
    support = constraints.unit_interval
    _batched = ("base_dist", "concentration1", "concentration0")

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: bool | None = None) -> None:
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        one = torch.ones_like(self.concentration0)
        transforms = [
            PowerTransform(self.concentration0.reciprocal()),
            AffineTransform(1.0, -1.0),
            PowerTransform(self.concentration1.reciprocal()),
        ]
        super().__init__(Uniform(0 * one, one, validate_args=validate_args), transforms, validate_args)

    def _moment(self, order: int) -> Tensor:
        """The mean of x^order: b B(1 + order/a, b)."""
        a, b = self.concentration1, self.concentration0
        arg = 1 + order / a
        return torch.exp(b.log() + torch.lgamma(arg) + torch.lgamma(b) - torch.lgamma(arg + b))

    @property
    def mean(self) -> Tensor:
        return self._moment(1)

    @property
    def mode(self) -> Tensor:
        """NaN where a or b is less than 1, or both are 1: the highest value is at an end."""
        a, b = self.concentration1, self.concentration0
        inside = (a >= 1) & (b >= 1) & ~((a == 1) & (b == 1))
        return torch.where(inside, ((a - 1) / (a * b - 1)).pow(1 / a), math.nan)

    @property
    def variance(self) -> Tensor:
        return self._moment(2) - self._moment(1).pow(2)

    def entropy(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        harmonic = torch.digamma(b + 1) + euler_constant
        return (1 - b.reciprocal()) + (1 - a.reciprocal()) * harmonic - torch.log(a) - torch.log(b)


__all__ = ["Kumaraswamy"]
