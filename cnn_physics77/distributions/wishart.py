"""``torch.distributions.wishart``."""

from __future__ import annotations

import math
from typing import Any

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.chi2 import Chi2
from cnn_physics77.distributions.exp_family import ExponentialFamily
from cnn_physics77.distributions.multivariate_normal import _precision_to_scale_tril, log_diagonal
from cnn_physics77.distributions.utils import _standard_normal, lazy_property, one_of


class Wishart(ExponentialFamily):
    r"""The distribution of :math:`\sum_k x_k x_k^T` for ν normal vectors of covariance V:

    .. math:: p(X) = \frac{\det(X)^{(\nu - n - 1)/2}\, e^{-\mathrm{tr}(V^{-1} X)/2}}
                          {2^{\nu n/2} \det(V)^{\nu/2}\, \Gamma_n(\nu/2)}

    Args:
        df: ν > n - 1, not necessarily an integer.
        covariance_matrix: V, (..., n, n), positive definite.
        precision_matrix: :math:`V^{-1}`, in its place.
        scale_tril: the Cholesky factor of V, in its place.

    Raises:
        ValueError: not exactly one of the matrices is given, or they are no matrices, or ν is too small.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.distributions import Wishart
    >>> Wishart(torch.tensor(3.0), torch.eye(2)).mean
    tensor([[3., 0.],
            [0., 3.]])
    """

    support = constraints.positive_definite
    has_rsample = True
    _batched = (
        "df",
        "covariance_matrix",
        "precision_matrix",
        "scale_tril",
        "_unbroadcasted_scale_tril",
        "_chi2",
    )
    _mean_carrier_measure = 0.0

    def __init__(
        self,
        df: Any,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        given = {
            "covariance_matrix": covariance_matrix,
            "precision_matrix": precision_matrix,
            "scale_tril": scale_tril,
        }
        name = one_of("Wishart", **given)
        matrix: Any = given[name]
        if matrix.ndim < 2:
            raise ValueError(f"Wishart: {name} must be at least two-dimensional, found {matrix.ndim}-d")
        df = torch.as_tensor(df, dtype=matrix.dtype)
        batch, size = torch.broadcast_shapes(matrix.shape[:-2], df.shape), matrix.shape[-1]
        self.df = df.expand(batch)
        if not (self.df > size - 1).array.all():
            raise ValueError(f"Wishart: value of df={df} expected to be greater than ndim - 1 = {size - 1}")
        setattr(self, name, matrix.expand((*batch, -1, -1)))
        self.arg_constraints = {  # type: ignore[misc]  # it depends on the size
            "covariance_matrix": constraints.positive_definite,
            "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky,
            "df": constraints.greater_than(size - 1),
        }
        super().__init__(batch, matrix.shape[-2:], validate_args=validate_args)
        if name == "covariance_matrix":
            self._unbroadcasted_scale_tril = torch.linalg.cholesky(self.covariance_matrix)
        elif name == "precision_matrix":
            self._unbroadcasted_scale_tril = _precision_to_scale_tril(self.precision_matrix)
        else:
            self._unbroadcasted_scale_tril = self.scale_tril
        self._chi2 = Chi2(self.df.unsqueeze(-1) - torch.arange(size, dtype=matrix.dtype), validate_args=False)

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The Cholesky factor of V."""
        return self._unbroadcasted_scale_tril

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """V."""
        return self._unbroadcasted_scale_tril @ self._unbroadcasted_scale_tril.mT

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of V."""
        eye = torch.eye(self._unbroadcasted_scale_tril.shape[-1], dtype=self._unbroadcasted_scale_tril.dtype)
        inverse = torch.linalg.solve_triangular(self._unbroadcasted_scale_tril, eye, upper=False)
        return inverse.mT @ inverse

    def _degrees(self) -> Tensor:
        """ν, with dimensions for a matrix."""
        return self.df.view((*self._batch_shape, 1, 1))

    @property
    def mean(self) -> Tensor:
        return self._degrees() * self.covariance_matrix

    @property
    def mode(self) -> Tensor:
        """NaN for ν ≤ n + 1."""
        factor = self._degrees() - self._event_shape[-1] - 1
        return torch.where(factor > 0, factor, math.nan) * self.covariance_matrix

    @property
    def variance(self) -> Tensor:
        diagonal = self.covariance_matrix.diagonal(dim1=-2, dim2=-1)
        product = diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2)
        return self._degrees() * (self.covariance_matrix.pow(2) + product)

    def rsample(self, sample_shape: Any = (), max_try_correction: int | None = None) -> Tensor:
        """L A Aᵀ Lᵀ, A lower triangular: standard normal numbers, and the roots of chi-squared ones on the
        diagonal (M. S. Bartlett, 1933). ``max_try_correction`` is not used: the draws are not singular."""
        noise = self._chi2.rsample(sample_shape).sqrt().diag_embed()
        row, column = torch.tril_indices(self._event_shape[0], self._event_shape[1], -1)
        noise[..., row, column] = _standard_normal((*noise.shape[:-2], len(row)), noise.dtype)
        factor = self._unbroadcasted_scale_tril @ noise
        return factor @ factor.mT

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        size = self._event_shape[-1]
        lower = torch.linalg.cholesky(value)
        ratio = torch.linalg.solve_triangular(self._unbroadcasted_scale_tril, lower, upper=False)
        return (
            (self.df - size - 1) * log_diagonal(lower)
            - 0.5 * ratio.pow(2).sum((-2, -1))
            - 0.5 * self.df * size * math.log(2)
            - self.df * log_diagonal(self._unbroadcasted_scale_tril)
            - torch.mvlgamma(self.df / 2, size)
        )

    def entropy(self) -> Tensor:
        size = self._event_shape[-1]
        terms = 0.5 * (self.df.unsqueeze(-1) - torch.arange(size, dtype=self.df.dtype))
        return (
            (size + 1) * (log_diagonal(self._unbroadcasted_scale_tril) + 0.5 * size * math.log(2))
            + torch.mvlgamma(0.5 * self.df, size)
            - 0.5 * (self.df - size - 1) * torch.digamma(terms).sum(-1)
            + 0.5 * self.df * size
        )

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, x: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        size = self._event_shape[-1]
        half = y + (size + 1) / 2
        return half * (size * math.log(2) - torch.linalg.slogdet(-2 * x)[1]) + torch.mvlgamma(half, size)


__all__ = ["Wishart"]
