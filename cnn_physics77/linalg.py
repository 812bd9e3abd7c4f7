"""Linear algebra, with the names of ``torch.linalg``. This module re-exports, each when first asked for."""

import typing as _typing

from cnn_physics77 import _lazy, _places
from cnn_physics77.core.errors import LinAlgError
from cnn_physics77.core.operations.linalg.matmul import matmul
from cnn_physics77.core.operations.reduction.var_std_norm import vector_norm

if _typing.TYPE_CHECKING:
    from cnn_physics77.core.operations.linalg.cholesky import cholesky, cholesky_ex
    from cnn_physics77.core.operations.linalg.determinant import det, slogdet
    from cnn_physics77.core.operations.linalg.eigen import eig, eigh, eigvals, eigvalsh
    from cnn_physics77.core.operations.linalg.householder import householder_product
    from cnn_physics77.core.operations.linalg.inverse import inv, inv_ex, solve, solve_ex
    from cnn_physics77.core.operations.linalg.ldl import ldl_factor, ldl_factor_ex, ldl_solve
    from cnn_physics77.core.operations.linalg.least_squares import lstsq, matrix_rank, pinv
    from cnn_physics77.core.operations.linalg.lu import lu, lu_factor, lu_factor_ex, lu_solve
    from cnn_physics77.core.operations.linalg.matrix_functions import (
        diagonal,
        matrix_exp,
        matrix_power,
        multi_dot,
        tensorinv,
        tensorsolve,
        vander,
    )
    from cnn_physics77.core.operations.linalg.matrix_norms import cond, matrix_norm, norm
    from cnn_physics77.core.operations.linalg.qr import qr
    from cnn_physics77.core.operations.linalg.svd import svd, svdvals
    from cnn_physics77.core.operations.linalg.triangular import solve_triangular
    from cnn_physics77.core.operations.linalg.vectors import cross, vecdot

_NAMES = {
    "cholesky": "cholesky cholesky_ex",
    "determinant": "det slogdet",
    "eigen": "eig eigh eigvals eigvalsh",
    "householder": "householder_product",
    "inverse": "inv inv_ex solve solve_ex",
    "ldl": "ldl_factor ldl_factor_ex ldl_solve",
    "least_squares": "lstsq matrix_rank pinv",
    "lu": "lu lu_factor lu_factor_ex lu_solve",
    "matrix_functions": "diagonal matrix_exp matrix_power multi_dot tensorinv tensorsolve vander",
    "matrix_norms": "cond matrix_norm norm",
    "qr": "qr",
    "svd": "svd svdvals",
    "triangular": "solve_triangular",
    "vectors": "cross vecdot",
}
__getattr__, __dir__ = _lazy.attributes(
    globals(), _lazy.table("cnn_physics77.core.operations.linalg", _NAMES)
)

__all__ = [
    "LinAlgError",
    "cholesky",
    "cholesky_ex",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "householder_product",
    "inv",
    "inv_ex",
    "ldl_factor",
    "ldl_factor_ex",
    "ldl_solve",
    "lstsq",
    "lu",
    "lu_factor",
    "lu_factor_ex",
    "lu_solve",
    "matmul",
    "matrix_exp",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "multi_dot",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_ex",
    "solve_triangular",
    "svd",
    "svdvals",
    "tensorinv",
    "tensorsolve",
    "vander",
    "vecdot",
    "vector_norm",
]

_places.settle(globals())
