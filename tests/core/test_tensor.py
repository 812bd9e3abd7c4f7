"""Attributes of a tensor that may be assigned."""

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.core.errors import DtypeError, GradientError, ShapeError


def leaf(t, kind="parameter", shape=(2,), dtype="float32"):
    x = t.ones(shape, dtype=getattr(t, dtype))
    return t.nn.Parameter(x) if kind == "parameter" else x if kind == "constant" else x.requires_grad_() * 2


WRONG_GRADIENTS = {
    "another shape": lambda t: t.ones(3, 2),
    "a shape that broadcasts": lambda t: t.ones(1),
    "0-d": lambda t: t.tensor(1.0),
    "of one more dimension": lambda t: t.ones(1, 2),
    "float64": lambda t: t.ones(2, dtype=t.float64),
    "float16": lambda t: t.ones(2, dtype=t.float16),
    "integers": lambda t: t.ones(2, dtype=t.int64),
    "complex": lambda t: t.ones(2, dtype=t.complex64),
    "a float": lambda t: 0.5,
    "an array": lambda t: np.ones(2, np.float32),
    "a list": lambda t: [1.0, 1.0],
    "another's parameter's array": lambda t: t.nn.Parameter(t.ones(2)).detach().numpy(),
}


@pytest.mark.parametrize("kind", ["parameter", "constant"])
@pytest.mark.parametrize("name", WRONG_GRADIENTS)
def test_a_gradient_that_does_not_fit_is_refused_as_by_torch(name, kind):
    """With the same kind of exception and in the same words; what was there stays."""
    errors = []
    for t in (torch, ours):
        x, old = leaf(t, kind), t.zeros(2)
        x.grad = old
        with pytest.raises((TypeError, RuntimeError)) as error:
            x.grad = WRONG_GRADIENTS[name](t)
        assert x.grad is old
        errors.append(error)
    expected, found = errors
    assert isinstance(found.value, expected.type)
    beginning = str(expected.value)[: len("attempting to assign a gradient")]
    assert str(found.value).startswith("grad: " + beginning)


def test_the_words_of_the_refusals():
    p = leaf(ours)
    with pytest.raises(ShapeError, match=r"gradient of size '\[3, 2\]' to a tensor of size '\[2\]'"):
        p.grad = ours.ones(3, 2)
    with pytest.raises(DtypeError, match=r"with dtype 'torch.float64' to a tensor of dtype 'torch.float32'"):
        p.grad = ours.ones(2, dtype=ours.float64)
    with pytest.raises(TypeError, match="expected to be a Tensor or None but got grad of type ndarray"):
        p.grad = np.ones(2)
    with pytest.raises(GradientError, match="can't assign Variable as its own grad"):
        p.grad = p


@pytest.mark.parametrize("t", [torch, ours])
@pytest.mark.parametrize("kind", ["parameter", "constant"])
def test_a_gradient_that_fits_is_kept_as_it_is(t, kind):
    x = leaf(t, kind, (2, 3))
    for gradient in (
        t.ones(2, 3),
        t.ones(3, 2).t(),
        t.ones(1).expand(2, 3),
        t.nn.Parameter(t.ones(2, 3)) * 2,
        None,
    ):
        x.grad = gradient
        assert x.grad is gradient
    x.grad = t.ones(2, 3)
    del x.grad
    assert x.grad is None
    z = leaf(t, "constant", (2,), "int64")
    z.grad = z.detach()
    assert z.grad.tolist() == [1, 1]


@pytest.mark.filterwarnings("ignore:Using backward.. with create_graph=True")  # PyTorch's
@pytest.mark.parametrize("t", [torch, ours])
def test_backward_adds_to_what_was_assigned(t):
    p = leaf(t)
    mine = t.full((2,), 10.0)
    p.grad = mine
    (p * 3).sum().backward()
    assert p.grad is mine and mine.tolist() == [13, 13]
    (p * p).sum().backward(create_graph=True)
    assert p.grad.tolist() == [15, 15]


WRONG_DATA = {"an array": np.ones(2, np.float32), "a float": 1.0, "None": None, "a list": [1.0, 2.0]}


@pytest.mark.parametrize("name", WRONG_DATA)
def test_data_must_be_a_tensor(name):
    for t in (torch, ours):
        p = leaf(t)
        with pytest.raises(TypeError, match="data has to be a tensor, but got"):
            p.data = WRONG_DATA[name]
        assert p.tolist() == [1, 1]


@pytest.mark.parametrize("t", [torch, ours])
def test_data_of_a_variable_must_have_a_dtype_with_gradients(t):
    for kind in ("parameter", "result"):
        x = leaf(t, kind)
        with pytest.raises(RuntimeError, match="must be floating point or complex dtype"):
            x.data = t.ones(2, dtype=t.int64)
    x = leaf(t, "constant")
    x.data = t.ones(3, dtype=t.int64)
    assert x.dtype == t.int64 and tuple(x.shape) == (3,)


@pytest.mark.parametrize("t", [torch, ours])
def test_data_may_have_another_shape_and_dtype(t):
    p, new = leaf(t), t.full((3,), 2.0, dtype=t.float64)
    p.grad = t.ones(2)
    p.data = new
    assert p.grad.tolist() == [1, 1] and p.requires_grad and p.is_leaf
    with pytest.raises(RuntimeError):
        p.grad = t.ones(2)
    p.grad = None
    (p * 3).sum().backward()
    assert p.grad.tolist() == [3, 3, 3] and p.grad.dtype == t.float64
    p.data.add_(1)
    assert new.tolist() == [3, 3, 3]  # on its memory
