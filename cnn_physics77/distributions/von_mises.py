"""``torch.distributions.von_mises``."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.distribution import Distribution
from cnn_physics77.distributions.draws import von_mises
from cnn_physics77.distributions.utils import broadcast_all


class VonMises(Distribution):
    r"""A relative of the normal distribution on the circle:
    :math:`p(x) = e^{\kappa \cos(x - \mu)} / 2\pi I_0(\kappa)`.

    Args:
        loc: the angle μ.
        concentration: κ > 0.

    Samples lie from -π to π. ``variance`` is that on the circle, :math:`1 - I_1(\kappa)/I_0(\kappa)`.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.distributions import VonMises
    >>> VonMises(0.0, 1.0).log_prob(torch.tensor([0.0, torch.pi]))
    tensor([-1.0738, -3.0738])
    """

    arg_constraints: ClassVar[dict[str, Any]] = {
        "loc": constraints.real,
        "concentration": constraints.positive,
    }
    support = constraints.real
    _batched = ("loc", "concentration")

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return 1 - torch.special.i1e(self.concentration) / torch.special.i0e(self.concentration)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        return von_mises(self.loc, self.concentration, self._extended_shape(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        k = self.concentration
        return k * (torch.cos(value - self.loc) - 1) - math.log(2 * math.pi) - torch.special.i0e(k).log()


__all__ = ["VonMises"]
