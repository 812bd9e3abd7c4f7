"""``torch.distributions.weibull``."""

from __future__ import annotations

from typing import Any, ClassVar

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.exponential import Exponential
from cnn_physics77.distributions.transformed_distribution import TransformedDistribution
from cnn_physics77.distributions.transforms import AffineTransform, PowerTransform
from cnn_physics77.distributions.utils import broadcast_all, euler_constant


class Weibull(TransformedDistribution):
    r"""The time to a failure whose rate is a power of the time: :math:`F(x) = 1 - \exp(-(x/\lambda)^k)`.

    Args:
        scale: λ > 0.
        concentration: k > 0.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.distributions import Weibull
    >>> Weibull(2.0, 1.0).cdf(torch.tensor(2.0))
    tensor(0.6321)
    """

    arg_constraints: ClassVar[dict[str, Any]] = {
        "scale": constraints.positive,
        "concentration": constraints.positive,
    }
    support = constraints.positive
    _batched = ("base_dist", "scale", "concentration", "concentration_reciprocal")

    def __init__(self, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.scale, self.concentration = broadcast_all(scale, concentration)
        self.concentration_reciprocal = self.concentration.reciprocal()
        base = Exponential(torch.ones_like(self.scale), validate_args=validate_args)
        transforms = [
            PowerTransform(self.concentration_reciprocal),
            AffineTransform(0, self.scale),
        ]
        super().__init__(base, transforms, validate_args)

    def _moment(self, order: int) -> Tensor:
        """The mean of (x/λ)^order."""
        return torch.exp(torch.lgamma(1 + order * self.concentration_reciprocal))

    @property
    def mean(self) -> Tensor:
        return self.scale * self._moment(1)

    @property
    def mode(self) -> Tensor:
        return self.scale * ((self.concentration - 1) / self.concentration).pow(self.concentration_reciprocal)

    @property
    def variance(self) -> Tensor:
        return self.scale.pow(2) * (self._moment(2) - self._moment(1).pow(2))

    def entropy(self) -> Tensor:
        return (
            euler_constant * (1 - self.concentration_reciprocal)
            + torch.log(self.scale * self.concentration_reciprocal)
            + 1
        )


__all__ = ["Weibull"]
