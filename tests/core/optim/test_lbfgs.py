"""L-BFGS and its line search against PyTorch's in float64."""

import copy

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.core.optim.line_search import Point, strong_wolfe

SETTINGS = [
    {},
    {"lr": 0.01},
    {"lr": 0.5, "max_iter": 7, "history_size": 3},
    {"tolerance_grad": 1e-2, "max_iter": 5},
    {"tolerance_change": 1e-2, "max_iter": 5},
    {"line_search_fn": "strong_wolfe"},
    {"line_search_fn": "strong_wolfe", "max_iter": 6, "history_size": 2, "lr": 3.0},
    {"line_search_fn": "strong_wolfe", "max_eval": 3},
    {"line_search_fn": "strong_wolfe", "max_eval": 1},
    {"line_search_fn": "strong_wolfe", "lr": 100.0, "max_iter": 4},
]


def quartic(params):
    """Of real and of complex parameters, far from quadratic."""
    total = 0
    for i, p in enumerate(params):
        size = (p * p.conj()).real if p.is_complex() else p * p
        total = total + ((size - 1) ** 2).sum() / (i + 1) + ((p - 0.3).abs() ** 2).sum()
    return total


def rosenbrock(params):
    (x,) = params
    return (1 - x[:-1]).pow(2).sum() + 100 * (x[1:] - x[:-1] ** 2).pow(2).sum()


def run(framework, function, starts, settings, steps, state=None):
    """Parameters, losses and the number of calls after each step."""
    params = [framework.from_numpy(np.array(s)).requires_grad_() for s in starts]
    optimizer = framework.optim.LBFGS(params, **settings)
    if state is not None:
        optimizer.load_state_dict(copy.deepcopy(state))  # PyTorch shares its tensors
    losses, calls = [], []

    def closure():
        assert framework.is_grad_enabled()
        calls.append(1)
        optimizer.zero_grad()
        loss = function(params)
        loss.backward()
        return loss

    for _ in range(steps):
        with framework.no_grad():
            losses.append((optimizer.step(closure).item(), len(calls)))
    return [p.detach().numpy() for p in params], losses, optimizer


