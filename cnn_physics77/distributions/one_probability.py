"""What the distributions of events of one probability share: it is given, or its logit is."""

from __future__ import annotations

from typing import Any, ClassVar

from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.distribution import Distribution
from cnn_physics77.distributions.utils import (
    broadcast_all,
    lazy_property,
    logits_to_probs,
    one_of,
    probs_to_logits,
)


class OneProbability(Distribution):
    r"""A distribution with the parameter p, or its logit :math:`\log p - \log(1 - p)`."""

    arg_constraints: ClassVar[dict[str, Any]] = {
        "probs": constraints.unit_interval,
        "logits": constraints.real,
    }
    _batched: ClassVar[tuple[str, ...]] = ("probs", "logits", "_param")

    def _give(self, probs: Any, logits: Any, total_count: Any = 1) -> Tensor:
        """Keep the one that is given, and return ``total_count``, both of one shape and dtype."""
        name = one_of(type(self).__name__, probs=probs, logits=logits)
        given = probs if logits is None else logits
        if not (isinstance(total_count, Tensor) and total_count.is_floating_point()):
            (given,) = broadcast_all(given)  # of integers it does not take the dtype
        self._param, count = broadcast_all(given, total_count)
        setattr(self, name, self._param)
        return count.to(self._param.dtype)

    @lazy_property
    def logits(self) -> Tensor:
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self) -> Tensor:
        return logits_to_probs(self.logits, is_binary=True)

    @property
    def param_shape(self) -> Any:
        """The shape of the parameters."""
        return self._param.shape


__all__ = ["OneProbability"]
