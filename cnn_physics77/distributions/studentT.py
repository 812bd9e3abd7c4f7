"""``torch.distributions.studentT``."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.chi2 import Chi2
from cnn_physics77.distributions.distribution import Distribution
from cnn_physics77.distributions.utils import _standard_normal, broadcast_all


class StudentT(Distribution):
    r"""Student's t: the distribution of :math:`\mu + \sigma x / \sqrt{z/\nu}`, with x standard normal
    and z of :class:`Chi2` with ν degrees of freedom.

    Args:
        df: ν > 0. There is no mean (NaN) for ν ≤ 1, and the variance is infinite for 1 < ν ≤ 2.
        loc: μ.
        scale: σ > 0.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.distributions import StudentT
    >>> StudentT(1.0).log_prob(torch.tensor(0.0)).exp()
    tensor(0.3183)
    """

    arg_constraints: ClassVar[dict[str, Any]] = {
        "df": constraints.positive,
        "loc": constraints.real,
        "scale": constraints.positive,
    }
    support = constraints.real
    has_rsample = True
    _batched = ("df", "loc", "scale", "_chi2")

    def __init__(self, df: Any, loc: Any = 0.0, scale: Any = 1.0, validate_args: bool | None = None) -> None:
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        self._chi2 = Chi2(self.df, validate_args=False)
        super().__init__(self.df.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return torch.where(self.df <= 1, math.nan, self.loc)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        finite = self.scale.pow(2) * self.df / (self.df - 2)
        return torch.where(self.df > 2, finite, torch.where(self.df > 1, math.inf, math.nan).to(finite.dtype))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        x, z = _standard_normal(shape, self.df.dtype), self._chi2.rsample(sample_shape)
        return self.loc + self.scale * x * torch.rsqrt(z / self.df)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        y = (value - self.loc) / self.scale
        half = 0.5 * (self.df + 1.0)
        norm = (
            self.scale.log()
            + 0.5 * (self.df.log() + math.log(math.pi))
            + torch.lgamma(0.5 * self.df)
            - torch.lgamma(half)
        )
        return -half * torch.log1p(y**2.0 / self.df) - norm

    def entropy(self) -> Tensor:
        half = 0.5 * (self.df + 1)
        log_beta = torch.lgamma(0.5 * self.df) + math.lgamma(0.5) - torch.lgamma(half)
        return (
            self.scale.log()
            + half * (torch.digamma(half) - torch.digamma(0.5 * self.df))
            + 0.5 * self.df.log()
            + log_beta
        )


__all__ = ["StudentT"]
