"""``torch.distributions``: probability distributions, with differentiable densities and samples."""

from cnn_physics77.distributions import constraints, transforms
from cnn_physics77.distributions.bernoulli import Bernoulli
from cnn_physics77.distributions.beta import Beta
from cnn_physics77.distributions.binomial import Binomial
from cnn_physics77.distributions.categorical import Categorical
from cnn_physics77.distributions.cauchy import Cauchy
from cnn_physics77.distributions.chi2 import Chi2
from cnn_physics77.distributions.constraint_registry import biject_to, transform_to
from cnn_physics77.distributions.continuous_bernoulli import ContinuousBernoulli
from cnn_physics77.distributions.dirichlet import Dirichlet
from cnn_physics77.distributions.distribution import Distribution
from cnn_physics77.distributions.exp_family import ExponentialFamily
from cnn_physics77.distributions.exponential import Exponential
from cnn_physics77.distributions.fishersnedecor import FisherSnedecor
from cnn_physics77.distributions.gamma import Gamma
from cnn_physics77.distributions.generalized_pareto import GeneralizedPareto
from cnn_physics77.distributions.geometric import Geometric
from cnn_physics77.distributions.gumbel import Gumbel
from cnn_physics77.distributions.half_cauchy import HalfCauchy
from cnn_physics77.distributions.half_normal import HalfNormal
from cnn_physics77.distributions.independent import Independent
from cnn_physics77.distributions.inverse_gamma import InverseGamma
from cnn_physics77.distributions.kl import kl_divergence, register_kl
from cnn_physics77.distributions.kumaraswamy import Kumaraswamy
from cnn_physics77.distributions.laplace import Laplace
from cnn_physics77.distributions.lkj_cholesky import LKJCholesky
from cnn_physics77.distributions.log_normal import LogNormal
from cnn_physics77.distributions.logistic_normal import LogisticNormal
from cnn_physics77.distributions.lowrank_multivariate_normal import LowRankMultivariateNormal
from cnn_physics77.distributions.mixture_same_family import MixtureSameFamily
from cnn_physics77.distributions.multinomial import Multinomial
from cnn_physics77.distributions.multivariate_normal import MultivariateNormal
from cnn_physics77.distributions.negative_binomial import NegativeBinomial
from cnn_physics77.distributions.normal import Normal
from cnn_physics77.distributions.one_hot_categorical import (
    OneHotCategorical,
    OneHotCategoricalStraightThrough,
)
from cnn_physics77.distributions.pareto import Pareto
from cnn_physics77.distributions.poisson import Poisson
from cnn_physics77.distributions.relaxed_bernoulli import RelaxedBernoulli
from cnn_physics77.distributions.relaxed_categorical import RelaxedOneHotCategorical
from cnn_physics77.distributions.studentT import StudentT
from cnn_physics77.distributions.transformed_distribution import TransformedDistribution
from cnn_physics77.distributions.transforms import *
from cnn_physics77.distributions.uniform import Uniform
from cnn_physics77.distributions.von_mises import VonMises
from cnn_physics77.distributions.weibull import Weibull
from cnn_physics77.distributions.wishart import Wishart

__all__ = [
    "Bernoulli",
    "Beta",
    "Binomial",
    "Categorical",
    "Cauchy",
    "Chi2",
    "ContinuousBernoulli",
    "Dirichlet",
    "Distribution",
    "Exponential",
    "ExponentialFamily",
    "FisherSnedecor",
    "Gamma",
    "GeneralizedPareto",
    "Geometric",
    "Gumbel",
    "HalfCauchy",
    "HalfNormal",
    "Independent",
    "InverseGamma",
    "Kumaraswamy",
    "LKJCholesky",
    "Laplace",
    "LogNormal",
    "LogisticNormal",
    "LowRankMultivariateNormal",
    "MixtureSameFamily",
    "Multinomial",
    "MultivariateNormal",
    "NegativeBinomial",
    "Normal",
    "OneHotCategorical",
    "OneHotCategoricalStraightThrough",
    "Pareto",
    "Poisson",
    "RelaxedBernoulli",
    "RelaxedOneHotCategorical",
    "StudentT",
    "TransformedDistribution",
    "Uniform",
    "VonMises",
    "Weibull",
    "Wishart",
    "biject_to",
    "constraints",
    "kl_divergence",
    "register_kl",
    "transform_to",
    *transforms.__all__,
]
