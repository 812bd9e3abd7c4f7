"""Attention and the Transformer against PyTorch's with the same parameters, in float64: values, gradients,
second gradients, masks, errors."""

from __future__ import annotations

import copy
import inspect
import pickle
import warnings

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

import cnn_physics77 as ours

pytestmark = pytest.mark.filterwarnings("ignore:enable_nested_tensor is True")


def pair_of(name, *arguments, **settings):
    torch.manual_seed(0)
    made = []
    for module in (ours, torch):
        given = [a(module) if callable(a) else a for a in arguments]
        made.append(getattr(module.nn, name)(*given, **settings).double())
    assert repr(made[0]) == repr(made[1])
    assert list(made[0].state_dict()) == list(made[1].state_dict())
    made[0].load_state_dict(made[1].state_dict())
    return made


def run(module, layer, arrays, call, second):
    """The outputs, the gradients, and with ``second`` the gradients of the gradients."""
    tensors = {n: module.from_numpy(a.copy()) for n, a in arrays.items()}
    variables = [t.requires_grad_() for t in tensors.values() if t.is_floating_point()]
    outputs = call(layer, **tensors)
    outputs = [o for o in (outputs if isinstance(outputs, tuple) else (outputs,)) if o is not None]
    variables += list(layer.parameters())
    rng = np.random.default_rng(5)
    seeds = [module.from_numpy(rng.normal(size=tuple(o.shape))).requires_grad_() for o in outputs]
    grad = module.autograd.grad
    found = grad(outputs, variables, seeds, create_graph=second, allow_unused=True)
    results = [*outputs, *found]
    if second:
        kept = [f for f in found if f is not None and f.requires_grad]
        weights = [module.from_numpy(rng.normal(size=tuple(f.shape))) for f in kept]
        results += grad(kept, [*variables, *seeds], weights, allow_unused=True)
    return [None if r is None else r.detach().numpy() for r in results]


def compare(layers, arrays, call, second=False):
    with sdpa_kernel(SDPBackend.MATH):
        found, wanted = (run(m, layer, arrays, call, second) for m, layer in zip((ours, torch), layers))
    for a, b in zip(found, wanted, strict=True):
        if a is None or b is None:
            assert (a is None or not a.any()) and (b is None or not b.any())
        else:
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def drawn(**shapes):
    rng = np.random.default_rng(1)
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


CAUSAL = np.triu(np.ones((3, 3), bool), 1)
PADDING = np.array([[False, False, True], [False, True, True]])


@pytest.mark.parametrize(
    ("settings", "shapes"),
    [
        ({}, {"query": (3, 2, 4), "key": (5, 2, 4), "value": (5, 2, 4)}),
        ({"bias": False, "batch_first": True}, {"query": (2, 3, 4), "key": (2, 5, 4), "value": (2, 5, 4)}),
        ({"kdim": 3, "vdim": 5}, {"query": (3, 2, 4), "key": (5, 2, 3), "value": (5, 2, 5)}),
        ({"add_bias_kv": True}, {"query": (3, 4), "key": (5, 4), "value": (5, 4)}),
        ({"add_zero_attn": True, "add_bias_kv": True}, dict.fromkeys(("query", "key", "value"), (3, 2, 4))),
    ],
)
def test_multihead_attention(settings, shapes):
    layers = pair_of("MultiheadAttention", 4, 2, **settings)
    given = drawn(**shapes)
    compare(layers, given, lambda layer, **t: layer(**t), second=True)
    compare(layers, given, lambda layer, **t: layer(**t, need_weights=False)[0])
    compare(layers, given, lambda layer, **t: layer(**t, average_attn_weights=False))


