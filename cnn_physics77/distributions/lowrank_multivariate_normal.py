"""``torch.distributions.lowrank_multivariate_normal``."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.distribution import Distribution
from cnn_physics77.distributions.multivariate_normal import _batch_mahalanobis, log_diagonal
from cnn_physics77.distributions.utils import _standard_normal, lazy_property


class LowRankMultivariateNormal(Distribution):
    r"""The normal distribution of vectors with the covariance :math:`\Sigma = W W^T + D`, D diagonal.

    Nothing of the size n × n is factorized, only :math:`C = 1 + W^T D^{-1} W`, m × m: by Woodbury's
    identity :math:`\Sigma^{-1} = D^{-1} - D^{-1} W C^{-1} W^T D^{-1}`, and
    :math:`\det\Sigma = \det C \det D`.

    Args:
        loc: the mean μ, (..., n).
        cov_factor: W, (..., n, m).
        cov_diag: the diagonal of D, (..., n), positive.

    Raises:
        ValueError: the shapes do not fit.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.distributions import LowRankMultivariateNormal
    >>> LowRankMultivariateNormal(torch.zeros(2), torch.ones(2, 1), torch.ones(2)).covariance_matrix
    tensor([[2., 1.],
            [1., 2.]])
    """

    arg_constraints: ClassVar[dict[str, Any]] = {
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }
    support = constraints.real_vector
    has_rsample = True
    _batched = ("loc", "cov_factor", "cov_diag")

    def __init__(
        self, loc: Tensor, cov_factor: Tensor, cov_diag: Tensor, validate_args: bool | None = None
    ) -> None:
        if loc.ndim < 1:
            raise ValueError("LowRankMultivariateNormal: loc must be at least one-dimensional, found 0-d")
        size = loc.shape[-1:]
        if cov_factor.ndim < 2 or cov_factor.shape[-2:-1] != size:
            raise ValueError(
                f"LowRankMultivariateNormal: cov_factor must be a batch of matrices with shape {size[0]} x "
                f"m, found {tuple(cov_factor.shape)}"
            )
        if cov_diag.shape[-1:] != size:
            raise ValueError(
                f"LowRankMultivariateNormal: cov_diag must be a batch of vectors with shape {tuple(size)}, "
                f"found {tuple(cov_diag.shape)}"
            )
        try:
            batch = torch.broadcast_shapes(loc.shape[:-1], cov_factor.shape[:-2], cov_diag.shape[:-1])
        except (RuntimeError, ValueError):
            raise ValueError(
                f"LowRankMultivariateNormal: incompatible batch shapes: loc {tuple(loc.shape)}, cov_factor "
                f"{tuple(cov_factor.shape)}, cov_diag {tuple(cov_diag.shape)}"
            ) from None
        self.loc, self.cov_diag = loc.expand((*batch, -1)), cov_diag.expand((*batch, -1))
        self.cov_factor = cov_factor.expand((*batch, -1, -1))
        super().__init__(batch, size, validate_args=validate_args)

    @lazy_property
    def _scaled(self) -> Tensor:
        """Wᵀ D⁻¹."""
        return self.cov_factor.mT / self.cov_diag.unsqueeze(-2)

    @lazy_property
    def _capacitance_tril(self) -> Tensor:
        """The Cholesky factor of C."""
        rank = self.cov_factor.shape[-1]
        return torch.linalg.cholesky(
            self._scaled @ self.cov_factor + torch.eye(rank, dtype=self.cov_factor.dtype)
        )

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """Σ."""
        return self.cov_factor @ self.cov_factor.mT + torch.diag_embed(self.cov_diag)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of Σ."""
        half = torch.linalg.solve_triangular(self._capacitance_tril, self._scaled, upper=False)
        return torch.diag_embed(self.cov_diag.reciprocal()) - half.mT @ half

    @lazy_property
    def scale_tril(self) -> Tensor:
        """L with L Lᵀ = Σ, lower triangular."""
        return torch.linalg.cholesky(self.covariance_matrix)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return self.cov_factor.pow(2).sum(-1) + self.cov_diag

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        rank = self.cov_factor.shape[-1:]
        common = _standard_normal((*shape[:-1], *rank), self.loc.dtype)
        own = _standard_normal(shape, self.loc.dtype)
        return self.loc + (self.cov_factor @ common.unsqueeze(-1)).squeeze(-1) + self.cov_diag.sqrt() * own

    def _log_det(self) -> Tensor:
        return 2 * log_diagonal(self._capacitance_tril) + self.cov_diag.log().sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        return -0.5 * (
            self._event_shape[0] * math.log(2 * math.pi) + self._log_det() + self._distance(value - self.loc)
        )

    def _distance(self, x: Tensor) -> Tensor:
        """xᵀ Σ⁻¹ x."""
        projected = (self._scaled @ x.unsqueeze(-1)).squeeze(-1)
        return (x.pow(2) / self.cov_diag).sum(-1) - _batch_mahalanobis(self._capacitance_tril, projected)

    def entropy(self) -> Tensor:
        return 0.5 * (self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + self._log_det())


__all__ = ["LowRankMultivariateNormal"]
