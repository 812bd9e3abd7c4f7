"""Functions of the top level whose modules are imported when one of them is first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnn_physics77 import _lazy

if TYPE_CHECKING:
    from cnn_physics77.core.operations.comparison.histogram import *
    from cnn_physics77.core.operations.comparison.isin import *
    from cnn_physics77.core.operations.comparison.quantile_mode import *
    from cnn_physics77.core.operations.creation.from_memory import *
    from cnn_physics77.core.operations.creation.windows import (
        bartlett_window,
        blackman_window,
        hamming_window,
        hann_window,
        kaiser_window,
    )
    from cnn_physics77.core.operations.fft.short_time import *
    from cnn_physics77.core.operations.indexing.combinations import *
    from cnn_physics77.core.operations.indexing.copies import *
    from cnn_physics77.core.operations.indexing.fill_resize import *
    from cnn_physics77.core.operations.indexing.index_reduce import *
    from cnn_physics77.core.operations.indexing.view_scatter import *
    from cnn_physics77.core.operations.linalg.cdist import *
    from cnn_physics77.core.operations.linalg.cholesky import cholesky_inverse as cholesky_inverse
    from cnn_physics77.core.operations.linalg.cholesky import cholesky_solve as cholesky_solve
    from cnn_physics77.core.operations.linalg.covariance import *
    from cnn_physics77.core.operations.linalg.determinant import logdet as logdet
    from cnn_physics77.core.operations.linalg.diagonal_scatter import *
    from cnn_physics77.core.operations.linalg.householder import geqrf as geqrf
    from cnn_physics77.core.operations.linalg.householder import orgqr as orgqr
    from cnn_physics77.core.operations.linalg.householder import ormqr as ormqr
    from cnn_physics77.core.operations.linalg.low_rank import *
    from cnn_physics77.core.operations.linalg.lu import lu_unpack as lu_unpack
    from cnn_physics77.core.operations.linalg.matrix_functions import matrix_power as matrix_power
    from cnn_physics77.core.operations.linalg.products import *
    from cnn_physics77.core.operations.linalg.root_forms import *
    from cnn_physics77.core.operations.nn.elman import *
    from cnn_physics77.core.operations.nn.grid_sample import affine_grid_generator as affine_grid_generator
    from cnn_physics77.core.operations.nn.grid_sample import grid_sampler as grid_sampler
    from cnn_physics77.core.operations.nn.gru import *
    from cnn_physics77.core.operations.nn.lstm import *
    from cnn_physics77.core.operations.pointwise.bessel import i0
    from cnn_physics77.core.operations.pointwise.fake_quantize import *
    from cnn_physics77.core.operations.pointwise.floating_point import *
    from cnn_physics77.core.operations.pointwise.gamma_functions import (
        digamma,
        igamma,
        igammac,
        lgamma,
        mvlgamma,
        polygamma,
    )
    from cnn_physics77.core.operations.pointwise.gcd_lcm import *
    from cnn_physics77.core.operations.pointwise.logit_sinc import logit, sinc
    from cnn_physics77.core.operations.pointwise.normal_distribution import erfinv
    from cnn_physics77.core.operations.reduction.cummax_logcumsumexp import *
    from cnn_physics77.core.operations.reduction.diff_trapezoid import *
    from cnn_physics77.core.operations.reduction.renorm import *
    from cnn_physics77.core.operations.sparse.creation import sparse_coo_tensor as sparse_coo_tensor

_NAMES = {
    "creation.from_memory": "asarray empty_permuted empty_strided from_dlpack frombuffer range scalar_tensor",
    "creation.windows": "bartlett_window blackman_window hamming_window hann_window kaiser_window",
    "fft.short_time": "istft stft",
    "indexing.fill_resize": "fill resize_as_ zero_",
    "indexing.copies": "conj_physical conj_physical_ is_conj is_neg is_nonzero narrow_copy resolve_conj "
    "resolve_neg unsafe_chunk unsafe_split unsafe_split_with_sizes",
    "indexing.index_reduce": "index_reduce nonzero_static unravel_index",
    "linalg.diagonal_scatter": "diagonal_scatter",
    "indexing.view_copies": "alias_copy as_strided_copy detach_copy diagonal_copy expand_copy permute_copy "
    "select_copy slice_copy split_copy split_with_sizes_copy squeeze_copy t_copy transpose_copy unbind_copy "
    "unfold_copy unsqueeze_copy view_copy",
    "indexing.view_scatter": "as_strided as_strided_scatter select_scatter slice_scatter",
    "comparison.histogram": "histc histogram histogramdd",
    "comparison.isin": "isin",
    "comparison.quantile_mode": "mode nanquantile quantile",
    "nn.elman": "rnn_relu rnn_relu_cell rnn_tanh rnn_tanh_cell",
    "nn.grid_sample": "affine_grid_generator grid_sampler",
    "nn.gru": "gru gru_cell",
    "nn.lstm": "lstm lstm_cell",
    "indexing.combinations": "block_diag cartesian_prod combinations",
    "linalg.cdist": "cdist",
    "linalg.covariance": "corrcoef cov",
    "linalg.products": "chain_matmul cross inner kron vander vdot",
    "linalg.cholesky": "cholesky_inverse cholesky_solve",
    "linalg.determinant": "logdet",
    "linalg.householder": "geqrf orgqr ormqr",
    "linalg.low_rank": "pca_lowrank svd_lowrank",
    "linalg.lu": "lu_unpack",
    "linalg.matrix_functions": "matrix_power",
    "linalg.root_forms": "cholesky det frobenius_norm inverse lu lu_solve matrix_exp nuclear_norm pinverse "
    "qr slogdet svd triangular_solve",
    "pointwise.fake_quantize": "fake_quantize_per_channel_affine fake_quantize_per_tensor_affine",
    "pointwise.floating_point": "copysign frexp heaviside ldexp nan_to_num nextafter signbit",
    "pointwise.gcd_lcm": "gcd lcm",
    "pointwise.bessel": "i0",
    "pointwise.gamma_functions": "digamma igamma igammac lgamma mvlgamma polygamma",
    "pointwise.logit_sinc": "logit sinc",
    "pointwise.normal_distribution": "erfinv",
    "reduction.cummax_logcumsumexp": "cummax cummin logcumsumexp",
    "reduction.diff_trapezoid": "cumulative_trapezoid diff gradient trapezoid trapz",
    "reduction.renorm": "renorm",
    "sparse.creation": "sparse_coo_tensor",
}

FOREACH = """
abs abs_ acos acos_ add add_ addcdiv addcdiv_ addcmul addcmul_ asin asin_ atan atan_ ceil ceil_
clamp_max clamp_max_ clamp_min clamp_min_ clone copy_ cos cos_ cosh cosh_ div div_ erf erf_ erfc
erfc_ exp exp_ expm1 expm1_ floor floor_ frac frac_ lerp lerp_ lgamma lgamma_ log log10 log10_ log1p
log1p_ log2 log2_ log_ max maximum maximum_ minimum minimum_ mm mul mul_ neg neg_ norm pow pow_
reciprocal reciprocal_ round round_ rsqrt rsqrt_ sigmoid sigmoid_ sign sign_ sin sin_ sinh sinh_
sqrt sqrt_ sub sub_ tan tan_ tanh tanh_ trunc trunc_ zero_
"""
"""What can be done to each tensor of a list, in ``torch._foreach_*``."""

OF_TENSOR = """
abs_ acos_ acosh_ addmv_ arccos_ arccosh_ arcsin_ arcsinh_ arctan_ arctanh_ as_strided_ asin_ asinh_ atan_
atanh_ ceil_ clamp_ clamp_max_ clamp_min_ clip_ cos_ cosh_ deg2rad_ detach detach_ erf_ erfc_ exp2_ exp_
expm1_ fill_ fix_ floor_ frac_ gcd_ get_device i0_ index_put_ is_inference is_same_size lcm_ ldexp_ log10_
log1p_ log2_ log_ logit_ nan_to_num_ neg_ negative_ rad2deg_ reciprocal_ round_ rsqrt_ sigmoid_ sin_ sinc_
sinh_ sqrt_ square_ tan_ tanh_ trunc_ xlogy_
"""
"""What ``torch`` has as a function, too."""

MODULES = _lazy.table("cnn_physics77.core.operations", _NAMES) | {
    f"_foreach_{name}": "cnn_physics77._foreach" for name in FOREACH.split()
}
MODULES |= dict.fromkeys(OF_TENSOR.split(), "cnn_physics77._methods")
"""The module of each name."""
