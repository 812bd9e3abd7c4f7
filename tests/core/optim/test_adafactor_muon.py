"""Adafactor and Muon, which treat matrices as matrices, against PyTorch's in float64."""

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.core.optim.muon import orthogonalized

SETTINGS = [
    ("Adafactor", {}),
    ("Adafactor", {"lr": 0.1, "weight_decay": 0.1}),
    ("Adafactor", {"lr": 0.1, "beta2_decay": -1.0, "maximize": True}),
    ("Adafactor", {"lr": 0.1, "d": 1.5, "eps": (1e-3, 0.1)}),
    ("Muon", {"lr": 0.1}),
    ("Muon", {"lr": 0.1, "weight_decay": 0.2, "momentum": 0.8, "nesterov": False}),
    ("Muon", {"lr": 0.1, "ns_steps": 6, "ns_coefficients": (3.4, -4.7, 2.0)}),
    ("Muon", {"lr": 0.1, "adjust_lr_fn": "match_rms_adamw", "eps": 10.0}),
]
SHAPES = {"Adafactor": [(3, 4), (), (5,), (2, 3, 2), (1, 1)], "Muon": [(3, 4), (4, 2), (2, 2), (1, 5)]}


@pytest.fixture(autouse=True)
def exact_iterations(monkeypatch):
    """PyTorch's Muon iterates in bfloat16: here in the parameter's dtype, as ours."""
    monkeypatch.setattr(torch.Tensor, "bfloat16", lambda self: self.clone())


def run(framework, kind, settings, steps, state=None):
    rng = np.random.default_rng(7)
    values = [(rng.normal(size=s), rng.normal(size=s)) for s in SHAPES[kind]]
    params = [framework.from_numpy(np.array(p)).requires_grad_() for p, _ in values]
    weights = [framework.from_numpy(np.array(w)) for _, w in values]
    optimizer = getattr(framework.optim, kind)(params, **settings)
    if state is not None:
        optimizer.load_state_dict(state)
    for step in range(steps):
        for i, (p, w) in enumerate(zip(params, weights)):
            p.grad = (p * w).detach() * (1 + step % 3) if (step + i) % 4 else None
        optimizer.step()
    return [p.detach().numpy() for p in params], optimizer


@pytest.mark.parametrize(("kind", "settings"), SETTINGS)
def test_lockstep_and_states(kind, settings):
    mine, my_optimizer = run(ours, kind, settings, 20)
    theirs, their_optimizer = run(torch, kind, settings, 20)
    for p, q in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(p, q, rtol=1e-11, atol=1e-13)
    my_state, their_state = my_optimizer.state_dict(), their_optimizer.state_dict()
    assert my_state["param_groups"] == their_state["param_groups"]
    for number, state in their_state["state"].items():
        found = my_state["state"][number]
        assert list(found) == list(state)
        for name, value in state.items():
            assert str(found[name].dtype) == str(value.dtype)
            np.testing.assert_allclose(found[name].numpy(), value.numpy(), rtol=1e-11, atol=1e-300)
    for p, q in zip(
        run(ours, kind, settings, 3, their_state)[0], run(torch, kind, settings, 3, their_state)[0]
    ):
        np.testing.assert_allclose(p, q, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("kind", ["Adafactor", "Muon"])
def test_strided_empty_and_complex_parameters(kind):
    base = ours.ones(4, 6, dtype=ours.float64)
    strided, empty = base[::2].T.detach().requires_grad_(), ours.ones(0, 3, requires_grad=True)
    plain = strided.detach().clone().requires_grad_()
    for p in (strided, plain, empty):
        p.grad = ours.rand(*p.shape, generator=ours.Generator().manual_seed(1), dtype=p.dtype)
    getattr(ours.optim, kind)([strided, plain, empty], lr=0.1).step()
    np.testing.assert_allclose(strided.numpy(force=True), plain.numpy(force=True), rtol=1e-13)
    np.testing.assert_array_equal(base.numpy()[::2].T, strided.numpy(force=True))
    assert (base.numpy()[1::2] == 1).all()
    z = ours.ones(2, 2, dtype=ours.complex64, requires_grad=True)
    z.grad = z.detach().clone()
    with pytest.raises(RuntimeError, match=f"{kind} does not support complex parameters"):
        getattr(ours.optim, kind)([z]).step()


def test_orthogonal_matrices():
    rng = np.random.default_rng(0)
    for shape in ((5, 3), (3, 5), (4, 4)):
        u, _, vh = np.linalg.svd(matrix := rng.normal(size=shape), full_matrices=False)
        found = orthogonalized(matrix, (1.5, -0.5, 0.0), 60, 1e-7)
        np.testing.assert_allclose(found, u @ vh, atol=1e-12)
        spread = np.linalg.svd(orthogonalized(matrix, (3.4445, -4.7750, 2.0315), 5, 1e-7))[1]
        assert spread.min() > 0.6 and spread.max() < 1.3


def test_steps_that_cannot_be_taken():
    for settings, message in (
        ({"ns_steps": 100}, "fewer than 100"),
        ({"ns_coefficients": (1, 2)}, "exactly 3"),
    ):
        x = ours.ones(2, 2, requires_grad=True)
        x.grad = ours.ones(2, 2)
        with pytest.raises(ValueError, match=message):
            ours.optim.Muon([x], **settings).step()
