"""SparseAdam, with dense gradients, against PyTorch's with sparse ones."""

import numpy as np
import pytest
import torch

import cnn_physics77 as ours


def run(framework, settings, state=None):
    rng = np.random.default_rng(3)
    table = framework.nn.Embedding(7, 3, padding_idx=2, sparse=True, dtype=framework.float64)
    with framework.no_grad():
        table.weight.copy_(framework.from_numpy(rng.normal(size=(7, 3))))
    optimizer = framework.optim.SparseAdam(table.parameters(), **settings)
    if state is not None:
        optimizer.load_state_dict(state)
    for _ in range(9):
        words = framework.from_numpy(rng.integers(0, 7, size=(2, 2)))
        weights = framework.from_numpy(rng.normal(size=(2, 2, 3)))
        optimizer.zero_grad()
        (table(words).exp() * weights).sum().backward()
        optimizer.step()
    return table.weight.detach().numpy(), optimizer.state_dict()


@pytest.mark.parametrize("settings", [{}, {"lr": 0.1, "betas": (0.5, 0.7), "eps": 1e-2, "maximize": True}])
def test_lockstep_and_state(settings):
    mine, state = run(ours, settings)
    theirs, wanted = run(torch, settings)
    np.testing.assert_allclose(mine, theirs, rtol=1e-12)
    assert state["param_groups"] == wanted["param_groups"]
    assert list(state["state"][0]) == list(wanted["state"][0])
    assert state["state"][0]["step"] == wanted["state"][0]["step"] == 9
    for name in ("exp_avg", "exp_avg_sq"):
        np.testing.assert_allclose(state["state"][0][name].numpy(), wanted["state"][0][name], rtol=1e-12)
    np.testing.assert_allclose(run(ours, settings, wanted)[0], run(torch, settings, wanted)[0], rtol=1e-12)


def test_rows_without_a_gradient_stay():
    x = ours.ones(3, 2, requires_grad=True)
    nothing, number = ours.ones(0, 2, requires_grad=True), ours.tensor(1.0, requires_grad=True)
    optimizer = ours.optim.SparseAdam([x, nothing, number], lr=1.0)
    for gradient in ([[0, 0], [1, 0], [0, 0]], [[0, 0], [0, 0], [0, 0]]):
        x.grad = ours.tensor(gradient, dtype=ours.float32)
        nothing.grad, number.grad = ours.ones(0, 2), ours.tensor(1.0)
        optimizer.step()
    np.testing.assert_allclose(x.detach(), [[1, 1], [0, 1], [1, 1]], atol=1e-6)
    assert optimizer.state[x]["step"] == 2 and number.item() < 0


@pytest.mark.parametrize(
    "settings", [{"lr": 0.0}, {"eps": 0.0}, {"betas": (1.0, 0.5)}, {"betas": (0.5, -1.0)}, {}]
)
def test_wrong_settings(settings):
    for framework in (ours, torch):
        x = framework.ones(2, requires_grad=True)
        with pytest.raises(ValueError, match=r"Invalid|complex"):
            framework.optim.SparseAdam([x if settings else x.detach().to(framework.complex64)], **settings)
