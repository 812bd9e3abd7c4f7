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
    from cnn_physics77.core.operations.linalg.inverse import inv, inv_ex, solve, solve_ex
    from cnn_physics77.core.operations.linalg.qr import qr
    from cnn_physics77.core.operations.linalg.svd import svd, svdvals
    from cnn_physics77.core.operations.linalg.triangular import solve_triangular

_NAMES = {
    "cholesky": "cholesky cholesky_ex",
    "determinant": "det slogdet",
    "eigen": "eig eigh eigvals eigvalsh",
    "inverse": "inv inv_ex solve solve_ex",
    "qr": "qr",
    "svd": "svd svdvals",
    "triangular": "solve_triangular",
}
__getattr__, __dir__ = _lazy.attributes(
    globals(), _lazy.table("cnn_physics77.core.operations.linalg", _NAMES)
)

__all__ = [
    "LinAlgError",
    "cholesky",
    "cholesky_ex",
    "det",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "inv",
    "inv_ex",
    "matmul",
    "qr",
    "slogdet",
    "solve",
    "solve_ex",
    "solve_triangular",
    "svd",
    "svdvals",
    "vector_norm",
]

_places.settle(globals())
