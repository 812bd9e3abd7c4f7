"""``torch.distributions.dirichlet``."""

from __future__ import annotations

from typing import Any, ClassVar

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.draws import dirichlet
from cnn_physics77.distributions.exp_family import ExponentialFamily


class Dirichlet(ExponentialFamily):
    r"""Vectors of positive numbers whose sum is 1: :math:`p(x) \propto \prod_k x_k^{\alpha_k - 1}`.

    A sample is a vector of gamma-distributed numbers divided by their sum. It is differentiable once: by α_k
    its number k changes so that its probability stays, and the others in proportion.

    Args:
        concentration: α > 0, (..., K).

    Raises:
        ValueError: a 0-d tensor.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.distributions import Dirichlet
    >>> Dirichlet(torch.tensor([1.0, 3.0])).mean
    tensor([0.2500, 0.7500])
    """

    arg_constraints: ClassVar[dict[str, Any]] = {
        "concentration": constraints.independent(constraints.positive, 1)
    }
    support = constraints.simplex
    has_rsample = True
    _batched = ("concentration",)

    def __init__(self, concentration: Tensor, validate_args: bool | None = None) -> None:
        if concentration.ndim < 1:
            raise ValueError(
                "Dirichlet: `concentration` parameter must be at least one-dimensional, found 0-d"
            )
        self.concentration = concentration
        super().__init__(concentration.shape[:-1], concentration.shape[-1:], validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.concentration.sum(-1, keepdim=True)

    @property
    def mode(self) -> Tensor:
        """Where all α are less than 1, the density is infinite in every corner; the first one is returned."""
        rest = (self.concentration - 1).clamp(min=0)
        mode = rest / rest.sum(-1, keepdim=True)
        corner = torch.zeros_like(mode)
        corner[..., 0] = 1
        return torch.where((self.concentration < 1).all(-1, keepdim=True), corner, mode)

    @property
    def variance(self) -> Tensor:
        total = self.concentration.sum(-1, keepdim=True)
        return self.concentration * (total - self.concentration) / (total.pow(2) * (total + 1))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return dirichlet(self.concentration.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        return (
            torch.xlogy(self.concentration - 1.0, value).sum(-1)
            + torch.lgamma(self.concentration.sum(-1))
            - torch.lgamma(self.concentration).sum(-1)
        )

    def entropy(self) -> Tensor:
        a = self.concentration
        total = a.sum(-1)
        return (
            torch.lgamma(a).sum(-1)
            - torch.lgamma(total)
            - (a.shape[-1] - total) * torch.digamma(total)
            - ((a - 1.0) * torch.digamma(a)).sum(-1)
        )

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.concentration,)

    def _log_normalizer(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return torch.lgamma(x).sum(-1) - torch.lgamma(x.sum(-1))


__all__ = ["Dirichlet"]
