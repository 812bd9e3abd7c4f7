"""``torch.distributions.lkj_cholesky``."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.beta import Beta
from cnn_physics77.distributions.distribution import Distribution
from cnn_physics77.distributions.utils import _standard_normal, broadcast_all


class LKJCholesky(Distribution):
    r"""The Cholesky factors L of correlation matrices M with the density :math:`\propto \det(M)^{\eta - 1}`
    (D. Lewandowski, D. Kurowicka and H. Joe, J. Multivariate Anal. 100 (2009) 1989).

    Samples are made by the onion method of that paper: row by row, the squared length of the part below the
    diagonal is beta distributed, and its direction uniform. (PyTorch 2.13 draws it from another distribution
    from the third row on; its samples do not have this density.)

    Args:
        dim: the size D of the matrices, at least 2.
        concentration: η > 0; 1 is the uniform distribution of M.

    Raises:
        ValueError: ``dim`` is less than 2.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.distributions import LKJCholesky
    >>> LKJCholesky(2, 1.0).log_prob(torch.eye(2)).exp()
    tensor(0.5000)
    """

    arg_constraints: ClassVar[dict[str, Any]] = {"concentration": constraints.positive}
    support = constraints.corr_cholesky
    _batched = ("concentration", "_beta")

    def __init__(self, dim: int, concentration: Any = 1.0, validate_args: bool | None = None) -> None:
        if dim < 2:
            raise ValueError(f"LKJCholesky: expected dim to be an integer of at least 2, found dim={dim}")
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        below = torch.arange(dim, dtype=self.concentration.dtype).clamp(
            min=1
        )  # entries of a row; the first has none
        shape = (self.concentration + 0.5 * (dim - 1)).unsqueeze(-1)
        self._beta = Beta(0.5 * below, shape - 0.5 * below)
        super().__init__(self.concentration.shape, (dim, dim), validate_args=validate_args)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        square = self._beta.sample(sample_shape).unsqueeze(-1)
        direction = _standard_normal(shape, self.concentration.dtype).tril(-1)
        length = direction.norm(dim=-1, keepdim=True)
        below = square.sqrt() * direction / torch.where(length == 0, 1.0, length)
        rest = (1 - below.pow(2).sum(-1)).clamp(min=torch.finfo(below.dtype).tiny)
        return below + rest.sqrt().diag_embed()

    def log_prob(self, value: Tensor) -> Tensor:
        r"""The density of L, :math:`\propto \prod_{i \ge 2} L_{ii}^{2(\eta - 1) + D - i}`."""
        if self._validate_args:
            self._validate_sample(value)
        last = self.dim - 1
        rows = torch.arange(2, self.dim + 1, dtype=self.concentration.dtype)
        powers = 2 * (self.concentration - 1).unsqueeze(-1) + self.dim - rows
        found = (powers * value.diagonal(dim1=-2, dim2=-1)[..., 1:].log()).sum(-1)
        alpha = self.concentration + 0.5 * last
        norm = 0.5 * last * math.log(math.pi) + torch.mvlgamma(alpha - 0.5, last) - torch.lgamma(alpha) * last
        return found - norm


__all__ = ["LKJCholesky"]
