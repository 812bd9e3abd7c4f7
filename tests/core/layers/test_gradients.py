import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.core.errors import GradientError, ShapeError

SHAPES = [(3, 4), (), (0, 2), (5,)]


def parameters(framework, scale=1.0):
    rng = np.random.default_rng(0)
    made = []
    for shape in SHAPES:
        p = framework.from_numpy(np.asarray(rng.normal(size=shape))).requires_grad_()
        p.grad = framework.from_numpy(np.asarray(rng.normal(size=shape) * scale))
        made.append(p)
    made.append(framework.ones(2, dtype=framework.float64, requires_grad=True))  # without a gradient
    return made


@pytest.mark.parametrize("order", [1.0, 2, 3.5, float("inf")])
@pytest.mark.parametrize("most", [0.5, 100.0])
def test_clipping_by_norm(order, most):
    results = []
    for framework in (ours, torch):
        given = parameters(framework)
        if order == float("inf"):
            given[2].grad = None  # PyTorch has no largest element of none
        norm = framework.nn.utils.clip_grad_norm_(given, most, order)
        assert norm.shape == ()
        results.append([norm.item(), *(p.grad.numpy() for p in given if p.grad is not None)])
        assert given[-1].grad is None
    for found, wanted in zip(*results):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_clipping_by_value_and_single_tensors():
    for framework in (ours, torch):
        given = parameters(framework)
        framework.nn.utils.clip_grad_value_(given, 0.3)
        assert max(np.abs(p.grad.numpy()).max(initial=0) for p in given[:-1]) == 0.3
        x = framework.ones(2, requires_grad=True)
        x.grad = framework.tensor([3.0, 4.0])
        assert framework.nn.utils.clip_grad_norm_(x, 10.0).item() == 5.0
        assert framework.nn.utils.clip_grad_norm_([], 1.0).item() == 0.0
        assert framework.nn.utils.get_total_norm([x.grad, x.detach()]).item() == pytest.approx(27**0.5)


def test_norms_that_are_not_finite():
    for framework in (ours, torch):
        given = parameters(framework, float("inf"))
        with pytest.raises(RuntimeError, match="non-finite"):
            framework.nn.utils.clip_grad_norm_(given, 1.0, error_if_nonfinite=True)
        framework.nn.utils.clip_grad_norm_(given, 1.0)
        assert np.isnan(given[0].grad.numpy()).all()
    assert issubclass(GradientError, RuntimeError)


def test_parameters_as_a_vector():
    results = []
    for framework in (ours, torch):
        given = parameters(framework)
        vector = framework.nn.utils.parameters_to_vector(given)
        (vector * vector).sum().backward()
        results.append([vector.detach().numpy(), *(p.grad.numpy() for p in given)])
        framework.nn.utils.vector_to_parameters(vector.detach() * 2, given)
        results[-1] += [p.detach().numpy() for p in given]
    for found, wanted in zip(*results, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)
    with pytest.raises(ShapeError, match=r"expected a vector of shape \(5,\)"):
        ours.nn.utils.vector_to_parameters(ours.ones(4), [ours.ones(5)])
