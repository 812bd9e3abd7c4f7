"""``torch.distributions.multivariate_normal``."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.distribution import Distribution
from cnn_physics77.distributions.utils import _standard_normal, lazy_property, one_of


def log_diagonal(lower: Tensor) -> Tensor:
    """Half the logarithm of the determinant of L Lᵀ."""
    return lower.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def _batch_mahalanobis(lower: Tensor, x: Tensor) -> Tensor:
    """xᵀ (L Lᵀ)⁻¹ x, for a batch of x and a batch of L."""
    return torch.linalg.solve_triangular(lower, x.unsqueeze(-1), upper=False).squeeze(-1).pow(2).sum(-1)


def _precision_to_scale_tril(precision: Tensor) -> Tensor:
    """L with L Lᵀ = P⁻¹: the Cholesky factor of P with rows and columns in reverse order is an upper
    triangular factor of P, and the inverse of its transpose is L."""
    upper = torch.linalg.cholesky(precision.flip((-2, -1))).flip((-2, -1)).mT
    eye = torch.eye(precision.shape[-1], dtype=precision.dtype)
    return torch.linalg.solve_triangular(upper, eye, upper=False)


class MultivariateNormal(Distribution):
    r"""The normal distribution of vectors:
    :math:`p(x) = \exp(-(x - \mu)^T \Sigma^{-1} (x - \mu) / 2) / \sqrt{(2\pi)^n \det\Sigma}`.

    Args:
        loc: the mean μ, (..., n).
        covariance_matrix: Σ, (..., n, n), positive definite.
        precision_matrix: :math:`\Sigma^{-1}`, in its place.
        scale_tril: L with :math:`L L^T = \Sigma`, lower triangular with a positive diagonal, in its place. It
            is what is computed with; it saves a Cholesky factorization.

    Raises:
        ValueError: not exactly one of the matrices is given, or they are no matrices.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.distributions import MultivariateNormal
    >>> MultivariateNormal(torch.zeros(2), torch.eye(2)).log_prob(torch.zeros(2))
    tensor(-1.8379)
    """

    arg_constraints: ClassVar[dict[str, Any]] = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    has_rsample = True
    _batched = ("loc", "covariance_matrix", "precision_matrix", "scale_tril")

    def __init__(
        self,
        loc: Tensor,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if loc.ndim < 1:
            raise ValueError("MultivariateNormal: loc must be at least one-dimensional, found 0-d")
        given = {
            "covariance_matrix": covariance_matrix,
            "precision_matrix": precision_matrix,
            "scale_tril": scale_tril,
        }
        name = one_of("MultivariateNormal", **given)
        matrix: Any = given[name]
        if matrix.ndim < 2:
            raise ValueError(
                f"MultivariateNormal: {name} must be at least two-dimensional, found {matrix.ndim}-d"
            )
        batch = torch.broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        setattr(self, name, matrix.expand((*batch, -1, -1)))
        self.loc = loc.expand((*batch, -1))
        super().__init__(batch, self.loc.shape[-1:], validate_args=validate_args)
        # without the dimensions of loc alone
        if name == "covariance_matrix":
            self._unbroadcasted_scale_tril = torch.linalg.cholesky(matrix)
        elif name == "precision_matrix":
            self._unbroadcasted_scale_tril = _precision_to_scale_tril(matrix)
        else:
            self._unbroadcasted_scale_tril = matrix

    @lazy_property
    def scale_tril(self) -> Tensor:
        """L."""
        return self._unbroadcasted_scale_tril.expand(
            self._batch_shape + self._event_shape + self._event_shape
        )

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """Σ."""
        return (self._unbroadcasted_scale_tril @ self._unbroadcasted_scale_tril.mT).expand(
            self._batch_shape + 2 * self._event_shape
        )

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of Σ."""
        eye = torch.eye(self._unbroadcasted_scale_tril.shape[-1], dtype=self._unbroadcasted_scale_tril.dtype)
        inverse = torch.linalg.solve_triangular(self._unbroadcasted_scale_tril, eye, upper=False)
        return (inverse.mT @ inverse).expand(self._batch_shape + 2 * self._event_shape)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return self._unbroadcasted_scale_tril.pow(2).sum(-1).expand(self._batch_shape + self._event_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        noise = _standard_normal(self._extended_shape(sample_shape), self.loc.dtype)
        return self.loc + (self._unbroadcasted_scale_tril @ noise.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        distance = _batch_mahalanobis(self._unbroadcasted_scale_tril, value - self.loc)
        size = self._event_shape[0]
        return -0.5 * (size * math.log(2 * math.pi) + distance) - log_diagonal(self._unbroadcasted_scale_tril)

    def entropy(self) -> Tensor:
        size = self._event_shape[0]
        return (
            0.5 * size * (1.0 + math.log(2 * math.pi)) + log_diagonal(self._unbroadcasted_scale_tril)
        ).expand(self._batch_shape)


__all__ = ["MultivariateNormal"]