@pytest.mark.parametrize("batch_first", [False, True])
def test_masks_of_multihead_attention(batch_first):
    layers = pair_of("MultiheadAttention", 4, 2, batch_first=batch_first)
    x = drawn(x=(2, 3, 4) if batch_first else (3, 2, 4))
    numbers = np.where(CAUSAL, -np.inf, 0.5)
    for need in (False, True):
        for mask in (CAUSAL, numbers, np.broadcast_to(CAUSAL, (4, 3, 3)).copy()):
            compare(
                layers,
                x | {"mask": mask, "padding": PADDING if mask.dtype == bool else PADDING * -1.5},
                lambda layer, x, mask, padding, need=need: layer(
                    x, x, x, padding, attn_mask=mask, need_weights=need
                )[: 1 + need],
            )
        compare(
            layers,
            x | {"mask": numbers},
            lambda layer, x, mask, need=need: layer(
                x, x, x, attn_mask=mask.detach(), is_causal=True, need_weights=need
            )[: 1 + need],
        )


def test_one_product_projects_what_is_one_tensor():
    layer = ours.nn.MultiheadAttention(4, 2, batch_first=True)
    x = ours.ones(2, 3, 4)

    def products(*given):
        seen, nodes = set(), [layer(*given, need_weights=False)[0].grad_fn]
        while nodes:
            node = nodes.pop()
            if id(node) not in seen and getattr(node, "op", None) is not None:
                seen.add(id(node))
                nodes += node.parents
                yield node.op.name

    assert list(products(x, x, x)).count("linear") == 2
    assert list(products(x, x.clone(), x)).count("linear") == 4


def test_a_query_without_keys_gets_zeros_and_finite_gradients():
    q = ours.randn(1, 2, 3, requires_grad=True)
    mask = ours.tensor([[True, False], [False, False]])
    y = ours.nn.functional.scaled_dot_product_attention(q, q, q, mask)
    assert not y[0, 1].any() and y[0, 0].any()
    y.sum().backward()
    assert q.grad.isfinite().all()
    y = ours.nn.functional.scaled_dot_product_attention(q, q, q, mask.flip(1), is_causal=True)
    assert not y.any()  # the first query may only look at the first key


def test_dropout_of_weights():
    ours.manual_seed(0)
    q = ours.zeros(1, 1000, 4)
    y = ours.nn.functional.scaled_dot_product_attention(q, q, ours.ones(1, 1000, 1), dropout_p=0.25)
    assert abs(y.mean().item() - 1) < 0.01 and y.std() > 0
    layer = ours.nn.MultiheadAttention(4, 2, dropout=0.5)
    x = ours.randn(30, 1, 4)
    assert 0.3 < (layer(x, x, x, average_attn_weights=False)[1] == 0).float().mean() < 0.7
    assert not (layer.eval()(x, x, x)[1] == 0).any()


ENCODER = {"d_model": 4, "nhead": 2, "dim_feedforward": 6, "dropout": 0.0}
KINDS = [
    {},
    {"norm_first": True, "activation": "gelu", "bias": False},
    {"batch_first": True, "layer_norm_eps": 0.1, "activation": lambda x: x * x},
]


@pytest.mark.parametrize("settings", KINDS)
def test_encoder(settings):
    turned = settings.get("batch_first")
    given = drawn(src=(2, 3, 4) if turned else (3, 2, 4))
    layers = pair_of("TransformerEncoderLayer", **ENCODER, **settings)
    masks = {"src_mask": CAUSAL, "src_key_padding_mask": PADDING}
    compare(layers, given, lambda layer, **t: layer(**t), second=True)
    compare(layers, given | masks, lambda layer, **t: layer(**t))
    stacks = pair_of(
        "TransformerEncoder",
        lambda module: module.nn.TransformerEncoderLayer(**ENCODER, **settings),
        2,
        lambda module: module.nn.LayerNorm(4),
    )
    assert stacks[0].layers[0] is not stacks[0].layers[1]
    compare(stacks, given, lambda layer, **t: layer(**t))
    compare(
        stacks,
        given | {"mask": np.where(CAUSAL, -np.inf, 0.0)},
        lambda layer, src, mask: layer(src, mask.detach(), is_causal=True),
    )
    given = {"src": given["src"][0] if turned else given["src"][:, 0]}
    compare(stacks, given, lambda layer, **t: layer(**t))


