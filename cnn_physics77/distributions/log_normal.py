"""``torch.distributions.log_normal``."""

from __future__ import annotations

from typing import Any, ClassVar

from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.normal import Normal
from cnn_physics77.distributions.transformed_distribution import TransformedDistribution
from cnn_physics77.distributions.transforms import ExpTransform


class LogNormal(TransformedDistribution):
    r"""The distribution of :math:`e^x` for a normal x.

    Args:
        loc: the mean μ of x.
        scale: the standard deviation σ > 0 of x.

    >>> from cnn_physics77.distributions import LogNormal
    >>> LogNormal(0.0, 1.0).mean
    tensor(1.6487)
    """

    arg_constraints: ClassVar[dict[str, Any]] = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.positive
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        super().__init__(Normal(loc, scale, validate_args=validate_args), ExpTransform(), validate_args)

    @property
    def loc(self) -> Tensor:
        """μ."""
        return self.base_dist.loc

    @property
    def scale(self) -> Tensor:
        """σ."""
        return self.base_dist.scale

    @property
    def mean(self) -> Tensor:
        return (self.loc + self.scale.pow(2) / 2).exp()

    @property
    def mode(self) -> Tensor:
        return (self.loc - self.scale.square()).exp()

    @property
    def variance(self) -> Tensor:
        square = self.scale.pow(2)
        return square.expm1() * (2 * self.loc + square).exp()

    def entropy(self) -> Tensor:
        return self.base_dist.entropy() + self.loc


__all__ = ["LogNormal"]
