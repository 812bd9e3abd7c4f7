"""Rows of :mod:`cnn_physics77.core.operations.indexing.view_copies`."""

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw

ARGUMENTS = {
    "alias_copy": ((),),
    "diagonal_copy": ((), (1,)),
    "expand_copy": (((2, 3, 4),),),
    "permute_copy": (((1, 0),),),
    "select_copy": ((1, -1),),
    "slice_copy": ((), (1, 1, None, 2), (-1, -2)),
    "split_copy": ((2,), (3, -1)),
    "split_with_sizes_copy": (((1, 3), 1),),
    "squeeze_copy": ((), (0,)),
    "t_copy": ((),),
    "transpose_copy": ((0, -1),),
    "unbind_copy": ((), (1,)),
    "unfold_copy": ((1, 2, 1),),
    "unsqueeze_copy": ((-1,),),
    "view_copy": (((3, 2, 2),), ((1, 3, 4),)),
}

REAL = {"select_copy", "slice_copy"}
"""PyTorch has no derivative of complex ones."""

WRONG = {
    "select_copy": Bad(ShapeError, "out of range", np.ones((2, 2)), 0, 5),
    "permute_copy": Bad(ShapeError, "permute", np.ones((2, 2)), (0, 0)),
    "view_copy": Bad(ShapeError, "view", np.ones((2, 2)), (3,)),
}


def _row(name: str, calls: tuple) -> Row:
    def samples(rng):
        arrays = [draw(rng, 3, 4), np.arange(12).reshape(3, 4)]
        if name not in REAL:
            arrays.append(complex_draw(rng, 3, 4))
        return [Sample(array, *arguments) for arguments in calls for array in arrays]

    return Row(name, samples, bad=[WRONG[name]] if name in WRONG else ())


rows = [
    *[_row(name, calls) for name, calls in ARGUMENTS.items()],
    Row("detach_copy", lambda rng: [Sample(Constant(draw(rng, 3, 4)))], order=0),
]