@pytest.mark.parametrize("settings", KINDS)
def test_decoder(settings):
    turned = settings.get("batch_first")
    given = drawn(tgt=(2, 3, 4) if turned else (3, 2, 4), memory=(2, 5, 4) if turned else (5, 2, 4))
    masks = {
        "tgt_mask": CAUSAL,
        "memory_mask": np.tril(np.ones((3, 5), bool), -2),
        "tgt_key_padding_mask": PADDING,
        "memory_key_padding_mask": np.arange(5) > np.array([[3], [4]]),
    }
    layers = pair_of("TransformerDecoderLayer", **ENCODER, **settings)
    compare(layers, given, lambda layer, **t: layer(**t), second=True)
    compare(layers, given | masks, lambda layer, **t: layer(**t))
    stacks = pair_of(
        "TransformerDecoder", lambda module: module.nn.TransformerDecoderLayer(**ENCODER, **settings), 2
    )
    compare(stacks, given | masks, lambda layer, **t: layer(**t))


@pytest.mark.parametrize("settings", KINDS)
def test_transformer(settings):
    turned = settings.get("batch_first")
    given = drawn(src=(2, 5, 4) if turned else (5, 2, 4), tgt=(2, 3, 4) if turned else (3, 2, 4))
    models = pair_of("Transformer", 4, 2, 1, 2, 6, 0.0, **settings)
    compare(models, given, lambda model, **t: model(**t))

    def causal(model, src, tgt):
        mask = model.generate_square_subsequent_mask(3, dtype=tgt.dtype)
        return model(src, tgt, tgt_mask=mask, tgt_is_causal=True)

    compare(models, given, causal)
    shapes = [tuple(p.shape) for p in models[0].parameters()]
    bounds = [np.sqrt(6 / sum(s)) if len(s) > 1 else np.inf for s in shapes]
    fresh = ours.nn.Transformer(4, 2, 1, 2, 6, 0.0, **settings)
    assert all(abs(p).max() <= b * 1.0001 for p, b in zip(fresh.parameters(), bounds, strict=True))


def test_copies_and_pickles():
    model = ours.nn.Transformer(4, 2, 1, 1, 6).eval()
    x = ours.randn(3, 2, 4)
    for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert ours.equal(copied(x, x), model(x, x))


NAMES = ("TransformerEncoderLayer", "TransformerDecoderLayer", "Transformer")


@pytest.mark.needs_torch
@pytest.mark.parametrize("name", [*NAMES, "MultiheadAttention", "TransformerEncoder", "TransformerDecoder"])
def test_arguments_of_forward(name):
    mine, theirs = (
        [(p.name, p.default) for p in inspect.signature(getattr(m.nn, name).forward).parameters.values()]
        for m in (ours, torch)
    )
    assert mine == theirs


def attempts(module):
    nn, zeros = module.nn, module.zeros
    layer, x = nn.MultiheadAttention(4, 2), module.zeros(3, 2, 4)
    model = nn.Transformer(4, 2, 1, 1, 8)
    return {
        "heads": lambda: nn.MultiheadAttention(4, 3),
        "size": lambda: nn.MultiheadAttention(0, 3),
        "dimensions": lambda: layer(zeros(3), zeros(3), zeros(3)),
        "mixed dimensions": lambda: layer(x, x, zeros(3, 4)),
        "size of the query": lambda: layer(zeros(3, 2, 5), x, x),
        "key and value": lambda: layer(x, zeros(4, 2, 4), x),
        "2-D mask": lambda: layer(x, x, x, attn_mask=zeros(2, 2)),
        "3-D mask": lambda: layer(x, x, x, attn_mask=zeros(2, 3, 3)),
        "1-D mask": lambda: layer(x, x, x, attn_mask=zeros(3)),
        "kind of mask": lambda: layer(x, x, x, attn_mask=zeros(3, 3, dtype=module.int64)),
        "padding": lambda: layer(x, x, x, key_padding_mask=zeros(3, 2)),
        "dimensions of the padding": lambda: layer(x, x, x, key_padding_mask=zeros(3)),
        "hint": lambda: layer(x, x, x, is_causal=True),
        "activation": lambda: nn.TransformerEncoderLayer(4, 2, activation="tanh"),
        "batches": lambda: model(x, zeros(3, 3, 4)),
        "features": lambda: model(x, zeros(3, 2, 5)),
    }


