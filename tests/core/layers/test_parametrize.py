"""Parametrizations, weight norm, spectral norm and fused layers against PyTorch's, with the same weights."""

import copy
import pickle
from operator import attrgetter

import numpy as np
import pytest
import torch

import cnn_physics77 as ours

FRAMEWORKS = (ours, torch)


def parts(framework):
    """Modules that compute weights."""
    nn = framework.nn

    class Symmetric(nn.Module):
        def forward(self, x):
            return x.triu() + x.triu(1).transpose(-1, -2)

        def right_inverse(self, x):
            return x.triu()

    class Positive(nn.Module):
        def forward(self, x):
            return x.exp()

        def right_inverse(self, x):
            return x.log()

    class Product(nn.Module):
        def forward(self, a, b):
            return a * b

        def right_inverse(self, x):
            return x.abs().sqrt(), x.sign() * x.abs().sqrt()

    class OneWay(nn.Module):
        def forward(self, x):
            return 2 * x

    class Wider(nn.Module):
        def forward(self, x):
            return x[:1]

    class Single(nn.Module):
        def forward(self, x):
            return x.float()

    return {c.__name__: c for c in (Symmetric, Positive, Product, OneWay, Wider, Single)}


def linear(framework, size=3, kind="Linear"):
    """A layer in float64 with the same weights in both."""
    layer = getattr(framework.nn, kind)(*((size, size) if kind == "Linear" else (2, 4, 3))).double()
    rng = np.random.default_rng(0)
    with framework.no_grad():
        for p in layer.parameters():
            p.copy_(framework.from_numpy(rng.normal(size=tuple(p.shape))))
    return layer


def facts(framework, layer, x):
    """Output, gradients and state of a layer."""
    layer.zero_grad()
    y = layer(framework.from_numpy(x))
    (y**2).sum().backward()
    found = {"y": y, **{f"grad {n}": p.grad for n, p in layer.named_parameters()}, **layer.state_dict()}
    return {name: None if t is None else t.detach().numpy().copy() for name, t in found.items()}


def assert_same(mine, theirs):
    assert list(mine) == list(theirs)
    for name, expected in theirs.items():
        np.testing.assert_allclose(mine[name], expected, rtol=1e-11, atol=1e-13, err_msg=name)


X = np.random.default_rng(1).normal(size=(5, 3))


@pytest.mark.parametrize(
    "names",
    [["Symmetric"], ["Product"], ["OneWay"], ["Symmetric", "OneWay"], ["Product", "Symmetric"]],
    ids=str,
)
@pytest.mark.parametrize("leave", [True, False])
def test_parametrizations(names, leave):
    results = []
    for framework in FRAMEWORKS:
        parametrize = framework.nn.utils.parametrize
        layer = linear(framework)
        weight, own = layer.weight, parts(framework)
        for name in names:
            assert parametrize.register_parametrization(layer, "weight", own[name]()) is layer
        assert type(layer).__name__ == "ParametrizedLinear" and isinstance(layer, framework.nn.Linear)
        assert parametrize.is_parametrized(layer) and parametrize.is_parametrized(layer, "weight")
        assert not parametrize.is_parametrized(layer, "bias")
        assert parametrize.type_before_parametrizations(layer) is framework.nn.Linear
        found = facts(framework, layer, X)
        if "OneWay" not in names:
            layer.weight = framework.from_numpy(np.eye(3) + 0.25)
            found |= {f"assigned {n}": v for n, v in facts(framework, layer, X).items()}
        copied = copy.deepcopy(layer)
        found |= {f"copied {n}": v for n, v in facts(framework, copied, X).items()}
        text = repr(layer)
        if leave or "Product" not in names:
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=leave)
            assert type(layer) is framework.nn.Linear and not hasattr(layer, "parametrizations")
            assert type(layer.weight) is framework.nn.Parameter
            assert (layer.weight is weight) is ("Product" not in names)
            found |= {f"removed {n}": v for n, v in facts(framework, layer, X).items()}
        else:
            with pytest.raises(ValueError, match="sequence of tensors"):
                parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
        if framework is ours:  # PyTorch's copy loses its property with that of the original
            assert_same(facts(ours, copied, X), {n[7:]: v for n, v in found.items() if n[:7] == "copied "})
        results.append((found, text.replace("test_parametrize.", "")))
    assert_same(results[0][0], results[1][0])
    assert results[0][1] == results[1][1]


