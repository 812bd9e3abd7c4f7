"""Transforms of vectors and matrices, and of parts of a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.transforms.base import Transform
from cnn_physics77.distributions.transforms.scalar import _OneKind
from cnn_physics77.distributions.utils import _sum_rightmost
from cnn_physics77.nn.functional import pad, softplus


class SoftmaxTransform(_OneKind):
    """The softmax of a vector. It is not bijective, as a constant may be added: the inverse is log y."""

    domain = constraints.real_vector
    codomain = constraints.simplex

    def _call(self, x: Tensor) -> Tensor:
        return torch.softmax(x, -1)

    def _inverse(self, y: Tensor) -> Tensor:
        return y.log()


class StickBreakingTransform(_OneKind):
    r"""K - 1 numbers to K positive numbers whose sum is 1: each takes its part of what the others left,

    .. math:: y_k = z_k \prod_{j < k} (1 - z_j), \qquad z_k = \sigma(x_k - \log(K - k))

    (Stan Development Team, *Stan Reference Manual*, section on the unit simplex). x = 0 gives equal parts.
    """

    domain = constraints.real_vector
    codomain = constraints.simplex
    bijective = True

    def _parts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x without the offset, and z."""
        left = torch.arange(x.shape[-1], 0, -1, dtype=x.dtype)
        return x - left.log(), torch.sigmoid(x - left.log())

    def _call(self, x: Tensor) -> Tensor:
        _, z = self._parts(x)
        return pad(z, (0, 1), value=1) * pad((1 - z).cumprod(-1), (1, 0), value=1)

    def _inverse(self, y: Tensor) -> Tensor:
        kept = y[..., :-1]
        left = (1 - kept.cumsum(-1)).clamp(min=torch.finfo(y.dtype).tiny)
        offset = torch.arange(kept.shape[-1], 0, -1, dtype=y.dtype).log()
        return kept.log() - left.log() + offset

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        moved, _ = self._parts(x)
        return (-moved - softplus(-moved) + y[..., :-1].log()).sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        return torch.Size(shape[:-1]) + (shape[-1] + 1,)

    def inverse_shape(self, shape: Any) -> Any:
        return torch.Size(shape[:-1]) + (shape[-1] - 1,)


class LowerCholeskyTransform(_OneKind):
    """A matrix to a lower triangular one with a positive diagonal: the exponential of the diagonal, and zeros
    above it. It is not bijective, as what is above the diagonal is lost."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.lower_cholesky

    def _call(self, x: Tensor) -> Tensor:
        return x.tril(-1) + x.diagonal(dim1=-2, dim2=-1).exp().diag_embed()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.tril(-1) + y.diagonal(dim1=-2, dim2=-1).log().diag_embed()


class PositiveDefiniteTransform(_OneKind):
    """A matrix to a positive definite one: :math:`L L^T` with L of :class:`LowerCholeskyTransform`."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.positive_definite

    def _call(self, x: Tensor) -> Tensor:
        lower = LowerCholeskyTransform()(x)
        return lower @ lower.mT

    def _inverse(self, y: Tensor) -> Tensor:
        return LowerCholeskyTransform().inv(torch.linalg.cholesky(y))


