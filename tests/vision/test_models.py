"""The models against what their papers and torchvision say about them."""

from __future__ import annotations

from hashlib import sha256

import pytest

import cnn_physics77 as ours
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.vision import models
from cnn_physics77.vision.models import mobilenetv3
from cnn_physics77.vision.models.efficientnet import Stage
from cnn_physics77.vision.models.resnet import BasicBlock, Bottleneck, ResNet

TORCHVISION = {  # version 0.28: the number of parameters, and a digest of names and shapes of the state
    "alexnet": (61100840, "9c198ebdae1863e4"),
    "resnet18": (11689512, "84fb10d9c6905a1c"),
    "resnet50": (25557032, "d7e4f8bb0a536344"),
    "resnext50_32x4d": (25028904, "e3bad165c034e60f"),
    "wide_resnet50_2": (68883240, "41203d1d536c02ed"),
    "vgg11_bn": (132868840, "8b6717e727c0ecf9"),
    "densenet121": (7978856, "aa0fd9923b0003b8"),
    "efficientnet_b0": (5288548, "a04d0792ee390a49"),
    "efficientnet_v2_s": (21458488, "1d905bff391f9c32"),
    "convnext_tiny": (28589128, "2bc10f3450aaa086"),
    "googlenet": (13004888, "7f541ca29410efb1"),
    "inception_v3": (27161264, "aab0ac2cbaf84aa2"),
    "mobilenet_v2": (3504872, "37bbbce8932fd0c4"),
    "mobilenet_v3_large": (5483032, "efe98e40831bae95"),
    "mobilenet_v3_small": (2542856, "5f0efaf3ff4ac979"),
    "shufflenet_v2_x1_0": (2278604, "81b349bc1cbbbc7a"),
    "squeezenet1_0": (1248424, "4654d26ad581241f"),
    "squeezenet1_1": (1235496, "1d365589393f9c1e"),
    "vit_b_32": (88224232, "f8bc3a1f2fd0c4c4"),
}


@pytest.mark.parametrize("name", TORCHVISION)
def test_the_parameters_are_torchvisions(name, monkeypatch):
    drawn = "kaiming_normal_ kaiming_uniform_ xavier_uniform_ normal_ uniform_ trunc_normal_"
    for init in drawn.split():
        monkeypatch.setattr(f"cnn_physics77.core.init.{init}", lambda tensor, *args, **kwargs: tensor)
        monkeypatch.setattr(f"cnn_physics77.nn.init.{init}", lambda tensor, *args, **kwargs: tensor)
    model = getattr(models, name)(weights=None)
    state = "\n".join(f"{name} {tuple(value.shape)}" for name, value in model.state_dict().items())
    digest = sha256(state.encode()).hexdigest()[:16]
    assert (sum(p.numel() for p in model.parameters()), digest) == TORCHVISION[name]


SMALL = {
    "mobilenet_v2": lambda: models.mobilenet_v2(
        width_mult=0.25, inverted_residual_setting=[(1, 8, 1, 1), (2, 8, 2, 2)], num_classes=3
    ),
    "mobilenet_v3": lambda: models.MobileNetV3(mobilenetv3.SMALL[:5], 64, num_classes=3, width_mult=0.25),
    "densenet": lambda: models.DenseNet(4, (2, 2), 8, drop_rate=0.1, num_classes=3),
    "efficientnet": lambda: models.EfficientNet(
        [Stage(True, 2, 3, 1, 8, 8, 2), Stage(False, 2, 3, 2, 8, 16, 2)], 0.1, num_classes=3
    ),
    "convnext": lambda: models.ConvNeXt([8, 16], [2, 1], 0.2, num_classes=3),
    "shufflenet": lambda: models.ShuffleNetV2((2, 2, 1), (8, 16, 16, 16, 16), num_classes=3),
    "squeezenet": lambda: models.squeezenet1_1(num_classes=3),
    "vision transformer": lambda: models.VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=3),
}