def test_two_tensors_a_buffer_and_the_cache():
    results = []
    for framework in FRAMEWORKS:
        parametrize, own = framework.nn.utils.parametrize, parts(framework)
        layer = linear(framework)
        layer.register_buffer("scale", framework.ones(3, dtype=framework.float64))
        parametrize.register_parametrization(layer, "weight", own["Symmetric"]())
        parametrize.register_parametrization(layer, "scale", own["Positive"]())
        with parametrize.cached():
            with parametrize.cached():
                first = layer.weight
            assert layer.weight is first
        assert layer.weight is not first
        with parametrize.cached():
            assert layer.weight is not first and layer.weight is layer.weight
        other = linear(framework)
        other.register_buffer("scale", framework.ones(3, dtype=framework.float64))
        parametrize.transfer_parametrizations_and_params(layer, other)
        other.bias = layer.bias
        results.append(
            facts(framework, layer, X) | {f"other {k}": v for k, v in facts(framework, other, X).items()}
        )
        parametrize.remove_parametrizations(layer, "scale")
        assert list(dict(layer.named_buffers())) == ["scale"] and parametrize.is_parametrized(layer)
    assert_same(*results)


def test_refusals():
    for framework in FRAMEWORKS:
        parametrize, own = framework.nn.utils.parametrize, parts(framework)
        for name in ("Wider", "Single"):
            layer = linear(framework)
            with pytest.raises(ValueError, match="may not change the"):
                parametrize.register_parametrization(layer, "weight", own[name]())
            assert type(layer) is framework.nn.Linear
            parametrize.register_parametrization(layer, "weight", own["Symmetric"]())
            with pytest.raises(ValueError, match="may not change the"):
                parametrize.register_parametrization(layer, "weight", own[name]())
            assert len(layer.parametrizations.weight) == 1
        parametrize.register_parametrization(layer, "weight", own["Wider"](), unsafe=True)
        assert layer.weight.shape == (1, 3)
        with pytest.raises(ValueError, match="does not have a parameter, a buffer"):
            parametrize.register_parametrization(layer, "nothing", own["Symmetric"]())
        with pytest.raises(ValueError, match="does not have a parametrization on"):
            parametrize.remove_parametrizations(layer, "bias")
        with pytest.raises(RuntimeError, match="Serialization of parametrized modules"):
            pickle.dumps(layer)
        one_way = parametrize.register_parametrization(linear(framework), "weight", own["OneWay"]())
        with pytest.raises(RuntimeError, match="does not implement right_inverse"):
            one_way.weight = framework.ones(3, 3, dtype=framework.float64)
        for norm in ("weight_norm", "spectral_norm"):
            with pytest.raises(ValueError, match="name 'nothing'"):
                getattr(framework.nn.utils.parametrizations, norm)(layer, "nothing")


NORMS = [
    ("weight_norm", "Linear", {}),
    ("weight_norm", "Linear", {"dim": None}),
    ("weight_norm", "Linear", {"name": "bias"}),
    ("weight_norm", "Conv1d", {"dim": 1}),
    ("spectral_norm", "Linear", {"n_power_iterations": 2}),
    ("spectral_norm", "Conv1d", {}),
    ("spectral_norm", "ConvTranspose1d", {"eps": 1e-3}),
    ("spectral_norm", "Linear", {"dim": 1}),
    ("spectral_norm", "Linear", {"name": "bias"}),
]


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize(("norm", "kind", "settings"), NORMS)
def test_norms(norm, kind, settings, older):
    if older and norm == "spectral_norm" and settings.get("name") == "bias":
        return  # the older way needs a matrix
    x = X if kind == "Linear" else np.random.default_rng(1).normal(size=(2, 2, 7))
    layers = []
    for framework in FRAMEWORKS:
        utils = framework.nn.utils
        layers.append(
            getattr(utils if older else utils.parametrizations, norm)(
                linear(framework, kind=kind), **settings
            )
        )
    mine, theirs = layers
    mine.load_state_dict({k: ours.from_numpy(v.numpy().copy()) for k, v in theirs.state_dict().items()})
    for step in range(3):  # the vectors of spectral norms go on
        if step == 2:
            mine.eval(), theirs.eval()
        assert_same(facts(ours, mine, x), facts(torch, theirs, x))
    if older:
        for framework, layer in zip(FRAMEWORKS, layers):
            with pytest.raises(RuntimeError, match="Cannot register two"):
                getattr(framework.nn.utils, norm)(layer, **settings)
            remove = getattr(framework.nn.utils, f"remove_{norm}")
            remove(layer, settings.get("name", "weight"))
            with pytest.raises(ValueError, match="not found"):
                remove(layer)
        assert_same(facts(ours, mine, x), facts(torch, theirs, x))


