"""Rows of :mod:`cnn_physics77.core.operations.linalg.root_forms`."""

from cnn_physics77.testing.rows.linalg.cholesky import positives
from cnn_physics77.testing.rows.linalg.determinant import negative
from cnn_physics77.testing.rows.linalg.inverse import bad_squares, squares
from cnn_physics77.testing.rows.linalg.svd import any_matrices, bad_matrices, without_phase
from cnn_physics77.testing.table import Constant, Row, Sample, draw


def some(rng):
    return [
        *any_matrices(rng)[:4],
        Sample(draw(rng, 2, 2), some=False),
        Sample(Constant(draw(rng, 3, 2)), some=False),
    ]


def qr_of_linalg(input, some=True):
    """What PyTorch says to use in place of its deprecated function."""
    import torch

    return torch.linalg.qr(input, "reduced" if some else "complete")


rows = [
    Row("inverse", squares, bad=bad_squares()),
    Row("det", negative, bad=bad_squares()),
    Row("slogdet", negative, bad=bad_squares()),
    Row("cholesky", positives, "linalg.cholesky", bad=bad_squares()),
    Row(
        "svd",
        lambda rng: [*some(rng)[:5], Sample(Constant(draw(rng, 2, 3)), compute_uv=False)],
        invariant=without_phase,
        bad=bad_matrices,
        float32_rtol=1e-5,
    ),
    Row("qr", some, qr_of_linalg, bad=bad_matrices, rtol=1e-8, float32_rtol=1e-5),
]