class CorrCholeskyTransform(_OneKind):
    r"""D(D - 1)/2 numbers to the Cholesky factor of a D × D correlation matrix.

    They fill the triangle below the diagonal, row by row; their tanh is the canonical partial correlation z,
    and :math:`y_{ij} = z_{ij} \prod_{k < j} \sqrt{1 - z_{ik}^2}`, with the rest of the norm 1 on the diagonal
    (D. Lewandowski, D. Kurowicka and H. Joe, J. Multivariate Anal. 100 (2009) 1989).
    """

    domain = constraints.real_vector
    codomain = constraints.corr_cholesky
    bijective = True

    def _call(self, x: Tensor) -> Tensor:
        size = self.forward_shape(x.shape)[-1]
        eps = torch.finfo(x.dtype).eps
        z = x.tanh().clamp(min=eps - 1, max=1 - eps)
        rows, columns = torch.tril_indices(size, size, -1)
        flat = x.new_zeros((*x.shape[:-1], size * size)).index_add(-1, rows * size + columns, z)
        lower = flat.reshape((*x.shape[:-1], size, size))
        left = (1 - lower.pow(2)).sqrt().cumprod(-1)[..., :-1]
        return (lower + torch.eye(size, dtype=x.dtype)) * pad(left, (1, 0), value=1)

    def _inverse(self, y: Tensor) -> Tensor:
        size = y.shape[-1]
        rest = (1 - (y * y).cumsum(-1)).clamp(min=torch.finfo(y.dtype).tiny)
        left = pad(rest[..., :-1], (1, 0), value=1).sqrt()
        rows, columns = torch.tril_indices(size, size, -1)
        return torch.atanh((y / left)[..., rows, columns])

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """The sum over the triangle of log(1 - z²), and of log √(1 - Σ y²) of what is left in a row."""
        size = y.shape[-1]
        rest = 1 - (y * y).cumsum(-1)
        rows, columns = torch.tril_indices(size - 1, size - 1, -1)
        left = rest[..., 1:, :-1][..., rows, columns].log()
        from_tanh = -2 * (x + softplus(-2 * x) - torch.tensor(2.0, dtype=x.dtype).log()).sum(-1)
        return from_tanh + 0.5 * left.sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        count = shape[-1]
        size = round((0.25 + 2 * count) ** 0.5 + 0.5)
        if size * (size - 1) // 2 != count:
            raise ValueError(
                f"CorrCholeskyTransform: expected D(D - 1)/2 numbers for a D × D matrix, found {count}"
            )
        return torch.Size(shape[:-1]) + (size, size)

    def inverse_shape(self, shape: Any) -> Any:
        if len(shape) < 2 or shape[-1] != shape[-2]:
            raise ValueError(f"CorrCholeskyTransform: expected square matrices, found shape {tuple(shape)}")
        return torch.Size(shape[:-2]) + (shape[-1] * (shape[-1] - 1) // 2,)


class CatTransform(Transform):
    """A transform for each part of a dimension.

    Args:
        tseq: the transforms.
        dim: the dimension.
        lengths: the sizes of the parts; 1 each by default.
        cache_size: see :class:`Transform`.
    """

    def __init__(
        self,
        tseq: Sequence[Transform],
        dim: int = 0,
        lengths: Sequence[int] | None = None,
        cache_size: int = 0,
    ) -> None:
        super().__init__(cache_size)
        self.transforms = [t.with_cache(cache_size) if cache_size else t for t in tseq]
        self.lengths = [1] * len(self.transforms) if lengths is None else list(lengths)
        self.dim = dim

    @property
    def event_dim(self) -> int:
        return max(t.event_dim for t in self.transforms)

    @property
    def length(self) -> int:
        """The size of the dimension."""
        return sum(self.lengths)

    def with_cache(self, cache_size: int = 1) -> Transform:
        if self._cache_size == cache_size:
            return self
        return CatTransform(self.transforms, self.dim, self.lengths, cache_size)

    def _call(self, x: Tensor) -> Tensor:
        parts = x.split(self.lengths, self.dim)
        return torch.cat([t(part) for t, part in zip(self.transforms, parts)], self.dim)

    def _inverse(self, y: Tensor) -> Tensor:
        parts = y.split(self.lengths, self.dim)
        return torch.cat([t._inv_call(part) for t, part in zip(self.transforms, parts)], self.dim)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        found = []
        for t, before, after in zip(
            self.transforms, x.split(self.lengths, self.dim), y.split(self.lengths, self.dim)
        ):
            found.append(_sum_rightmost(t.log_abs_det_jacobian(before, after), self.event_dim - t.event_dim))
        dim = self.dim - x.ndim if self.dim >= 0 else self.dim
        dim += self.event_dim
        if dim < 0:
            return torch.cat(found, dim)
        total = found[0]
        for each in found[1:]:
            total = total + each
        return total

    @property
    def bijective(self) -> bool:  # type: ignore[override]
        return all(t.bijective for t in self.transforms)

    @constraints.dependent_property
    def domain(self) -> Any:
        return constraints.cat([t.domain for t in self.transforms], self.dim, self.lengths)

    @constraints.dependent_property
    def codomain(self) -> Any:
        return constraints.cat([t.codomain for t in self.transforms], self.dim, self.lengths)


class StackTransform(Transform):
    """A transform for each index of a dimension.

    Args:
        tseq: the transforms.
        dim: the dimension.
        cache_size: see :class:`Transform`.
    """

    def __init__(self, tseq: Sequence[Transform], dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.transforms = [t.with_cache(cache_size) if cache_size else t for t in tseq]
        self.dim = dim

    def with_cache(self, cache_size: int = 1) -> Transform:
        return (
            self if self._cache_size == cache_size else StackTransform(self.transforms, self.dim, cache_size)
        )

    def _call(self, x: Tensor) -> Tensor:
        return torch.stack([t(part) for t, part in zip(self.transforms, x.unbind(self.dim))], self.dim)

    def _inverse(self, y: Tensor) -> Tensor:
        return torch.stack(
            [t._inv_call(part) for t, part in zip(self.transforms, y.unbind(self.dim))], self.dim
        )

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        pairs = zip(self.transforms, x.unbind(self.dim), y.unbind(self.dim))
        return torch.stack([t.log_abs_det_jacobian(*points) for t, *points in pairs], self.dim)

    @property
    def bijective(self) -> bool:  # type: ignore[override]
        return all(t.bijective for t in self.transforms)

    @constraints.dependent_property
    def domain(self) -> Any:
        return constraints.stack([t.domain for t in self.transforms], self.dim)

    @constraints.dependent_property
    def codomain(self) -> Any:
        return constraints.stack([t.codomain for t in self.transforms], self.dim)
