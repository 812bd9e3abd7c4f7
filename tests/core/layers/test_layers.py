"""Every layer against its namesake in PyTorch: signature, repr, names in the state_dict, values and gradients
in float64."""

import copy
import inspect

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from tests.core.layers.pairs import compare, pair_of

# (layer, arguments, keyword arguments, shapes of the inputs); an integer array stands for itself
LAYERS = [
    ("Identity", (3,), {"anything": 1}, [(2, 3)]),
    ("Linear", (4, 3), {}, [(2, 4)]),
    ("Linear", (4, 3), {"bias": False}, [(2, 5, 4)]),
    ("Linear", (4, 3), {}, [(4,)]),
    ("Flatten", (), {}, [(2, 3, 4)]),
    ("Flatten", (0, 1), {}, [(2, 3, 4)]),
    ("Unflatten", (1, (2, -1)), {}, [(2, 6)]),
    # activations
    ("ReLU", (), {}, [(3, 4)]),
    ("ReLU6", (), {}, [(3, 4)]),
    ("LeakyReLU", (0.2,), {}, [(3, 4)]),
    ("ELU", (0.5,), {}, [(3, 4)]),
    ("CELU", (0.5,), {}, [(3, 4)]),
    ("SELU", (), {}, [(3, 4)]),
    ("GELU", (), {}, [(3, 4)]),
    ("GELU", ("tanh",), {}, [(3, 4)]),
    ("SiLU", (), {}, [(3, 4)]),
    ("Mish", (), {}, [(3, 4)]),
    ("Sigmoid", (), {}, [(3, 4)]),
    ("Tanh", (), {}, [(3, 4)]),
    ("Softplus", (2.0,), {"threshold": 1.0}, [(3, 4)]),
    ("Softsign", (), {}, [(3, 4)]),
    ("LogSigmoid", (), {}, [(3, 4)]),
    ("Hardtanh", (-0.5, 0.7), {}, [(3, 4)]),
    ("Hardsigmoid", (), {}, [(3, 4)]),
    ("Hardswish", (), {}, [(3, 4)]),
    ("Hardshrink", (0.3,), {}, [(3, 4)]),
    ("Softshrink", (0.3,), {}, [(3, 4)]),
    ("Tanhshrink", (), {}, [(3, 4)]),
    ("Threshold", (0.1, 20), {}, [(3, 4)]),
    ("GLU", (), {}, [(3, 4)]),
    ("GLU", (1,), {}, [(3, 4, 2)]),
    ("PReLU", (), {}, [(3, 4)]),
    ("PReLU", (4,), {"init": 0.1}, [(3, 4, 2)]),
    ("Softmin", (1,), {}, [(3, 4)]),
    ("Softmax", (-1,), {}, [(3, 4)]),
    ("Softmax2d", (), {}, [(2, 3, 4, 5)]),
    ("Softmax2d", (), {}, [(3, 4, 5)]),
    ("LogSoftmax", (0,), {}, [(3, 4)]),
    # convolutions
    ("Conv1d", (4, 6, 3), {"stride": 2, "padding": 1, "dilation": 2, "groups": 2}, [(2, 4, 11)]),
    ("Conv1d", (2, 3, 2), {"padding": "same", "padding_mode": "replicate"}, [(2, 2, 5)]),
    ("Conv2d", (2, 3, 3), {}, [(2, 2, 5, 6)]),
    ("Conv2d", (2, 3, (3, 2)), {"stride": (2, 1), "padding": (1, 2), "bias": False}, [(2, 2, 5, 6)]),
    ("Conv2d", (2, 3, 3), {"padding": "valid"}, [(2, 5, 6)]),
    ("Conv2d", (2, 3, (4, 3)), {"padding": "same", "dilation": 2, "padding_mode": "reflect"}, [(1, 2, 9, 8)]),
    ("Conv2d", (2, 2, 3), {"padding": (1, 2), "padding_mode": "circular", "groups": 2}, [(1, 2, 5, 6)]),
    ("Conv2d", (2, 2, 3), {"padding": "valid", "padding_mode": "reflect"}, [(1, 2, 5, 6)]),
    ("Conv3d", (2, 3, 2), {"padding": 1}, [(1, 2, 3, 4, 3)]),
    ("ConvTranspose1d", (3, 2, 3), {"stride": 2, "padding": 1, "output_padding": 1}, [(2, 3, 4)]),
    ("ConvTranspose2d", (4, 2, 3), {"stride": (2, 1), "groups": 2, "dilation": 2}, [(2, 4, 3, 4)]),
    ("ConvTranspose3d", (2, 1, 2), {"bias": False}, [(1, 2, 2, 3, 2)]),
    # pooling
    ("MaxPool1d", (2,), {}, [(2, 3, 7)]),
    ("MaxPool2d", (3,), {"stride": 2, "padding": 1, "ceil_mode": True}, [(2, 3, 7, 6)]),
    ("MaxPool2d", ((2, 3),), {"dilation": (1, 2)}, [(3, 7, 8)]),
    ("MaxPool3d", (2,), {}, [(2, 3, 4, 4, 4)]),
    ("AvgPool1d", (2,), {"padding": 1, "count_include_pad": False}, [(2, 3, 7)]),
    ("AvgPool2d", ((3, 2),), {"stride": 2, "ceil_mode": True}, [(2, 3, 7, 6)]),
    ("AvgPool2d", (2,), {"divisor_override": 3}, [(2, 3, 7, 6)]),
    ("AvgPool3d", (2,), {}, [(2, 3, 4, 4, 4)]),
    ("AdaptiveAvgPool1d", (3,), {}, [(2, 3, 7)]),
    ("AdaptiveAvgPool2d", ((None, 2),), {}, [(2, 3, 7, 6)]),
    ("AdaptiveAvgPool3d", (2,), {}, [(2, 3, 4, 5, 4)]),
    ("AdaptiveMaxPool1d", (3,), {}, [(2, 3, 7)]),
    ("AdaptiveMaxPool2d", ((3, None),), {}, [(2, 3, 7, 6)]),
    ("AdaptiveMaxPool3d", (2,), {}, [(2, 3, 4, 5, 4)]),
    ("MaxUnpool1d", (2,), {}, [(1, 1, 3), np.array([[[0, 3, 4]]])]),
    ("MaxUnpool2d", (2,), {"stride": (2, 1)}, [(1, 2, 2), np.array([[[0, 2], [7, 8]]])]),
    ("MaxUnpool3d", (2,), {}, [(1, 1, 1, 1, 2), np.array([[[[[3, 9]]]]])]),
    ("Unfold", (2,), {"padding": 1, "stride": 2}, [(2, 3, 4, 5)]),
    ("Fold", ((4, 5), (2, 2)), {"padding": 1, "stride": 2}, [(2, 12, 9)]),
    # normalization without running estimates
    ("BatchNorm1d", (3,), {"track_running_stats": False}, [(4, 3)]),
    ("BatchNorm2d", (3,), {"affine": False}, [(2, 3, 4, 5)]),
    ("BatchNorm2d", (3,), {"bias": False, "eps": 0.1}, [(2, 3, 4, 5)]),
    ("BatchNorm3d", (2,), {}, [(2, 2, 3, 2, 2)]),
    ("SyncBatchNorm", (3,), {"track_running_stats": False}, [(4, 3)]),
    ("SyncBatchNorm", (2,), {"affine": False, "eps": 0.1}, [(2, 2, 3, 2, 2)]),
    ("GroupNorm", (2, 4), {}, [(2, 4, 3, 3)]),
    ("GroupNorm", (4, 4), {"affine": False, "eps": 0.1}, [(2, 4, 3)]),
    ("LayerNorm", (5,), {}, [(2, 3, 5)]),
    ("LayerNorm", ((3, 5),), {"bias": False}, [(2, 3, 5)]),
    ("LayerNorm", ([3, 5],), {"elementwise_affine": False}, [(2, 3, 5)]),
    ("InstanceNorm1d", (3,), {}, [(2, 3, 7)]),
    ("InstanceNorm2d", (3,), {"affine": True}, [(2, 3, 4, 5)]),
    ("InstanceNorm2d", (3,), {"affine": True, "track_running_stats": True}, [(3, 4, 5)]),
    ("InstanceNorm3d", (2,), {}, [(2, 2, 3, 2, 2)]),
    ("RMSNorm", (5,), {}, [(2, 3, 5)]),
    ("RMSNorm", ((3, 5),), {"eps": 0.1, "elementwise_affine": False}, [(2, 3, 5)]),
    # tables
    ("Embedding", (7, 3), {}, [np.array([[1, 2, 1], [6, 0, 0]])]),
    ("Embedding", (7, 3), {"padding_idx": -5, "scale_grad_by_freq": True}, [np.array([1, 2, 1, 0])]),
    ("Embedding", (7, 3, 1), {"max_norm": 0.5, "norm_type": 1.0}, [np.array([1, 2, 1, 0])]),
    # rearrangements
    ("PixelShuffle", (2,), {}, [(2, 8, 3, 2)]),
    ("PixelUnshuffle", (2,), {}, [(2, 2, 4, 6)]),
    ("ChannelShuffle", (3,), {}, [(2, 6, 4)]),
    # other sizes
    ("Upsample", (), {"scale_factor": 2}, [(2, 3, 4)]),
    ("Upsample", ((3, 7),), {"mode": "bilinear", "align_corners": True}, [(2, 3, 4, 5)]),
    ("Upsample", (None, (1.5, 2)), {"mode": "bicubic", "recompute_scale_factor": True}, [(1, 2, 3, 5)]),
    ("UpsamplingNearest2d", (3,), {}, [(1, 2, 4, 5)]),
    ("UpsamplingBilinear2d", (), {"scale_factor": 2}, [(1, 2, 4, 5)]),
    # bilinear forms, bags, neighbours, and rare pools
    ("Bilinear", (3, 4, 2), {}, [(5, 3), (5, 4)]),
    ("Bilinear", (3, 4, 2), {"bias": False}, [(2, 5, 3), (2, 5, 4)]),
    ("EmbeddingBag", (7, 3), {}, [np.array([[1, 2, 1], [6, 0, 0]])]),
    ("EmbeddingBag", (7, 3, 0.5, 1.0), {"mode": "sum"}, [np.array([1, 2, 1, 6]), np.array([0, 3])]),
    ("EmbeddingBag", (7, 3), {"mode": "max", "padding_idx": -6}, [np.array([[1, 2, 1], [6, 0, 0]])]),
    ("LocalResponseNorm", (3,), {"alpha": 0.5}, [(2, 5, 3)]),
    ("RReLU", (0.2, 0.2), {}, [(3, 4)]),
    ("LPPool1d", (3, 2), {"stride": 1}, [(2, 3, 7)]),
    ("LPPool2d", (2, (3, 2)), {"ceil_mode": True}, [(2, 3, 7, 6)]),
    ("LPPool3d", (2, 2), {}, [(1, 2, 4, 4, 4)]),
    # margins
    ("ConstantPad1d", (2, 1.5), {}, [(2, 3, 4)]),
    ("ConstantPad2d", ((1, 0, 2, 1), -1.0), {}, [(2, 3, 4, 5)]),
    ("ConstantPad3d", (1, 0.5), {}, [(1, 2, 3, 2, 3)]),
    ("ZeroPad1d", ((1, 2),), {}, [(2, 3, 4)]),
    ("ZeroPad2d", (1,), {}, [(2, 3, 4, 5)]),
    ("ZeroPad3d", (1,), {}, [(1, 2, 3, 2, 3)]),
    ("ReflectionPad1d", (2,), {}, [(2, 3, 4)]),
    ("ReflectionPad2d", ((1, 2, 0, 1),), {}, [(2, 3, 4, 5)]),
    ("ReflectionPad3d", (1,), {}, [(1, 2, 3, 2, 3)]),
    ("ReplicationPad1d", (2,), {}, [(2, 3, 4)]),
    ("ReplicationPad2d", ((1, 2, 0, 1),), {}, [(2, 3, 4, 5)]),
    ("ReplicationPad3d", (1,), {}, [(1, 2, 3, 2, 3)]),
    ("CircularPad1d", (2,), {}, [(2, 3, 4)]),
    ("CircularPad2d", ((1, 2, 0, 1),), {}, [(2, 3, 4, 5)]),
    ("CircularPad3d", (1,), {}, [(1, 2, 3, 2, 3)]),
    # distances
    ("CosineSimilarity", (), {"dim": 0}, [(3, 4), (3, 4)]),
    ("PairwiseDistance", (1.0,), {"keepdim": True}, [(3, 4), (3, 4)]),
    # losses
    ("MSELoss", (), {}, [(3, 4), (3, 4)]),
    ("L1Loss", (), {"reduction": "sum"}, [(3, 4), (3, 4)]),
    ("SmoothL1Loss", (), {"beta": 0.3}, [(3, 4), (3, 4)]),
    ("HuberLoss", ("none",), {"delta": 0.3}, [(3, 4), (3, 4)]),
    ("KLDivLoss", (), {"reduction": "batchmean", "log_target": True}, [(3, 4), (3, 4)]),
    ("KLDivLoss", (), {"reduction": "sum", "log_target": True}, [(3, 4), (3, 4)]),
    ("PoissonNLLLoss", (), {"eps": 1e-3}, [(3, 4), np.ones((3, 4))]),
    ("GaussianNLLLoss", (), {"full": True}, [(3, 4), (3, 4), np.full((3, 4), 0.7)]),
    ("CrossEntropyLoss", (), {}, [(3, 4), np.array([1, 3, 0])]),
    ("CrossEntropyLoss", (), {"ignore_index": 3, "label_smoothing": 0.1}, [(3, 4), np.array([1, 3, 0])]),
    ("NLLLoss", (), {"reduction": "sum", "ignore_index": 0}, [(3, 4), np.array([1, 3, 0])]),
    ("LinearCrossEntropyLoss", (4, 3), {"bias": True}, [(5, 4), np.array([0, 2, 1, 1, 0])]),
    ("LinearCrossEntropyLoss", (4, 3), {"out_features": (2,)}, [(2, 4), np.array([[0, 2], [1, 1]])]),
    ("MarginRankingLoss", (0.3,), {}, [(3, 4), (3, 4), np.where(np.eye(3, 4) > 0, 1, -1)]),
    ("HingeEmbeddingLoss", (0.7,), {"reduction": "none"}, [(3, 4), np.where(np.eye(3, 4) > 0, 1, -1)]),
    ("CosineEmbeddingLoss", (0.1,), {}, [(3, 4), (3, 4), np.array([1, -1, 1])]),
    ("TripletMarginLoss", (), {"p": 1.5, "swap": True}, [(3, 4), (3, 4), (3, 4)]),
    ("TripletMarginWithDistanceLoss", (), {"margin": 0.7, "swap": True}, [(3, 4), (3, 4), (3, 4)]),
    ("MultiMarginLoss", (2,), {"margin": 0.7}, [(3, 4), np.array([1, 3, 0])]),
    ("MultiLabelMarginLoss", (), {}, [(2, 4), np.array([[3, 0, -1, 1], [-1, 0, 0, 0]])]),
    ("MultiLabelSoftMarginLoss", (), {}, [(3, 4), np.eye(3, 4)]),
    ("SoftMarginLoss", (), {"reduction": "sum"}, [(3, 4), np.where(np.eye(3, 4) > 0, 1, -1)]),
    ("CTCLoss", (2,), {}, [(5, 2, 4), np.array([[1, 1], [3, 0]]), np.array([5, 3]), np.array([2, 1])]),
    ("BCEWithLogitsLoss", (), {}, [(3, 4), np.eye(3, 4)]),
]
"""Losses whose settings are tensors, and layers that draw or keep statistics, have tests of their own."""


