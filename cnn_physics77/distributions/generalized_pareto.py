"""``torch.distributions.generalized_pareto``."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.distribution import Distribution
from cnn_physics77.distributions.utils import broadcast_all


class GeneralizedPareto(Distribution):
    r"""The distribution of what exceeds a high threshold: :math:`F(x) = 1 - (1 + \xi y)^{-1/\xi}` with
    :math:`y = (x - \mu)/\sigma \ge 0`, and :math:`1 - e^{-y}` for ξ = 0 (J. Pickands, Ann. Statist. 3 (1975)
    119). For ξ < 0 it ends at :math:`y = -1/\xi`.

    Args:
        loc: μ.
        scale: σ > 0.
        concentration: ξ. The mean is NaN for ξ ≥ 1, the variance for ξ ≥ 1/2.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.distributions import GeneralizedPareto
    >>> GeneralizedPareto(0.0, 1.0, 0.5).cdf(torch.tensor(2.0))
    tensor(0.7500)
    """

    arg_constraints: ClassVar[dict[str, Any]] = {
        "loc": constraints.real,
        "scale": constraints.positive,
        "concentration": constraints.real,
    }
    has_rsample = True
    _batched = ("loc", "scale", "concentration")

    def __init__(self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        end = self.loc - self.scale / self._nonzero()
        return constraints.interval(self.loc, torch.where(self.concentration < 0, end, math.inf))

    def _vanishes(self) -> Tensor:
        """Whether ξ = 0."""
        return torch.isclose(self.concentration, torch.zeros_like(self.concentration))

    def _nonzero(self) -> Tensor:
        """ξ, or 1 where it is 0."""
        return torch.where(self._vanishes(), 1.0, self.concentration)

    def _log_survival(self, y: Tensor) -> Tensor:
        """log(1 - F); around ξ = 0 the first two terms of its series in ξ."""
        series = 0.5 * self.concentration * y.pow(2) - y
        return torch.where(self._vanishes(), series, -torch.log1p(self._nonzero() * y) / self._nonzero())

    @property
    def mean(self) -> Tensor:
        finite = self.concentration < 1
        rest = torch.where(finite, 1 - self.concentration, 1.0)
        return torch.where(finite, self.loc + self.scale / rest, math.nan)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        finite = self.concentration < 0.5
        xi = torch.where(finite, self.concentration, 0.0)
        return torch.where(finite, self.scale.pow(2) / ((1 - xi).pow(2) * (1 - 2 * xi)), math.nan)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.icdf(torch.rand(self._extended_shape(sample_shape), dtype=self.loc.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        y = (value - self.loc) / self.scale
        return (1 + self.concentration) * self._log_survival(y) - self.scale.log()

    def cdf(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        return -torch.expm1(self._log_survival((value - self.loc) / self.scale))

    def icdf(self, value: Tensor) -> Tensor:
        log_rest = torch.log1p(-value)
        y = torch.where(
            self._vanishes(), -log_rest, torch.expm1(-self._nonzero() * log_rest) / self._nonzero()
        )
        return self.loc + self.scale * y

    def entropy(self) -> Tensor:
        return self.scale.log() + self.concentration + 1


__all__ = ["GeneralizedPareto"]
