"""``torch.special``: special functions. This module re-exports."""

from cnn_physics77 import _places
from cnn_physics77 import igamma as gammainc
from cnn_physics77 import igammac as gammaincc
from cnn_physics77 import lgamma as gammaln
from cnn_physics77 import mvlgamma as multigammaln
from cnn_physics77 import sigmoid as expit
from cnn_physics77.core.operations.nn.softmax import log_softmax, softmax
from cnn_physics77.core.operations.pointwise.airy import *
from cnn_physics77.core.operations.pointwise.bessel import *
from cnn_physics77.core.operations.pointwise.exp_log_pow import exp2, expm1, log1p
from cnn_physics77.core.operations.pointwise.gamma_functions import digamma, polygamma, zeta
from cnn_physics77.core.operations.pointwise.gamma_functions import digamma as psi
from cnn_physics77.core.operations.pointwise.logit_sinc import *
from cnn_physics77.core.operations.pointwise.normal_distribution import *
from cnn_physics77.core.operations.pointwise.polynomials import *
from cnn_physics77.core.operations.pointwise.rounding import round
from cnn_physics77.core.operations.pointwise.special import erf, erfc, xlogy
from cnn_physics77.core.operations.reduction.sum_mean import logsumexp

_places.settle(globals())