def identity_of(case):
    return f"{case[0]}-{LAYERS.index(case)}"


@pytest.mark.parametrize("case", LAYERS, ids=identity_of)
def test_values_gradients_repr_and_state(case):
    name, arguments, settings, inputs = case
    mine, theirs = pair_of(name, arguments, settings)
    assert repr(mine) == repr(theirs)
    assert list(mine.state_dict()) == list(theirs.state_dict())
    # PyTorch takes a sixth in float32 in the derivative of hardsigmoid
    compare(mine, theirs, inputs, rtol=1e-7 if name == "Hardsigmoid" else 1e-9)
    assert repr(copy.deepcopy(mine)) == repr(theirs)


def public_layers():
    members = {n: getattr(ours.nn, n) for n in dir(ours.nn)}
    kinds = {n: k for n, k in members.items() if inspect.isclass(k) and issubclass(k, ours.nn.Module)}
    return {n: k for n, k in kinds.items() if n == k.__name__}  # not the specification's other names


@pytest.mark.parametrize("name", sorted(set(public_layers()) - {"Module", "Sequential"}))
def test_constructors_take_pytorchs_arguments(name):
    mine = inspect.signature(getattr(ours.nn, name).__init__).parameters
    theirs = inspect.signature(getattr(torch.nn, name).__init__).parameters
    if "args" in theirs:  # PyTorch's modules without settings
        return
    for found, wanted in zip(mine.values(), theirs.values(), strict=True):
        assert found.name == wanted.name or found.name in ("modules", "values", "parameters")
        assert found.kind == wanted.kind
        assert found.default == wanted.default or found.default.__name__ == wanted.default.__name__


