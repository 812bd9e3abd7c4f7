"""``torch.distributions.fishersnedecor``."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.distribution import Distribution
from cnn_physics77.distributions.gamma import Gamma
from cnn_physics77.distributions.utils import broadcast_all


class FisherSnedecor(Distribution):
    r"""The F distribution, that of :math:`(z_1/\nu_1) / (z_2/\nu_2)`, with z of :class:`Chi2` with ν
    degrees of freedom.

    Args:
        df1: ν₁ > 0.
        df2: ν₂ > 0. There is no mean (NaN) for ν₂ ≤ 2, and no variance for ν₂ ≤ 4.

    >>> from cnn_physics77.distributions import FisherSnedecor
    >>> FisherSnedecor(1.0, 4.0).mean
    tensor(2.)
    """

    arg_constraints: ClassVar[dict[str, Any]] = {"df1": constraints.positive, "df2": constraints.positive}
    support = constraints.positive
    has_rsample = True
    _batched = ("df1", "df2", "_gamma1", "_gamma2")

    def __init__(self, df1: Any, df2: Any, validate_args: bool | None = None) -> None:
        self.df1, self.df2 = broadcast_all(df1, df2)
        self._gamma1 = Gamma(self.df1 * 0.5, self.df1 * 0.5, validate_args=False)
        self._gamma2 = Gamma(self.df2 * 0.5, self.df2 * 0.5, validate_args=False)
        super().__init__(self.df1.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return torch.where(self.df2 > 2, self.df2 / (self.df2 - 2), math.nan)

    @property
    def mode(self) -> Tensor:
        """NaN for ν₁ ≤ 2: the density falls."""
        mode = (self.df1 - 2) / self.df1 * self.df2 / (self.df2 + 2)
        return torch.where(self.df1 > 2, mode, math.nan)

    @property
    def variance(self) -> Tensor:
        a, b = self.df1, self.df2
        variance = 2 * b.pow(2) * (a + b - 2) / (a * (b - 2).pow(2) * (b - 4))
        return torch.where(b > 4, variance, math.nan)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        first, second = self._gamma1.rsample(sample_shape), self._gamma2.rsample(sample_shape)
        tiny = torch.finfo(second.dtype).tiny
        return (first / second.clamp(min=tiny)).clamp(min=tiny)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        a, b, ratio = 0.5 * self.df1, 0.5 * self.df2, self.df1 / self.df2
        return (
            torch.lgamma(a + b)
            - torch.lgamma(a)
            - torch.lgamma(b)
            + a * ratio.log()
            + (a - 1) * torch.log(value)
            - (a + b) * torch.log1p(ratio * value)
        )


__all__ = ["FisherSnedecor"]
