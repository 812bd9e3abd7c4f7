"""Scans against the loop, and their gradient."""

from __future__ import annotations

import numpy as np
import pytest

import cnn_physics77 as ours
from cnn_physics77._higher_order_ops.associative_scan import associative_scan
from cnn_physics77.core import errors

RNG = np.random.default_rng(0)


def affine(first, second):
    """x -> a x + b, one after another."""
    (a, b), (c, d) = first, second
    return a * c, c * b + d


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 8])
def test_maps_one_after_another(n, reverse):
    a, b = (ours.tensor(RNG.normal(size=(2, n, 3))) for _ in range(2))
    order = range(n)[::-1] if reverse else range(n)
    x, expected = ours.zeros(2, 3, dtype=ours.float64), [None] * n
    for i in order:
        x = expected[i] = a[:, i] * x + b[:, i]
    found = associative_scan(affine, (a, b), dim=1, reverse=reverse)[1]
    np.testing.assert_allclose(found, ours.stack(expected, 1), rtol=1e-12)


def test_gradients_and_errors():
    x = ours.tensor(RNG.normal(size=(5, 2)), requires_grad=True)
    ours.autograd.gradcheck(lambda x: associative_scan(ours.mul, x, dim=0), x)
    assert associative_scan(ours.mul, x, 0).allclose(x.cumprod(0))
    for wrong in (
        ours.ones(0),
        ours.ones(()),
        (),
        (ours.ones(2), ours.ones(3)),
        (ours.ones(2), ours.ones(())),
    ):
        with pytest.raises(errors.ShapeError, match="associative_scan: expected tensors of one"):
            associative_scan(ours.add, wrong, 0)


@pytest.mark.parametrize(
    ("error", "message", "arguments"),
    [
        (errors.ArgumentError, "expected a function as combine_fn, found None", (None, ours.ones(2), 0)),
        (
            errors.ArgumentError,
            "'pointwise' or 'generic' as .* found 'x'",
            (ours.add, ours.ones(2), 0, False, "x"),
        ),
        (TypeError, "expected tensors in xs, found None", (ours.add, None, 0)),
        (TypeError, "expected tensors in xs, found 2.0", (affine, (ours.ones(2), 2.0), 0)),
        (IndexError, r"range of \[-1, 0\], but got 1", (ours.add, ours.ones(2), 1)),
        (IndexError, "dimension as an integer, found 'a'", (ours.add, ours.ones(2), "a")),
        (TypeError, "tensors in the result of combine_fn, found 1.0", (lambda a, b: 1.0, ours.ones(2), 0)),
        (
            errors.ShapeError,
            r"the shapes that it was given, \(1, 3\), found \{'sum': \(1, 3\)\}",
            (lambda a, b: {"sum": a + b}, ours.ones(2, 3), 0),
        ),
        (
            errors.ShapeError,
            r"the shapes that it was given, \(2, 1\), found \(\)",
            (lambda a, b: a.sum(), ours.ones(2, 3), 1),
        ),
    ],
)
def test_wrong_calls_say_what_was_expected_and_found(error, message, arguments):
    with pytest.raises(error, match="^associative_scan: .*" + message):
        associative_scan(*arguments)