def test_every_layer_is_compared():
    elsewhere = {"Module", "Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict"}
    elsewhere |= {"BCELoss", "AlphaDropout", "FeatureAlphaDropout", "DataParallel"}
    elsewhere |= {"Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AdaptiveLogSoftmaxWithLoss"}
    elsewhere |= {"FractionalMaxPool2d", "FractionalMaxPool3d", "CrossMapLRN2d"}
    families = ("Lazy", "LSTM", "GRU", "RNN", "Transformer", "Multihead")  # in files of their own
    elsewhere |= {name for name in public_layers() if name.startswith(families)}
    assert set(public_layers()) - elsewhere == {name for name, *_ in LAYERS}


@pytest.mark.parametrize(
    ("name", "arguments", "settings"),
    [
        ("Linear", (300, 200), {}),
        ("Conv1d", (30, 100, 3), {}),
        ("Conv2d", (12, 100, 3), {"groups": 2}),
        ("Conv3d", (5, 60, 3), {}),
        ("ConvTranspose2d", (64, 200, 3), {"groups": 2}),
    ],
)
def test_initial_values_have_pytorchs_distribution(name, arguments, settings):
    ours.manual_seed(0)
    torch.manual_seed(0)
    mine = getattr(ours.nn, name)(*arguments, **settings)
    theirs = getattr(torch.nn, name)(*arguments, **settings)
    for (label, p), q in zip(mine.named_parameters(), theirs.parameters()):
        found, wanted = p.numpy(force=True), q.detach().numpy()
        assert found.dtype == np.float32
        bound = 1 / np.sqrt(np.prod(theirs.weight.shape[1:]))
        assert np.abs(found).max() <= bound * (1 + 1e-6)
        assert np.abs(found).max() > 0.9 * bound
        np.testing.assert_allclose(found.std(), wanted.std(), rtol=0.15, err_msg=label)
        assert abs(found.mean()) < 4 * bound / np.sqrt(3 * found.size)


