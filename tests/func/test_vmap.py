"""vmap by rules: against PyTorch's, and against a loop on rows of the table of operations."""

from __future__ import annotations

import importlib
import pkgutil
import threading
import warnings
import zlib

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.core import operations
from cnn_physics77.core.operations.base.operation import OPERATIONS, overrides
from cnn_physics77.func import dimensions
from cnn_physics77.func.rules import RULES
from cnn_physics77.testing import batching
from cnn_physics77.testing.batching import findings
from cnn_physics77.testing.table import all_rows
from cnn_physics77.utils._pytree import tree_leaves

pytestmark = pytest.mark.filterwarnings("ignore")  # PyTorch's own, of its compiler

RNG = np.random.default_rng(1)
VALUES = {
    "A": RNG.normal(size=(3, 4)),
    "B": RNG.normal(size=(3, 4)),
    "C": RNG.normal(size=(2, 3, 4)),
    "M": RNG.normal(size=(4, 4)),
    "w": RNG.normal(size=4),
    "i": np.array([0, 3, 1]),
    "I": np.array([[0, 1], [3, 2], [1, 1]]),
}
PUBLIC = ("grad", "vjp", "jvp", "jacrev", "jacfwd", "hessian", "vmap")


def changed(x):
    y = x.clone()
    y[0] = 3.0
    y[1:3] += x[:2]
    y[-1] *= x[0]
    return y


def written(x):
    """Changes that are seen through views, detached tensors and the base."""
    y = x.clone()
    z, d = y.view(2, 2), y.detach()
    y.mul_(x)
    z.t()[1].sin_()
    z[0] *= z[1].clone()
    y.add_(1)
    return y, z, d


def written_without_recording(x):
    y = x.clone()
    with (ours if isinstance(x, ours.Tensor) else torch).no_grad():
        z = y.view(2, 2)
        y.mul_(2)
    return y, z


def copied(x):
    y = x * 0
    y.copy_(x)
    y[0] = 7
    return x * 1, y


CHANGES = {f.__name__: f for f in (written, written_without_recording, copied)}


def namespace(framework):
    names = {name: framework.tensor(value) for name, value in VALUES.items()}
    names |= {name: getattr(framework.func, name) for name in PUBLIC}
    return {"torch": framework, "F": framework.nn.functional, "changed": changed, **CHANGES, **names}


