"""``torch.distributions.exp_family``: what distributions of an exponential family have in common."""

from __future__ import annotations

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions.distribution import Distribution
from cnn_physics77.distributions.utils import _sum_rightmost


class ExponentialFamily(Distribution):
    r"""A distribution of density :math:`p(x) = \exp(\langle t(x), \theta \rangle - F(\theta) + k(x))`.

    A derived class that gives the natural parameters θ (``_natural_params``, a tuple), the logarithm of the
    normalizer F (``_log_normalizer``, a function of them), and the mean of k (``_mean_carrier_measure``) has
    an entropy, and with them the divergence of two of the class: their derivatives are those of F.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.distributions import ExponentialFamily, Normal
    >>> found = ExponentialFamily.entropy(Normal(0.0, 2.0)).detach()
    >>> torch.allclose(found, Normal(0.0, 2.0).entropy())
    True
    """

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        raise NotImplementedError(f"{type(self).__name__}: the natural parameters are not given")

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__}: the logarithm of the normalizer is not given")

    @property
    def _mean_carrier_measure(self) -> float:
        raise NotImplementedError(f"{type(self).__name__}: the mean of the carrier measure is not given")

    def entropy(self) -> Tensor:
        """F(θ) - ⟨θ, ∇F(θ)⟩ - E[k(x)], for each distribution of the batch.

        Raises:
            NotImplementedError: the class does not give one of the three.
        """
        carrier = self._mean_carrier_measure
        natural, log_normalizer, slopes = self._differentiated()
        for parameter, slope in zip(natural, slopes, strict=True):
            log_normalizer = log_normalizer - (parameter * slope).reshape((*self.batch_shape, -1)).sum(-1)
        return log_normalizer - carrier

    def _divergence_from(self, q: ExponentialFamily) -> Tensor:
        """The Bregman divergence of F, which is the Kullback-Leibler divergence from q."""
        if type(self) is not type(q):
            raise NotImplementedError(
                f"kl_divergence: no KL(p || q) is implemented for the exponential families "
                f"{type(self).__name__} and {type(q).__name__}; add one with register_kl"
            )
        others = q._natural_params
        natural, log_normalizer, slopes = self._differentiated()
        result = q._log_normalizer(*others) - log_normalizer
        for parameter, other, slope in zip(natural, others, slopes, strict=True):
            result = result - _sum_rightmost((other - parameter) * slope, len(q.event_shape))
        return result

    def _differentiated(self) -> tuple[list[Tensor], Tensor, tuple[Tensor, ...]]:
        """The natural parameters, as leaves of their own; F; and its derivatives."""
        natural = [parameter.detach().requires_grad_() for parameter in self._natural_params]
        log_normalizer = self._log_normalizer(*natural)
        return natural, log_normalizer, torch.autograd.grad(log_normalizer.sum(), natural, create_graph=True)


__all__ = ["ExponentialFamily"]