def test_normalization_across_maps_by_its_formula():
    """PyTorch's own has another one for the channels after size // 2, and the gradient of a third one."""
    x = np.random.default_rng(0).normal(size=(2, 7, 2, 3))
    mine, theirs = pair_of("CrossMapLRN2d", (4, 2.0), {"beta": 0.5, "k": 1.5})
    assert repr(mine) == repr(theirs)
    found = mine(ours.from_numpy(x)).numpy()
    for c in range(7):
        activity = (x[:, max(0, c - 1) : c + 2] ** 2).sum(1)
        np.testing.assert_allclose(found[:, c], x[:, c] / np.sqrt(1.5 + 2.0 / 4 * activity), rtol=1e-12)
    few = x[:, :2].copy()
    np.testing.assert_allclose(mine(ours.from_numpy(few)).numpy(), theirs(torch.from_numpy(few)), rtol=1e-12)
    with pytest.raises(ValueError, match="to be 4D, got 3D"):
        mine(ours.ones(2, 7, 2))


def test_dtype_and_device():
    for name, arguments in (("Linear", (2, 3)), ("Conv2d", (1, 2, 3)), ("PReLU", ())):
        layer = getattr(ours.nn, name)(*arguments, dtype=ours.float64, device="cpu")
        assert {p.dtype for p in layer.parameters()} == {np.dtype("float64")}
        with pytest.raises(RuntimeError, match="cuda"):
            getattr(ours.nn, name)(*arguments, device="cuda")


