"""autograd.functional against PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.core.errors import DtypeError, GradientError, ShapeError

RNG = np.random.default_rng(3)
A, B = RNG.normal(size=(2, 3)), RNG.normal(size=3)
V1, V2 = RNG.normal(size=(2, 3)), RNG.normal(size=3)


def two_to_two(x, y):
    return (x * y).exp().sum(0), x.sin() + y


def scalar(x, y):
    return (x * y).exp().sum() + (y**3).sum()


def leaves(value):
    return [leaf for v in value for leaf in leaves(v)] if isinstance(value, tuple) else [value]


def compare(name, function, inputs, *vectors, **options):
    found = []
    for f in (ours, torch):
        made = tuple(f.tensor(a) for a in inputs)
        vs = [
            tuple(f.tensor(v) for v in vector) if isinstance(vector, tuple) else f.tensor(vector)
            for vector in vectors
        ]
        call = getattr(f.autograd.functional, name)
        # PyTorch's own other strategy needs vectorize=True, and gives the same numbers
        found.append(
            call(function, made if len(made) > 1 else made[0], *vs, **(options if f is ours else {}))
        )
    a, b = (leaves(x) for x in found)
    assert isinstance(found[0], tuple) == isinstance(found[1], tuple)
    for x, y in zip(a, b, strict=True):
        assert x.shape == tuple(y.shape) and not x.requires_grad
        np.testing.assert_allclose(x.numpy(), y.numpy(), rtol=1e-11, atol=1e-13)


def test_products():
    compare("vjp", two_to_two, (A, B), (V2, V1))
    compare("jvp", two_to_two, (A, B), (V1, V2))
    compare("vhp", scalar, (A, B), (V1, V2))
    compare("hvp", scalar, (A, B), (V1, V2))
    compare("vjp", lambda x: (x * x).sum(), (A,))
    compare("jvp", lambda x: x * x, (A,), V1)
    compare("hvp", lambda x: (x * x).sum(), (A,), V1)


@pytest.mark.parametrize("strategy", ["reverse-mode", "forward-mode"])
def test_matrices(strategy):
    compare("jacobian", two_to_two, (A, B), strategy=strategy)
    compare("jacobian", lambda x: x.sum(0) ** 2, (A,), strategy=strategy)
    compare("jacobian", lambda x, y: x.sum(), (A, B), strategy=strategy)
    compare("hessian", scalar, (A, B), outer_jacobian_strategy=strategy)
    compare("hessian", lambda x: (x**3).sum(), (B,), outer_jacobian_strategy=strategy)


def test_empty_output():
    assert ours.autograd.functional.jacobian(lambda x: x[:0], ours.ones(3)).shape == (0, 3)
    assert ours.autograd.functional.jacobian(
        lambda x: x[:0], ours.ones(3), strategy="forward-mode"
    ).shape == (0, 3)
    assert ours.autograd.functional.jacobian(lambda x: ours.ones(2), ours.ones(3)).tolist() == [[0] * 3] * 2


@pytest.mark.parametrize("name", ["jacobian", "hessian", "vhp", "hvp"])
def test_results_can_be_differentiated(name):
    gradients = []
    for f in (ours, torch):
        x = f.tensor(B, requires_grad=True)
        y = getattr(f.autograd.functional, name)(
            lambda t: (t**4).sum(), x, *([f.tensor(V2)] if name in ("vhp", "hvp") else []), create_graph=True
        )
        (y if not isinstance(y, tuple) else y[1]).sum().backward()
        gradients.append(x.grad.numpy())
    np.testing.assert_allclose(*gradients, rtol=1e-11)


def test_without_recording():
    x = ours.ones(2, requires_grad=True)
    with ours.no_grad():
        j = ours.autograd.functional.jacobian(lambda t: t * t, x)
    assert j.tolist() == [[2, 0], [0, 2]] and x.grad is None


def test_strict_and_wrong_arguments():
    functional, x = ours.autograd.functional, ours.ones(2)
    for call in (functional.jacobian, functional.vjp):
        vector = () if call is functional.jacobian else (ours.ones(2),)
        with pytest.raises(GradientError, match="strict"):
            call(lambda a: ours.ones(2), x, *vector, strict=True)
    with pytest.raises(GradientError, match="input 1"):
        functional.vjp(lambda a, b: a * 2, (x, x), x, strict=True)
    with pytest.raises(GradientError, match="strict"):
        functional.jacobian(lambda a: a * 2, x, create_graph=True, strict=True)
    with pytest.raises(ShapeError, match="invalid size"):
        functional.vjp(lambda a: a, x, ours.ones(3))
    with pytest.raises(GradientError, match="can only be None"):
        functional.jvp(lambda a: a, x)
    with pytest.raises(ShapeError, match="single element"):
        functional.hessian(lambda a: a, x)
    with pytest.raises(DtypeError, match="inputs"):
        functional.vjp(lambda a: a, 3.0)
    with pytest.raises(ValueError, match="strategy"):
        functional.jacobian(lambda a: a, x, strategy="sideways")