EXPRESSIONS = """
grad(lambda w: vmap(lambda x: (w * x).sin().sum())(A).sum())(w)
grad(lambda w: vmap(grad(lambda x: (w * x).sin().sum()))(A).pow(2).sum())(w)
grad(lambda w: vmap(lambda x: grad(lambda v: (v * x).exp().sum())(w).pow(2).sum())(A).sum())(w)
grad(lambda w: grad(lambda v: vmap(lambda x: (v * w * x).sin().sum())(A).sum())(w).sum())(w)
vmap(grad(lambda x: vmap(lambda y: (x * y).sin().sum())(A).sum()))(B)
grad(lambda M: vmap(lambda x: torch.linalg.solve(M, x).pow(2).sum())(A).sum())(M)
vmap(hessian(lambda x: (M @ x).sin().sum()))(A)
hessian(lambda w: vmap(lambda x: (w * x).sin().sum())(A).sum())(w)
vmap(lambda x: hessian(lambda w: (w * x).sin().sum())(w))(A)
jacfwd(lambda w: vmap(lambda x: (w * x).sin())(A))(w)
jacrev(lambda x: (M @ x).tanh(), chunk_size=3)(w)
vmap(vmap(grad(lambda x: x.prod())))(C)
vmap(vmap(lambda x, y: (x * y).sum(), in_dims=(0, None)))(C, A[:2])
grad(lambda c: vmap(vmap(grad(lambda x: (x**3 * w).sum())))(c).pow(2).sum())(C)
vmap(lambda x: jvp(lambda z: (z * w).sin(), (x,), (x * 2,)))(A)
vmap(lambda x: vjp(lambda z: (z * w).sin(), x)[1](x)[0])(A)
grad(lambda a: vmap(lambda x: (x.detach() * x).sum())(a).sum())(A)
vmap(lambda x: torch.zeros_like(x).add_(x).mul_(2))(A)
grad(lambda a: vmap(lambda x: x.clone().mul_(x).sin_().sum())(a).sum())(A)
vmap(grad(lambda x: x.clone().mul_(x).sin_().sum()))(A)
grad(lambda w: vmap(lambda x: x.clone().mul_(w).sum())(A).sum())(w)
vmap(changed)(A)
vmap(grad(lambda x: changed(x).square().sum()))(A)
vmap(lambda x: x.view(2, 2)[0].add_(1))(A.clone())
vmap(written)(A)
vmap(grad(lambda x: written(x)[0].square().sum()))(A)
vmap(written_without_recording)(A)
vmap(copied)(A)
grad(lambda a: vmap(lambda x: x.clone().view(2, 2).sin_())(a).square().sum())(A)
jvp(lambda a: a.mul_(2).sin(), (A.clone(),), (B,))
vmap(grad(lambda m, i: F.embedding(i, m, scale_grad_by_freq=True).sum()), in_dims=(None, 0))(M, I)
vmap(lambda m: torch.linalg.cond(m, 1))(torch.stack([M, M * 0]))
vmap(lambda x: torch.distributions.Normal(x, x.exp()).log_prob(w))(A)
vmap(lambda x, i: torch.distributions.Categorical(logits=x).log_prob(i))(A, i)
vmap(F.gumbel_softmax, randomness="different")(A).sum(1)
vmap(grad(lambda x: F.conv2d(M[None, None], x.view(2, 1, 2, 1)).relu().view(-1)[::3].sum()))(A)
vmap(lambda x, i: (x[i], M[i] @ x, M[:, i]))(A, i)
vmap(lambda x, i: (x.gather(0, i), x[i], M[i, i], M[i, :, None], x.index_select(0, i)))(A, I)
vmap(grad(lambda x: M.T[:, I[0]].T.matmul(x[[0, 2, 2, 1]]).square().sum()))(A)
vmap(lambda x: (x > 0, x.argmax(), x.any(), x.long(), x.max(0), x.sort(), x.topk(2)))(A)
vmap(torch.add, in_dims=(0, None), chunk_size=2)(A, w)
vmap(lambda x, y: x @ y, in_dims=(1, None), out_dims=1)(A, M[:3])
vmap(lambda t: {"a": t["x"] * 2, "b": (t["y"], t["x"].sum())}, in_dims=({"x": 0, "y": None},))(dict(x=A, y=w))
vmap(lambda x: ((x * M).sum(0), torch.stack([x.sum(), x.prod()])))(A[:0])
vmap(lambda x: torch.einsum("i,ij,j->", x, M, x))(A)
vmap(lambda x: x**2 + x**w + 2**x)(A.abs())
grad(lambda a: vmap(torch.linalg.svdvals)(a).pow(3).sum())(C)
vmap(lambda x: x.softmax(0).log().neg().mean().to(torch.float32))(A)
vmap(grad(lambda x: F.cross_entropy(x, i[1]) + F.cross_entropy(x[None], i[:1], label_smoothing=0.1)))(A)
vmap(hessian(lambda x: F.cross_entropy(x[None], i[:1])))(A)
vmap(lambda x, k: F.conv2d(x.reshape(1, 1, 2, 2), k.reshape(1, 1, 2, 2), padding=1))(A, B)
vmap(grad(lambda k: F.conv2d(M.reshape(1, 1, 4, 4), k.reshape(1, 1, 2, 2)).square().sum()))(A)
vmap(grad(lambda k: F.linear(M, k[None]).square().sum()))(A)
vmap(grad(lambda x: F.layer_norm(x[None], (4,), w, x).square().sum()))(A)
vmap(grad(lambda x: F.batch_norm(M * x, None, None, x, w, training=True).pow(3).sum()))(A)
"""


@pytest.mark.parametrize("expression", EXPRESSIONS.strip().split("\n"))
def test_equal_to_pytorchs(expression):
    mine, theirs = (eval(expression, namespace(framework)) for framework in (ours, torch))
    for x, y in zip(tree_leaves(mine), torch.utils._pytree.tree_leaves(theirs), strict=True):
        assert tuple(x.shape) == tuple(y.shape) and str(x.dtype) == str(y.dtype)
        np.testing.assert_allclose(x.numpy(), y.numpy(), rtol=1e-9, atol=1e-12)


SOME = [row for row in all_rows() if zlib.crc32(row.name.encode()) % 6 == 0]
"""A fixed part of the rows; ``python -m cnn_physics77.testing.batching`` takes all."""


@pytest.mark.parametrize("row", SOME, ids=lambda row: row.name)
def test_equal_to_a_loop(row):
    found = list(findings(row, np.random.default_rng(0)))
    assert [text for kind, text in found if kind == "departs"] == []


def test_a_name_that_no_row_has(capsys):
    with pytest.raises(SystemExit, match="2"):
        batching.main(["mul", "mull"])
    assert "no row of the table of operations is named mull" in capsys.readouterr().err
    assert batching.main(["logaddexp2"]) == 0
    assert "departures: 0" in capsys.readouterr().out