@pytest.mark.parametrize("what", attempts(ours))
def test_errors_are_pytorchs(what):
    with pytest.raises((ValueError, RuntimeError, AssertionError)) as wanted:
        attempts(torch)[what]()
    with pytest.raises(wanted.type):
        attempts(ours)[what]()


def test_masks_of_two_kinds_are_deprecated():
    x = ours.ones(3, 2, 4)
    layer = ours.nn.MultiheadAttention(4, 2)
    with pytest.warns(UserWarning, match="mismatched key_padding_mask and attn_mask is deprecated"):
        layer(x, x, x, ours.from_numpy(PADDING), attn_mask=ours.zeros(3, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoder = ours.nn.TransformerEncoderLayer(**ENCODER)
        encoder(x, ours.zeros(3, 3), ours.from_numpy(PADDING))


def test_half_precision_is_computed_in_single():
    q = ours.randn(2, 30, 8).half()
    single = ours.nn.functional.scaled_dot_product_attention(q.float(), q.float(), q.float()).half()
    assert ours.equal(ours.nn.functional.scaled_dot_product_attention(q, q, q), single)


def test_a_captured_step_of_a_transformer():
    ours.manual_seed(1)
    encoder = ours.nn.TransformerEncoder(ours.nn.TransformerEncoderLayer(**ENCODER, batch_first=True), 2)
    same = copy.deepcopy(encoder)

    def step_of(network):
        optimizer = ours.optim.SGD(network.parameters(), lr=0.1)

        def step(x, padding):
            optimizer.zero_grad()
            loss = network(x, src_key_padding_mask=padding).square().mean()
            loss.backward()
            optimizer.step()
            return loss

        return step

    captured, eager = ours.compile(step_of(encoder), fullgraph=True), step_of(same)
    for _ in range(5):
        x, padding = ours.randn(2, 3, 4), ours.rand(2, 3) < 0.3
        np.testing.assert_allclose(captured(x, padding).item(), eager(x, padding).item(), rtol=1e-6)


@pytest.mark.needs_torch
def test_a_subclass_replaces_parts_of_a_layer():
    found = []
    for t in (ours, torch):
        nn = t.nn

        class Encoder(nn.TransformerEncoderLayer):
            def _sa_block(self, x, attn_mask, key_padding_mask, is_causal=False):
                y, weights = self.self_attn(x, x, x, key_padding_mask, attn_mask=attn_mask)
                self.seen = weights.detach()
                return self.dropout1(y)

        class Decoder(nn.TransformerDecoderLayer):
            def _mha_block(self, x, mem, attn_mask, key_padding_mask, is_causal=False):
                return 2 * super()._mha_block(x, mem, attn_mask, key_padding_mask, is_causal)

            def _ff_block(self, x):
                return x + super()._ff_block(x)

        encoder, decoder = Encoder(4, 2, 8), Decoder(4, 2, 8, norm_first=True)
        for layer in (encoder, decoder):
            layer.double().eval()
            for p in layer.parameters():
                p.data.copy_(t.arange(p.numel()).double().cos().reshape(p.shape))
        x = t.arange(24.0, dtype=t.float64).sin().reshape(3, 2, 4)
        memory = encoder(x, src_mask=nn.Transformer.generate_square_subsequent_mask(3).double())
        found.append(
            [memory, encoder.seen, decoder(x, memory), nn.modules.transformer._get_clones(encoder, 2)[1](x)]
        )
    for a, b in zip(*found):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-11, atol=1e-12)