def test_the_specifications_names():
    assert ours.nn.Conv2D is ours.nn.Conv2d
    assert ours.nn.LinearLayer is ours.nn.Linear


@pytest.mark.parametrize("name", ["ReLU", "ELU", "Hardtanh", "SiLU", "Threshold"])
def test_in_place(name):
    arguments = (0.1, 3.0) if name == "Threshold" else ()
    for framework in (ours, torch):
        layer = getattr(framework.nn, name)(*arguments, inplace=True)
        x = framework.tensor([-1.0, 2.0])
        assert layer(x) is x
        assert "inplace=True" in repr(layer)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda nn, f: nn.Conv2d(3, 4, 3, groups=2), ValueError),
        (lambda nn, f: nn.Conv2d(4, 3, 3, groups=2), ValueError),
        (lambda nn, f: nn.Conv2d(4, 4, 3, groups=0), ValueError),
        (lambda nn, f: nn.Conv2d(4, 4, 3, padding="full"), ValueError),
        (lambda nn, f: nn.Conv2d(4, 4, 3, padding="same", stride=2), ValueError),
        (lambda nn, f: nn.Conv2d(4, 4, 3, padding_mode="mirror"), ValueError),
        (lambda nn, f: nn.ConvTranspose2d(4, 4, 3, padding_mode="reflect"), ValueError),
        (lambda nn, f: nn.ConvTranspose2d(1, 1, 3)(f.ones(1, 1, 3, 3), output_size=(9, 9)), ValueError),
        (lambda nn, f: nn.ConvTranspose2d(1, 1, 3)(f.ones(1, 1, 3, 3), output_size=(5,)), ValueError),
        (lambda nn, f: nn.Softmax2d()(f.ones(2, 2)), ValueError),
        (lambda nn, f: nn.Linear(2, 3)(f.ones(1, 3)), RuntimeError),
        (lambda nn, f: nn.Unflatten(1, 3.5), TypeError),
    ],
)
def test_errors_are_pytorchs(make, error):
    for framework in (ours, torch):
        with pytest.raises(error):
            make(framework.nn, framework)


