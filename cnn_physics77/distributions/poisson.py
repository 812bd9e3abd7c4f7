"""``torch.distributions.poisson``."""

from __future__ import annotations

from typing import Any, ClassVar

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.exp_family import ExponentialFamily
from cnn_physics77.distributions.utils import broadcast_all


class Poisson(ExponentialFamily):
    r"""The number of independent events: :math:`p(k) = \lambda^k e^{-\lambda} / k!`, k = 0, 1, ...

    Args:
        rate: the mean λ ≥ 0.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.distributions import Poisson
    >>> Poisson(2.0).log_prob(torch.tensor([0.0, 2.0]))
    tensor([-2.0000, -1.3069])
    """

    arg_constraints: ClassVar[dict[str, Any]] = {"rate": constraints.nonnegative}
    support = constraints.nonnegative_integer
    _batched = ("rate",)

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast_all(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.rate

    @property
    def mode(self) -> Tensor:
        return self.rate.floor()

    @property
    def variance(self) -> Tensor:
        return self.rate

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with torch.no_grad():
            return torch.poisson(self.rate.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        rate, value = broadcast_all(self.rate, value)
        return torch.xlogy(value, rate) - rate - torch.lgamma(value + 1)

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (torch.log(self.rate),)

    def _log_normalizer(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return torch.exp(x)


__all__ = ["Poisson"]
