"""Arguments that require grad: leaves, new ones at each call too, and results with a history."""

import numpy as np
import pytest

import cnn_physics77 as torch
from cnn_physics77.compile import CaptureError

F64 = torch.float64
WEIGHT: torch.Tensor
ALWAYS_THE_SAME: torch.Tensor


@pytest.fixture(autouse=True)
def new_leaves():
    """Made here, as what was made before the garbage collector was frozen is hidden from a capture."""
    global WEIGHT, ALWAYS_THE_SAME
    WEIGHT, ALWAYS_THE_SAME = torch.linspace(0.5, 2, 3, dtype=F64).requires_grad_(), leaf_of(0)


def leaf_of(number: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(number).normal(size=3)).requires_grad_()


def backward(x):
    loss = (x.sin() * WEIGHT).sum()
    loss.backward()
    return loss.detach()


def returns_its_gradient(x):
    (x.sin() * WEIGHT).sum().backward()
    return x.grad


def gradient(x):
    (first,) = torch.autograd.grad((x.sin() * WEIGHT).sum(), x, create_graph=True)
    return torch.autograd.grad((first * first).sum(), x)[0]


def forgets_first(x):
    x.grad = None
    (x * x * WEIGHT).sum().backward()


def leaves_no_gradient(x):
    (x * x * WEIGHT).sum().backward()
    found = x.grad.clone()
    x.grad = None
    return found


def descends(x):
    (x * x * WEIGHT).sum().backward()
    with torch.no_grad():
        x -= 0.1 * x.grad
        x.grad.zero_()
    return x


def two_backward_passes(x):
    backward(x)
    return backward(x * 2)


FUNCTIONS = [
    backward,
    returns_its_gradient,
    gradient,
    forgets_first,
    leaves_no_gradient,
    descends,
    two_backward_passes,
]


def fresh(number):
    return leaf_of(number)


def with_a_gradient(number):
    x = leaf_of(number)
    x.grad = leaf_of(number + 100).detach()
    return x


def one_that_adds_up(number):
    return ALWAYS_THE_SAME


@pytest.mark.parametrize("make", [fresh, with_a_gradient, one_that_adds_up])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_leaf(function, make, replays):
    """One capture does for all leaves that come with a gradient, and one for those without."""
    runs = []
    for step in (function, compiled := torch.compile(function, fullgraph=True)):
        WEIGHT.grad, ALWAYS_THE_SAME.grad = None, None
        with torch.no_grad():
            ALWAYS_THE_SAME.copy_(leaf_of(0))
        found = []
        for number in range(8):
            x = make(number)
            held = x.grad
            values = step(x)
            seen = (values, x, x.grad, held, WEIGHT.grad)
            found += [None if t is None else t.detach().array.copy() for t in seen]
            assert (values is x) is (function is descends)
        runs.append(found)
    for one, other in zip(*runs, strict=True):
        np.testing.assert_allclose(*(np.zeros(0) if a is None else a for a in (one, other)), rtol=1e-13)
    assert len(compiled.captures()) <= 2
    assert replays.count >= 4 - (make is one_that_adds_up)


def test_several_leaves_with_and_without_gradients(replays):
    def step(x, y):
        (x * y * WEIGHT).sum().backward()

    compiled = torch.compile(step, fullgraph=True)
    for number in range(24):
        pairs = []
        for _ in range(2):
            x, y = leaf_of(number), leaf_of(number + 50)
            if number % 3 == 1:
                y.grad = torch.ones(3, dtype=F64)
            if number % 3 == 2:
                y = x
            pairs.append((x, y))
        for f, (x, y) in zip((step, compiled), pairs):
            f(x, y)
        for expected, found in zip(*pairs):
            np.testing.assert_allclose(found.grad.array, expected.grad.array, rtol=1e-14)
    assert replays.count == 24 - 8  # three each, but the first call does for both kinds of gradients
    assert len(compiled.captures()) == 3