def test_spectral_norm_begins_with_the_largest_singular_value_and_refuses():
    for framework in FRAMEWORKS:
        for utils in (framework.nn.utils, framework.nn.utils.parametrizations):
            layer = utils.spectral_norm(linear(framework), n_power_iterations=50)
            layer(framework.from_numpy(X))
            layer(framework.from_numpy(X))
            largest = np.linalg.norm(layer.weight.detach().numpy(), 2)
            np.testing.assert_allclose(largest, 1, rtol=1e-6)
            with pytest.raises(ValueError, match="n_power_iterations to be positive"):
                utils.spectral_norm(linear(framework), n_power_iterations=0)
        with pytest.raises(IndexError, match="Dimension out of range"):
            framework.nn.utils.parametrizations.spectral_norm(linear(framework), dim=2)


def test_two_passes_before_one_backward():
    """The vectors change in the second pass."""
    for path in ("spectral_norm", "parametrizations.spectral_norm"):
        gradients, state = [], None
        for framework in reversed(FRAMEWORKS):
            layer = attrgetter(path)(framework.nn.utils)(linear(framework))
            if state is None:
                state = {name: value.clone() for name, value in layer.state_dict().items()}
            layer.load_state_dict(state)
            x = framework.from_numpy(X)
            (layer(x) - layer(2 * x)).sum().backward()
            gradients.append([p.grad.numpy() for _, p in sorted(layer.named_parameters())])
        for found, expected in zip(*gradients, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", ["Conv2d", "ConvTranspose2d", "Linear"])
def test_fused_batch_norm(kind, bias, affine):
    results = []
    frameworks = FRAMEWORKS if affine or kind != "Linear" else (ours, ours)  # PyTorch's cannot
    for framework in frameworks:
        rng = np.random.default_rng(3)
        nn = framework.nn
        layer = nn.Linear(2, 3, bias=bias) if kind == "Linear" else getattr(nn, kind)(2, 3, 2, bias=bias)
        norm = (nn.BatchNorm1d if kind == "Linear" else nn.BatchNorm2d)(3, affine=affine)
        layer, norm = layer.double().eval(), norm.double().eval()
        for t in (*layer.parameters(), *norm.parameters(), norm.running_mean, norm.running_var):
            t.data = framework.from_numpy(rng.uniform(0.5, 2, tuple(t.shape)))
        x = framework.from_numpy(rng.normal(size=(4, 2) if kind == "Linear" else (4, 2, 3, 3)))
        if kind == "Linear":
            fused = nn.utils.fuse_linear_bn_eval(layer, norm)
        else:
            fused = nn.utils.fuse_conv_bn_eval(layer, norm, transpose=kind != "Conv2d")
        np.testing.assert_allclose(fused(x).detach().numpy(), norm(layer(x)).detach().numpy(), rtol=1e-12)
        assert type(fused.weight) is type(fused.bias) is nn.Parameter and fused is not layer
        results.append({n: p.detach().numpy() for n, p in fused.named_parameters()})
        layer.train()
        with pytest.raises(AssertionError):
            (nn.utils.fuse_linear_bn_eval if kind == "Linear" else nn.utils.fuse_conv_bn_eval)(layer, norm)
    assert_same(*results)


def test_skip_init():
    ours.manual_seed(3)
    expected = ours.rand(3)
    ours.manual_seed(3)
    layer = ours.nn.utils.skip_init(ours.nn.Linear, 3, 2, dtype=ours.float64)
    assert layer.weight.shape == (2, 3) and layer.weight.dtype == ours.float64
    assert ours.equal(ours.rand(3), expected)
    for bad in (int, ours.nn.Identity):
        with pytest.raises(RuntimeError, match="skip_init"):
            ours.nn.utils.skip_init(bad)


def test_the_former_functional_call():
    layer = linear(ours)
    with pytest.warns(FutureWarning, match="deprecated"):
        found = ours.nn.utils.stateless.functional_call(
            layer, {"bias": ours.zeros(3).double()}, ours.from_numpy(X)
        )
    np.testing.assert_allclose(found.detach().numpy(), X @ layer.weight.detach().numpy().T)


ORTHOGONAL = [
    ((4, 4), {}),
    ((5, 3), {}),
    ((3, 5), {"orthogonal_map": "matrix_exp"}),
    ((5, 3), {"orthogonal_map": "cayley"}),
    ((2, 3, 5), {"orthogonal_map": "householder"}),
    ((5, 3), {"orthogonal_map": "householder", "use_trivialization": False}),
    ((3, 5), {"use_trivialization": False}),
    ((4, 4), {"orthogonal_map": "cayley", "use_trivialization": False}),
    ((4, 4), {"complex": True}),
    ((5, 3), {"complex": True, "orthogonal_map": "cayley"}),
]


@pytest.mark.parametrize(("shape", "settings"), ORTHOGONAL)
def test_orthogonal(shape, settings):
    settings = dict(settings)
    rng = np.random.default_rng(5)
    values = rng.normal(size=shape) + (1j * rng.normal(size=shape) if settings.pop("complex", False) else 0)
    weights = []
    for framework in FRAMEWORKS:
        layer = framework.nn.Module()
        layer.weight = framework.nn.Parameter(framework.from_numpy(values.copy()))
        framework.nn.utils.parametrizations.orthogonal(layer, **settings)
        weights.append(layer)
    mine, theirs = weights
    q = mine.weight.detach().numpy()
    gram = q @ q.conj().swapaxes(-1, -2) if shape[-2] < shape[-1] else q.conj().swapaxes(-1, -2) @ q
    np.testing.assert_allclose(gram, np.broadcast_to(np.eye(min(shape[-2:])), gram.shape), atol=1e-12)
    np.testing.assert_allclose(q, theirs.weight.detach().numpy(), atol=1e-12)
    assert list(mine.state_dict()) == list(theirs.state_dict())
    mine.load_state_dict({k: ours.from_numpy(v.numpy().copy()) for k, v in theirs.state_dict().items()})
    shift = 0.1 * rng.normal(size=shape)
    gradients = []
    for framework, layer in zip(FRAMEWORKS, weights):
        original = layer.parametrizations.weight.original
        with framework.no_grad():
            original += framework.from_numpy(shift).tril(-1)
        (layer.weight * framework.from_numpy(shift)).abs().sum().backward()
        gradients.append((layer.weight.detach().numpy(), original.grad.numpy()))
    for found, expected in zip(*gradients):
        np.testing.assert_allclose(found, expected, atol=1e-11)
    if settings.get("use_trivialization", True) or "householder" in settings.values():
        mine.weight = ours.from_numpy(q)
        np.testing.assert_allclose(mine.weight.detach().numpy(), q, atol=1e-12)


def test_orthogonal_refusals():
    for framework in FRAMEWORKS:
        orthogonal = framework.nn.utils.parametrizations.orthogonal
        layer = framework.nn.Module()
        layer.vector = framework.nn.Parameter(framework.ones(3))
        layer.complex = framework.nn.Parameter(framework.ones(3, 2, dtype=framework.complex64))
        for name, settings in (
            ("vector", {}),
            ("nothing", {}),
            ("complex", {"orthogonal_map": "householder"}),
            ("complex", {"orthogonal_map": "square"}),
        ):
            with pytest.raises(ValueError):
                orthogonal(layer, name, **settings)
        layer = orthogonal(framework.nn.Linear(3, 3), orthogonal_map="cayley", use_trivialization=False)
        with pytest.raises(NotImplementedError, match="not possible to assign"):
            layer.weight = framework.eye(3)
