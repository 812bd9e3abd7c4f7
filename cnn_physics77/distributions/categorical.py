"""``torch.distributions.categorical``."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.distribution import Distribution
from cnn_physics77.distributions.utils import lazy_property, logits_to_probs, one_of, probs_to_logits


class Categorical(Distribution):
    r"""One of the numbers 0, ..., K - 1, with the probabilities :math:`p_k`.

    Args:
        probs: (..., K), not negative; they are divided by their sum.
        logits: :math:`\log p_k`, up to a constant, in place of ``probs``.

    Raises:
        ValueError: both are given, or none, or a 0-d tensor.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.distributions import Categorical
    >>> coin = Categorical(torch.tensor([1.0, 3.0]))
    >>> coin.probs, coin.log_prob(torch.tensor(1)).exp()
    (tensor([0.2500, 0.7500]), tensor(0.7500))
    """

    arg_constraints: ClassVar[dict[str, Any]] = {
        "probs": constraints.simplex,
        "logits": constraints.real_vector,
    }
    has_enumerate_support = True
    _batched = ("probs", "logits", "_param")

    def __init__(
        self, probs: Tensor | None = None, logits: Tensor | None = None, validate_args: bool | None = None
    ) -> None:
        name = one_of("Categorical", probs=probs, logits=logits)
        given: Any = probs if logits is None else logits
        if given.ndim < 1:
            raise ValueError(f"Categorical: `{name}` parameter must be at least one-dimensional, found 0-d")
        if probs is not None:
            self._param = self.probs = probs / probs.sum(-1, keepdim=True)
        else:
            self._param = self.logits = given - torch.logsumexp(given, -1, keepdim=True)
        self._num_events = given.shape[-1]
        super().__init__(given.shape[:-1], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        return constraints.integer_interval(0, self._num_events - 1)

    @lazy_property
    def logits(self) -> Tensor:
        return probs_to_logits(self.probs)

    @lazy_property
    def probs(self) -> Tensor:
        return logits_to_probs(self.logits)

    @property
    def param_shape(self) -> Any:
        """The shape of the parameters."""
        return self._param.shape

    @property
    def mean(self) -> Tensor:
        """NaN: the numbers are names."""
        return torch.full(self._extended_shape(), math.nan, dtype=self._param.dtype)

    @property
    def mode(self) -> Tensor:
        return self.probs.argmax(-1)

    @property
    def variance(self) -> Tensor:
        """NaN: the numbers are names."""
        return self.mean

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with torch.no_grad():
            count = torch.Size(sample_shape).numel()
            if not count or not self.probs.numel():
                return torch.empty(self._extended_shape(sample_shape), dtype=torch.int64)
            drawn = torch.multinomial(self.probs.reshape(-1, self._num_events), count, replacement=True)
            return drawn.T.reshape(self._extended_shape(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        value = value.long().unsqueeze(-1)
        value, logits = torch.broadcast_tensors(value, self.logits)
        return logits.gather(-1, value[..., :1]).squeeze(-1)

    def entropy(self) -> Tensor:
        logits = self.logits.clamp(min=torch.finfo(self.logits.dtype).min)  # 0 log 0 = 0
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        return self._support_values(torch.arange(self._num_events), expand)


class OfCategorical(Distribution):
    """A distribution of vectors of K numbers, with the parameters of :class:`Categorical`."""

    arg_constraints = Categorical.arg_constraints
    _batched = ("_categorical",)

    def __init__(self, probs: Tensor | None, logits: Tensor | None, validate_args: bool | None) -> None:
        self._categorical = Categorical(probs, logits)
        shape = self._categorical.param_shape
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)

    @property
    def probs(self) -> Tensor:
        """The probabilities."""
        return self._categorical.probs

    @property
    def logits(self) -> Tensor:
        """Their logarithms."""
        return self._categorical.logits

    @property
    def _param(self) -> Tensor:
        return self._categorical._param

    @property
    def param_shape(self) -> Any:
        """The shape of the parameters."""
        return self._categorical.param_shape


__all__ = ["Categorical"]