def test_transposed_convolution_to_a_size():
    mine, theirs = pair_of("ConvTranspose2d", (2, 3, 3), {"stride": 3, "padding": 1})
    x = np.random.default_rng(0).normal(size=(1, 2, 4, 4))
    for size in ((10, 12), (1, 3, 11, 10)):
        y = mine(ours.from_numpy(x), output_size=size)
        np.testing.assert_allclose(
            y.numpy(force=True), theirs(torch.from_numpy(x), output_size=size).detach(), rtol=1e-9
        )


def test_output_size_follows_a_padding_that_was_changed():
    layer = ours.nn.ConvTranspose2d(1, 1, 3, stride=2)
    layer.padding = (1, 1)
    assert layer(ours.ones(1, 1, 4, 4), output_size=(8, 8)).shape == (1, 1, 8, 8)


def test_max_pool_with_indices():
    x = np.random.default_rng(0).normal(size=(2, 3, 6, 6))
    y, where = ours.nn.MaxPool2d(2, return_indices=True)(ours.from_numpy(x))
    z, there = torch.nn.MaxPool2d(2, return_indices=True)(torch.from_numpy(x))
    np.testing.assert_array_equal(y.numpy(), z.numpy())
    np.testing.assert_array_equal(where.numpy(), there.numpy())


