"""The models against what their papers and torchvision say about them."""

from __future__ import annotations

import pytest

import cnn_physics77 as ours
from cnn_physics77.vision import models
from cnn_physics77.vision.models.resnet import BasicBlock, Bottleneck, ResNet

PARAMETERS = {  # as torchvision's tables state them
    "alexnet": 61100840,
    "resnet18": 11689512,
    "resnet50": 25557032,
    "resnext50_32x4d": 25028904,
    "wide_resnet50_2": 68883240,
    "vgg11_bn": 132868840,
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_number_of_parameters(name, monkeypatch):
    for init in ("kaiming_normal_", "kaiming_uniform_", "normal_", "uniform_"):
        monkeypatch.setattr(f"cnn_physics77.core.init.{init}", lambda tensor, *args, **kwargs: tensor)
        monkeypatch.setattr(f"cnn_physics77.nn.init.{init}", lambda tensor, *args, **kwargs: tensor)
    model = getattr(models, name)(weights=None)
    assert sum(p.numel() for p in model.parameters()) == PARAMETERS[name]


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
