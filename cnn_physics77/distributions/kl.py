r"""``torch.distributions.kl``: the Kullback-Leibler divergence
:math:`KL(p\,\|\,q) = \mathbb{E}_p[\log p - \log q]`, in closed form.

The formulas follow from the expected values of the terms of log q under p.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions.bernoulli import Bernoulli
from cnn_physics77.distributions.beta import Beta
from cnn_physics77.distributions.binomial import Binomial
from cnn_physics77.distributions.categorical import Categorical
from cnn_physics77.distributions.cauchy import Cauchy
from cnn_physics77.distributions.continuous_bernoulli import ContinuousBernoulli
from cnn_physics77.distributions.dirichlet import Dirichlet
from cnn_physics77.distributions.distribution import Distribution
from cnn_physics77.distributions.exp_family import ExponentialFamily
from cnn_physics77.distributions.exponential import Exponential
from cnn_physics77.distributions.gamma import Gamma
from cnn_physics77.distributions.geometric import Geometric
from cnn_physics77.distributions.gumbel import Gumbel
from cnn_physics77.distributions.half_normal import HalfNormal
from cnn_physics77.distributions.independent import Independent
from cnn_physics77.distributions.laplace import Laplace
from cnn_physics77.distributions.lowrank_multivariate_normal import LowRankMultivariateNormal
from cnn_physics77.distributions.multivariate_normal import (
    MultivariateNormal,
    _batch_mahalanobis,
    log_diagonal,
)
from cnn_physics77.distributions.normal import Normal
from cnn_physics77.distributions.one_hot_categorical import OneHotCategorical
from cnn_physics77.distributions.pareto import Pareto
from cnn_physics77.distributions.poisson import Poisson
from cnn_physics77.distributions.transformed_distribution import TransformedDistribution
from cnn_physics77.distributions.uniform import Uniform
from cnn_physics77.distributions.utils import _sum_rightmost, euler_constant
from cnn_physics77.distributions.wishart import Wishart

_formulas: dict[tuple[type, type], Callable] = {}


def register_kl(type_p: type, type_q: type) -> Callable:
    """Decorator: the function of (p, q) is the divergence for distributions of these classes, and of classes
    derived from them that have no function of their own.

    Raises:
        TypeError: not classes.
    """
    for kind in (type_p, type_q):
        if not isinstance(kind, type):
            raise TypeError(f"register_kl: expected classes of distributions, found {kind}")

    def register(function: Callable) -> Callable:
        _formulas[type_p, type_q] = function
        return function

    return register


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    r"""The Kullback-Leibler divergence of p from q, for each distribution of the batch.

    Raises:
        NotImplementedError: there is no formula for the two classes; :func:`register_kl` adds one.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.distributions import Normal, kl_divergence
    >>> kl_divergence(Normal(0.0, 1.0), Normal(1.0, 1.0))
    tensor(0.5000)
    """
    for kind_p in type(p).__mro__:
        for kind_q in type(q).__mro__:
            if (kind_p, kind_q) in _formulas:
                return _formulas[kind_p, kind_q](p, q)
    raise NotImplementedError(
        f"kl_divergence: no KL(p || q) is implemented for p type {type(p).__name__} and q type "
        f"{type(q).__name__}; add one with register_kl"
    )


def _infinite(like: Tensor) -> Tensor:
    return torch.full_like(like, math.inf)


def _t_log_t(x: Tensor) -> Tensor:
    return torch.xlogy(x, x)


# ------------------------------------------------------------------------------------------- two of a kind


@register_kl(Bernoulli, Bernoulli)
def _(p: Any, q: Any) -> Tensor:
    softplus = torch.nn.functional.softplus
    one = p.probs * (softplus(-q.logits) - softplus(-p.logits))
    one = torch.where(q.probs == 0, torch.where(p.probs == 0, 0.0, math.inf).to(one.dtype), one)
    none = (1 - p.probs) * (softplus(q.logits) - softplus(p.logits))
    none = torch.where(q.probs == 1, torch.where(p.probs == 1, 0.0, math.inf).to(none.dtype), none)
    return torch.where(p.probs == 0, 0.0, one) + torch.where(p.probs == 1, 0.0, none)


@register_kl(Beta, Beta)
def _(p: Any, q: Any) -> Tensor:
    return kl_divergence(p._dirichlet, q._dirichlet)


@register_kl(Binomial, Binomial)
def _(p: Any, q: Any) -> Tensor:
    if (p.total_count < q.total_count).array.any():
        raise NotImplementedError(
            "kl_divergence: KL between Binomials where q.total_count > p.total_count is not implemented"
        )
    found = p.total_count * (p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p())
    return torch.where(p.total_count > q.total_count, math.inf, found)


@register_kl(Categorical, Categorical)
def _(p: Any, q: Any) -> Tensor:
    found = p.probs * (p.logits - q.logits)
    found = torch.where((q.probs == 0).expand(found.shape), math.inf, found)
    return torch.where((p.probs == 0).expand(found.shape), 0.0, found).sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _(p: Any, q: Any) -> Tensor:
    return kl_divergence(p._categorical, q._categorical)


@register_kl(Cauchy, Cauchy)
def _(p: Any, q: Any) -> Tensor:
    """F. Chyzak and F. Nielsen, arXiv:1905.10965."""
    distance = (p.scale + q.scale).pow(2) + (p.loc - q.loc).pow(2)
    return distance.log() - (4 * p.scale * q.scale).log()


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _(p: Any, q: Any) -> Tensor:
    mean = p.mean * (p.logits - q.logits)
    return mean + p._log_norm() + torch.log1p(-p.probs) - q._log_norm() - torch.log1p(-q.probs)


@register_kl(Dirichlet, Dirichlet)
def _(p: Any, q: Any) -> Tensor:
    a, b = p.concentration, q.concentration
    total = a.sum(-1, keepdim=True)
    norm = (
        torch.lgamma(total.squeeze(-1))
        - torch.lgamma(b.sum(-1))
        - (torch.lgamma(a) - torch.lgamma(b)).sum(-1)
    )
    return norm + ((a - b) * (torch.digamma(a) - torch.digamma(total))).sum(-1)


@register_kl(Exponential, Exponential)
def _(p: Any, q: Any) -> Tensor:
    ratio = q.rate / p.rate
    return -ratio.log() + ratio - 1


@register_kl(Gamma, Gamma)
def _(p: Any, q: Any) -> Tensor:
    return (
        q.concentration * (p.rate / q.rate).log()
        + torch.lgamma(q.concentration)
        - torch.lgamma(p.concentration)
        + (p.concentration - q.concentration) * torch.digamma(p.concentration)
        + (q.rate - p.rate) * (p.concentration / p.rate)
    )


@register_kl(Geometric, Geometric)
def _(p: Any, q: Any) -> Tensor:
    return -p.entropy() - torch.log1p(-q.probs) / p.probs - q.logits


@register_kl(Gumbel, Gumbel)
def _(p: Any, q: Any) -> Tensor:
    ratio = p.scale / q.scale
    shift_p, shift_q = p.loc / q.scale, q.loc / q.scale
    rest = torch.exp(shift_q + torch.lgamma(1 + ratio) - shift_p)
    return -ratio.log() - shift_q + shift_p + ratio * euler_constant + rest - (1 + euler_constant)


@register_kl(HalfNormal, HalfNormal)
def _(p: Any, q: Any) -> Tensor:
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(Laplace, Laplace)
def _(p: Any, q: Any) -> Tensor:
    ratio, distance = p.scale / q.scale, (p.loc - q.loc).abs()
    return -ratio.log() + distance / q.scale + ratio * torch.exp(-distance / p.scale) - 1


@register_kl(Normal, Normal)
def _(p: Any, q: Any) -> Tensor:
    ratio = (p.scale / q.scale).pow(2)
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).pow(2) - 1 - ratio.log())


@register_kl(Pareto, Pareto)
def _(p: Any, q: Any) -> Tensor:
    scales, ratio = p.scale / q.scale, q.alpha / p.alpha
    found = q.alpha * scales.log() - ratio.log() + ratio - 1
    return torch.where(p.scale < q.scale, math.inf, found)  # p has values where q has none


@register_kl(Poisson, Poisson)
def _(p: Any, q: Any) -> Tensor:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(Uniform, Uniform)
def _(p: Any, q: Any) -> Tensor:
    found = ((q.high - q.low) / (p.high - p.low)).log()
    return torch.where((q.low > p.low) | (q.high < p.high), math.inf, found)


@register_kl(MultivariateNormal, MultivariateNormal)
def _(p: Any, q: Any) -> Tensor:
    if p.event_shape != q.event_shape:
        raise ValueError(
            "kl_divergence: KL between two MultivariateNormals with different event shapes cannot be "
            f"computed, found {tuple(p.event_shape)} and {tuple(q.event_shape)}"
        )
    return _kl_normal(p, q, p.scale_tril)


@register_kl(LowRankMultivariateNormal, MultivariateNormal)
def _(p: Any, q: Any) -> Tensor:
    return _kl_normal(p, q, p.scale_tril)


def _kl_normal(p: Any, q: Any, lower: Tensor) -> Tensor:
    """Of two normal distributions of vectors, q with a factor L."""
    ratio = torch.linalg.solve_triangular(q.scale_tril, lower, upper=False)
    trace = ratio.pow(2).sum((-2, -1))
    distance = _batch_mahalanobis(q.scale_tril, q.loc - p.loc)
    logs = log_diagonal(q.scale_tril) - log_diagonal(lower)
    return logs + 0.5 * (trace + distance - p.event_shape[0])


@register_kl(MultivariateNormal, LowRankMultivariateNormal)
@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
def _(p: Any, q: Any) -> Tensor:
    trace = (q.precision_matrix * p.covariance_matrix).sum((-2, -1))
    log_det = 2 * log_diagonal(p.scale_tril)
    return 0.5 * (q._log_det() - log_det + q._distance(q.loc - p.loc) + trace - p.event_shape[0])


@register_kl(Wishart, Wishart)
def _(p: Any, q: Any) -> Tensor:
    size = p.event_shape[-1]
    ratio = torch.linalg.solve_triangular(q.scale_tril, p.scale_tril, upper=False)
    mean_log_det = torch.digamma(0.5 * (p.df.unsqueeze(-1) - torch.arange(size, dtype=p.df.dtype))).sum(-1)
    return (
        q.df * (log_diagonal(q.scale_tril) - log_diagonal(p.scale_tril))
        + 0.5 * p.df * (ratio.pow(2).sum((-2, -1)) - size)
        + torch.mvlgamma(0.5 * q.df, size)
        - torch.mvlgamma(0.5 * p.df, size)
        + 0.5 * (p.df - q.df) * mean_log_det
    )


@register_kl(Independent, Independent)
def _(p: Any, q: Any) -> Tensor:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError(
            "kl_divergence: expected Independent distributions of one reinterpreted_batch_ndims, found others"
        )
    return _sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(ExponentialFamily, ExponentialFamily)
def _(p: Any, q: Any) -> Tensor:
    return p._divergence_from(q)


@register_kl(TransformedDistribution, TransformedDistribution)
def _(p: Any, q: Any) -> Tensor:
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError("kl_divergence: expected distributions of one transform, found others")
    return kl_divergence(p.base_dist, q.base_dist)


# ------------------------------------------------------------------------------------------ of two kinds


@register_kl(Bernoulli, Poisson)
def _(p: Any, q: Any) -> Tensor:
    return -p.entropy() - (p.probs * q.rate.log() - q.rate)


def _cross_normal(p: Any, q: Any) -> Tensor:
    """-E log q of a normal q, from mean and variance of p."""
    second = p.variance + (p.mean - q.loc).pow(2)
    return 0.5 * second / q.scale.pow(2) + q.scale.log() + 0.5 * math.log(2 * math.pi)


@register_kl(Beta, Normal)
@register_kl(Exponential, Normal)
@register_kl(Gamma, Normal)
@register_kl(Gumbel, Normal)
@register_kl(Laplace, Normal)
@register_kl(Uniform, Normal)
@register_kl(ContinuousBernoulli, Normal)
def _(p: Any, q: Any) -> Tensor:
    return -p.entropy() + _cross_normal(p, q)


@register_kl(Beta, Exponential)
@register_kl(ContinuousBernoulli, Exponential)
@register_kl(Gamma, Exponential)
def _(p: Any, q: Any) -> Tensor:
    return -p.entropy() - q.rate.log() + q.rate * p.mean


@register_kl(Exponential, Gamma)
def _(p: Any, q: Any) -> Tensor:
    ratio = q.rate / p.rate
    a = q.concentration
    return -a * ratio.log() + ratio + torch.lgamma(a) + a * euler_constant - (1 + euler_constant)


@register_kl(Beta, Gamma)
def _(p: Any, q: Any) -> Tensor:
    mean_log = torch.digamma(p.concentration1) - torch.digamma(p.concentration1 + p.concentration0)
    a = q.concentration
    return -p.entropy() - (a * q.rate.log() - torch.lgamma(a) + (a - 1) * mean_log - q.rate * p.mean)


@register_kl(Beta, ContinuousBernoulli)
def _(p: Any, q: Any) -> Tensor:
    return -p.entropy() - p.mean * q.logits - torch.log1p(-q.probs) - q._log_norm()


@register_kl(Beta, Uniform)
@register_kl(ContinuousBernoulli, Uniform)
def _(p: Any, q: Any) -> Tensor:
    found = -p.entropy() + (q.high - q.low).log()
    return torch.where((q.low > 0) | (q.high < 1), math.inf, found)


@register_kl(Exponential, Gumbel)
def _(p: Any, q: Any) -> Tensor:
    ratio, shift = p.rate * q.scale, q.loc / q.scale
    return ratio.log() - 1 + shift.exp() * ratio / (ratio + 1) - shift + ratio.reciprocal()


@register_kl(Gamma, Gumbel)
def _(p: Any, q: Any) -> Tensor:
    scale, shift = p.rate * q.scale, q.loc / q.scale
    mean = p.concentration / scale
    return (
        (p.concentration - 1) * torch.digamma(p.concentration)
        - torch.lgamma(p.concentration)
        - p.concentration
        + scale.log()
        + shift.exp() * (1 + scale.reciprocal()).pow(-p.concentration)
        - shift
        + mean
    )


@register_kl(Normal, Gumbel)
def _(p: Any, q: Any) -> Tensor:
    distance, ratio = (p.loc - q.loc) / q.scale, (p.scale / q.scale).pow(2)
    return (
        distance
        + torch.exp(-distance + 0.5 * ratio)
        + (q.scale / p.scale).log()
        - 0.5 * (1 + math.log(2 * math.pi))
    )


@register_kl(Normal, Laplace)
def _(p: Any, q: Any) -> Tensor:
    distance = p.loc - q.loc
    t = distance / p.scale
    mean_distance = math.sqrt(2 / math.pi) * p.scale * torch.exp(-0.5 * t.pow(2)) + distance * torch.erf(
        math.sqrt(0.5) * t
    )
    return -p.entropy() + torch.log(2 * q.scale) + mean_distance / q.scale


@register_kl(Pareto, Exponential)
def _(p: Any, q: Any) -> Tensor:
    scaled = p.scale * q.rate
    found = p.alpha * scaled / (p.alpha - 1) - 1 / p.alpha + (p.alpha / scaled).log() - 1
    return torch.where(p.alpha <= 1, math.inf, found)


@register_kl(Pareto, Gamma)
def _(p: Any, q: Any) -> Tensor:
    log_scale = p.scale.log() + p.alpha.reciprocal()  # the mean of log x
    found = (
        p.alpha.log()
        - p.scale.log()
        - (1 + p.alpha.reciprocal())
        + torch.lgamma(q.concentration)
        - q.concentration * q.rate.log()
        - (q.concentration - 1) * log_scale
        + q.rate * p.alpha * p.scale / (p.alpha - 1)
    )
    return torch.where(p.alpha <= 1, math.inf, found)


@register_kl(Pareto, Normal)
def _(p: Any, q: Any) -> Tensor:
    found = -p.entropy() + _cross_normal(p, q)
    return torch.where(p.alpha <= 2, math.inf, found)


@register_kl(Uniform, Gamma)
def _(p: Any, q: Any) -> Tensor:
    width = p.high - p.low
    mean_log = (_t_log_t(p.high) - _t_log_t(p.low)) / width - 1
    a = q.concentration
    found = (
        -width.log() + torch.lgamma(a) - a * q.rate.log() - (a - 1) * mean_log + q.rate * (p.high + p.low) / 2
    )
    return torch.where(p.low < 0, math.inf, found)


@register_kl(Uniform, Exponential)
def _(p: Any, q: Any) -> Tensor:
    found = q.rate * (p.high + p.low) / 2 - ((p.high - p.low) * q.rate).log()
    return torch.where(p.low < 0, math.inf, found)


@register_kl(Uniform, Gumbel)
def _(p: Any, q: Any) -> Tensor:
    scaled = q.scale / (p.high - p.low)
    high, low = (p.high - q.loc) / q.scale, (p.low - q.loc) / q.scale
    return scaled.log() + 0.5 * (high + low) - scaled * (torch.exp(-high) - torch.exp(-low))


@register_kl(Uniform, Beta)
def _(p: Any, q: Any) -> Tensor:
    a, b, width = q.concentration1, q.concentration0, p.high - p.low
    mean_log = (_t_log_t(p.high) - _t_log_t(p.low)) / width - 1
    mean_log_rest = (_t_log_t(1 - p.low) - _t_log_t(1 - p.high)) / width - 1
    norm = torch.lgamma(a) + torch.lgamma(b) - torch.lgamma(a + b)
    found = -width.log() + norm - (a - 1) * mean_log - (b - 1) * mean_log_rest
    return torch.where((p.low < 0) | (p.high > 1), math.inf, found)


@register_kl(Uniform, ContinuousBernoulli)
def _(p: Any, q: Any) -> Tensor:
    found = -p.entropy() - p.mean * q.logits - torch.log1p(-q.probs) - q._log_norm()
    return torch.where((p.low < 0) | (p.high > 1), math.inf, found)


@register_kl(Uniform, Pareto)
def _(p: Any, q: Any) -> Tensor:
    width = p.high - p.low
    mean_log = (_t_log_t(p.high) - _t_log_t(p.low)) / width - 1
    found = -width.log() - q.alpha.log() - q.alpha * q.scale.log() + (q.alpha + 1) * mean_log
    return torch.where(p.low < q.scale, math.inf, found)


# ------------------------------------------------------------- q has no density where p has: infinite


def _register_infinite(kind_p: type, parameter: str, *kinds_q: type) -> None:
    for kind_q in kinds_q:
        register_kl(kind_p, kind_q)(lambda p, q: _infinite(getattr(p, parameter)))


_register_infinite(Beta, "concentration1", Pareto)
_register_infinite(ContinuousBernoulli, "probs", Pareto)
_register_infinite(Exponential, "rate", Beta, ContinuousBernoulli, Pareto, Uniform)
_register_infinite(Gamma, "concentration", Beta, ContinuousBernoulli, Pareto, Uniform)
_register_infinite(Gumbel, "loc", Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)
_register_infinite(Laplace, "loc", Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)
_register_infinite(Normal, "loc", Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)
_register_infinite(Pareto, "scale", Beta, ContinuousBernoulli, Uniform)
_register_infinite(Poisson, "rate", Bernoulli, Binomial)

__all__ = ["kl_divergence", "register_kl"]
