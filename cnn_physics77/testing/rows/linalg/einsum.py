"""Rows of :mod:`cnn_physics77.core.operations.linalg.einsum`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw
from cnn_physics77.testing.table import Bad, Row, Sample, draw

EQUATIONS = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    ("ji,jk->ki", (3, 2), (3, 4)),
    ("bij,bjk->bik", (5, 2, 3), (5, 3, 4)),
    ("i,i->", (3,), (3,)),
    ("i,i->i", (3,), (3,)),
    ("i,j->ij", (2,), (3,)),
    ("ij->ji", (2, 3)),
    ("ij->", (2, 3)),
    ("ij->j", (2, 3)),
    ("ba", (2, 3)),
    ("ii->i", (3, 3)),
    ("ii", (3, 3)),
    ("iij->j", (2, 2, 3)),
    ("iji,jk->ik", (2, 3, 2), (3, 2)),
    ("iii->i", (2, 2, 2)),
    ("...ij,...jk->...ik", (5, 2, 3), (6, 5, 3, 4)),
    ("...ij,jk->...ik", (5, 1, 2, 3), (3, 4)),
    ("i...->...", (2, 3, 4)),
    ("...", (2, 3)),
    ("...i,i->...", (3,), (3,)),
    ("i...,...i->i...", (2, 3), (3, 2)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
    ("ij,jk,ik->", (2, 3), (3, 4), (2, 4)),
    ("bi,bj,bij->b", (2, 3), (2, 4), (2, 3, 4)),
    ("i,j,k->kji", (2,), (3,), (4,)),
    ("ij,jk->ik", (2, 1), (3, 4)),
    ("ij,j->i", (2, 0), (0,)),
    ("Ab,bC->CA", (2, 3), (3, 2)),
    (" i j , j k -> i k ", (2, 3), (3, 2)),
    ("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 5, 4)),
    (",i->i", (), (3,)),
]


def equations(rng):
    made = [Sample(equation, *(draw(rng, *shape) for shape in shapes)) for equation, *shapes in EQUATIONS]
    return [
        *made,
        Sample("ij,jk->ik", complex_draw(rng, 2, 3), complex_draw(rng, 3, 2)),
        Sample("i,i", complex_draw(rng, 3), complex_draw(rng, 3)),
        Sample(draw(rng, 2, 3), [0, 1], draw(rng, 3, 4), [1, 2], [0, 2]),
        Sample(draw(rng, 2, 3), [Ellipsis, 1], draw(rng, 3), [1]),
        Sample("ij,jk", [draw(rng, 2, 3), draw(rng, 3, 4)]),
    ]


a = np.ones((2, 3))
rows = [
    Row(
        "einsum",
        equations,
        bad=[
            Bad(ShapeError, "as many operands", "ij,jk->ik", a),
            Bad(ShapeError, "does not match the number of dimensions", "ijk", a),
            Bad(ShapeError, "does not appear in any input", "ij->k", a),
            Bad(ShapeError, "more than once", "ij->ii", a),
            Bad(ShapeError, "subscripts in [a-zA-Z]", "i1", a),
            Bad(ShapeError, "does not broadcast", "ij,ij", a, np.ones((2, 4))),
            Bad(ShapeError, "is repeated", "ii", a),
            Bad(ShapeError, "at least one operand", "ij"),
            Bad(DtypeError, "one dtype", "ij,ij", a, a.astype(np.float32)),
        ],
    ),
    Row(
        "tensordot",
        lambda rng: [
            Sample(draw(rng, 2, 3, 4), draw(rng, 3, 4, 5)),
            Sample(draw(rng, 2, 3), draw(rng, 3, 4), dims=1),
            Sample(draw(rng, 2), draw(rng, 3), dims=0),
            Sample(draw(rng, 2, 3, 4), draw(rng, 4, 5, 2), dims=([0, -1], [2, 0])),
            Sample(draw(rng, 2, 0), draw(rng, 0, 3), 1),
            Sample(draw(rng, 2, 1, 3), draw(rng, 4, 3), dims=([1, 2], [0, 1])),
            Sample(draw(rng, 2, 3, 4), draw(rng, 1, 4, 5), dims=([1, 2], [0, 1])),
            Sample(draw(rng, 2, 1), draw(rng, 3, 1), dims=([0, 1], [1, 0])),
            Sample(draw(rng, 2, 1), draw(rng, 0, 3), dims=([1], [0])),
        ],
        bad=[
            Bad(ShapeError, "need to match", a, a, 1),
            Bad(ShapeError, "0 <= dims <= 2", a, a, 3),
            Bad(ShapeError, "out of range", a, a, ([2], [0])),
        ],
    ),
]
