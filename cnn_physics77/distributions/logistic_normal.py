"""``torch.distributions.logistic_normal``."""

from __future__ import annotations

from typing import Any, ClassVar

from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.independent import Independent
from cnn_physics77.distributions.normal import Normal
from cnn_physics77.distributions.transformed_distribution import TransformedDistribution
from cnn_physics77.distributions.transforms import StickBreakingTransform


class LogisticNormal(TransformedDistribution):
    """K positive numbers of sum 1 that :class:`StickBreakingTransform` makes of K - 1 normal ones.

    Args:
        loc, scale: (..., K - 1), of the normal distributions.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.distributions import LogisticNormal
    >>> LogisticNormal(torch.zeros(2), torch.ones(2)).sample().shape
    torch.Size([3])
    """

    arg_constraints: ClassVar[dict[str, Any]] = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.simplex
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        base: Any = Normal(loc, scale, validate_args=validate_args)
        base = base if base.batch_shape else base.expand((1,))
        super().__init__(Independent(base, 1), StickBreakingTransform(), validate_args)

    @property
    def loc(self) -> Tensor:
        """The means."""
        return self.base_dist.base_dist.loc

    @property
    def scale(self) -> Tensor:
        """The standard deviations."""
        return self.base_dist.base_dist.scale


__all__ = ["LogisticNormal"]
