"""The optimizers' updates in lockstep with torch.optim."""

import numpy as np
import pytest
import torch

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.kernels import optimizer_steps

SGD = [
    {"lr": 0.1},
    {"lr": 0.1, "weight_decay": 0.01},
    {"lr": 0.1, "weight_decay": 0.01, "maximize": True},
    {"lr": 0.05, "momentum": 0.9},
    {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.02},
    {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.02, "maximize": True},
    {"lr": 0.05, "momentum": 0.9, "nesterov": True},
    {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.1, "maximize": True},
]
ADAM = [
    {},
    {"lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-3},
    {"weight_decay": 0.1},
    {"weight_decay": 0.1, "maximize": True},
    {"amsgrad": True, "lr": 0.01},
    {"amsgrad": True, "weight_decay": 0.1, "maximize": True},
]


def adam(*arrays, step, decoupled=False, maximize=False, betas=(0.9, 0.999), weight_decay=0.0, **settings):
    numbers = optimizer_steps.adam_numbers(step, betas=betas, weight_decay=weight_decay, **settings)
    return optimizer_steps.adam(
        *arrays,
        numbers=numbers,
        betas=betas,
        weight_decay=weight_decay,
        decoupled_weight_decay=decoupled,
        maximize=maximize,
    )


def gradients(p, t, maximize):
    """A nonlinear, restoring gradient that depends on the parameters: an error in one step is carried on."""
    g = np.sin(3 * p + t) + 0.1 * p
    return -g if maximize else g


def start(dtype, size=1000):
    return np.random.default_rng(0).standard_normal(size).astype(dtype)


def tolerance(dtype):
    return {"rtol": 1e-10, "atol": 1e-10} if dtype == np.float64 else {"rtol": 2e-3, "atol": 2e-4}


def lockstep(make, update, dtype, steps):
    p = start(dtype)
    t = torch.tensor(p.copy(), dtype=torch.float64, requires_grad=True)  # the truth for float32 as well
    optimizer = make([t])
    maximize = optimizer.defaults["maximize"]
    for step in range(1, steps + 1):
        t.grad = torch.tensor(gradients(t.detach().numpy(), step, maximize))
        optimizer.step()
        g = gradients(p, step, maximize)
        g.setflags(write=False)
        update(p, g, step)
    np.testing.assert_allclose(p, t.detach().numpy(), **tolerance(dtype))
    return optimizer.state[t]


@pytest.mark.parametrize(("dtype", "steps"), [(np.float64, 500), (np.float32, 20)])
@pytest.mark.parametrize("options", SGD)
def test_sgd_in_lockstep_with_torch(options, dtype, steps):
    buffer = np.full(1000, np.nan, dtype)  # whatever it holds before the first step is not read

    def update(p, g, step):
        optimizer_steps.sgd(
            p, g, buffer if "momentum" in options else None, first_step=step == 1, **options
        ).run()

    state = lockstep(lambda ps: torch.optim.SGD(ps, **options), update, dtype, steps)
    if "momentum" in options:
        np.testing.assert_allclose(buffer, state["momentum_buffer"].numpy(), **tolerance(dtype))


@pytest.mark.parametrize(("dtype", "steps"), [(np.float64, 500), (np.float32, 20)])
@pytest.mark.parametrize("decoupled", [False, True])
@pytest.mark.parametrize("options", ADAM)
def test_adam_and_adamw_in_lockstep_with_torch(options, decoupled, dtype, steps):
    options = {"weight_decay": 0.0, **options}
    ours = {k: v for k, v in options.items() if k != "amsgrad"}
    states = [np.zeros(1000, dtype) for _ in range(3 if "amsgrad" in options else 2)]

    def update(p, g, step):
        adam(p, g, *states, step=step, decoupled=decoupled, **ours).run()

    optimizer = torch.optim.AdamW if decoupled else torch.optim.Adam
    state = lockstep(lambda ps: optimizer(ps, **options), update, dtype, steps)
    for array, name in zip(states, ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")):
        np.testing.assert_allclose(array, state[name].numpy(), **tolerance(dtype))


def test_one_step_of_adam_is_torch_to_the_last_digits():
    rng = np.random.default_rng(1)
    for step in (1, 2, 10, 1000, 100_000):
        p, g, m = (rng.standard_normal(500) for _ in range(3))
        v = rng.random(500)
        t = torch.tensor(p.copy(), requires_grad=True)
        t.grad = torch.tensor(g.copy())
        optimizer = torch.optim.Adam([t], lr=0.01)
        optimizer.state[t] = {
            "step": torch.tensor(float(step - 1)),
            "exp_avg": torch.tensor(m.copy()),
            "exp_avg_sq": torch.tensor(v.copy()),
        }
        optimizer.step()
        adam(p, g, m, v, step=step, lr=0.01).run()
        np.testing.assert_allclose(p, t.detach().numpy(), rtol=4e-16, atol=4e-16)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_many_pieces_equal_one(dtype):
    """300,001 parameters, in pieces and by both threads, get bit for bit what each part alone gets."""
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(300_001).astype(dtype) for _ in range(3)] + [
        rng.random(300_001).astype(dtype)
    ]
    whole = [x.copy() for x in arrays]
    adam(*whole, step=3).run()
    for a in range(0, 300_001, 10_000):
        parts = [x[a : a + 10_000].copy() for x in arrays]
        adam(*parts, step=3).run()
        for part, x in zip(parts, whole):
            np.testing.assert_array_equal(part, x[a : a + 10_000])


def test_any_memory_order_and_strides():
    rng = np.random.default_rng(0)
    p, g, b = (rng.standard_normal((4, 6)) for _ in range(3))
    expected = [x.copy() for x in (p, b)]
    optimizer_steps.sgd(expected[0], g, expected[1], lr=0.1, momentum=0.9).run()
    wide = np.zeros((4, 12))
    for layout in (np.asfortranarray, lambda x: np.copyto(wide[:, ::2], x) or wide[:, ::2]):
        for gradient in (g, np.asfortranarray(g)):
            q, c = layout(p), b.copy()
            optimizer_steps.sgd(q, gradient, c, lr=0.1, momentum=0.9).run()
            np.testing.assert_array_equal(q, expected[0])
            np.testing.assert_array_equal(c, expected[1])
    assert not wide[:, 1::2].any()


def test_empty_and_scalar_parameters():
    adam(*(np.zeros(0) for _ in range(4)), step=1).run()
    p = np.array(1.0)
    optimizer_steps.sgd(p, np.array(2.0), lr=0.25).run()
    assert p == 0.5


def test_errors():
    with pytest.raises(ShapeError, match=r"adam: expected arrays of .* \(3,\) float64, found \(2,\) float64"):
        adam(np.zeros(3), np.zeros(2), np.zeros(3), np.zeros(3), step=1).run()
    with pytest.raises(ShapeError, match=r"found \(3,\) float32"):
        optimizer_steps.sgd(np.zeros(3), np.zeros(3, np.float32), lr=0.1).run()
    with pytest.raises(ShapeError, match="expected a momentum_buffer"):
        optimizer_steps.sgd(np.zeros(3), np.zeros(3), lr=0.1, momentum=0.9).run()