LOOPED = """
add_strided as_strided coalesce ctc ctc_gradient gru gru_gradient lstm lstm_gradient median rnn rnn_gradient
sparse_coo_tensor_with_dims_and_tensors
"""
"""The operations without a rule."""


def test_every_operation_has_a_rule_or_is_listed():
    for module in pkgutil.walk_packages(operations.__path__, f"{operations.__name__}."):
        importlib.import_module(module.name)
    package = operations.__name__.partition(".")[0]  # an example of the documentation may have declared more
    names = {
        name
        for name, operation in OPERATIONS.items()
        if operation.elementwise is None and operation.forward.__module__.startswith(package)
    }
    assert sorted(names - RULES.keys()) == LOOPED.split()


def test_a_wrong_rule_is_found(monkeypatch):
    row = next(row for row in all_rows() if row.name == "cumsum")
    monkeypatch.setattr(dimensions, "shifted", lambda dim: dim)
    assert any(kind == "departs" for kind, _ in findings(row, np.random.default_rng(0)))


@pytest.mark.parametrize(
    "call",
    """
    vmap(lambda x: x if x.sum() > 0 else -x)(A)
    vmap(lambda x: x * x.sum().item())(A)
    vmap(lambda x: x.numpy())(A)
    vmap(lambda x: [x[0] for _ in range(x.sum().long())])(A)
    vmap(lambda x: torch.equal(x, w))(A)
    vmap(lambda x: w.clone().add_(x))(A)
    vmap(lambda x: w.clone().copy_(x))(A)
    vmap(lambda x: w.clone().__setitem__(0, x[0]))(A)
    vmap(lambda x: w.clone().scatter_(0, x.long().abs(), 1.0))(A)
    vmap(lambda x: x.nonzero())(A)
    vmap(lambda x: x[x > 0])(A)
    vmap(lambda x: x, out_dims=None)(A)
    vmap(lambda x: torch.randn(2))(A)
    vmap(lambda x: F.dropout(x))(A)
    vmap(lambda x: torch.add(x, 1, out=w))(A)
    """.strip().split("\n"),
)
def test_what_pytorch_refuses_is_refused(call):
    with pytest.raises((RuntimeError, ValueError)) as expected:
        eval(call.strip(), namespace(torch))
    with pytest.raises(expected.type, match=r"^vmap: "):
        eval(call.strip(), namespace(ours))
    assert overrides == []


def test_what_is_given_can_be_changed_in_place():
    for framework in (ours, torch):
        x = framework.ones(2, 3)
        framework.vmap(lambda row: row.mul_(2), in_dims=1)(x)
        assert x.tolist() == [[2] * 3] * 2


def test_randomness():
    x = ours.zeros(64, 5)
    same = ours.vmap(lambda x: ours.rand(5) + ours.rand_like(x), randomness="same")(x)
    different = ours.vmap(lambda x: ours.nn.functional.dropout(x + 1), randomness="different")(x)
    assert (same == same[0]).all() and not (different == different[0]).all()
    kept = float((different != 0).float().mean())
    assert 0.4 < kept < 0.6 and set(different.unique().tolist()) == {0.0, 2.0}
    ours.manual_seed(3)
    draw = ours.vmap(lambda x: ours.bernoulli(x), randomness="different", chunk_size=2)(x[:3] + 0.5)
    ours.manual_seed(3)
    assert ours.equal(draw, ours.stack([ours.bernoulli(row + 0.5) for row in x[:3]]))


def functions(framework, with_rule):
    class Exp(framework.autograd.Function):
        generate_vmap_rule = not with_rule

        @staticmethod
        def forward(x, w):
            return (x * w).exp()

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs, output)

        @staticmethod
        def backward(ctx, g):
            x, w, y = ctx.saved_tensors
            return g * y * w, g * y * x

    if with_rule:
        Exp.vmap = staticmethod(lambda info, in_dims, x, w: (Exp.apply(x, w), 0))
    return Exp


@pytest.mark.parametrize("with_rule", [False, True])
@pytest.mark.parametrize(
    "expression",
    """
    vmap(lambda x: E.apply(x, w))(A)
    vmap(grad(lambda x: E.apply(x, w).sum()))(A)
    grad(lambda w: vmap(lambda x: E.apply(x, w).sum())(A).sum())(w)
    grad(lambda w: vmap(grad(lambda x: E.apply(x, w).sum()))(A).pow(2).sum())(w)
    jacrev(lambda x: E.apply(E.apply(x, w), x))(w)
    """.strip().split("\n"),
)
def test_functions_of_users(expression, with_rule):
    mine, theirs = (
        eval(expression.strip(), namespace(f) | {"E": functions(f, with_rule)}) for f in (ours, torch)
    )
    np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-11)


