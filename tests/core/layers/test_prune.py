"""Pruning against PyTorch's, with the same weights."""

import numpy as np
import pytest
import torch
import torch.nn.utils.prune

import cnn_physics77 as ours

FRAMEWORKS = (ours, torch)
SCORES = np.random.default_rng(8).permutation(24).reshape(4, 6).astype(float)


def layer_of(framework, seed=0):
    layer = framework.nn.Linear(6, 4).double()
    rng = np.random.default_rng(seed)
    with framework.no_grad():
        for p in layer.parameters():
            p.copy_(framework.from_numpy(rng.normal(size=tuple(p.shape))))
    return layer


def mask_of(framework):
    return framework.from_numpy((SCORES % 3 > 0).astype(float))


STEPS = {
    "identity": lambda f, p, m: p.identity(m, "weight"),
    "l1": lambda f, p, m: p.l1_unstructured(m, "weight", 5),
    "l1, a fraction": lambda f, p, m: p.l1_unstructured(m, "weight", amount=0.3),
    "l1, nothing": lambda f, p, m: p.l1_unstructured(m, "weight", 0),
    "l1 of scores": lambda f, p, m: p.l1_unstructured(m, "weight", 5, f.from_numpy(SCORES)),
    "l2 of rows": lambda f, p, m: p.ln_structured(m, "weight", 1, n=2, dim=0),
    "largest of columns": lambda f, p, m: p.ln_structured(m, "weight", 0.5, n=float("inf"), dim=-1),
    "l1 of columns of scores": lambda f, p, m: p.ln_structured(m, "weight", 2, 1, 1, f.from_numpy(SCORES)),
    "mask": lambda f, p, m: p.custom_from_mask(m, "weight", mask_of(f)),
    "bias": lambda f, p, m: p.l1_unstructured(m, "bias", 2),
    "random, all": lambda f, p, m: p.random_unstructured(m, "weight", 1.0),
    "random rows, all": lambda f, p, m: p.random_structured(m, "weight", 4, dim=0),
}
SEQUENCES = [[name] for name in STEPS] + [
    ["l1", "l2 of rows", "l1"],
    ["l2 of rows", "largest of columns", "mask"],
    ["mask", "l1, a fraction", "bias"],
]


def state_of(layer):
    found = {**layer.state_dict(), "weight itself": layer.weight, "bias itself": layer.bias}
    return {name: t.detach().numpy().copy() for name, t in found.items()}


def assert_same(mine, theirs):
    assert list(mine) == list(theirs)
    for name, expected in theirs.items():
        np.testing.assert_allclose(mine[name], expected, rtol=1e-12, err_msg=name)


@pytest.mark.parametrize("names", SEQUENCES, ids=str)
def test_masks(names):
    results = []
    for framework in FRAMEWORKS:
        prune, layer = framework.nn.utils.prune, layer_of(framework)
        assert not prune.is_pruned(layer)
        for name in names:
            assert STEPS[name](framework, prune, layer) is layer
        assert prune.is_pruned(framework.nn.Sequential(layer))
        found = state_of(layer)
        x = framework.ones(2, 6, dtype=framework.float64)
        layer(x).sum().backward()
        found |= {f"grad {n}": p.grad.numpy() for n, p in layer.named_parameters() if p.grad is not None}
        with framework.no_grad():
            for p in layer.parameters():
                p += 1
        found["y"] = layer(x).detach().numpy()
        pruned = "bias" if names == ["bias"] else "weight"
        prune.remove(layer, pruned)
        assert isinstance(getattr(layer, pruned), framework.nn.Parameter)
        found |= {f"final {n}": v for n, v in state_of(layer).items()}
        with pytest.raises(ValueError, match="has to be pruned"):
            prune.remove(layer, pruned)
        results.append(found)
    assert_same(*results)


