"""torch.func against PyTorch's: each expression is computed by both, in float64."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict, deque, namedtuple

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.utils._pytree import tree_flatten, tree_leaves, tree_map, tree_unflatten

pytestmark = pytest.mark.filterwarnings("ignore")  # PyTorch's own, of its compiler

RNG = np.random.default_rng(5)
A, B = RNG.normal(size=(3, 2)), RNG.normal(size=3)
V, M = RNG.normal(size=3), RNG.normal(size=(2, 3))
CODES = {"A": A, "B": B, "V": V, "M": M, "S": np.array(0.7)}


def namespace(framework, **options):
    """What the expressions may name."""
    names = {name: framework.tensor(value, **options) for name, value in CODES.items()}
    names |= {n: getattr(framework.func, n) for n in PUBLIC}
    return {"torch": framework, "f": f, "dicts": dicts, **names}


PUBLIC = ("grad", "grad_and_value", "vjp", "jvp", "jacrev", "jacfwd", "hessian", "linearize", "vmap")


def f(x, y):
    return (x.sin() * y.exp()).sum() + (x * y).prod()


def dicts(p, x):
    return {"a": (p["w"] * x).tanh(), "b": [p["w"].sum() * x.exp()]}


def compare(mine, theirs, rtol=1e-11):
    a, b = tree_leaves(mine), tree_leaves(theirs)
    for x, y in zip(a, b, strict=True):
        assert tuple(x.shape) == tuple(y.shape) and str(x.dtype) == str(y.dtype)
        np.testing.assert_allclose(x.detach().numpy(), y.detach().numpy(), rtol=rtol, atol=1e-13)
        assert x.requires_grad == y.requires_grad
    assert str(tree_map(lambda _: 0, mine)) == str(tree_map(lambda _: 0, theirs))


EXPRESSIONS = """
grad(f)(B, V)
grad(f, argnums=1)(B, V)
grad(f, argnums=(1, 0))(B, V)
grad(f, argnums=-1)(B, y=V) if 0 else grad(f)(B, y=V)
grad(lambda x: (f(x, V), x * 2), has_aux=True)(B)
grad_and_value(f, (0, 1))(B, V)
grad_and_value(lambda x: (f(x, V), {"a": x.sin()}), has_aux=True)(B)
grad(grad(torch.sin))(S)
grad(grad(grad(lambda x: x.exp() * x.sin())))(S)
grad(lambda x: x * grad(lambda y: x * y * y)(x))(S)
grad(lambda x: grad(lambda y: x + y)(torch.ones_like(x)) * x)(S)
grad(lambda x: torch.ones_like(S))(S)
grad(lambda p: (p["w"] * p["b"][0]).sum())({"w": B, "b": (V,)})
grad(lambda x: x.sum())(B[:0])
grad(lambda x: f(x, x.detach()))(B)
grad(lambda x: (x * x.clone().mul_(x)).sum())(B)
vjp(torch.sin, B)[1](V)
vjp(lambda x, y: (x * y, x.sum()), B, V)[1]((V, S))
vjp(dicts, {"w": B}, V)[1]({"a": B, "b": [V]})
vjp(lambda x: (x * 2, x + 1), B, has_aux=True)[::2]
vjp(lambda x: x, B)[1](V)
vjp(lambda x: (x, x), B)[1]((V, B))
vjp(lambda x: torch.ones_like(B), B)[1](V)
vjp(torch.mv, M, B)[1](A[0])
jvp(torch.sin, (B,), (V,))
jvp(lambda x, y: (x * y, x.sum()), (B, V), (V, B))
jvp(dicts, ({"w": B}, V), ({"w": V}, B))
jvp(lambda x: (x.exp(), x * 3), (B,), (V,), has_aux=True)
jvp(lambda x: torch.ones_like(M), (B,), (V,))
jvp(grad(f), (B, V), (V, B))
jvp(lambda x: jvp(torch.sin, (x,), (V,))[1], (B,), (V,))
jvp(lambda t: f(B + t * V, V), (S,), (torch.ones_like(S),))
linearize(torch.sin, B)[1](V)
linearize(dicts, {"w": B}, V)[1]({"w": V}, B)
jacrev(torch.sin)(B)
jacrev(torch.mv, argnums=(0, 1))(M, B)
jacrev(dicts)({"w": B}, V)
jacrev(lambda x: (x.exp(), x * 3), has_aux=True)(B)
jacrev(lambda x: x.sum())(B)
jacrev(lambda x: x[:0])(B)
jacrev(lambda x: x * 2)(S)
jacrev(jacrev(torch.sin))(B)
jacfwd(torch.sin)(B)
jacfwd(torch.mv, argnums=(0, 1))(M, B)
jacfwd(dicts, argnums=(0, 1))({"w": B}, V)
jacfwd(lambda x: (x.exp(), x * 3), has_aux=True)(B)
jacfwd(lambda x: torch.outer(x, x))(B)
jacfwd(jacfwd(lambda x: (x**3).sum()))(B)
jacrev(jacfwd(lambda x: (x**3).sum()))(B)
hessian(f)(B, V)
hessian(f, argnums=(0, 1))(B, V)
hessian(lambda x: x**3)(B)
hessian(lambda x: jvp(torch.sin, (x,), (V,))[1].sum())(B)
vmap(torch.dot)(A, A)
vmap(torch.dot, in_dims=(0, None))(A, A[0])
vmap(torch.mv, in_dims=(None, 1), out_dims=1)(M, torch.ones(3, 4).to(M.dtype))
vmap(lambda x: (x, {"b": x.sum()}), out_dims=(1, 0))(A)
vmap(lambda x: (x, {"b": x.sin()}), out_dims=-1)(A)
vmap(lambda x, p: x * p["k"] + p["c"], in_dims=(0, {"k": 0, "c": None}))(A, {"k": A, "c": A[1]})
vmap(lambda x, c: x * c, in_dims=(-1, None))(A, 3.0)
vmap(lambda x, *, k: x * k)(B, k=V)
vmap(vmap(lambda a, b: a * b, in_dims=(None, 0)), in_dims=(0, None))(B, V)
vmap(lambda x: x.sum())(A[:0])
vmap(lambda x: x, out_dims=1)(A[:0])
vmap(lambda x: torch.ones(2))(B)
vmap(lambda x: torch.ones(2), out_dims=None)(B)
vmap(grad(f), in_dims=(0, None))(A, A[0])
vmap(grad(f), in_dims=(None, 0))(A[0], A)
vmap(hessian(lambda x: (x**3).prod()))(A)
vmap(lambda v: vjp(torch.sin, B)[1](v)[0])(torch.eye(3).to(B.dtype))
vmap(vjp(torch.sin, B)[1])(torch.eye(3).to(B.dtype))
grad(lambda x: vmap(lambda a: a.prod())(x).sum())(A)
grad(lambda w: vmap(lambda x: (w * x).sin().sum())(A).pow(2).sum())(A[0])
jacrev(vmap(torch.sin))(B)
torch.vmap(torch.sin)(B)
vmap(lambda x: x * 2, chunk_size=2)(A)
"""


@pytest.mark.parametrize("expression", EXPRESSIONS.strip().split("\n"))
def test_equal_to_pytorchs(expression):
    compare(*(eval(expression, namespace(framework)) for framework in (ours, torch)))


THROUGH = """
grad(f)(B, V).sum()
grad(lambda x: (x * S).sin().sum())(B).sum()
vjp(torch.sin, B)[1](V)[0].sum()
sum(part.sum() for part in jvp(lambda x: x.sin() * V, (B,), (V,)))
jacrev(torch.sin)(B).pow(2).sum()
jacfwd(lambda x: (x * S).sin())(B).pow(2).sum()
hessian(f)(B, V).pow(2).sum()
vmap(grad(f), in_dims=(None, 0))(A[0], A).pow(2).sum()
vmap(lambda x: (x * S).exp())(A).sum()
grad_and_value(lambda x: (x * S).sin().sum())(B.detach())[1]
"""


@pytest.mark.parametrize("expression", THROUGH.strip().split("\n"))
def test_backward_goes_through_transforms(expression):
    """By what the function was given, and by what it finds in its surroundings."""
    found = []
    for framework in (ours, torch):
        names = namespace(framework, requires_grad=True)
        eval(expression, names).backward()
        found.append({n: names[n].grad for n in CODES if names[n].grad is not None})
    compare(*found)
    assert found[0]


def test_no_grad_outside_makes_a_constant():
    for framework in (ours, torch):
        names = namespace(framework, requires_grad=True)
        with framework.no_grad():
            outside = eval("grad(lambda x: (x**2 * V).sum())(B)", names)
        inside = eval("grad(constant)(B)", names | {"constant": framework.no_grad()(lambda x: f(x, x))})
        assert not outside.requires_grad and outside.abs().sum() > 0
        assert inside.abs().sum() == 0


def test_linearize_is_differentiable_by_the_point():
    """For PyTorch, which traces the function, the point is a constant."""
    names = namespace(ours, requires_grad=True)
    eval("linearize(torch.exp, B)[1](V).sum()", names).backward()
    np.testing.assert_allclose(names["B"].grad.numpy(), np.exp(B) * V)


def test_nothing_is_left_behind():
    x, w = ours.ones(2, requires_grad=True), ours.ones(2, requires_grad=True)
    y = ours.func.grad(lambda x: (x * w).pow(2).sum())(x.detach())
    y.sum().backward()
    assert x.grad is None and w.grad.tolist() == [4, 4]
    constant = ours.func.vjp(lambda x: x * 2, ours.ones(2))
    assert not constant[0].requires_grad and not constant[1](ours.ones(2))[0].requires_grad
    assert constant[1](ours.ones(2), create_graph=True)[0].shape == (2,)
    with pytest.raises(ValueError, match="inside"):
        ours.func.grad(lambda x: exec("raise ValueError('inside')"))(ours.ones(()))
    assert ours.is_grad_enabled()


@pytest.mark.parametrize(
    "call",
    """
    grad(lambda x: x)(B)
    grad(lambda x: 3)(S)
    grad(lambda x: (x, 3))(S)
    grad(lambda x: x, has_aux=True)(S)
    grad(torch.sum)(torch.ones(3).int())
    grad(torch.sin)(3.0)
    grad(f, argnums=(0, 5))(B, V)
    grad(f, argnums=(0, 0))(B, V)
    grad(f, argnums=())(B, V)
    grad(f, argnums="a")(B, V)
    vjp(lambda x: 3, B)
    vjp(lambda x: x, B, has_aux=True)
    vjp(lambda x: (x, x), B)[1](B)
    vjp(torch.sin, B)[1](A)
    jvp(torch.sin, B, B)
    jvp(torch.sin, (B,), B)
    jvp(torch.sin, (B,), (B, B))
    jvp(torch.sin, (B,), (A,))
    jvp(lambda: B, (), ())
    jvp(lambda x: torch.ones(2), (B,), (B,), strict=True)
    jvp(lambda x: 3, (B,), (B,))
    linearize(torch.sin, B)[1](A)
    jacrev(lambda x: 3)(B)
    jacrev(torch.sin, chunk_size=0)
    vmap(torch.sin, in_dims=None)(B)
    vmap(torch.sin, in_dims=(None,))(B)
    vmap(torch.sin, in_dims='a')(B)
    vmap(torch.sin, in_dims=('a',))(B)
    vmap(torch.sin, in_dims=(0, 0))(B)
    vmap(torch.sin, in_dims=1)(B)
    vmap(torch.sin)(S)
    vmap(torch.sin)(3.0)
    vmap(torch.add)(B, A[:2])
    vmap(lambda x: 3)(B)
    vmap(lambda x: (x, None))(B)
    vmap(torch.sin, out_dims=2)(B)
    vmap(torch.sin, out_dims='a')(B)
    vmap(lambda x: (x, x), out_dims=(0, 0, 0))(B)
    vmap(lambda: 3)()
    vmap(lambda x: torch.randn(2))(B)
    vmap(torch.sin, randomness='foo')(B)
    vmap(torch.sin, chunk_size=0)(B)
    """.strip().split("\n"),
)
def test_wrong_calls_raise_pytorchs_class(call):
    with pytest.raises(Exception) as expected:
        eval(call.strip(), namespace(torch))
    with pytest.raises(
        expected.type, match=r"\w+: .*(expected|only|found|got|called|should|compatible|allowed)"
    ):
        eval(call.strip(), namespace(ours))


def test_randomness():
    draw = ours.vmap(lambda x: ours.randn(2) + 0 * x, randomness="same")(ours.ones(3))
    assert ours.equal(draw[0], draw[2])
    ours.manual_seed(3)
    draw = ours.vmap(lambda x: ours.randn(2) + 0 * x, randomness="different")(ours.ones(3))
    ours.manual_seed(3)
    assert ours.equal(draw, ours.stack([ours.randn(2) for _ in range(3)]))


def test_other_trees():
    pair = namedtuple("pair", "a b")
    tree = pair(OrderedDict(z=1, y=[2]), deque((3, None), maxlen=4))
    leaves, spec = tree_flatten(tree)
    again = tree_unflatten(leaves, spec)
    assert (
        leaves == [1, 2, 3, None] and again == tree and type(again.a) is OrderedDict and again.b.maxlen == 4
    )
    with pytest.raises(ValueError, match="expected 4 leaves"):
        tree_unflatten([1], spec)
    with pytest.raises(ValueError, match="one structure"):
        tree_map(lambda a, b: a, (1,), [1])
    x = ours.func.grad(lambda p: p.a * p.b)(pair(ours.tensor(2.0), ours.tensor(3.0)))
    assert type(x) is pair and x == (3, 2)


def test_names_of_trees_that_libraries_ask_for():
    from torch.utils import _pytree as theirs

    from cnn_physics77.utils import _pytree as mine

    pair = namedtuple("pair", "a b")
    for t in (mine, theirs):
        tree = pair({"x": 1}, deque([2]))
        kinds = [t._get_node_type(part) for part in (tree, tree.a, tree.b, 3)]
        assert kinds == [namedtuple, dict, deque, int]
        assert [kind in t.SUPPORTED_NODES for kind in kinds] == [True, True, True, False]
        node = t.SUPPORTED_NODES[namedtuple]
        assert node.unflatten_fn(*node.flatten_fn(tree)) == tree
        leaf = t.tree_flatten(3)[1]
        assert isinstance(leaf, t.LeafSpec) and leaf == t.LeafSpec() and leaf.num_leaves == 1
        items, keys = t._dict_flatten_with_keys({"x": 1})
        assert t._dict_unflatten([4], keys) == {"x": 4} and items == [(t.MappingKey("x"), 1)]


def test_functionalize_keeps_what_a_function_does():
    def change(x, y):
        x.mul_(2)
        y[0] = x.sum()
        return (x + 1).add_(y)

    for remove in ("mutations", "mutations_and_views"):
        results = []
        for framework in (ours, torch):
            x, y = framework.tensor(V), framework.tensor(B)
            results.append([framework.func.functionalize(change, remove=remove)(x, y), x, y])
        for mine, theirs in zip(*results):
            np.testing.assert_array_equal(mine.numpy(), theirs.numpy())
    with pytest.raises(RuntimeError, match="found 'all'"):
        ours.func.functionalize(change, remove="all")


def test_structures_are_copied():
    spec = tree_flatten([1, (2, {"a": 3})])[1]
    assert copy.deepcopy(spec) == spec and pickle.loads(pickle.dumps(spec)) == spec


def test_a_module_is_as_before_if_forward_forgets_what_it_is_given():
    class Forgetful(ours.nn.Linear):
        def forward(self, x):
            del self.weight
            return x

    layer, x = Forgetful(2, 2), ours.ones(2)
    weight = layer.weight
    assert ours.func.functional_call(layer, {"weight": ours.zeros(2, 2)}, x) is x and layer.weight is weight
