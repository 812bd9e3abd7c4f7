"""``torch.distributions.mixture_same_family``."""

from __future__ import annotations

from typing import Any

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.categorical import Categorical
from cnn_physics77.distributions.distribution import Distribution


class MixtureSameFamily(Distribution):
    r"""A mixture: a component k is drawn, and from it the sample; :math:`p(x) = \sum_k w_k p_k(x)`.

    Args:
        mixture_distribution: a :class:`Categorical` of the weights :math:`w_k`.
        component_distribution: the components, along the last dimension of its batch.

    Raises:
        ValueError: the shapes do not fit, or these are no distributions.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.distributions import Categorical, MixtureSameFamily, Normal
    >>> two = Normal(torch.tensor([-1.0, 1.0]), torch.ones(2))
    >>> MixtureSameFamily(Categorical(torch.ones(2)), two).variance
    tensor(2.)
    """

    _batched = ("_component_distribution", "_mixture_distribution")

    def __init__(
        self,
        mixture_distribution: Categorical,
        component_distribution: Distribution,
        validate_args: bool | None = None,
    ) -> None:
        self._mixture_distribution = mixture_distribution
        self._component_distribution = component_distribution
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError("MixtureSameFamily: the mixture distribution needs to be a Categorical")
        if not isinstance(component_distribution, Distribution):
            raise ValueError("MixtureSameFamily: the component distribution needs to be a Distribution")
        weights, parts = mixture_distribution.batch_shape, component_distribution.batch_shape[:-1]
        for a, b in zip(reversed(weights), reversed(parts)):
            if a != 1 and b != 1 and a != b:
                raise ValueError(
                    f"MixtureSameFamily: mixture_distribution.batch_shape {tuple(weights)} is not compatible "
                    f"with component_distribution.batch_shape {tuple(component_distribution.batch_shape)}"
                )
        count, others = mixture_distribution._num_events, component_distribution.batch_shape[-1]
        if count != others:
            raise ValueError(
                f"MixtureSameFamily: mixture_distribution has {count} components, but component_distribution "
                f"{others}"
            )
        self._num_component = others
        event = component_distribution.event_shape
        self._event_ndims = len(event)
        super().__init__(parts, event, validate_args=validate_args)

    def _extra_batch(self, base: Distribution) -> Any:
        return base.batch_shape[-1:] if base is self._component_distribution else torch.Size()

    @constraints.dependent_property
    def support(self) -> Any:
        return constraints.MixtureSameFamilyConstraint(self._component_distribution.support)

    @property
    def mixture_distribution(self) -> Categorical:
        """The weights."""
        return self._mixture_distribution

    @property
    def component_distribution(self) -> Distribution:
        """The components."""
        return self._component_distribution

    def _weights(self) -> Tensor:
        probs = self._mixture_distribution.probs
        return probs.reshape(probs.shape + (1,) * self._event_ndims)

    def _padded(self, value: Tensor) -> Tensor:
        """With a dimension for the components."""
        return value.unsqueeze(-1 - self._event_ndims)

    @property
    def mean(self) -> Tensor:
        return (self._weights() * self._component_distribution.mean).sum(-1 - self._event_ndims)

    @property
    def variance(self) -> Tensor:
        """The mean of the variances, and the variance of the means."""
        dim = -1 - self._event_ndims
        within = (self._weights() * self._component_distribution.variance).sum(dim)
        distance = self._component_distribution.mean - self._padded(self.mean)
        return within + (self._weights() * distance.pow(2)).sum(dim)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with torch.no_grad():
            chosen = self._mixture_distribution.expand(self._batch_shape).sample(sample_shape)
            drawn = self._component_distribution.sample(sample_shape)
            index = chosen.reshape(chosen.shape + (1,) * (self._event_ndims + 1))
            dim = drawn.ndim - 1 - self._event_ndims
            shape = (*drawn.shape[:dim], 1, *drawn.shape[dim + 1 :])
            return torch.gather(drawn, dim, index.expand(shape)).squeeze(dim)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        found = self._component_distribution.log_prob(self._padded(value))
        return torch.logsumexp(found + torch.log_softmax(self._mixture_distribution.logits, -1), -1)

    def cdf(self, value: Tensor) -> Tensor:
        found = self._component_distribution.cdf(self._padded(value))
        return (found * self._mixture_distribution.probs).sum(-1)

    def __repr__(self) -> str:
        return f"MixtureSameFamily(\n  {self._mixture_distribution!r},\n  {self._component_distribution!r})"


__all__ = ["MixtureSameFamily"]