@pytest.mark.parametrize(
    ("name", "weights", "target"),
    [
        ("CrossEntropyLoss", {"weight": [1.0, 2.0, 0.5, 1.5]}, np.array([1, 3, 0])),
        ("NLLLoss", {"weight": [1.0, 2.0, 0.5, 1.5]}, np.array([1, 3, 0])),
        ("BCELoss", {"weight": [1.0, 2.0, 0.5, 1.5]}, np.eye(3, 4)),
        ("BCELoss", {}, np.eye(3, 4)),
        (
            "BCEWithLogitsLoss",
            {"weight": [1.0, 2.0, 0.5, 1.5], "pos_weight": [3.0, 1.0, 1.0, 2.0]},
            np.eye(3, 4),
        ),
    ],
)
def test_weighted_losses(name, weights, target):
    x = np.random.default_rng(0).uniform(0.1, 0.9, size=(3, 4))
    results = []
    for framework in (ours, torch):
        settings = {k: framework.tensor(v, dtype=framework.float64) for k, v in weights.items()}
        loss = getattr(framework.nn, name)(**settings)
        assert list(loss.state_dict()) == list(weights)
        given = framework.from_numpy(x.copy()).requires_grad_()
        value = loss(given, framework.from_numpy(target))
        value.backward()
        results.append((value.item(), given.grad.numpy()))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-12)
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "arguments", "shape"),
    [
        ("FractionalMaxPool2d", (2, 3), (2, 3, 7, 6)),
        ("FractionalMaxPool2d", (2, None, (0.5, 0.7), True), (2, 3, 7, 6)),
        ("FractionalMaxPool3d", (2, None, 0.5), (1, 2, 4, 5, 6)),
    ],
)
def test_fractional_pooling(name, arguments, shape):
    samples = np.random.default_rng(0).uniform(size=(*shape[:2], len(shape) - 2))
    x = np.random.default_rng(1).normal(size=shape)
    results = []
    for framework in (ours, torch):
        layer = getattr(framework.nn, name)(*arguments, _random_samples=framework.tensor(samples))
        y = layer(framework.tensor(x))
        results.append((repr(layer), *(t.tolist() for t in (y if isinstance(y, tuple) else (y,)))))
        for bad in ({}, {"output_size": 2, "output_ratio": 0.5}, {"output_ratio": 1.5}):
            with pytest.raises(ValueError, match="output"):
                getattr(framework.nn, name)(2, **bad)
    assert results[0] == results[1]


def test_older_words():
    for framework in (ours, torch):
        with pytest.warns(FutureWarning, match="max_val"):
            assert framework.nn.Hardtanh(max_value=3.0).max_val == 3.0
    for framework in (ours, torch):
        with pytest.warns(UserWarning, match="reduction='sum'"):
            assert framework.nn.MSELoss(size_average=False).reduction == "sum"


class _Classes:
    """What programs derive from PyTorch's layers, and from their private bases."""

    def __init__(self, t):
        nn, F = t.nn, t.nn.functional

        class Standardized(nn.Conv2d):
            def forward(self, x):
                weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
                return self._conv_forward(x, weight, self.bias)

        class Own(nn.modules.conv._ConvNd):
            def __init__(self, inputs, outputs, size):
                super().__init__(
                    inputs, outputs, size, (1, 1), (1, 2), (1, 1), False, (0, 0), 1, True, "circular"
                )

            def forward(self, x):
                x = F.pad(x, self._reversed_padding_repeated_twice, mode=self.padding_mode)
                return F.conv2d(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)

        class AnyNorm(nn.modules.batchnorm._BatchNorm):
            def _check_input_dim(self, input):
                if input.ndim < 2:
                    raise ValueError("expected 2 dimensions or more")

        self.layers = [
            lambda: Standardized(2, 3, 3, padding="same", padding_mode="reflect"),
            lambda: Own(2, 4, (3, 5)),
            lambda: AnyNorm(2),
            lambda: nn.Sequential(nn.Dropout(0.0), nn.MaxPool2d(2), nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(1)),
        ]


@pytest.mark.needs_torch
def test_classes_derived_from_layers_and_their_bases():
    found = []
    for t in (ours, torch):
        results = []
        for make in _Classes(t).layers:
            layer = make().double()
            for p in layer.parameters():
                p.data.copy_(t.arange(p.numel()).double().cos().reshape(p.shape))
            x = t.linspace(-1, 1, 2 * 2 * 6 * 6, dtype=t.float64).sin().reshape(2, 2, 6, 6)
            results += [repr(layer), list(layer.state_dict()), layer(x).sum().item()]
        modules = t.nn.modules
        bases = modules.dropout._DropoutNd, modules.pooling._MaxPoolNd, modules.pooling._AvgPoolNd
        kinds = [
            isinstance(part, base) for part, base in zip(layer, (*bases, modules.pooling._AdaptiveAvgPoolNd))
        ]
        found.append((results, kinds))
        with pytest.raises(ValueError, match="expected 2 dimensions or more"):
            _Classes(t).layers[2]()(t.ones(3))
    (mine, kinds), (theirs, their_kinds) = found
    assert kinds == their_kinds == [True] * 4 and len(mine) == len(theirs)
    for a, b in zip(mine, theirs):
        assert a == (pytest.approx(b, rel=1e-12, abs=1e-12) if isinstance(b, float) else b)
