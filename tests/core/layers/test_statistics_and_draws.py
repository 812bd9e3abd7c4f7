"""Layers that keep statistics, and layers that draw random numbers, against PyTorch's."""

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from tests.core.layers.pairs import compare, pair_of

# ------------------------------------------------------------------------------------- layers with statistics


@pytest.mark.parametrize("momentum", [0.3, None])
@pytest.mark.parametrize(
    ("name", "shape", "settings"),
    [
        ("BatchNorm1d", (5, 3), {}),
        ("BatchNorm2d", (5, 3, 4, 2), {}),
        ("BatchNorm2d", (5, 3, 4, 2), {"affine": False}),
        ("InstanceNorm2d", (5, 3, 4, 2), {"track_running_stats": True, "affine": True}),
    ],
)
def test_running_estimates_and_evaluation(name, shape, settings, momentum):
    if momentum is None and name.startswith("Instance"):
        momentum = 0.9
    mine, theirs = pair_of(name, (3,), {"momentum": momentum, **settings})
    rng = np.random.default_rng(3)
    for _ in range(3):
        x = rng.normal(2, 3, size=shape)
        mine(ours.from_numpy(x))
        theirs(torch.from_numpy(x))
    assert mine.state_dict()["num_batches_tracked"].dtype == np.int64
    for (key, found), wanted in zip(mine.state_dict().items(), theirs.state_dict().values(), strict=True):
        np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=1e-12, err_msg=key)
    compare(mine.eval(), theirs.eval(), [shape])
    mine.reset_running_stats()
    theirs.reset_running_stats()
    for found, wanted in zip(mine.state_dict().values(), theirs.state_dict().values()):
        np.testing.assert_array_equal(found.numpy(), wanted.numpy())


def test_statistics_of_the_batch_serve_where_none_are_kept():
    for training in (True, False):
        mine, theirs = pair_of("BatchNorm2d", (3,), {"track_running_stats": False})
        compare(mine.train(training), theirs.train(training), [(2, 3, 4, 5)])


def test_tracking_that_is_switched_off_later():
    mine, theirs = pair_of("BatchNorm2d", (3,), {})
    for layer in (mine, theirs):
        layer.track_running_stats = False
    compare(mine, theirs, [(2, 3, 4, 5)])
    assert mine.running_mean.tolist() == [0, 0, 0]
    compare(mine.eval(), theirs.eval(), [(2, 3, 4, 5)])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda nn, f: nn.BatchNorm1d(3)(f.ones(2, 3, 4, 5)), "2D or 3D"),
        (lambda nn, f: nn.BatchNorm2d(3)(f.ones(2, 3)), "4D"),
        (lambda nn, f: nn.BatchNorm3d(3)(f.ones(2, 3)), "5D"),
        (lambda nn, f: nn.InstanceNorm1d(3)(f.ones(2)), "2D or 3D"),
        (lambda nn, f: nn.InstanceNorm2d(3, affine=True)(f.ones(2, 4, 5, 5)), "num_features"),
        (lambda nn, f: nn.GroupNorm(2, 3), "divisible"),
        (lambda nn, f: nn.Dropout(1.5), "between 0 and 1"),
    ],
)
def test_refused_sizes(make, message):
    for framework in (ours, torch):
        with pytest.raises(ValueError, match=message):
            make(framework.nn, framework)


def test_conversion_to_sync_batchnorm():
    texts = []
    for framework in (ours, torch):
        nn = framework.nn
        network = nn.Sequential(nn.BatchNorm1d(3), nn.Sequential(nn.BatchNorm2d(2, affine=False).eval()))
        inner = network[0]
        converted = nn.SyncBatchNorm.convert_sync_batchnorm(network)
        assert converted is network and converted[0].weight is inner.weight
        assert converted[0].running_var is inner.running_var and not converted[1][0].training
        assert type(nn.SyncBatchNorm.convert_sync_batchnorm(inner)) is nn.SyncBatchNorm
        texts.append(repr(converted))
        with pytest.raises(ValueError, match="at least 2D"):
            converted[0](framework.ones(3))
    assert texts[0] == texts[1]


