"""Rows of :mod:`cnn_physics77.core.operations.linalg.root_forms`."""

import numpy as np

from cnn_physics77.core.errors import LinAlgError, ShapeError
from cnn_physics77.testing.rows.linalg.cholesky import positives
from cnn_physics77.testing.rows.linalg.determinant import negative
from cnn_physics77.testing.rows.linalg.inverse import bad_squares, regular, squares
from cnn_physics77.testing.rows.linalg.lu import packed
from cnn_physics77.testing.rows.linalg.matrix_functions import exponentials
from cnn_physics77.testing.rows.linalg.svd import any_matrices, bad_matrices, without_phase
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw


def some(rng):
    return [
        *any_matrices(rng)[1:3],
        Sample(draw(rng, 2, 2), some=False),
        Sample(Constant(draw(rng, 3, 2)), some=False),
    ]


def qr_of_linalg(input, some=True):
    """What PyTorch says to use in place of its deprecated function."""
    import torch

    return torch.linalg.qr(input, "reduced" if some else "complete")


def lu_factor_of_linalg(A, get_infos=False):
    """The same, without the warning that torch.lu is deprecated."""
    import torch

    result = torch.linalg.lu_factor_ex(A)
    return tuple(result) if get_infos else tuple(result[:2])


def triangular_solve_of_linalg(B, A, upper=True, transpose=False, unitriangular=False):
    """The same, without the warning that torch.triangular_solve is deprecated."""
    import torch

    A = A.mT if transpose else A
    X = torch.linalg.solve_triangular(A, B, upper=upper != transpose, unitriangular=unitriangular)
    return torch.return_types.triangular_solve((X, A))


def lu_solve_of_linalg(B, LU, pivots):
    """The same, without the warning that torch.lu_solve is deprecated."""
    import torch

    return torch.linalg.lu_solve(LU, pivots, B)


rows = [
    Row("inverse", lambda rng: squares(rng)[:2], bad=bad_squares()),
    Row("det", lambda rng: negative(rng)[:2], bad=bad_squares()),
    Row("slogdet", lambda rng: negative(rng)[:2], bad=bad_squares()),
    Row("matrix_exp", lambda rng: exponentials(rng)[:2], bad=bad_squares(), rtol=1e-9, float32_rtol=1e-5),
    Row("cholesky", lambda rng: positives(rng)[2:4], "linalg.cholesky", bad=bad_squares()),
    Row(
        "svd",
        lambda rng: [*some(rng)[:3], Sample(Constant(draw(rng, 2, 3)), compute_uv=False)],
        invariant=without_phase,
        bad=bad_matrices,
        float32_rtol=1e-5,
    ),
    Row("qr", some, qr_of_linalg, bad=bad_matrices, rtol=1e-8, float32_rtol=1e-5),
    Row("pinverse", lambda rng: [any_matrices(rng)[2], Sample(draw(rng, 2, 3), 0.1)], bad=bad_matrices),
    Row(
        "lu",
        lambda rng: [Sample(draw(rng, 3, 3)), Sample(draw(rng, 2, 3, 2), get_infos=True)],
        lu_factor_of_linalg,
        bad=[*bad_matrices, Bad(LinAlgError, "singular", np.zeros((2, 2)))],
    ),
    Row(
        "lu_solve",
        lambda rng: [Sample(draw(rng, 3, 2), *packed(rng, 3, 3))],
        lu_solve_of_linalg,
    ),
    Row(
        "triangular_solve",
        lambda rng: [
            Sample(draw(rng, 3, 2), regular(rng, 3, 3)),
            Sample(draw(rng, 3, 2), regular(rng, 3, 3), False, True),
            Sample(complex_draw(rng, 2, 2), regular(rng, 2, 2, make=complex_draw), transpose=True),
            Sample(draw(rng, 3, 2), regular(rng, 3, 3), unitriangular=True),
        ],
        triangular_solve_of_linalg,
        invariant=lambda result: result.solution,
    ),
    Row(
        "nuclear_norm",
        lambda rng: [Sample(draw(rng, 2, 3)), Sample(draw(rng, 2, 3, 2), dim=(0, 1), keepdim=True)],
        lambda x, dim=(0, 1), keepdim=False: x.norm("nuc", dim, keepdim),
        bad=[Bad(ShapeError, "one or two dimensions", np.ones((2, 2, 2)))],
    ),
    Row(
        "frobenius_norm",
        lambda rng: [Sample(draw(rng, 2, 3), 1), Sample(draw(rng, 2, 3, 2), (0, 2), True)],
        lambda x, dim, keepdim=False: x.norm(2, dim, keepdim),
    ),
]
