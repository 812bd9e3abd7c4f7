"""Operations that are imported when one of them is first asked for, as their code is long and rarely used.

The facades look up functions late (``cnn_physics77/_lazy.py``). The methods of Tensor are listed here: until
its module is imported, each is a placeholder that imports it. Such a module ends with
``complete_late(__name__)``.
"""

from __future__ import annotations

import sys
from importlib import import_module

from cnn_physics77.core.operations.base.keywords import complete_methods, complete_module
from cnn_physics77.core.tensor import Tensor, method

METHODS: dict[str, str] = {
    "fft.short_time": "istft stft",
    "creation.from_memory": "new_empty_strided",
    "creation.distributions_in_place": "cauchy_ geometric_ log_normal_",
    "indexing.fill_resize": "resize_ resize_as_",
    "indexing.copies": "conj_physical conj_physical_ is_conj is_neg is_nonzero narrow_copy resolve_conj "
    "resolve_neg sum_to_size unsafe_chunk unsafe_split unsafe_split_with_sizes",
    "indexing.element_calls": "apply_ map2_ map_",
    "indexing.memory": "data_ptr dim_order is_pinned is_set_to pin_memory set_ storage storage_offset "
    "untyped_storage",
    "indexing.index_reduce": "index_reduce nonzero_static",
    "linalg.diagonal_scatter": "diagonal_scatter",
    "indexing.view_scatter": "as_strided as_strided_scatter select_scatter slice_scatter",
    "comparison.histogram": "histc histogram",
    "comparison.quantile_mode": "mode nanquantile quantile",
    "sparse.creation": "to_dense to_sparse to_sparse_coo sparse_mask",
    "pointwise.floating_point": "copysign frexp heaviside ldexp nan_to_num nextafter signbit",
    "pointwise.gcd_lcm": "gcd lcm",
    "pointwise.bessel": "i0",
    "pointwise.gamma_functions": "digamma igamma igammac lgamma mvlgamma polygamma",
    "pointwise.logit_sinc": "logit sinc",
    "pointwise.normal_distribution": "erfinv",
    "reduction.cummax_logcumsumexp": "cummax cummin logcumsumexp",
    "reduction.diff_trapezoid": "diff",
    "reduction.renorm": "renorm",
    "linalg.cholesky": "cholesky_inverse cholesky_solve",
    "linalg.determinant": "logdet",
    "linalg.householder": "geqrf orgqr ormqr",
    "linalg.covariance": "corrcoef cov",
    "linalg.products": "cross inner kron vdot",
    "linalg.matrix_functions": "matrix_power",
    "linalg.root_forms": "cholesky det inverse lu lu_solve matrix_exp pinverse qr slogdet svd "
    "triangular_solve",
}
"""The methods that each late module, below this package, adds to Tensor."""

_PACKAGE = __name__.rpartition(".")[0]


def complete_late(name: str) -> None:
    """Give the functions and methods of a late module the keywords that all take (:mod:`.base.keywords`).

    Args:
        name: the module's ``__name__``.
    """
    complete_module(sys.modules[name], name.removeprefix(f"{_PACKAGE}.").partition(".")[0])
    complete_methods(METHODS.get(name.removeprefix(f"{_PACKAGE}."), "").split())


def load_all() -> None:
    """Import all modules that add methods late: for what lists the methods of Tensor."""
    for name in METHODS:
        import_module(f"{_PACKAGE}.{name}")


def _add_placeholder(name: str, module: str) -> None:
    def placeholder(self, *args, **named):
        import_module(module)
        return getattr(self, name)(*args, **named)

    placeholder.__name__, placeholder.__qualname__ = name, f"Tensor.{name}"
    placeholder.__module__ = Tensor.__module__
    placeholder.__doc__ = f"Imports :mod:`{module}`, which defines this method, and calls it."
    method(name)(placeholder)


for _module, _names in METHODS.items():
    for _name in _names.split():
        _add_placeholder(_name, f"{_PACKAGE}.{_module}")
