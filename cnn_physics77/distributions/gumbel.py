"""``torch.distributions.gumbel``."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.transformed_distribution import TransformedDistribution
from cnn_physics77.distributions.transforms import AffineTransform, ExpTransform
from cnn_physics77.distributions.uniform import Uniform
from cnn_physics77.distributions.utils import broadcast_all, euler_constant


class Gumbel(TransformedDistribution):
    r"""The distribution of the largest of many draws: :math:`F(x) = \exp(-e^{-(x - \mu)/\beta})`.

    Args:
        loc: the mode μ.
        scale: β > 0.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.distributions import Gumbel
    >>> Gumbel(0.0, 1.0).mean, Gumbel(0.0, 1.0).cdf(torch.tensor(0.0))
    (tensor(0.5772), tensor(0.3679))
    """

    arg_constraints: ClassVar[dict[str, Any]] = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    _batched = ("base_dist", "loc", "scale")

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        kind = torch.finfo(self.loc.dtype)
        low, high = torch.full_like(self.loc, kind.tiny), torch.full_like(self.loc, 1 - kind.eps)
        transforms = [
            ExpTransform().inv,
            AffineTransform(0, -torch.ones_like(self.scale)),
            ExpTransform().inv,
            AffineTransform(self.loc, -self.scale),
        ]
        super().__init__(Uniform(low, high, validate_args=validate_args), transforms, validate_args)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        y = (self.loc - value) / self.scale
        return (y - y.exp()) - self.scale.log()

    @property
    def mean(self) -> Tensor:
        return self.loc + self.scale * euler_constant

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def stddev(self) -> Tensor:
        return (math.pi / math.sqrt(6)) * self.scale

    @property
    def variance(self) -> Tensor:
        return self.stddev.pow(2)

    def entropy(self) -> Tensor:
        return self.scale.log() + (1 + euler_constant)


__all__ = ["Gumbel"]