@pytest.mark.parametrize("scored", [False, True])
def test_several_parameters_together(scored):
    results = []
    for framework in FRAMEWORKS:
        prune = framework.nn.utils.prune
        one, two = layer_of(framework), layer_of(framework, 1)
        prune.l1_unstructured(two, "weight", 3)
        pairs = [(one, "weight"), (one, "bias"), (two, "weight")]
        scores = {(one, "weight"): framework.from_numpy(SCORES / 10)} if scored else None
        prune.global_unstructured(pairs, prune.L1Unstructured, importance_scores=scores, amount=0.4)
        results.append({f"{i} {n}": v for i, m in enumerate((one, two)) for n, v in state_of(m).items()})
        with pytest.raises(TypeError, match="unstructured"):
            prune.global_unstructured(pairs, prune.LnStructured, amount=0.4, n=1)
        with pytest.raises(TypeError, match="Iterable"):
            prune.global_unstructured(3, prune.L1Unstructured, amount=0.4)
    assert_same(*results)


def test_random_pruning_prunes_as_much_as_asked():
    prune = ours.nn.utils.prune
    layer = prune.random_unstructured(layer_of(ours), "weight", 7)
    assert layer.weight_mask.sum() == 24 - 7
    prune.random_unstructured(layer, "weight", 7)
    assert layer.weight_mask.sum() == 24 - 14
    layer = prune.random_structured(layer_of(ours), "weight", 2, dim=1)
    assert sorted(layer.weight_mask.sum(dim=0).tolist()) == [0, 0, 4, 4, 4, 4]


def test_methods_of_tensors_and_own_methods():
    for framework in FRAMEWORKS:
        prune = framework.nn.utils.prune
        t = framework.tensor([3.0, -1.0, 2.0])
        assert prune.L1Unstructured(1).prune(t).tolist() == [3, 0, 2]
        found = prune.L1Unstructured(1).prune(t, framework.tensor([0.0, 1.0, 1.0]), t.flip(0))
        assert found.tolist() == [0, 0, 2]

        class Every2nd(prune.BasePruningMethod):
            PRUNING_TYPE = "unstructured"

            def compute_mask(self, t, default_mask):
                mask = default_mask.clone()
                mask.view(-1)[::2] = 0
                return mask

        layer = layer_of(framework)
        Every2nd.apply(layer, "weight")
        assert layer.weight_mask.sum() == 12
        Every2nd.apply(layer, "weight")
        assert layer.weight_mask.sum() == 6
        (hook,) = layer._forward_pre_hooks.values()
        assert isinstance(hook, prune.PruningContainer) and len(hook) == len(list(hook)) == 2
        assert isinstance(hook[0], Every2nd)
        with pytest.raises(TypeError, match="is not a BasePruningMethod subclass"):
            hook.add_pruning_method(3)
        other = prune.L1Unstructured(1)
        other._tensor_name = "bias"
        with pytest.raises(ValueError, match="acting on the parameter named 'weight'"):
            hook.add_pruning_method(other)


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        (TypeError, lambda f, p: p.L1Unstructured("all")),
        (ValueError, lambda f, p: p.L1Unstructured(-1)),
        (ValueError, lambda f, p: p.RandomUnstructured(1.5)),
        (ValueError, lambda f, p: p.RandomStructured(-0.5)),
        (ValueError, lambda f, p: p.l1_unstructured(layer_of(f), "weight", 25)),
        (ValueError, lambda f, p: p.ln_structured(layer_of(f), "bias", 1, 2, 0)),
        (IndexError, lambda f, p: p.ln_structured(layer_of(f), "weight", 1, 2, 2)),
        (AssertionError, lambda f, p: p.l1_unstructured(layer_of(f), "weight", 1, f.ones(3))),
        (AssertionError, lambda f, p: p.L1Unstructured(1).prune(f.ones(2), importance_scores=f.ones(3))),
    ],
)
def test_errors_are_pytorchs(kind, make):
    for framework in FRAMEWORKS:
        layer = layer_of(framework)
        with pytest.raises(kind):
            make(framework, framework.nn.utils.prune)
        assert list(layer.state_dict()) == ["weight", "bias"]
