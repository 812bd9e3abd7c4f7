"""``torch.distributions.half_cauchy``."""

from __future__ import annotations

import math
from typing import Any

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions.cauchy import Cauchy
from cnn_physics77.distributions.half_normal import Half


class HalfCauchy(Half):
    r"""The distribution of :math:`|x|` for a Cauchy-distributed x around 0.

    Args:
        scale: γ > 0, half the width of that at half its maximum.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.distributions import HalfCauchy
    >>> HalfCauchy(2.0).cdf(torch.tensor(2.0))
    tensor(0.5000)
    """

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        super().__init__(Cauchy(0, scale, validate_args=False), validate_args)

    @property
    def mean(self) -> Tensor:
        """Infinite."""
        return torch.full_like(self.scale, math.inf)

    @property
    def variance(self) -> Tensor:
        return self.base_dist.variance


__all__ = ["HalfCauchy"]
