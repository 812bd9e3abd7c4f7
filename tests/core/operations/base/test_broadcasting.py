"""Errors of functions that have no row name the function."""

import pytest

import cnn_physics77 as ours
from cnn_physics77.core.errors import DtypeError, ShapeError


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (ShapeError, "broadcast_shapes: expected shapes that", lambda: ours.broadcast_shapes((2,), 3)),
        (ShapeError, "normal: expected shapes that", lambda: ours.normal(ours.zeros(2), ours.ones(3))),
        (DtypeError, "result_type: expected a tensor or", lambda: ours.result_type("x", ours.ones(2))),
    ],
)
def test_errors_name_the_function(error, message, call):
    with pytest.raises(error, match=f"^{message}"):
        call()
