"""Modules as functions, per-sample gradients and ensembles, in the ways that PyTorch documents."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
import cnn_physics77.functorch

RNG = np.random.default_rng(8)
X, Y = RNG.normal(size=(6, 4)), RNG.integers(0, 3, 6)


def network(framework, seed=0):
    nn, numbers = framework.nn, np.random.default_rng(seed)
    made = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    with framework.no_grad():
        for p in made.parameters():
            p.copy_(framework.from_numpy(numbers.normal(size=tuple(p.shape))))
    return made


def equal(mine, theirs):
    assert set(mine) == set(theirs)
    for name in mine:
        np.testing.assert_allclose(mine[name].detach().numpy(), theirs[name].detach().numpy(), rtol=1e-11)
        assert mine[name].requires_grad == theirs[name].requires_grad


def per_sample_gradients(framework):
    model = network(framework)
    parameters = {k: v.detach() for k, v in model.named_parameters()}
    buffers = {k: v.detach() for k, v in model.named_buffers()}

    def loss(parameters, buffers, sample, target):
        predictions = framework.func.functional_call(model, (parameters, buffers), (sample.unsqueeze(0),))
        return framework.nn.functional.cross_entropy(predictions, target.unsqueeze(0))

    gradients = framework.vmap(framework.func.grad(loss), in_dims=(None, None, 0, 0))
    return gradients(parameters, buffers, framework.tensor(X), framework.tensor(Y))


def test_per_sample_gradients():
    mine = per_sample_gradients(ours)
    equal(mine, per_sample_gradients(torch))
    model = network(ours)
    ours.nn.functional.cross_entropy(model(ours.tensor(X[2:3])), ours.tensor(Y[2:3])).backward()
    for name, p in model.named_parameters():
        np.testing.assert_allclose(mine[name][2].numpy(), p.grad.numpy(), rtol=1e-12)


def ensemble(framework):
    models = [network(framework, seed) for seed in range(3)]
    parameters, buffers = framework.func.stack_module_state(models)
    base = models[0]

    def call(p, b, x):
        return framework.func.functional_call(base, (p, b), (x,))

    y = framework.func.vmap(call, in_dims=(0, 0, None))(parameters, buffers, framework.tensor(X))
    y.pow(2).sum().backward()
    return {"y": y, **{k: p.grad for k, p in parameters.items()}}


def test_ensembles():
    mine = ensemble(ours)
    equal(mine, ensemble(torch))
    np.testing.assert_allclose(
        mine["y"][1].detach().numpy(), network(ours, 1)(ours.tensor(X)).detach().numpy()
    )


class Tied:
    def __init__(self, framework):
        class Model(framework.nn.Module):
            def __init__(self):
                super().__init__()
                self.a = framework.nn.Parameter(framework.ones(1))
                self.b = self.a

            def forward(self, x, scale=1.0):
                return (self.a * 10 + self.b + x) * scale

        self.model, self.torch = Model(), framework

    def __call__(self, names, **options):
        given = {name: self.torch.full((1,), float(i)) for i, name in enumerate(names)}
        x = self.torch.zeros(1)
        return self.torch.func.functional_call(self.model, given, x, {"scale": 2.0}, **options).item()


CALLS = (["a"], {}), (["b"], {}), ([], {}), (["a", "other"], {}), (["a", "b"], {"tie_weights": False})


@pytest.mark.parametrize(("names", "options"), [*CALLS, (["a"], {"tie_weights": False})])
def test_tied_parameters(names, options):
    assert Tied(ours)(names, **options) == Tied(torch)(names, **options)


def test_wrong_calls():
    for framework in (ours, torch):
        call, nn = Tied(framework), framework.nn
        functional_call = framework.func.functional_call
        with pytest.raises(ValueError, match=r"functional_call got multiple values .*tie_weights=False"):
            call(["a", "b"])
        for names in ([], ["a", "b", "c"]):
            with pytest.raises(RuntimeError, match=r"Error\(s\) in reparametrizing"):
                call(names, strict=True, tie_weights=False)
        with pytest.raises(ValueError, match="xpected parameter_and_buffer_dicts to be a dict"):
            functional_call(call.model, 3, ())
        with pytest.raises(ValueError, match="appeared in multiple dictionaries"):
            functional_call(call.model, ({"a": 1}, {"a": 2}), ())
        with pytest.raises(RuntimeError, match="at least one model, got 0"):
            framework.func.stack_module_state([])
        with pytest.raises(RuntimeError, match="models to be of the same class"):
            framework.func.stack_module_state([nn.ReLU(), nn.Tanh()])
        with pytest.raises(RuntimeError, match="the same training/eval mode"):
            framework.func.stack_module_state([nn.ReLU(), nn.ReLU().eval()])
        with pytest.raises(RuntimeError, match=r"the same \.?requires_grad"):
            framework.func.stack_module_state([nn.Linear(1, 1), nn.Linear(1, 1).requires_grad_(False)])
        assert call.model.a.item() == 1 and call.model.b is call.model.a


def test_the_module_is_as_before_and_buffers_change_in_the_dict():
    for framework in (ours, torch):
        norm = framework.nn.BatchNorm1d(2)
        buffers = {k: v.clone() for k, v in norm.named_buffers()}
        x = framework.tensor([[1.0, 2.0], [3.0, 6.0]])
        framework.func.functional_call(norm, (dict(norm.named_parameters()), buffers), x)
        assert buffers["running_mean"].tolist() == pytest.approx([0.2, 0.4])
        assert buffers["num_batches_tracked"].item() == 1
        assert norm.running_mean.tolist() == [0, 0] and norm.num_batches_tracked.item() == 0
        root = framework.nn.Sequential(norm, framework.nn.Tanh())
        assert framework.func.replace_all_batch_norm_modules_(root) is root
        assert norm.running_mean is None and norm(x).shape == (2, 2)


@pytest.mark.parametrize("framework", [ours, torch])
def test_buffers_that_are_assigned_anew_are_put_into_the_dict(framework):
    class Counter(framework.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("count", framework.zeros(1))

        def forward(self, x):
            self.count = self.count + x
            return self.count

    module, given = Counter(), {"count": framework.ones(1)}
    framework.func.functional_call(module, given, framework.ones(1))
    assert given["count"].item() == 2 and module.count.item() == 0
    framework.func.functional_call(module, {}, framework.ones(1))
    assert module.count.item() == 1  # a buffer that is not given is the module's own


def functorchs():
    """Ours, and the package that comes with PyTorch."""
    return (ours, cnn_physics77.functorch), (torch, pytest.importorskip("functorch"))


@pytest.mark.needs_torch
@pytest.mark.filterwarnings("ignore:We've integrated functorch:FutureWarning")
@pytest.mark.parametrize("constant", [False, True])
def test_the_older_way_to_take_the_parameters_out(constant):
    found = []
    for framework, functorch in functorchs():
        model = network(framework)
        model.append(framework.nn.Linear(5, 3).double())
        model.insert(3, framework.nn.Linear(3, 5).double())
        model[3].weight, model[3].bias = (
            framework.nn.Parameter(framework.ones(*n).double()) for n in [(5, 3), (5,)]
        )
        model[4].weight, model[4].bias = model[2].weight, model[2].bias  # tied
        func, params = functorch.make_functional(model, disable_autograd_tracking=constant)
        x = framework.tensor(X)
        grads = functorch.grad(lambda params, func=func, x=x: func(params, x).pow(2).sum())(params)
        found.append({name: p * 1 for name, p in zip(func.param_names, params)})
        found.append(dict(zip(func.param_names, grads)))
        assert all(p.requires_grad is not constant for p in params) and isinstance(func, framework.nn.Module)
        assert all(p.requires_grad for p in model.parameters())
        with pytest.raises(RuntimeError, match="has buffers"):
            functorch.make_functional(framework.nn.BatchNorm1d(2))
    equal(*found[::2])
    equal(*found[1::2])


@pytest.mark.needs_torch
@pytest.mark.filterwarnings("ignore:We've integrated functorch:FutureWarning")
def test_the_older_way_to_an_ensemble():
    found = []
    for framework, functorch in functorchs():
        models = []
        for seed in range(3):
            model = network(framework, seed)
            model.append(framework.nn.BatchNorm1d(3).double())
            models.append(model.eval())
        func, params, buffers = functorch.combine_state_for_ensemble(models)
        y = functorch.vmap(func, in_dims=(0, 0, None))(params, buffers, framework.tensor(X))
        for wrong in ([], [models[0], framework.nn.ReLU().eval()], [models[0], network(framework)]):
            with pytest.raises(RuntimeError):
                functorch.combine_state_for_ensemble(wrong)
        func, one, own = functorch.make_functional_with_buffers(models[0].train())
        z = func(one, own, framework.tensor(X))
        named = zip((*func.param_names, *func.buffer_names), (*params, *buffers), strict=True)
        found.append({"y": y, "z": z, "mean": own[0], **dict(named)})
        assert models[0][3].running_mean.abs().sum() == 0 and own[2] == 1
    equal(*found)