@pytest.mark.parametrize("settings", SETTINGS)
def test_lockstep(settings):
    rng = np.random.default_rng(4)
    starts = [rng.normal(size=shape) for shape in ((2, 3), (), (0, 2), (4,))]
    starts.append(rng.normal(size=3) + 1j * rng.normal(size=3))
    mine, my_losses, _ = run(ours, quartic, starts, settings, 4)
    theirs, their_losses, _ = run(torch, quartic, starts, settings, 4)
    assert [calls for _, calls in my_losses] == [calls for _, calls in their_losses]
    np.testing.assert_allclose([x for x, _ in my_losses], [x for x, _ in their_losses], rtol=1e-9, atol=1e-12)
    for p, q in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(p, q, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("line_search_fn", [None, "strong_wolfe"])
def test_state_has_pytorchs_format_and_moves_between_the_two(line_search_fn):
    settings = {"line_search_fn": line_search_fn, "max_iter": 3, "lr": 0.1}
    start = [np.array([-1.2, 1.0, 0.5])]
    (mine,), _, my_optimizer = run(ours, rosenbrock, start, settings, 2)
    (theirs,), _, their_optimizer = run(torch, rosenbrock, start, settings, 2)
    np.testing.assert_allclose(mine, theirs, rtol=1e-10)
    my_state, their_state = my_optimizer.state_dict(), their_optimizer.state_dict()
    assert my_state["param_groups"] == their_state["param_groups"]
    made_anew = {"al"}  # by each step
    assert list(my_state["state"][0]) == [k for k in their_state["state"][0] if k not in made_anew]
    for name, value in my_state["state"][0].items():
        expected = their_state["state"][0][name]
        if isinstance(value, list):
            assert len(value) == len(expected)
            value, expected = ([np.asarray(v) for v in values] for values in (value, expected))
        np.testing.assert_allclose(np.asarray(value), np.asarray(expected), rtol=1e-8)

    as_torch = {
        name: [torch.from_numpy(np.array(v)) for v in value]
        if isinstance(value, list)
        else torch.from_numpy(np.array(value.array))
        if isinstance(value, ours.Tensor)
        else value
        for name, value in my_state["state"][0].items()
    }
    (expected,), _, _ = run(torch, rosenbrock, [theirs], settings, 2, their_state)
    found = [
        run(ours, rosenbrock, [mine], settings, 2, their_state),
        run(torch, rosenbrock, [mine], settings, 2, {**my_state, "state": {0: as_torch}}),
    ]
    for (values,), _, _ in found:
        np.testing.assert_allclose(values, expected, rtol=1e-8)


def test_many_iterations_find_the_minimum():
    settings = {"max_iter": 200, "line_search_fn": "strong_wolfe", "tolerance_change": 1e-14}
    (x,), _, optimizer = run(ours, rosenbrock, [np.full(6, -1.0)], settings, 1)
    np.testing.assert_allclose(x, 1, rtol=1e-6)
    assert optimizer.state[optimizer.param_groups[0]["params"][0]]["n_iter"] < 200


def test_a_parameter_without_gradient_and_other_dtypes():
    for dtype, tolerance in (("float32", 1e-3), ("float64", 1e-9)):
        found = []
        for framework in (ours, torch):
            p, q = (framework.ones(2, dtype=getattr(framework, dtype), requires_grad=True) for _ in range(2))
            optimizer = framework.optim.LBFGS([p, q], lr=framework.tensor(0.1))

            def closure(p=p, optimizer=optimizer):
                optimizer.zero_grad()
                loss = (p**4).sum()
                loss.backward()
                return loss.item()

            assert isinstance(optimizer.step(closure), float)
            assert str(p.dtype).endswith(dtype) and q.tolist() == [1, 1]
            found.append(p.detach().numpy())
        np.testing.assert_allclose(*found, rtol=tolerance)


def test_errors():
    x = ours.ones(2, requires_grad=True)
    for kind in (ValueError, RuntimeError):
        with pytest.raises(kind, match="only 'strong_wolfe' is supported"):
            ours.optim.LBFGS([x], line_search_fn="weak").step(lambda: x.sum())
    optimizer = ours.optim.LBFGS([x])
    optimizer.add_param_group({"params": [ours.ones(1, requires_grad=True)]})
    with pytest.raises(ValueError, match="expected one group, found 2"):
        optimizer.step(lambda: x.sum())


FUNCTIONS = {
    "square": lambda t: ((t - 2) ** 2, 2 * (t - 2)),
    "More and Thuente 1994, (5.1)": lambda t: (-t / (t**2 + 2), (t**2 - 2) / (t**2 + 2) ** 2),
    "waves": lambda t: (np.cos(3 * t) - t + 0.1 * t**2, -3 * np.sin(3 * t) - 1 + 0.2 * t),
    "a kink": lambda t: (abs(t - 1) - 0.2 * t, np.sign(t - 1) - 0.2),  # no point meets the second condition
    "steep": lambda t: (np.exp(3 * t) - 9 * t, 3 * np.exp(3 * t) - 9),
    "flat": lambda t: ((t - 1) ** 8, 8 * (t - 1) ** 7),
    "a wall": lambda t: (-t + 1e3 * max(t - 3, 0) ** 2, -1 + 2e3 * max(t - 3, 0)),
}


@pytest.mark.parametrize("first", [1e-3, 0.1, 1.0, 20.0])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_search_tries_what_pytorchs_tries(name, first):
    from torch.optim.lbfgs import _strong_wolfe

    function, tried, expected = FUNCTIONS[name], [], []

    def evaluate(t):
        tried.append(t)
        loss, slope = function(t)
        return Point(t, float(loss), np.array([slope]), float(slope))

    def theirs(x, t, d):
        expected.append(float(t))
        loss, slope = function(float(t))
        return float(loss), torch.tensor([slope], dtype=torch.float64)

    start = Point(0.0, float(function(0.0)[0]), np.zeros(1), float(function(0.0)[1]))
    found = strong_wolfe(evaluate, start, first, 1.0, 25)
    slope, one = torch.tensor([start.slope, 1.0], dtype=torch.float64).split(1)
    loss, _, t, _ = _strong_wolfe(theirs, None, first, one, start.loss, slope, slope.dot(one))
    np.testing.assert_allclose(tried, expected, rtol=1e-8)
    np.testing.assert_allclose([found.t, found.loss], [float(t), loss], rtol=1e-8)
    assert found.loss <= start.loss + 1e-4 * found.t * start.slope or found.t == 0
    assert name == "a kink" or abs(found.slope) <= 0.9 * abs(start.slope)


def test_a_loss_that_is_not_a_number_ends_the_search():
    nan = Point(1.0, float("nan"), np.array([np.nan]), float("nan"))
    found = strong_wolfe(lambda t: nan._replace(t=t), Point(0.0, 1.0, np.array([-1.0]), -1.0), 1.0, 1.0, 10)
    assert np.isnan(found.loss)
