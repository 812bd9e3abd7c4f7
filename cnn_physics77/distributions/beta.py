"""``torch.distributions.beta``."""

from __future__ import annotations

from typing import Any, ClassVar

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.dirichlet import Dirichlet
from cnn_physics77.distributions.exp_family import ExponentialFamily
from cnn_physics77.distributions.utils import broadcast_all


class Beta(ExponentialFamily):
    r"""The beta distribution on [0, 1]: :math:`p(x) = x^{\alpha - 1} (1 - x)^{\beta - 1} / B(\alpha, \beta)`;
    that of the first of two numbers of a Dirichlet distribution.

    Args:
        concentration1: α > 0.
        concentration0: β > 0.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.distributions import Beta
    >>> Beta(2.0, 2.0).log_prob(torch.tensor(0.5)).exp()
    tensor(1.5000)
    """

    arg_constraints: ClassVar[dict[str, Any]] = {
        "concentration1": constraints.positive,
        "concentration0": constraints.positive,
    }
    support = constraints.unit_interval
    has_rsample = True
    _batched = ("_dirichlet",)

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: bool | None = None) -> None:
        both = torch.stack(broadcast_all(concentration1, concentration0), -1)
        self._dirichlet = Dirichlet(both, validate_args=False)
        super().__init__(self._dirichlet.batch_shape, validate_args=validate_args)

    @property
    def concentration1(self) -> Tensor:
        """α."""
        return self._dirichlet.concentration[..., 0]

    @property
    def concentration0(self) -> Tensor:
        """β."""
        return self._dirichlet.concentration[..., 1]

    @property
    def mean(self) -> Tensor:
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def mode(self) -> Tensor:
        return self._dirichlet.mode[..., 0]

    @property
    def variance(self) -> Tensor:
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (total.pow(2) * (total + 1))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self._dirichlet.rsample(sample_shape)[..., 0]

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        return self._dirichlet.log_prob(torch.stack([value, 1.0 - value], -1))

    def entropy(self) -> Tensor:
        return self._dirichlet.entropy()

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return self.concentration1, self.concentration0

    def _log_normalizer(self, x: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        return torch.lgamma(x) + torch.lgamma(y) - torch.lgamma(x + y)


__all__ = ["Beta"]