def test_unused_number_of_features_warns():
    for framework in (ours, torch):
        with pytest.warns(UserWarning, match="num_features"):
            framework.nn.InstanceNorm2d(3)(framework.ones(2, 4, 5, 5))


# ------------------------------------------------------------------------------------- layers that draw


@pytest.mark.parametrize(
    ("name", "shape", "whole"),
    [
        ("Dropout", (40, 50), None),
        ("Dropout1d", (40, 50, 3), (2,)),
        ("Dropout2d", (40, 50, 3, 2), (2, 3)),
        ("Dropout3d", (40, 50, 2, 2, 2), (2, 3, 4)),
    ],
)
def test_dropout(name, shape, whole):
    ours.manual_seed(0)
    layer = getattr(ours.nn, name)(p=0.3)
    assert repr(layer) == repr(getattr(torch.nn, name)(p=0.3))
    x = ours.ones(*shape, requires_grad=True)
    y = layer(x)
    values = y.numpy(force=True)
    assert set(np.unique(values)) == {np.float32(0), np.float32(1 / 0.7)}
    if whole is not None:
        assert (values.max(axis=whole) == values.min(axis=whole)).all()
    kept = (values != 0).mean() if whole is None else (values.max(axis=whole) != 0).mean()
    assert abs(kept - 0.7) < 5 * np.sqrt(0.21 / 2000)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), values)
    assert layer.eval()(x) is x


@pytest.mark.parametrize("name", ["AlphaDropout", "FeatureAlphaDropout"])
def test_alpha_dropout_keeps_mean_and_variance(name):
    ours.manual_seed(0)
    layer = getattr(ours.nn, name)(p=0.2)
    assert repr(layer) == repr(getattr(torch.nn, name)(p=0.2))
    y = layer(ours.randn(200, 200)).numpy()
    assert abs(y.mean()) < 0.05
    assert abs(y.std() - 1) < 0.05
    x = ours.ones(2, 2)
    assert layer.eval()(x) is x


@pytest.mark.parametrize("framework", [ours, torch])
@pytest.mark.parametrize("name", ["Embedding", "EmbeddingBag"])
def test_tables_of_a_subclass_are_drawn_when_the_settings_are_known(framework, name):
    class Bounded(getattr(framework.nn, name)):
        def reset_parameters(self):
            self.weight.data.fill_(self.max_norm)

    assert Bounded(2, 1, max_norm=0.5).weight.tolist() == [[0.5], [0.5]]


def test_pretrained_embeddings():
    table = np.arange(6.0).reshape(3, 2)
    for framework in (ours, torch):
        given = framework.from_numpy(table)
        layer = framework.nn.Embedding.from_pretrained(given, padding_idx=0)
        assert not layer.weight.requires_grad
        assert layer(framework.tensor([2])).tolist() == [[4.0, 5.0]]
        assert framework.nn.Embedding.from_pretrained(given, freeze=False).weight.requires_grad
        assert "sparse=True" in repr(framework.nn.Embedding(2, 2, sparse=True))
    for bad in (
        lambda: ours.nn.Embedding(3, 2, padding_idx=3),
        lambda: ours.nn.Embedding(3, 3, _weight=ours.from_numpy(table)),
        lambda: ours.nn.Embedding.from_pretrained(ours.ones(3)),
    ):
        with pytest.raises(ours.core.errors.ShapeError):
            bad()


@pytest.mark.parametrize("t", [ours, torch])
def test_what_layers_refuse(t):
    for call, error in (
        (lambda: t.nn.HuberLoss(delta=1j), TypeError),
        (lambda: t.nn.Embedding(-1, 3), RuntimeError),
        (lambda: t.nn.CircularPad1d(1)(t.ones(1, 1, 1, 3)), ValueError),
    ):
        with pytest.raises(error):
            call()