def test_functions_of_users_with_jvp():
    found = []
    for framework in (ours, torch):

        class Sin(framework.autograd.Function):
            generate_vmap_rule = True

            @staticmethod
            def forward(x):
                return x.sin()

            @staticmethod
            def setup_context(ctx, inputs, output):
                ctx.save_for_backward(*inputs)
                ctx.save_for_forward(*inputs)

            @staticmethod
            def backward(ctx, g):
                return g * ctx.saved_tensors[0].cos()

            @staticmethod
            def jvp(ctx, t):
                return t * ctx.saved_tensors[0].cos()

        x = framework.tensor(VALUES["A"])
        found.append(framework.vmap(framework.func.jacfwd(Sin.apply))(x))
    np.testing.assert_allclose(*(each.numpy() for each in found), rtol=1e-12)


def test_second_derivatives_of_users_functions():
    """Of what was saved: an input, and the output itself."""
    names = namespace(ours) | {"E": functions(ours, False)}
    mine = eval("hessian(lambda w: vmap(lambda x: E.apply(x, w).sum())(A).sum())(w)", names)
    a, w = VALUES["A"], VALUES["w"]
    np.testing.assert_allclose(mine.numpy(), np.diag((a**2 * np.exp(a * w)).sum(0)), rtol=1e-11)


def test_a_network_of_points():
    """The residual of a differential equation at each point, and its derivative by the weights."""
    found = []
    for framework in (ours, torch):
        nn, grad = framework.nn, framework.func.grad
        net = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1)).to(framework.float64)
        rng = np.random.default_rng(4)
        with framework.no_grad():
            for p in net.parameters():
                p.copy_(framework.tensor(rng.normal(size=tuple(p.shape))))

        def u(x, net=net):
            return net(x[None])[0]

        points = framework.tensor(np.linspace(-1, 1, 7))
        residual = framework.vmap(lambda x, u=u, grad=grad: grad(grad(u))(x) + u(x))(points)
        residual.square().mean().backward()
        found.append([residual.detach().numpy(), *(p.grad.numpy() for p in net.parameters())])
    for x, y in zip(*found, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-10)


def test_jacobians_at_once():
    x = ours.tensor(VALUES["w"], requires_grad=True)
    M = ours.tensor(VALUES["M"])

    def f(x):
        return (M @ x).tanh(), x.sum()

    jacobian = ours.autograd.functional.jacobian
    for strategy in ("reverse-mode", "forward-mode"):
        at_once = jacobian(f, x, vectorize=True, strategy=strategy, create_graph=True)
        for a, b in zip(at_once, jacobian(f, x, strategy=strategy)):
            np.testing.assert_allclose(a.detach().numpy(), b.numpy(), rtol=1e-12)
        (second,) = ours.autograd.grad(at_once[0].sum(), x)
        (expected,) = ours.autograd.grad(jacobian(f, x, create_graph=True)[0].sum(), x)
        np.testing.assert_allclose(second.numpy(), expected.numpy(), rtol=1e-12)
    y, unused = f(x)[0], ours.ones(2, requires_grad=True)
    rows = ours.autograd.grad(
        y, (x, unused), ours.eye(4, dtype=y.dtype), is_grads_batched=True, allow_unused=True
    )
    np.testing.assert_allclose(rows[0].numpy(), jacobian(f, x)[0].numpy(), rtol=1e-12)
    assert rows[1] is None
    with pytest.raises(RuntimeError, match="not supported together"):
        jacobian(f, x, strict=True, vectorize=True)


def test_a_loop_says_so():
    with pytest.warns(UserWarning, match="performance drop .* rule for median"):
        ours.vmap(ours.median)(ours.ones(2, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours.vmap(lambda x: x.sort()[0].cumsum(0).reshape(3, 1).mT.softmax(1))(ours.ones(2, 3))


def test_other_threads_go_on():
    found = []

    def f(x):
        thread = threading.Thread(target=lambda: found.append((ours.ones(3) * 2 + ours.rand(3)).shape))
        thread.start()
        thread.join()
        return x * 2

    assert ours.vmap(f)(ours.ones(2)).tolist() == [2, 2] and found == [(3,)]


def test_tensors_print_themselves():
    texts = []
    ours.vmap(lambda x: texts.append(str(x)) or x)(ours.ones(2, 3))
    assert texts[0].startswith("BatchedTensor(lvl=") and "[1., 1., 1.]" in texts[0]
