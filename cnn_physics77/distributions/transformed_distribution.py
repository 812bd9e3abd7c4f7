"""``torch.distributions.transformed_distribution``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.distribution import Distribution
from cnn_physics77.distributions.independent import Independent
from cnn_physics77.distributions.transforms import ComposeTransform, Transform
from cnn_physics77.distributions.utils import _sum_rightmost


class TransformedDistribution(Distribution):
    r"""The distribution of y = f(x) for x of another distribution:
    :math:`\log p_y(y) = \log p_x(f^{-1}(y)) - \log |\det \partial f/\partial x|`.

    Args:
        base_distribution: that of x.
        transforms: f, or a list of transforms that follow one another.

    Raises:
        ValueError: not transforms, or x has too few dimensions for them.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.distributions import Normal, TransformedDistribution
    >>> from cnn_physics77.distributions.transforms import ExpTransform
    >>> lognormal = TransformedDistribution(Normal(0.0, 1.0), ExpTransform())
    >>> lognormal.log_prob(torch.tensor(1.0)), lognormal.cdf(torch.tensor(1.0))
    (tensor(-0.9189), tensor(0.5000))
    """

    _batched: ClassVar[tuple[str, ...]] = ("base_dist",)

    def __init__(
        self,
        base_distribution: Distribution,
        transforms: Transform | Sequence[Transform],
        validate_args: bool | None = None,
    ) -> None:
        self.transforms: list[Transform] = (
            [transforms] if isinstance(transforms, Transform) else list(transforms)
        )
        if not all(isinstance(t, Transform) for t in self.transforms):
            raise ValueError(
                f"TransformedDistribution: transforms must be a Transform or a list of Transforms, found "
                f"{self.transforms}"
            )
        base_shape = base_distribution.batch_shape + base_distribution.event_shape
        base_event_dim = len(base_distribution.event_shape)
        whole = ComposeTransform(self.transforms)
        if len(base_shape) < whole.domain.event_dim:
            raise ValueError(
                "TransformedDistribution: expected base_distribution to have shape with at least "
                f"{whole.domain.event_dim} dimensions for the transforms, found {tuple(base_shape)}"
            )
        shape = whole.forward_shape(base_shape)
        expanded = whole.inverse_shape(shape)
        if tuple(base_shape) != tuple(expanded):
            base_distribution = base_distribution.expand(expanded[: len(expanded) - base_event_dim])
        reinterpreted = whole.domain.event_dim - base_event_dim
        if reinterpreted > 0:
            base_distribution = Independent(base_distribution, reinterpreted)
        self.base_dist: Any = base_distribution
        event_dim = whole.codomain.event_dim + max(base_event_dim - whole.domain.event_dim, 0)
        cut = len(shape) - event_dim
        super().__init__(shape[:cut], shape[cut:], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False)
    def support(self) -> Any:
        if not self.transforms:
            return self.base_dist.support
        support = self.transforms[-1].codomain
        missing = len(self.event_shape) - support.event_dim
        return constraints.independent(support, missing) if missing > 0 else support

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        return self.base_dist.has_rsample

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with torch.no_grad():
            return self._transformed(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self._transformed(self.base_dist.rsample(sample_shape))

    def _transformed(self, x: Tensor) -> Tensor:
        for transform in self.transforms:
            x = transform(x)
        return x

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        event_dim = len(self.event_shape)
        total: Any = 0.0
        y = value
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            event_dim += transform.domain.event_dim - transform.codomain.event_dim
            own = transform.log_abs_det_jacobian(x, y)
            total = total - _sum_rightmost(own, event_dim - transform.domain.event_dim)
            y = x
        return total + _sum_rightmost(self.base_dist.log_prob(y), event_dim - len(self.base_dist.event_shape))

    def _rises(self, value: Tensor) -> Tensor:
        """The probability, exchanged with 1 minus it if the transforms together fall."""
        sign: Any = 1
        for transform in self.transforms:
            sign = sign * transform.sign
        if isinstance(sign, int) and sign == 1:
            return value
        return sign * (value - 0.5) + 0.5

    def cdf(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        if self.base_dist._validate_args:
            self.base_dist._validate_sample(value)
        return self._rises(self.base_dist.cdf(value))

    def icdf(self, value: Tensor) -> Tensor:
        return self._transformed(self.base_dist.icdf(self._rises(value)))


__all__ = ["TransformedDistribution"]
