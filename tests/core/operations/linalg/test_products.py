"""Products that are added to an input: what their factors do to it, and which factors are refused."""

import numpy as np
import pytest
import torch

import cnn_physics77 as our
from cnn_physics77.core.errors import DtypeError, RangeError, ShapeError

SHAPES = {
    "addmm": ((2, 3), (3, 4)),
    "addmv": ((2, 3), (3,)),
    "addr": ((2,), (4,)),
    "addbmm": ((5, 2, 3), (5, 3, 4)),
    "baddbmm": ((5, 2, 3), (5, 3, 4)),
}


def operands(name, dtype="float64"):
    rng = np.random.default_rng(0)
    return [(3 * rng.normal(size=shape)).astype(dtype) for shape in SHAPES[name]]


@pytest.mark.parametrize("name", SHAPES)
def test_with_beta_0_the_input_is_ignored_and_has_the_gradient_0(name):
    def value_and_gradients(library):
        tensors = [library.tensor(a, requires_grad=True) for a in (np.array([np.nan]), *operands(name))]
        y = getattr(library, name)(*tensors, beta=0, alpha=2.5)
        return [y, *library.autograd.grad(y, tensors, library.full_like(y, 3.0))]

    for found, expected in zip(value_and_gradients(our), value_and_gradients(torch)):
        np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), rtol=1e-13)


@pytest.mark.parametrize("beta", [0, 1])
@pytest.mark.parametrize("name", SHAPES)
def test_the_input_must_expand_to_the_product_whatever_its_factor(name, beta):
    with pytest.raises(ShapeError, match="expected an input that expands to"):
        getattr(our, name)(our.ones(7, dtype=our.float64), *map(our.tensor, operands(name)), beta=beta)


def test_factors_that_the_dtype_does_not_hold_are_refused():
    real, whole = our.ones(2, 2), our.ones(2, 2, dtype=our.uint8)
    with pytest.raises(DtypeError, match="expected real beta and alpha"):
        our.addmm(real, real, real, alpha=1j)
    with pytest.raises(DtypeError, match="expected real beta and alpha"):
        our.addmm(whole, whole, whole, beta=1j)
    with pytest.raises(RangeError):
        our.addmm(whole, whole, whole, alpha=300)
    assert our.addmm(whole, whole, whole, alpha=2.9, beta=1.9).tolist() == [[5, 5], [5, 5]]


@pytest.mark.parametrize("name", SHAPES)
def test_half_precision_is_rounded_once(name):
    arrays = [np.float16([0.1]), *operands(name, "float16")]
    found = getattr(our, name)(*map(our.tensor, arrays), alpha=0.3, beta=-0.7).numpy()
    exact = getattr(torch, name)(*(torch.tensor(a.astype("float64")) for a in arrays), alpha=0.3, beta=-0.7)
    np.testing.assert_array_equal(found, exact.numpy().astype("float16"))