@pytest.mark.parametrize("name", SMALL)
def test_small_networks_are_trained(name):
    ours.manual_seed(0)
    model = SMALL[name]()
    loss = ours.nn.functional.cross_entropy(model(ours.randn(4, 3, 32, 32)), ours.tensor([0, 2, 1, 0]))
    loss.backward()
    assert loss.isfinite() and all(p.grad.isfinite().all() for p in model.parameters())


def test_googlenet_has_outputs_for_training():
    model = models.googlenet(num_classes=3, init_weights=False, transform_input=True)
    x = ours.randn(2, 3, 64, 64)
    assert [y.shape for y in model(x)] == [(2, 3)] * 3
    assert model(x)._fields == ("logits", "aux_logits2", "aux_logits1")
    std, mean = (ours.tensor(c)[:, None, None] for c in ([0.229, 0.224, 0.225], [0.485, 0.456, 0.406]))
    model.eval()
    expected = model(x)
    model.transform_input = False
    assert ours.allclose(model((x * std + mean - 0.5) / 0.5), expected, atol=1e-5)


def test_a_transformer_takes_images_of_its_size():
    with pytest.raises(ShapeError, match="indivisible by patch size"):
        models.vit_b_16(image_size=20)
    with pytest.raises(ShapeError, match="expected images of 32 by 32, found shape"):
        SMALL["vision transformer"]()(ours.randn(1, 3, 16, 16))


def test_a_residual_network_is_trained():
    model = ResNet(BasicBlock, [1, 1, 1, 1], num_classes=3, zero_init_residual=True)
    names = [name for name, _ in model.named_parameters() if name.startswith("layer2.")]
    assert names == [
        *("layer2.0.conv1.weight", "layer2.0.bn1.weight", "layer2.0.bn1.bias"),
        *("layer2.0.conv2.weight", "layer2.0.bn2.weight", "layer2.0.bn2.bias"),
        *("layer2.0.downsample.0.weight", "layer2.0.downsample.1.weight", "layer2.0.downsample.1.bias"),
    ]
    x = ours.randn(2, 3, 40, 40)
    model.layer1[0].eval()  # zero_init_residual: the block is the identity, up to its ReLU
    y = model.maxpool(model.relu(model.bn1(model.conv1(x))))
    assert ours.equal(model.layer1(y), y)
    loss = ours.nn.functional.cross_entropy(model(x), ours.tensor([0, 2]))
    loss.backward()
    assert loss.isfinite() and all(p.grad is not None for p in model.parameters())


def test_dilation_keeps_the_map_large():
    model = ResNet(Bottleneck, [1, 1, 2, 1], replace_stride_with_dilation=[False, True, True]).eval()
    with ours.no_grad():
        maps = model.layer2(model.layer1(ours.randn(1, 64, 8, 8)))
        assert maps.shape == (1, 512, 4, 4) and model.layer4(model.layer3(maps)).shape == (1, 2048, 4, 4)
    assert [model.layer3[i].conv2.dilation for i in (0, 1)] == [(1, 1), (2, 2)]
    for wrong in ({"groups": 2}, {"base_width": 128}):
        with pytest.raises(ValueError, match="BasicBlock: only supports"):
            BasicBlock(4, 4, **wrong)
    with pytest.raises(ValueError, match="3-element tuple"):
        ResNet(Bottleneck, [1, 1, 1, 1], replace_stride_with_dilation=[True])
    with pytest.raises(NotImplementedError, match="BasicBlock: Dilation > 1 not supported"):
        BasicBlock(64, 64, dilation=2)


def test_weights_are_not_downloaded():
    with pytest.raises(ValueError, match="resnet18: expected weights=None, found 'DEFAULT', as nothing is"):
        models.resnet18(weights="DEFAULT")
    deprecated = "'pretrained' is deprecated"
    with pytest.warns(UserWarning, match=deprecated), pytest.raises(ValueError, match="found True"):
        models.resnet18(pretrained=True)
    with pytest.warns(UserWarning, match=deprecated):
        assert models.resnet18(False, num_classes=2).fc.out_features == 2