def test_a_leaf_that_the_function_knows_otherwise(replays):
    """It is not given other memory, as the function finds it elsewhere."""
    known, trained = leaf_of(1), leaf_of(2)
    optimizer = torch.optim.SGD([trained], lr=0.1)
    box = {"known": known}

    def adds(x):
        (x * box["known"] * 2).sum().backward()

    def trains(x):
        optimizer.zero_grad()
        (x * x).sum().backward()
        optimizer.step()

    for function, x in ((adds, known), (trains, trained)):
        compiled = torch.compile(function, fullgraph=True)
        for _ in range(6):
            x.grad, before = None, x.detach().clone()
            compiled(x)
            slope = 4 * before if function is adds else 2 * before
            np.testing.assert_allclose(x.grad.array, slope.array, rtol=1e-14)
    np.testing.assert_allclose(trained.array, leaf_of(2).array * 0.8**6, rtol=1e-12)
    assert replays.count == 2 * 3


def test_hooks_of_a_leaf_are_called():
    compiled = torch.compile(backward)
    for number in range(8):
        x = leaf_of(number)
        if number > 3:
            x.register_hook(lambda g: g * 2)
        compiled(x)
        expected = (x.cos() * WEIGHT * (2 if number > 3 else 1)).detach()
        np.testing.assert_allclose(x.grad.array, expected.array, rtol=1e-14)


def test_an_exception_leaves_a_leaf_as_it_was():
    def step(x, number):
        with torch.no_grad():
            x += 1
        if number.shape[0] > 1:
            raise ValueError("stop")
        (x * x).sum().backward()

    compiled = torch.compile(step, fullgraph=True)
    for _ in range(2):
        x = leaf_of(3)
        memory = x.array
        with pytest.raises(ValueError, match="stop"):
            compiled(x, torch.ones(2))
        assert x.array is memory and x.grad is None
        np.testing.assert_array_equal(memory, leaf_of(3).array + 1)


def test_an_argument_with_a_history(replays):
    """Each is a tensor of its own: what is done with its values is captured."""

    def score(logits):
        return (logits.argmax() == 1).double() + torch.autograd.grad((logits**3).sum(), logits)[0].sum()

    compiled = torch.compile(score, fullgraph=True)
    for number in range(8):
        logits = leaf_of(number) * 2
        np.testing.assert_allclose(compiled(logits).item(), score(logits).item(), rtol=1e-13)
    assert len(compiled.captures()) == 1 and replays.count == 5


def test_a_backward_pass_into_the_history_of_an_argument():
    def loss(y):
        (y * y).sum().backward()

    compiled = torch.compile(loss)
    for number in range(4):
        x = leaf_of(number)
        if number == 1:
            with pytest.warns(RuntimeWarning, match="goes on into the history of an argument"):
                compiled(x * 3)
        else:
            compiled(x * 3)
        np.testing.assert_allclose(x.grad.array, 18 * x.detach().array, rtol=1e-14)


def requires_grad(x):
    x.requires_grad_()
    (x * x).sum().backward()


def is_given_a_history(x):
    x.mul_(WEIGHT)


@pytest.mark.parametrize("function", [requires_grad, is_given_a_history])
def test_an_argument_that_comes_to_require_grad(function):
    for number in range(4):
        x = leaf_of(number).detach()
        if number == 0:
            with pytest.raises(CaptureError, match="changes whether an argument requires grad"):
                torch.compile(function, fullgraph=True)(leaf_of(0).detach())
            with pytest.warns(RuntimeWarning, match="changes whether an argument requires grad"):
                compiled = torch.compile(function)
                compiled(x)
        else:
            compiled(x)
        assert x.requires_grad
        if function is is_given_a_history:
            x.sum().backward()
            continue
        np.testing.assert_allclose(x.grad.array, 2 * x.detach().array, rtol=1e-14)
